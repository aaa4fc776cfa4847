"""
Prints the command line's output, with outside text escaped here, whatever it passed through.

How it works: a line is one line, whatever is in it; a block keeps its line ends; JSON stays JSON.  While a command
runs its streams are guarded: one that is full or closed does not end the run, since results and recordings are
written anyway.  A closed pipe is ignored; any other loss is reported in a line at the end, and by the exit code.
"""

import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import click
from click.shell_completion import CompletionItem

from harness.cli.usage import one_line_usage, unknown_command
from harness.printable import printable, printable_json, printable_lines


def say(text: str, *, err: bool = False) -> None:
    """Print one line."""
    click.echo(printable(text), err=err)


def say_block(text: str, *, nl: bool = True, err: bool = False) -> None:
    """Print lines."""
    click.echo(printable_lines(text), nl=nl, err=err)


def say_json(value: Any, option: int = 0) -> None:
    """Print a value as JSON: in a line, or as ``option`` of orjson says."""
    from harness.results import dump

    say_json_text(dump(value, option).decode())


def say_json_text(text: str, *, nl: bool = True) -> None:
    """Print JSON."""
    click.echo(printable_json(text), nl=nl)


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """
    A command in the list: its module in ``harness.cli``, and a sentence on what it does.

    ``example`` are arguments for a command that requires some.
    """

    module: str
    told: str
    example: str = ""


class Commands(click.Group):
    """
    The commands by section, run with guarded streams and with escaped usage errors.

    The module of a command is imported when it is run, or its own help is requested: all of them together take a
    second.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, CommandEntry]], **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._sections = sections
        self._entries = {name: entry for entries in sections.values() for name, entry in entries.items()}
        self._examples = {
            name: f"harness {name} {entry.example}" for name, entry in self._entries.items() if entry.example
        }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in display order."""
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None if there is none with that name."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        path = f"harness.cli.{entry.module}"
        module = sys.modules.get(path) or _imported(path)
        name = cmd_name.replace("-", "_")
        found: click.Command = getattr(module, f"{name}_" if iskeyword(name) else name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command named first, and the words after it; raise a one-line usage error for an unknown one."""
        name = args[0]
        if name not in self._entries and not name.startswith("-") and not ctx.resilient_parsing:
            raise unknown_command(name, list(self._entries))
        return super().resolve_command(ctx, args)

    def loaded(self) -> dict[str, click.Command]:
        """Import every command, and return them by name."""
        context = click.Context(self)
        found = {name: self.get_command(context, name) for name in self._entries}
        return {name: command for name, command in found.items() if command is not None}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands of each section."""
        for title, entries in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.told) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, or options, with a prefix."""
        found = {name: entry for name, entry in self._entries.items() if name.startswith(incomplete)}
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=entry.told) for name, entry in found.items()), *options]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; raise SystemExit as click does, with 2 if output was lost."""
        with _guarded_streams():
            return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the options before the command."""
        with one_line_usage(self._examples):
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the options of the command, and run it; SIGINT exits with 130 unless the command handles it."""
        try:
            with one_line_usage(self._examples, ctx):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            say("harness: stopped by SIGINT", err=True)
            sys.exit(128 + signal.SIGINT)


def _imported(name: str) -> ModuleType:
    """
    Import a module with garbage collection off, and exempt its objects from later collections.

    That saves a sixth of the time, and objects of modules are permanent.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if was:
            gc.enable()


class _Guarded:
    """A text stream whose failures do not end the program; ``lost`` is the first of them."""

    def __init__(self, stream: IO[str] | None, number: int) -> None:
        self.lost: OSError | None = None
        self._closed = stream is None
        if stream is None:
            # No file opened later may get the descriptor of a standard stream.
            self._keep_number(number)
            stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # no encoding stops the output
        self._stream: IO[str] = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        if self._closed:
            self.lost = self.lost or OSError(errno.EBADF, "it is closed")
        if not self.lost:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or drop the rest."""
        if not self.lost:
            try:
                self._stream.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        # The rest of the buffer is discarded, or Python complains at exit.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()

    @staticmethod
    def _keep_number(number: int) -> None:
        with contextlib.suppress(OSError):
            os.fstat(number)
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)


@contextlib.contextmanager
def _guarded_streams() -> Iterator[None]:
    """Guard stdout and stderr; exit with 2 if stdout was lost other than by a closed pipe."""
    before = sys.stdout, sys.stderr
    out, err = _Guarded(sys.stdout, 1), _Guarded(sys.stderr, 2)
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        out.flush()
        if out.lost and out.lost.errno != errno.EPIPE:
            say(f"harness: stdout: {out.lost.strerror}; not all was shown: send it where there is room", err=True)
        err.flush()
        sys.stdout, sys.stderr = before
        if out.lost and out.lost.errno != errno.EPIPE:
            sys.exit(2)
