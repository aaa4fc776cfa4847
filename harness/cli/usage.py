"""Reports an invalid command line in one line: the error, and the usage of the command."""

import contextlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import IO, Any

import click

from harness.printable import printable

# Of click before 8.2 there is none: a group without a command prints its help there.
_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())


class UnreadableLine(click.UsageError):
    """An invalid command line; ``message`` is one printable line."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click's signature
        """Print the line to stderr."""
        from harness.cli.outlet import say  # which knows the commands, whose lines are read here

        say(f"harness: {self.message}", err=True)


@contextlib.contextmanager
def one_line_usage(examples: Mapping[str, str], context: click.Context | None = None) -> Iterator[None]:
    """
    Convert click's usage errors into one line; ``examples`` are command lines by the name of the command.

    ``context`` is that of the program, which knows the command if an error does not.
    """
    try:
        yield
    except _HELP:
        raise
    except UnreadableLine:
        raise
    except click.UsageError as error:
        raise UnreadableLine(printable(_told(error, _command(error.ctx, context), examples)), error.ctx) from error
    except click.ClickException as error:
        raise UnreadableLine(printable(error.format_message())) from error


def unknown_command(name: str, known: list[str]) -> UnreadableLine:
    """Return the error for an unknown command."""
    near = get_close_matches(name, known)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return UnreadableLine(printable(f"no such command {name!r}{meant}; see: harness --help"))


def _told(error: click.UsageError, command: str, examples: Mapping[str, str]) -> str:
    see = f"see: {' '.join(['harness', *command.split()])} --help"
    if isinstance(error, click.MissingParameter):
        name = error.param.opts[-1] if isinstance(error.param, click.Option) else _argument(error)
        example = f"as in: {examples[command]}; " if command in examples else ""
        return f"{command} needs {name}, {example}{see}"
    said = error.format_message().strip().rstrip(".")
    return f"{command + ': ' if command else ''}{said[:1].lower()}{said[1:]}; {see}"


def _command(context: click.Context | None, program: click.Context | None) -> str:
    """Return the name of a command, such as ``clients run``, whatever name the program was called by."""
    if context is None and program is not None:
        return program.invoked_subcommand or ""
    names: list[str] = []
    while context is not None and context.parent is not None:
        names.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(names)


def _argument(error: click.MissingParameter) -> str:
    return error.param.human_readable_name if error.param is not None else str(error.param_hint)
