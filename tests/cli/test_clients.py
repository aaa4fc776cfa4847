"""The commands that run client code, with valid, invalid and missing input."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from parted import parted

from harness.cli import main
from harness.clients import environments
from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.results import read_client_results

ROOT = Path(__file__).resolve().parents[2]
GOOD = '''"""
Reads what there is.

Reads: text, finish
"""
from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        for choice in chunk.choices or []:
            out.print(choice.delta.content or "")
            out.finish = choice.finish_reason or out.finish
'''
HANGS = "import time\n\n\ndef read(question, out):\n    time.sleep(60)\n"


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, ["clients", *words])


def run(*words: str) -> Result:
    return invoke("run", "--root", str(ROOT), *words)


def one_line(told: Result) -> str:
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1), told.output
    return told.stderr


@pytest.mark.thorough
def test_code_of_ones_own_is_run_on_a_provider(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(GOOD)
    told = run("--client", str(mine), "--provider", "volcengine", "--fail-on", "bad", "--report", str(tmp_path))
    assert told.exit_code == 0, told.output
    assert "| client   | volcengine PC   |" in told.stdout
    assert "| `mine`   | ✓               |" in told.stdout
    findings = read_client_results(tmp_path / "clients.jsonl").findings
    assert {one.provider for one in findings} == {"volcengine", "reference"}
    assert "`mine`" in (tmp_path / "clients.md").read_text(encoding="utf-8")


def test_what_it_does_not_survive_ends_with_1_where_that_is_asked_for(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(GOOD)
    command = ("--client", str(mine), "--provider", "huggingface")  # it leaves a thought in its tags
    assert run(*command).exit_code == 0
    assert run(*command, "--fail-on", "silent").exit_code == 0
    told = run(*command, "--fail-on", "bad", "--format", "json")
    assert told.exit_code == 1
    rows = [orjson.loads(line) for line in told.stdout.splitlines()]
    assert {row["fate"] for row in rows if row["provider"] == "huggingface"} >= {"ok", "tags leaked"}


@pytest.mark.parametrize(
    "body",
    parted(
        [
            "    raise KeyError(1)\n",
            "    pass\n",
            "    out.tools = [['f', 10**30]]\n",
            "    import os\n    os.fork()\n",
            "    raise KeyboardInterrupt\n",
        ],
        {"    pass\n"},
    ),
)
def test_code_of_ones_own_has_no_excuse_in_what_the_reference_does(body: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(f"def read(question, out):\n{body}")
    told = run("--client", str(mine), "--provider", "qianfan", "--fail-on", "bad", "--timeout", "2")
    assert told.exit_code == 1, told.output


def test_code_may_import_what_is_beside_it_and_hold_dataclasses(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("WORD = ''\n")
    mine = tmp_path / "mine.py"
    more = "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom beside_it import WORD\n\n@dataclass\nclass A:\n    b: str = WORD\n"
    mine.write_text(GOOD.replace("from openai", f"{more}\nfrom openai"))
    assert run("--client", str(mine), "--provider", "qianfan", "--fail-on", "bad").exit_code == 0


def test_two_clients_of_one_name_are_a_line(tmp_path: Path) -> None:
    mine = tmp_path / "openai.print.py"
    mine.write_text(GOOD)
    assert "a client is called openai.print already; give the file another name" in one_line(run("--client", str(mine)))


@pytest.mark.thorough
def test_code_that_hangs_is_ended_at_its_limit(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(HANGS)
    environment = run("--client", str(mine), "--provider", "qianfan", "--timeout", "0.2", "--format", "json")
    fates = {orjson.loads(line)["fate"] for line in environment.stdout.splitlines()}
    assert fates == {"hang"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--client", "openai.prnt"), "unknown client 'openai.prnt'; try openai.print"),
        (("--client", "./none.py"), "none.py: No such file or directory; name a client or a file with its code"),
        (("--client", "openai.print", "--provider", "depseek"), "unknown provider 'depseek'; try deepseek"),
        (("--client", "openai.print", "--provider", "fireworks"), "there is no recording of fireworks"),
        (("--client", "openai.print", "--root", "/nowhere"), "/nowhere/providers.yaml"),
    ],
)
def test_wrong_input_is_a_line(words: tuple[str, ...], said: str) -> None:
    assert said in one_line(run(*words))


def test_a_file_that_reads_what_there_is_not_is_a_line(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text('"""Mine.\n\nReads: text, colour\n"""\n')
    assert "unknown thing to read 'colour'" in one_line(run("--client", str(mine), "--provider", "qianfan"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\n", "mine.py: it has no function read(question, out)"),
        ("def read(:\n", "mine.py: SyntaxError: invalid syntax"),
        ("import no_such_module\n", "mine.py: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_file_that_can_not_be_run_is_a_line(code: str, said: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(code)
    assert said in one_line(run("--client", str(mine), "--provider", "qianfan"))


@pytest.mark.thorough
def test_a_library_is_all_of_its_clients_and_an_environment_too() -> None:
    told = run("--client", "requests", "--provider", "qianfan", "--format", "json")
    clients = {orjson.loads(line)["client"] for line in told.stdout.splitlines()}
    assert clients == {name for name in CLIENTS if name.startswith("requests.")}


def test_what_is_not_installed_is_told_and_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_a, **_k: tmp_path)
    fresh = environments.Environment("langchain", 1, "python", ("langchain-openai",))
    monkeypatch.setitem(ENVIRONMENTS, "langchain", fresh)
    told = run("--client", "langchain-openai", "--provider", "qianfan", "--fail-on", "bad")
    assert told.exit_code == 0
    assert "not installed; run: harness clients install langchain" in told.stderr
    assert "| `langchain-openai` | ?           |" in told.stdout


@pytest.mark.thorough
def test_an_install_that_fails_is_a_line_and_leaves_nothing_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("no-such-package-of-anyone==0.0.1\n")
    broken = environments.Environment("broken", 1, "python")
    vars(broken).update(pins=pins, folder=tmp_path / "env")  # where their cached properties stand
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setitem(ENVIRONMENTS, "broken", broken)
    assert "harness: broken: python failed: " in one_line(invoke("install", "broken"))
    assert not broken.installed


def test_nothing_named_installs_nothing_and_what_is_there_is_left_alone() -> None:
    assert "no client named; name one" in one_line(invoke("install"))
    assert "unknown client 'nope'" in one_line(invoke("install", "nope"))
    there = invoke("install", "own")
    assert (there.exit_code, "(was there)" in there.stdout) == (0, True)


def test_the_list_says_what_is_there() -> None:
    shown = invoke("list")
    assert shown.exit_code == 0
    assert shown.stdout.count("\n") == len(CLIENTS) + 1
    rows = [orjson.loads(line) for line in invoke("list", "--format", "json").stdout.splitlines()]
    assert [row["id"] for row in rows] == list(CLIENTS)
    assert all(row["installed"] for row in rows if row["tier"] == 0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai.print", "runs in  own (openai "),
        ("openai.print/deepseek/deepseek-reasoner/reasoning.stream", "prints None  openai.print with deepseek/"),
        ("openai.or-empty/volcengine/doubao-seed-2-0-lite/chat.stream-usage", "event    4 of 6, byte "),
        ("openai.guarded/stream-cut", "silent  openai.guarded with stream-cut"),
        ("openai.helper/call-index-missing", "index may be missing"),
        ("openai.reference/choices-empty-first", "ok  openai.reference with choices-empty-first"),
    ],
)
def test_a_client_and_its_cells_are_explained(name: str, said: str) -> None:
    told = CliRunner().invoke(main, ["explain", "--root", str(ROOT), name])
    assert told.exit_code == 0, told.output
    assert said in told.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai.print/stream-ct", "unknown fault, variant or provider 'stream-ct'; try stream-cut"),
        ("openai.print/deepseek/deepseek-reasoner/chat.streem", "unknown recorded answer"),
        (
            "openai.print/call-index-missing@chat.stream",
            "call-index-missing does not fit a response to 'chat.stream'",
        ),
    ],
)
def test_a_cell_that_is_not_is_a_line(name: str, said: str) -> None:
    assert said in one_line(CliRunner().invoke(main, ["explain", "--root", str(ROOT), name]))
