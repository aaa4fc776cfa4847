"""The list of commands: by section, without importing them."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from harness.cli import SECTIONS, main
from harness.cli import common as common_module
from harness.errors import unknown

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


@pytest.mark.parametrize("name", ENTRIES)
def test_a_command_without_what_it_needs_says_what_and_how_in_a_line(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    needed = [one for one in command.params if one.required]
    if not needed:
        return
    example = f"harness {name} {ENTRIES[name].example}"
    told = CliRunner().invoke(main, [name])
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith(f"harness: {name} needs ")
    assert told.stderr.endswith(f", as in: {example}; see: harness {name} --help\n")
    assert told.stderr.count("\n") == 1
    command.make_context(name, example.split()[2:])  # what is shown can be read


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("prob", "no such command 'prob'; did you mean probe or proof?; see: harness --help"),
        ("zzz", "no such command 'zzz'; see: harness --help"),
        ("clients rum", "clients: no such command 'rum'"),
        ("--nosuch", "no such option '--nosuch'; see: harness --help"),
        ("report", "report needs RESULTS, as in: harness report reports/results.jsonl; see: harness report --help"),
        ("mask x", "mask needs --into, as in: harness mask my-recordings/ --into masked/; see: harness mask --help"),
        ("probe http://x/v1", "probe needs --model, as in: harness probe http://localhost:8000/v1 -m qwen3; "),
        ("probe http://x/v1 -m", "probe: option '-m' requires an argument; see: harness probe --help"),
        ("audit x --format xml", "audit: invalid value for '--format': 'xml' is not one of 'pretty', 'json', 'markdown'; "),
        ("audit x --jobs 0", "audit: invalid value for '--jobs' / '-j': 0 is not in the range x>=1; "),
        ("scenarios x", "scenarios: got unexpected extra argument (x); see: harness scenarios --help"),
        ("audit x --\x1b[31m", r"audit: no such option '--\x1b[31m'"),
        ("serve --upstream http://x/v1", "serve: --upstream and --record go together; name both; see: harness serve --help"),
    ],
)  # fmt: skip
def test_a_command_line_that_cannot_be_read_is_told_in_a_line(words: str, said: str) -> None:
    told = CliRunner().invoke(main, words.split())
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith(f"harness: {said}")
    assert told.stderr.count("\n") == 1


def test_ctrl_c_ends_a_command_with_130_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    command = main.get_command(click.Context(main), "checks")
    assert command is not None

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "callback", interrupted)
    told = CliRunner().invoke(main, ["checks"])
    assert (told.exit_code, told.stdout, told.stderr) == (130, "", "harness: stopped by SIGINT\n")


@pytest.mark.parametrize("words", [[], ["clients"]])
def test_a_group_alone_prints_its_help_as_it_is(words: list[str]) -> None:
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "\n\nOptions:\n" in told.output


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


def test_a_name_that_is_spelled_like_no_other_gets_the_list_and_no_guess() -> None:
    known = ["moonshot", "deepseek", "bailian", "qianfan", "openai", "groq", "vllm", "sglang", "ollama"]
    assert str(unknown("provider", "nosuch", known)) == "unknown provider 'nosuch'; see: harness providers"
    assert str(unknown("provider", "deepsek", known)) == "unknown provider 'deepsek'; try deepseek"
    assert str(unknown("pace", "x", ["none", "recorded"])) == "unknown pace 'x'; try none, recorded"
