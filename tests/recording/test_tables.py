"""Recordings in Parquet, and rows of gateways' logs, are read like JSON lines."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import judge_batch
from harness.errors import BadArchive
from harness.recording.archives import archives_in, read_archive
from harness.scale import EXCHANGES, FINDINGS
from harness.simulate.reference import BODY, STREAM

URL = "https://api.openai.com/v1/chat/completions"
ANSWER: dict[str, Any] = json.loads(BODY.response.content)
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TAP = {
    "request": {
        "headers": [
            {"key": ":authority", "value": "api.openai.com"},
            {"key": ":path", "value": "/v1/chat/completions"},
            {"key": ":method", "value": "POST"},
            {"key": ":scheme", "value": "https"},
        ],
        "body": {"truncated": False, "as_string": json.dumps(ASKED)},
    },
    "response": {
        "headers": [{"key": ":status", "value": "200"}, {"key": "Content-Type", "value": "application/json"}],
        "body": {"truncated": False, "as_string": json.dumps(ANSWER)},
    },
}
# Rows as the gateways' own documents and table definitions have them.
ROWS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "LiteLLM's spend logs": (
        {"request_id": "r", "startTime": datetime(2026, 11, 3, tzinfo=UTC), "custom_llm_provider": "deepseek",
         "model": "m", "messages": json.dumps(ASKED["messages"]), "response": json.dumps(ANSWER), "status": "success"},
        "deepseek", "2026-11-03",
    ),
    "LiteLLM's payload": (
        {"id": "r", "startTime": 1760000000.5, "custom_llm_provider": "openai", "model": "m", "messages": ASKED["messages"],
         "response": ANSWER, "model_parameters": {"temperature": 0.5}, "status": "success"},
        "openai", "2025-10-09",
    ),
    "Kong": (
        {"started_at": 1787113201719, "request": {"url": "http://localhost:8000/v1/chat/completions", "method": "POST"},
         "response": {"status": 200, "headers": {"content-type": "application/json"}},
         "ai": {"proxy": {"payload": {"request": json.dumps(ASKED), "response": json.dumps(ANSWER)},
                          "meta": {"provider_name": "openai"}}}},
        "openai", "2026-08-19",
    ),
    "Envoy's tap": ({"http_buffered_trace": TAP}, "api.openai.com", None),
    "OpenInference": (
        {"attributes": json.dumps({"input.value": json.dumps(ASKED), "output.value": json.dumps(ANSWER)})}, "unknown", None
    ),
    "OpenTelemetry with bodies": (
        {"http.request.body": json.dumps(ASKED), "http.response.body": json.dumps(ANSWER), "url.full": URL,
         "gen_ai.provider.name": "openai"},
        "openai", None,
    ),
    "columns of bytes": ({"requestBody": json.dumps(ASKED).encode(), "responseBody": json.dumps(ANSWER).encode(), "url": URL},
        "api.openai.com", None,
    ),
}  # fmt: skip


def written(path: Path, *rows: dict[str, Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_gateways_are_read_whatever_their_columns_are_called(tmp_path: Path, name: str) -> None:
    row, provider, day = ROWS[name]
    (entry,) = read_archive(written(tmp_path / "log.parquet", row))
    exchange = entry.exchange
    assert exchange.completion.messages[0].content == "你好! How can I help?"
    assert exchange.model == "m"
    assert (exchange.source.at or "")[:10] == (day or "")
    assert entry.origin.endswith("log.parquet:1")
    found = judge_batch(pa.Table.from_pylist([row])).to_pylist()
    assert {(one["provider"], one["model"], one["day"]) for one in found} == {(provider, "m", day)}
    assert not {one["outcome"] for one in found} & {"broken"}


def test_bytes_are_as_they_came(tmp_path: Path) -> None:
    body = STREAM.response.content + b"\r\n: \xff\n\n"
    headers = '{"content-type":"text/event-stream"}'
    row = {"id": "a", "at": "2026-11-02T03:04:05Z", "url": URL, "response_headers": headers, "response_body": body}
    path = tmp_path / "exchanges.parquet"
    pq.write_table(pa.Table.from_pylist([row, {"id": "b", "url": f"{URL}x"}], EXCHANGES), path)
    unread: list[Any] = []
    (entry,) = read_archive(path, unread.append)
    assert entry.exchange.response.content == body
    assert entry.exchange.source.at == "2026-11-02"
    assert len(unread) == 1


def test_a_body_that_envoy_cut_is_told() -> None:
    cut = TAP | {"response": TAP["response"] | {"body": {"truncated": True, "as_string": "{"}}}
    (row,) = judge_batch(pa.Table.from_pylist([{"http_buffered_trace": cut}])).to_pylist()
    assert (row["check"], row["outcome"]) == ("recording.readable", "inconclusive")
    assert "raise its max_buffered_tx_bytes" in row["message"]


def test_a_trace_of_envoy_is_read_as_a_document(tmp_path: Path) -> None:
    (tmp_path / "tap_1.json").write_text(json.dumps({"http_buffered_trace": TAP}, indent=1))
    (entry,) = read_archive(tmp_path / "tap_1.json")
    assert entry.exchange.request.url == URL


def test_what_is_of_no_dialect_is_no_failure() -> None:
    table = pa.Table.from_pylist([{"url": "https://api.openai.com/v1/embeddings", "response_body": b"{}"}])
    (row,) = judge_batch(table).to_pylist()
    assert (row["outcome"], row["message"]) == ("n/a", "not judged: embeddings")


def test_spans_without_bodies_are_told() -> None:
    span = {"gen_ai.provider.name": "openai", "gen_ai.output.messages": '[{"role":"assistant","parts":[]}]'}
    (row,) = judge_batch(pa.Table.from_pylist([span])).to_pylist()
    assert (row["check"], row["message"].partition(";")[0]) == ("recording.readable", "row: there is no response in it")


def test_what_can_not_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    path = written(tmp_path / "log.parquet", ROWS["Kong"][0])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(
        BadArchive, match=r"^[^\n]*log.parquet: no Parquet that can be read \([^\n]*\); write it again$"
    ):
        list(read_archive(path))


def test_in_a_folder_what_an_audit_wrote_is_no_recording(tmp_path: Path) -> None:
    exchanges = written(tmp_path / "log.parquet", ROWS["Kong"][0])
    pq.write_table(FINDINGS.empty_table(), tmp_path / "found.parquet")
    assert archives_in(tmp_path) == [exchanges]
