"""The list of commands: by section, without importing them."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from harness.cli import SECTIONS, main
from harness.cli import common as common_module

ENTRIES = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_told_of_a_command_is_what_it_says_of_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    first = " ".join((command.help or "").partition("\n\n")[0].split())
    assert first.partition(" Ends with ")[0] == ENTRIES[name].told
    assert first.endswith(".")


def test_help_shows_sections_and_whole_sentences() -> None:
    told = CliRunner().invoke(main, ["--help"], terminal_width=200).stdout
    for title, entries in SECTIONS.items():
        assert f"\n{title}:\n" in told
        for entry in entries.values():
            assert entry.told in " ".join(told.split())
    assert "..." not in told.replace("[ARGS]...", "")


def test_help_imports_no_command() -> None:
    code = "import sys, harness.cli; print(*sorted({'rich', 'pydantic', 'yaml', 'orjson', 'harness.checks'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_a_rule_is_explained_without_what_others_need() -> None:
    code = (
        "import sys\nfrom harness.cli import main\n"
        "main(['explain', 'usage.own-chunk'], standalone_mode=False)\n"
        "print(*sorted({'pydantic', 'yaml', 'asyncio', 'email', 'openai', 'harness.checks.sse'} & set(sys.modules)), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stderr.split() == []
    assert "usage.own-chunk" in told.stdout


def test_an_unknown_command_is_refused() -> None:
    told = CliRunner().invoke(main, ["prob"])
    assert told.exit_code == 2
    assert "No such command 'prob'" in told.stderr


def test_the_shell_completes_commands_and_options() -> None:
    context = click.Context(main)
    assert [item.value for item in main.shell_complete(context, "re")] == [
        "report",
        "record",
        "reconstruct",
        "registry",
    ]
    assert [item.value for item in main.shell_complete(context, "--ver")] == ["--version"]


def test_progress_is_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(common_module, "monotonic", lambda: next(clock))
    assert list(common_module.progress(["a", "b", "c", "d"], 4, "judging")) == ["a", "b", "c", "d"]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "harness: judging: 1 of 4 done\nharness: judging: 3 of 4 done\n"
