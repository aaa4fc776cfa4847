"""
The output of ``audit`` and ``explain`` for a new user: counts of what was not judged, families, cells of any
kind.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.simulate.reference import STREAM, replace_in_body
from harness.wire.exchange import Exchange
from harness.wire.sse import BOM

URL = "https://api.acme.example/v1/chat/completions"
FAULTY = replace_in_body(STREAM, "[DONE]", "[done]")


def harness(*arguments: str, columns: int = 200) -> Result:
    result = CliRunner().invoke(main, list(arguments), env={"COLUMNS": str(columns)})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def archive(path: Path, *exchanges: Exchange, others: Sequence[str] = (), head: bytes = b"") -> str:
    """Write chats, and requests to ``others``, as JSON lines."""
    asked: dict[str, Any] = {"url": URL, "body": {"model": "org/m", "messages": [], "stream": True}}
    rows = [
        {"request": asked, "response": {"status": 200, "body_text": (head + one.response.body).decode()}}
        for one in exchanges
    ]
    rows += [{"request": {"url": url}, "response": {"status": 200, "body_text": "{}"}} for url in others]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_no_chat_is_counted_by_dialect_in_each_format(here: Path) -> None:
    others = [URL.replace("chat/completions", name) for name in ("embeddings", "embeddings", "responses")]
    path = archive(here / "a.jsonl", STREAM, others=others)
    told = (
        "3 exchanges not judged (only chat completions, Messages and legacy completions are): 2 embeddings, 1 Responses"
    )
    assert told in harness("audit", path).stdout
    assert harness("audit", path, "--format", "markdown").stdout.endswith(f"\n{told}.\n")
    as_json = harness("audit", path, "--format", "json")
    assert told in as_json.stderr
    assert all(orjson.loads(line)["check"] for line in as_json.stdout.splitlines())


def test_a_file_of_other_dialects_only_says_which(here: Path) -> None:
    path = archive(here / "a.jsonl", others=[URL.replace("chat/completions", "responses")] * 2)
    result = harness("audit", path, path, path, path)
    assert result.exit_code == 2
    assert result.stderr.count(path) == 3
    assert (
        "no chat completion or message in 4 files; 8 exchanges not judged (only chat completions, Messages and legacy completions are): 8 Responses"
        in (result.stderr)
    )


def test_a_byte_order_mark_is_told_of_though_nothing_fails(here: Path) -> None:
    result = harness("audit", archive(here / "a.jsonl", STREAM, head=BOM))
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "No rule fails." in text
    assert "Whether the stream begins with a byte order mark: yes breaks Legal; the OpenAI SDK does not skip it" in text


def test_the_words_are_those_of_the_form(here: Path) -> None:
    text = " ".join(harness("audit", archive(here / "a.jsonl", FAULTY), columns=80).stdout.split())
    assert "breaks The text is complete; the OpenAI SDK does not know this spelling of `[DONE]`" in text


def test_a_cell_of_an_audit_is_explained_from_its_results(here: Path) -> None:
    path = archive(here / "a.jsonl", FAULTY)
    harness("audit", path, "--results", "out.jsonl")
    name = "api.acme.example/org/m/audit.stream/sse.json"
    refused = harness("explain", name)
    assert refused.exit_code == 2
    assert "--results FILE shows it as that file has it, and the rule is shown by: harness explain sse.json" in (
        refused.stderr
    )
    text = harness("explain", name, "--results", "out.jsonl").stdout
    assert "this spelling" in text
    assert "rule     Every `data` field except `[DONE]` is JSON." in text
    passed = harness("explain", name.replace("sse.json", "sse.utf8"), "--results", "out.jsonl").stdout
    assert "breaks" not in passed
    missing = harness("explain", name.replace("org/m", "org/n"), "--results", "out.jsonl")
    assert "it has no finding 'api.acme.example/org/n/audit.stream/sse.json'; see: harness report out.jsonl" in (
        missing.stderr
    )


def test_explain_shows_a_family(here: Path) -> None:
    text = harness("explain", "role").stdout
    assert text.startswith("role  3 rules, 1 observation; harness explain ID shows one in full\n")
    assert "SHOULD   role.first\n" in text
    assert "Clients that start a new message at each role" in text
    assert here.exists()


def test_explain_of_a_check_has_the_words_of_each_form(here: Path) -> None:
    text = harness("explain", "sse.json").stdout
    assert text.count("does not know this spelling of `[DONE]`") == 1
    assert text.index("[done]") < text.index("this spelling")
    assert here.exists()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("roles", "try role"),
        ("TOOL_CALLS", "try tool_calls"),
        ("zzzz", "see: harness checks, harness scenarios"),
        ("acme/small", "a cell is PROVIDER/MODEL/SCENARIO/CHECK"),
        ("acme", "see: harness checks, harness scenarios, harness clients --help, harness providers"),
    ],
)
def test_explain_of_an_unknown_name_helps_on(here: Path, name: str, hint: str) -> None:
    result = harness("explain", name)
    assert result.exit_code == 2
    assert hint in result.stderr
    assert here.exists()
