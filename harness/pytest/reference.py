"""
The reference of all commands and options, read from the code.

``python -m harness.pytest.reference > docs/commands.md`` writes it; a test holds the file to it.
"""

import sys
from collections.abc import Iterator
from typing import Any, cast

import click
import pytest

from harness.cli import main
from harness.markdown import cell, table
from harness.pytest.plugin import pytest_addoption

_HEAD = """\
# Commands and options

`make docs` generates this page from the code. `harness COMMAND --help` prints the same in a terminal.

Exit codes of every command: 0, as expected; 1, an unexpected outcome (`fail`, `fixed`, `changed` or `broken`); 2, the
command could not run or checked nothing, with one line that says why and what to do.
"""
_PLUGIN = """\
## pytest

The plugin collects `providers.yaml`; each item is one check on one recording. No option but `--compat-live` and
`--compat-record` uses the network. [In pytest and CI](guide-app.md#in-pytest-and-ci) shows how to use them.
"""


def reference() -> str:
    """Return the page: a table of commands, a part for each command, and the options of the pytest plugin."""
    commands = list(_commands(main, "harness"))
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", cell(command.get_short_help_str(200))] for name, command in commands]
    parts = [_HEAD, table(["command", "purpose"], rows) + "\n", *(_part(*one) for one in commands), _PLUGIN]
    return "\n".join([*parts, _options(_of_plugin())])


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name, those of a group after it."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _part(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    told = "\n\n".join(" ".join(one.split()) for one in (command.help or "").split("\n\n"))
    records = [one.get_help_record(context) for one in command.params]
    return f"## {path}\n\n    {usage}\n\n{told}\n\n{_options(record for record in records if record)}"


def _options(records: Any) -> str:
    rows = [[f"`{cell(name)}`", cell(" ".join(told.split()))] for name, told in records if told]
    return table(["option", "meaning"], rows) + "\n" if rows else ""


class _Recorder:
    """Takes the options that the plugin adds to pytest's parser."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = []

    def getgroup(self, *_: str) -> "_Recorder":
        """Return what takes the options of a group."""
        return self

    def addoption(self, name: str, **more: Any) -> None:
        """Take an option as argparse does."""
        value = more.get("metavar") or "|".join(more.get("choices", ()))
        default = f"  [default: {more['default']}]" if isinstance(more.get("default"), str) else ""
        self.records.append((f"{name} {value}".rstrip(), more["help"] + default))


def _of_plugin() -> list[tuple[str, str]]:
    recorder = _Recorder()
    pytest_addoption(cast("pytest.Parser", recorder))
    return recorder.records


if __name__ == "__main__":
    sys.stdout.write(reference())
