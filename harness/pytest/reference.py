"""
Generates parts of the documentation from the code: the reference of commands and options, and the counts in pages.

``python -m harness.pytest.reference`` writes ``docs/commands.md``, and the counts between markers in
``docs/method.md`` and its translation; tests check that the pages are current.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import click
import pytest

from harness.checks import CHECKS
from harness.cli import main
from harness.cli.outlet import Commands
from harness.markdown import cell, table
from harness.matrix.scenarios import SCENARIOS
from harness.pytest.options import pytest_addoption
from harness.recording.atomic import write_atomically
from harness.results import Level

COMMANDS = "docs/commands.md"
METHODS = ("docs/method.md", "docs/method.zh-CN.md")
PROOF = "reports/proof.md"

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
    """Return the reference: a table of commands, a part for each command, and the options of the pytest plugin."""
    commands = list(_commands(main, "harness"))
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", cell(one.get_short_help_str(200))] for name, one in commands]
    parts = [_HEAD, table(["command", "purpose"], rows) + "\n", *(_part(*one) for one in commands), _PLUGIN]
    return "\n".join([*parts, _options(_of_plugin())])


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield each command with its full name; for a group, the commands in it."""
    commands = group.loaded() if isinstance(group, Commands) else group.commands
    for name, command in sorted(commands.items()):
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


def _options(records: Iterable[tuple[str, str]]) -> str:
    rows = [[f"`{cell(name)}`", cell(" ".join(told.split()))] for name, told in records if told]
    return table(["option", "meaning"], rows) + "\n" if rows else ""


class _Recorder:
    """Collects the options that the plugin adds to pytest's parser."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = []

    def getgroup(self, *_: str) -> "_Recorder":
        """Return the collector for the options of a group."""
        return self

    def addini(self, *_: str, **__: str) -> None:
        """Ignore ini options: they are described in the guide."""

    def addoption(self, name: str, **more: Any) -> None:
        """Add an option as argparse does."""
        value = more.get("metavar") or "|".join(more.get("choices", ()))
        default = f"  [default: {more['default']}]" if isinstance(more.get("default"), str) else ""
        self.records.append((f"{name} {value}".rstrip(), more["help"] + default))


def _of_plugin() -> list[tuple[str, str]]:
    recorder = _Recorder()
    pytest_addoption(cast("pytest.Parser", recorder))
    return recorder.records


def with_counts(text: str, proof: str) -> str:
    """
    Return a page with the current counts between its markers: of checks, families, scenarios, and the proof.

    ``proof`` is the text of ``reports/proof.md``; its first paragraph has the counts.
    """
    levels = Counter(check.level for check in CHECKS.values())
    rules = levels[Level.MUST] + levels[Level.SHOULD]
    families = Counter(check.family for check in CHECKS.values())
    text = _between(text, "families", ", ".join(f"{name} {count}" for name, count in families.items()))
    counted: dict[str, list[int]] = {
        "counts": [len(CHECKS), rules, levels[Level.MUST], levels[Level.SHOULD], levels[Level.OBSERVE]],
        "scenarios": [len(SCENARIOS), sum(scenario.requests for scenario in SCENARIOS.values())],
        "proof": [int(number) for number in re.findall(r"\d+", proof.split("\n\n")[1])],
    }
    for name, numbers in counted.items():
        text = _renumbered(text, name, numbers)
    return text


def _between(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}{content}{end}", text, flags=re.DOTALL)


def _renumbered(text: str, name: str, numbers: Iterable[int]) -> str:
    """Return ``text`` with the numbers between two markers replaced by others, in order."""
    left = iter(numbers)
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    return re.sub(
        f"{begin}.*?{end}",
        lambda block: re.sub(r"\d+", lambda old: str(next(left, old[0])), block[0]),
        text,
        flags=re.DOTALL,
    )


def _write(root: Path) -> None:
    write_atomically(root / COMMANDS, reference().encode())
    proof = (root / PROOF).read_text(encoding="utf-8")
    for name in METHODS:
        page = root / name
        write_atomically(page, with_counts(page.read_text(encoding="utf-8"), proof).encode())


if __name__ == "__main__":
    _write(Path())
