"""Published recordings: their paths, which of them are new, and what is kept of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks import CHECKS
from harness.evidence.published import TELLING, Published, files_of, kept_in, new_forms, published, slug_of, to_keep
from harness.recording.archives import Entry
from harness.recording.atomic import write_atomically
from harness.recording.masking import NOTE
from harness.reports.start_table import QUESTIONS
from harness.reports.summary import FEATURES
from harness.results import Level
from harness.simulate.chat.ideal import error
from harness.simulate.reference import (
    BODY,
    REASONING,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    replace_in_body,
    with_header,
    with_request_params,
    with_response,
)
from harness.wire.exchange import Exchange, Request, Source

URL = "https://github.com/acme/tests/blob/0123abc/fixtures/chat.yaml"


def at(exchange: Exchange, day: str | None = "2026-03-01", url: str | None = URL) -> Exchange:
    return replace(exchange, source=Source("recorded", day, url))


def one(exchange: Exchange, day: str = "2026-03-01", model: str = "small") -> Published:
    return Published("acme", model, day, at(exchange, day))


def test_provider_model_and_day_are_told_by_the_recording() -> None:
    asked = Request("POST", "https://llm.acme.example/v1/chat/completions", body=BODY.request.body)
    entries = [
        Entry(at(replace(BODY, request=asked)), "a#0", "Acme Cloud"), Entry(at(replace(BODY, request=asked), None), "a#1"),
        Entry(at(replace(BODY, request=Request("POST", ""))), "a#2"),
    ]  # fmt: skip
    found = list(published(entries, None))
    assert [(x.provider, x.model, x.day) for x in found] == [
        ("acme-cloud", "gpt-4o-mini", "2026-03-01"), ("llm.acme.example", "gpt-4o-mini", "2025-10-09"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "slug"), [("Qwen/Qwen3-8B:free", "qwen-qwen3-8b-free"), ("../..", ""), ("a b\n", "a-b"), (".x", "x")]
)
def test_a_slug_is_a_part_of_a_path(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@pytest.mark.parametrize(
    "other",
    [
        replace_in_body(STREAM, "How can I", "Who are you, and what"), replace_in_body(STREAM, "chatcmpl-reference", "chatcmpl-another"),
        with_request_params(STREAM, temperature=0.3), with_header(STREAM, "x-served-by", "cache-7"),
        replace_in_body(STREAM, '"content":"!', '"content":"!!'),
    ],
)  # fmt: skip
def test_what_no_rule_tells_apart_is_of_one_form(other: Exchange) -> None:
    assert one(STREAM).form == one(other).form


@pytest.mark.parametrize(
    "other",
    [
        BODY, TOOLS, STREAM_USAGE, REASONING, replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":""'),
        replace_in_body(STREAM, ',"created":1760000000', ""), with_request_params(STREAM, stop=["x"]),
        replace_in_body(STREAM, "data: [DONE]\n\n", ""), with_header(STREAM, "content-type", "text/plain"),
    ],
)  # fmt: skip
def test_what_a_rule_or_a_table_tells_apart_is_of_another(other: Exchange) -> None:
    assert one(STREAM).form != one(other).form


def test_the_columns_of_the_tables_tell_forms_apart() -> None:
    observed = {check.id for check in CHECKS.values() if check.level is Level.OBSERVE}
    assert set(FEATURES.values()) | {question.observation for question in QUESTIONS} == TELLING
    assert observed >= TELLING


def test_of_one_form_of_a_provider_the_newest_is_kept_and_what_is_there_stays() -> None:
    old, new, large = one(STREAM, "2025-01-01"), one(STREAM, "2026-01-01"), one(STREAM, "2024-01-01", "large")
    undated, other = one(BODY, "undated"), replace(old, provider="other")
    assert new_forms([undated, old, new, large, other], []) == [new, other, undated]
    assert new_forms([new, undated], [old]) == [undated]


@pytest.mark.parametrize(
    ("exchange", "model", "doubt"),
    [
        (at(BODY, "2025-10-09"), "small", None), (at(STREAM, "2025-10-09"), "small", None),
        (at(replace(BODY, response=error(400, "no such model")), "2025-10-09"), "small", None),
        (at(BODY, url=None), "small", "without a public address"),
        (at(BODY, url="https://github.com/index:123/blob//notes"), "small", "without a public address"),
        (at(BODY), "unknown", "of a model that nobody names"),
        (at(with_response(BODY, body=b"method=POST path=/v1/chat/completions")), "small", "without an answer or an error"),
        (at(with_header(BODY, "date", "Mon, 05 Jan 2026 00:00:00 GMT"), "2026-01-05"), "small", "with times that contradict each other"),
    ],
)  # fmt: skip
def test_what_is_no_evidence_is_doubted(exchange: Exchange, model: str, doubt: str | None) -> None:
    assert Published("acme", model, "2026-01-05", exchange).doubt == doubt


def test_it_is_kept_without_its_texts_with_its_public_address() -> None:
    kept = to_keep(one(BODY), "seed").exchange
    assert kept.source == Source("published", "2026-03-01", URL, NOTE)
    assert b"How can I help" not in kept.response.body
    assert len(kept.response.body) == len(BODY.response.body)
    assert to_keep(one(BODY), "seed").exchange.response.body == kept.response.body


@pytest.mark.parametrize("url", [None, "https://github.com/index:123/blob//notes"])
def test_an_address_that_leads_nowhere_is_not_kept(url: str | None) -> None:
    assert to_keep(Published("acme", "small", "2026-03-01", at(BODY, url=url)), "s").exchange.source.url is None


def test_files_are_named_by_date_and_form_and_none_is_written_over(tmp_path: Path) -> None:
    new = [one(STREAM), one(replace_in_body(STREAM, "[DONE]", "[DONE] ")), one(TOOLS), one(BODY, "undated")]
    for path, content, _ in files_of(new, tmp_path, "seed"):
        write_atomically(path, content)
    folder = tmp_path / "cassettes/acme/published/small"
    assert sorted(path.name for path in folder.iterdir()) == [
        "2026-03-01-stream-2.yaml", "2026-03-01-stream-calls.yaml", "2026-03-01-stream.yaml", "undated-body.yaml",
    ]  # fmt: skip
    (again, *_), *_ = [list(files_of([one(STREAM)], tmp_path, "seed"))]
    assert again[0] == folder / "2026-03-01-stream-3.yaml"
    assert len(kept_in(tmp_path)) == 4
    assert new_forms(new, kept_in(tmp_path)) == []
