"""Recordings made to break their reader give findings, and crash no check."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from judging import OF_CHAT

from harness.checks import CHECKS
from harness.cli import main
from harness.errors import BadArchive
from harness.judging.audit import audit
from harness.judging.runner import Subject, judge_exchanges
from harness.results import Finding, Outcome, read_results
from harness.simulate.reference import BODY, STREAM, with_body
from harness.wire.dumping import TOO_DEEP, json_text
from harness.wire.exchange import Exchange, Request

URL = "https://api.example.com/v1/chat/completions"
LONG = "9" * 5000
VALUES = {
    "long": LONG,
    "negative": f"-{LONG}",
    "list-300": "[" * 300 + "]" * 300,
    "list-1000": "[" * 1000 + "]" * 1000,
    "object-300": '{"a":' * 300 + "1" + "}" * 300,
}
PLACES = [
    "id",
    "object",
    "created",
    "model",
    "finish_reason",
    "index",
    "role",
    "content",
    "type",
    "usage",
    "count",
    "error",
]


def body_with(place: str, value: str) -> str:
    """Return an answer that holds ``value``, raw JSON, at ``place``."""
    parts = {
        "id": '"c"', "object": '"chat.completion"', "created": "1", "model": '"m"', "finish_reason": '"stop"',
        "index": "0", "role": '"assistant"', "content": '"Hi"', "type": '"function"', "count": "1", "error": "null",
    }  # fmt: skip
    parts["usage"] = f'{{"prompt_tokens":{value if place == "count" else 1},"completion_tokens":1,"total_tokens":2}}'
    parts[place] = value
    tool = f'{{"id":"t","type":{parts["type"]},"function":{{"name":"f","arguments":"{{}}"}}}}'
    message = f'{{"role":{parts["role"]},"content":{parts["content"]},"tool_calls":[{tool}]}}'
    choice = f'{{"index":{parts["index"]},"message":{message},"finish_reason":{parts["finish_reason"]}}}'
    head = ",".join(f'"{name}":{parts[name]}' for name in ("id", "object", "created", "model", "usage", "error"))
    return f'{{{head},"choices":[{choice}]}}'


def row(body: str, asked: str = '{"model":"m","messages":[]}') -> str:
    answer = json.dumps({"status": 200, "headers": {"content-type": "application/json"}, "body_text": body})
    return f'{{"request":{{"url":"{URL}","body":{asked}}},"response":{answer}}}\n'


def streamed(body: str) -> str:
    """Return the answer as a stream that says it twice."""
    return f"data: {body.replace('message', 'delta')}\n\n" * 2 + "data: [DONE]\n\n"


def findings_of(tmp_path: Path, *rows: str) -> list[Finding]:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(rows), encoding="utf-8")
    return [finding for findings in audit([path], None, "auto") for finding in findings]


def broken(findings: list[Finding]) -> list[str]:
    return [f"{f.check} {f.message}"[:200] for f in findings if f.outcome is Outcome.BROKEN]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", PLACES)
def test_no_value_of_an_answer_breaks_a_check(tmp_path: Path, place: str, value: str) -> None:
    body = body_with(place, VALUES[value])
    findings = findings_of(tmp_path, row(body), row(streamed(body)))
    assert len(findings) == 2 * len(OF_CHAT)
    assert not broken(findings)


@pytest.mark.parametrize("value", ["long", "list-300", "object-300"])
@pytest.mark.parametrize("key", ["model", "max_tokens", "stream", "messages", "tools", "stop", "n", "response_format"])
def test_no_value_of_a_request_breaks_a_check(tmp_path: Path, key: str, value: str) -> None:
    asked = f'{{"{key}":{VALUES[value]}}}'
    findings = findings_of(tmp_path, row(body_with("id", '"c"'), json.dumps(asked)))
    assert len(findings) == len(OF_CHAT)
    assert not broken(findings)


def test_a_row_that_holds_a_number_beyond_reading_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match=r"a.jsonl:1: not JSON \(number is infinity"):
        findings_of(tmp_path, row("{}", f'{{"seed":{LONG}}}'))


@pytest.mark.parametrize("place", ["url", "method", "header"])
def test_no_depth_of_what_is_to_be_text_ends_the_reading(tmp_path: Path, place: str) -> None:
    deep = VALUES["list-1000"]
    asked = {"url": f'"{URL}"', "method": '"POST"', "header": '"x"'} | {place: deep}
    line = (
        f'{{"request":{{"url":{asked["url"]},"method":{asked["method"]}}},"response":'
        f'{{"status":200,"headers":{{"date":{{"a":{asked["header"]}}}}},"body_text":"{{}}"}}}}\n'
    )
    assert not broken(findings_of(tmp_path, line))


def test_a_status_of_any_depth_is_told_in_a_line(tmp_path: Path) -> None:
    line = row("{}").replace('"status": 200', f'"status": {VALUES["list-1000"]}')
    with pytest.raises(BadArchive, match=r"a.jsonl:1: response/status is .*too deep.*, not a number"):
        findings_of(tmp_path, line)


def test_what_orjson_does_not_write_is_written() -> None:
    deep = json.loads(VALUES["list-300"])
    assert json_text(deep) == VALUES["list-300"]
    assert json_text({"a": [1, "é"]}) == '{"a":[1,"é"]}'
    for _ in range(200_000):
        deep = [deep]
    assert json_text(deep) == TOO_DEEP


def test_evidence_that_can_not_be_built_breaks_its_check_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no place")

    monkeypatch.setattr(Exchange, "place", refuse)
    exchange = findings_exchange()
    findings = list(judge_exchanges([exchange], Subject("p", "m", "s", None), CHECKS.values()))
    assert len(findings) == len(OF_CHAT)
    assert any("ValueError: no place" in line for line in broken(findings))


def findings_exchange() -> Exchange:
    """Return an answer in which something is wrong."""
    return replace(BODY, response=replace(BODY.response, body=BODY.response.body.replace(b'"chat.completion"', b'"x"')))


def test_a_transcript_without_the_usage_that_was_asked_for_breaks_no_check(tmp_path: Path) -> None:
    line = row(STREAM.response.body.decode(), '{"model":"m","stream":true,"stream_options":{"include_usage":true}}')
    assert not broken(findings_of(tmp_path, line.replace('{"request"', '{"fidelity":"transcript","request"')))


@pytest.mark.parametrize("asked", [None, b'{"model":"m","messages":[]}'], ids=["nothing sent", "a body sent"])
@pytest.mark.parametrize("body", ["data:", "data: {}", ": hello\n\n", "data: 1\n\n"])
def test_a_list_of_models_that_comes_as_a_stream_breaks_no_check(body: str, asked: bytes | None) -> None:
    """An audit leaves out what is sent with GET, so this is the list that a probe or a recording of the matrix has."""
    request = Request("GET", "https://api.example.com/v1/models", body=asked)
    exchange = replace(with_body(BODY, body.encode()), request=request)
    found = {one.check: one for one in judge_exchanges([exchange], Subject("p", "m", "s", None), CHECKS.values())}
    assert not broken(list(found.values()))
    assert found["models.form"].value == "no object"


def test_a_name_that_is_no_text_is_written_out(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    path = folder / os.fsdecode(b"caf\xe9-\xc3\xa9.jsonl")
    path.write_text(row("{}"), encoding="utf-8")
    kept = tmp_path / "results.jsonl"
    options = ["audit", str(path), "--provider-from", "folder", "--results", str(kept), "--format", "json"]
    assert CliRunner().invoke(main, options).exit_code == 1
    found = read_results(kept).findings[0]
    assert (found.provider, found.cassette) == ("\\udcff", f"{tmp_path}/\\udcff/caf\\udce9-é.jsonl:1")


def test_the_other_files_of_a_run_stay_judged(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        f"interactions:\n- request: {{uri: '{URL}'}}\n"
        "  response: {status: {code: 200}, parsed_body: &x {a: *x}}\nversion: 1\n",
        encoding="utf-8",
    )
    (tmp_path / "b.jsonl").write_text(row(STREAM.response.body.decode()), encoding="utf-8")
    result = CliRunner().invoke(main, ["audit", str(tmp_path), "--format", "json"])
    assert result.exit_code == 2
    assert "a.yaml: interactions/0/response/parsed_body" in result.stderr
    assert len(result.stdout.splitlines()) == len(OF_CHAT)
