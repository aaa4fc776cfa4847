"""An unexpected error is reported in a line with its place; with a full traceback on request."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli import listing, main
from harness.cli.common import one_line_errors


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> str:
        raise ZeroDivisionError("a\x1b[31mb")

    monkeypatch.setattr(listing, "columns", breaks)


def test_it_is_one_line_with_the_place_and_code_2() -> None:
    result = CliRunner().invoke(main, ["checks"], env={"HARNESS_TRACEBACK": ""})
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("harness: a bug in harness: ZeroDivisionError: a")
    assert line.endswith("; please report it, with what HARNESS_TRACEBACK=1 shows")
    assert ".py:" in line
    assert line.isprintable()


def test_all_of_it_is_shown_where_that_is_asked_for() -> None:
    result = CliRunner().invoke(main, ["checks"], env={"HARNESS_TRACEBACK": "1"})
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert result.stderr.splitlines()[-1].endswith("; please report it")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("error", "code"), [(click.UsageError("no"), 2), (click.Abort(), 1), (click.exceptions.Exit(7), 7)]
)
def test_what_click_ends_with_stays(error: Exception, code: int) -> None:
    @click.command()
    @one_line_errors
    def ends() -> None:
        raise error

    result = CliRunner().invoke(ends)
    assert result.exit_code == code
    assert "a bug in harness" not in result.output


def test_every_command_is_guarded() -> None:
    unguarded = []
    stack: list[click.Command] = [main]
    while stack:
        command = stack.pop()
        if isinstance(command, click.Group):
            stack += command.commands.values()
        elif not hasattr(command.callback, "__wrapped__"):
            unguarded.append(command.name)
    assert unguarded == []


def test_the_file_that_is_named_is_ours() -> None:
    line = CliRunner().invoke(main, ["checks"]).stderr
    name = line.partition(" at ")[2].partition(":")[0]
    assert (Path(listing.__file__).parent / name).exists()
