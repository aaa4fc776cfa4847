"""The exchanges of an archive are compared with their requests and with each other."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from judging import OF_CHAT

from harness.judging.audit import audit
from harness.results import Finding, Outcome
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    TOOLS_BODY,
    ask,
    replace_in_body,
    replace_last_in_body,
    with_header,
    with_request_params,
)
from harness.wire.exchange import Exchange

EIGHT, NINE = "Thu, 09 Oct 2025 08:53:20 GMT", "Thu, 09 Oct 2025 09:53:20 GMT"
LATER = "Thu, 09 Oct 2025 09:37:20 GMT"
"""A date that no time zone explains."""
OTHER = replace_in_body(ask("sky"), "How can I", "What can I")


def row(exchange: Exchange, provider: str = "p") -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    return {
        "provider": provider,
        "request": {"method": "POST", "url": request.url, "body": request.json},
        "response": {"status": response.status, "headers": dict(response.headers.pairs), "body_text": response.body.decode()},
    }  # fmt: skip


def audited(folder: Path, rows: Iterable[dict[str, Any]], name: str = "log.jsonl") -> list[dict[str, Finding]]:
    path = folder / name
    path.write_text("".join(f"{json.dumps(one)}\n" for one in rows), encoding="utf-8")
    return [{finding.check: finding for finding in found} for found in audit([path], None, "auto")]


def failed(findings: dict[str, Finding]) -> set[str]:
    return {check for check, finding in findings.items() if finding.outcome in {Outcome.FAIL, Outcome.BROKEN}}


def at(exchange: Exchange, date: str) -> Exchange:
    return with_header(exchange, "date", date)


def named(exchange: Exchange, name: str) -> Exchange:
    return replace_in_body(exchange, "chatcmpl-reference", name)


def test_the_same_question_streamed_and_not_is_paired(tmp_path: Path) -> None:
    counted = replace_in_body(
        STREAM_USAGE,
        '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13',
        '"prompt_tokens":90,"completion_tokens":4,"total_tokens":94',
    )
    first, second = audited(tmp_path, [row(BODY), row(named(counted, "chatcmpl-other"))])
    assert first["parity.prompt-tokens"].outcome is Outcome.NA
    assert failed(second) == {"parity.prompt-tokens"}
    finding = second["parity.prompt-tokens"]
    assert finding.message == "prompt_tokens streamed: 90; in one body: 9"
    assert finding.cassette == f"{tmp_path}/log.jsonl:2"
    assert finding.evidence[0].pointer == "/usage/prompt_tokens"
    assert finding.evidence[0].excerpt == '"prompt_tokens":90'


SAID = with_request_params(
    named(BODY, "chatcmpl-other"), **{key: TOOLS.request.get(key) for key in ("messages", "tools")}
)
NOTHING = replace_in_body(SAID, '"content":"你好! How can I help?"', '"content":null')


@pytest.mark.parametrize(
    ("body", "params", "found"),
    [
        (SAID, {}, False),
        (SAID, {"temperature": 0}, True),
        (SAID, {"tool_choice": "required"}, True),
        (SAID, {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}, True),
        (NOTHING, {}, True),
        (replace_in_body(SAID, '"finish_reason":"stop"', '"finish_reason":"tool_calls"'), {}, True),
    ],
)
def test_calls_that_one_form_loses_are_found_unless_the_model_may_have_chosen(
    tmp_path: Path, body: Exchange, params: dict[str, Any], *, found: bool
) -> None:
    _, second = audited(tmp_path, [row(with_request_params(one, **params)) for one in (TOOLS, body)])
    assert ("parity.tool-calls" in failed(second)) is found


def test_how_often_a_tool_is_called_is_the_models_choice(tmp_path: Path) -> None:
    twice = replace_in_body(
        TOOLS_BODY,
        '"tool_calls":[',
        '"tool_calls":[{"id":"call_2","type":"function","function":{"name":"get_weather","arguments":"{\\"city\\":\\"Oslo\\"}"}},',
    )
    twice = replace_in_body(named(twice, "chatcmpl-other"), '"call_1"', '"call_3"')
    assert [failed(one) for one in audited(tmp_path, [row(TOOLS), row(twice)])] == [set(), set()]


def test_longer_words_in_one_form_may_meet_the_cap(tmp_path: Path) -> None:
    cut = replace_last_in_body(replace_in_body(named(STREAM, "chatcmpl-other"), " help?", " he"), '"stop"', '"length"')
    assert [failed(one) for one in audited(tmp_path, [row(BODY), row(cut)])] == [set(), set()]


@pytest.mark.parametrize("change", [{"seed": 7}, {"model": "gpt-4o"}, {"temperature": 0}])
def test_another_question_is_no_pair(tmp_path: Path, change: dict[str, Any]) -> None:
    second = audited(tmp_path, [row(BODY), row(with_request_params(named(STREAM, "chatcmpl-other"), **change))])[1]
    assert second["parity.finish"].outcome is Outcome.NA


def test_other_providers_and_other_files_are_not_compared(tmp_path: Path) -> None:
    one, other = row(at(BODY, EIGHT), "one"), row(at(OTHER, LATER), "one")
    assert [failed(found) for found in audited(tmp_path, [one, other | {"provider": "two"}])] == [set(), set()]
    assert failed(audited(tmp_path, [other], "other.jsonl")[0]) == set()
    assert failed(audited(tmp_path, [one, other], "both.jsonl")[1]) == {"identity.id-unique", "identity.created-moves"}


def test_one_id_and_one_time_for_two_answers(tmp_path: Path) -> None:
    first, second = audited(tmp_path, [row(at(BODY, EIGHT)), row(at(OTHER, NINE))])
    assert failed(first) == set()
    assert failed(second) == {"identity.id-unique", "identity.created-moves"}
    assert second["identity.created-moves"].message == "created is 1760000000, as in an answer 60 minutes apart"


@pytest.mark.parametrize(
    "again", [BODY, STREAM, replace_in_body(BODY, "1760000000", "1760000500")], ids=["same bytes", "streamed", "later"]
)
def test_an_answer_that_a_cache_gives_again_is_one(tmp_path: Path, again: Exchange) -> None:
    assert [failed(one) for one in audited(tmp_path, [row(at(BODY, EIGHT)), row(at(again, NINE))])] == [set(), set()]


def test_fixtures_without_request_may_be_made_of_one_recording(tmp_path: Path) -> None:
    rows = [row(at(BODY, EIGHT)), row(at(OTHER, NINE))]
    for one in rows:
        del one["request"]["body"]
    assert [failed(one) for one in audited(tmp_path, rows)] == [set(), {"identity.created-moves"}]


def test_without_dates_one_id_and_time_may_be_an_edited_copy(tmp_path: Path) -> None:
    assert [failed(one) for one in audited(tmp_path, [row(BODY), row(OTHER)])] == [set(), set()]
    later = replace_in_body(OTHER, "1760000000", "1760000001")
    assert failed(audited(tmp_path, [row(BODY), row(later)])[1]) == {"identity.id-unique"}


def test_examples_made_of_one_template_have_its_id(tmp_path: Path) -> None:
    other = with_request_params(replace_in_body(BODY, "How can I", "What can I"), seed=7)
    assert [failed(one) for one in audited(tmp_path, [row(at(BODY, EIGHT)), row(at(other, EIGHT))])] == [set(), set()]
    assert failed(audited(tmp_path, [row(at(BODY, EIGHT)), row(at(OTHER, EIGHT))])[1]) == {"identity.id-unique"}


def test_requests_of_one_second_may_be_answered_minutes_apart(tmp_path: Path) -> None:
    minutes = "Thu, 09 Oct 2025 08:58:20 GMT"
    rows = [row(at(BODY, EIGHT)), row(at(named(OTHER, "chatcmpl-other"), minutes))]
    assert [failed(one) for one in audited(tmp_path, rows)] == [set(), set()]


def test_the_order_of_the_rows_is_not_that_of_time(tmp_path: Path) -> None:
    later = replace_in_body(named(OTHER, "chatcmpl-other"), "1760000000", "1760003600")
    rows = [row(at(later, NINE)), row(at(BODY, EIGHT))]
    assert [failed(one) for one in audited(tmp_path, rows)] == [set(), set()]


def test_what_a_publisher_altered_is_not_held_against_others(tmp_path: Path) -> None:
    rows = [
        row(at(replace_in_body(named(one, "chatcmpl-REDACTED"), "1760000000", "0"), date))
        for one, date in ((BODY, EIGHT), (OTHER, NINE))
    ]
    found = audited(tmp_path, rows)
    assert [failed(one) for one in found] == [set(), set()]
    assert found[1]["identity.id-unique"].message == "the publisher of the recording altered id"


@pytest.mark.parametrize(
    ("exchange", "params", "rule"),
    [
        (BODY, {"n": 2}, "params.n"),
        (BODY, {"stop": ["How"]}, "params.stop"),
        (BODY, {"logprobs": True}, "params.logprobs"),
        (BODY, {"response_format": {"type": "json_object"}}, "structured.json"),
        (BODY, {"max_tokens": 3}, "usage.within-cap"),
        (replace_in_body(BODY, " help?", " he"), {"max_tokens": 4}, "finish_reason.length"),
        (STREAM_USAGE, {"stream_options": {}}, "usage.not-unasked"),
        (BODY, {"model": "claude-opus-4.7"}, "identity.model-served"),
        (BODY, {"tools": TOOLS.request.get("tools"), "tool_choice": "required"}, "tool_choice.required"),
    ],
)  # fmt: skip
def test_the_request_decides_what_applies(
    tmp_path: Path, exchange: Exchange, params: dict[str, Any], rule: str
) -> None:
    assert failed(audited(tmp_path, [row(exchange)])[0]) == set()
    assert rule in failed(audited(tmp_path, [row(with_request_params(exchange, **params))])[0])


def test_every_check_is_asked_of_every_row(tmp_path: Path) -> None:
    assert [set(one) for one in audited(tmp_path, [row(BODY), row(OTHER)])] == [set(OF_CHAT)] * 2
