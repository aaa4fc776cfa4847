"""Tables of exchanges are judged like single exchanges, whatever a row holds, in any batches."""

import json
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import harness
from harness import judge_batch
from harness.checks import CHECKS
from harness.cli import main
from harness.errors import UnknownName
from harness.judging.recordings import Subject, check_set, judge_recording
from harness.matrix.providers import load_matrix
from harness.recording.scrub import scrub
from harness.results import Log
from harness.scale import AGGREGATES, EXCHANGES, FINDINGS, aggregate, merge
from harness.simulate.chat.faults import FAULTS
from harness.simulate.reference import BODY, STREAM, STREAM_USAGE, TOOLS
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[1]


def row(number: int, exchange: Exchange) -> dict[str, object]:
    response = exchange.response
    return {
        "id": f"e{number}", "at": f"2026-11-{number % 3 + 1:02}T00:00:00Z", "url": "https://api.acme.example/v1/chat/completions",
        "request_body": (exchange.request.body or b"").decode(), "status": response.status,
        "response_headers": f'{{"content-type": "{response.headers.get("content-type")}"}}', "response_body": response.content,
    }  # fmt: skip


GOOD = [
    STREAM,
    BODY,
    STREAM_USAGE,
    TOOLS,
    *(FAULTS[name].apply() for name in ("object-missing", "stream-cut", "choices-null")),
]
BAD: list[dict[str, object]] = [
    {"id": "nothing"},
    {"id": "no body", "url": "https://api.acme.example/v1/chat/completions", "status": 200},
    {"id": "no JSON", "request_body": "{", "response_headers": "[", "response_body": b"\xff\xfe\x00"},
    {"id": "odd url", "url": "http://[", "response_body": b"{}"},
    {"id": "a list", "request_body": "[1]", "response_headers": "[1]", "response_body": b"[1]"},
]  # fmt: skip


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.Table.from_pylist([*(row(number, one) for number, one in enumerate(GOOD)), *BAD], EXCHANGES)


@pytest.fixture(scope="module")
def judged(table: pa.Table) -> pa.Table:
    return judge_batch(table)


def test_the_schemas_are_fixed(judged: pa.Table) -> None:
    assert judged.schema.equals(FINDINGS)
    assert judge_batch(EXCHANGES.empty_table()).schema.equals(FINDINGS)
    assert aggregate(judged).schema.equals(AGGREGATES)


def test_findings_are_those_of_each_exchange_alone(table: pa.Table) -> None:
    found = judge_batch(table, quiet="all").to_pylist()
    checks = check_set(CHECKS.values())
    for number, exchange in enumerate(GOOD):
        subject = Subject("api.acme.example", "m", "audit.stream", None)
        plain = Exchange(exchange.request, exchange.response)
        expected = judge_recording([scrub(plain)], subject, checks).all_findings(checks.levels)
        rows = {one["check"]: one for one in found if one["row"] == number}
        ours = {one.check: one.outcome.value for one in expected if one.family not in {"http", "identity", "sdk"}}
        assert {check: rows[check]["outcome"] for check in ours} == ours


def test_a_problem_is_a_row_with_its_place_and_what_is_quiet_is_counted(judged: pa.Table) -> None:
    rows = [one for one in judged.to_pylist() if one["id"] == "e4"]
    (told,) = [one for one in rows if one["check"] == "chunk.object"]
    assert (told["outcome"], told["level"], told["day"], told["provider"]) == (
        "fail",
        "MUST",
        "2026-11-02",
        "api.acme.example",
    )
    assert told["offset"] is not None
    assert "object" in told["message"]
    counted = [one for one in rows if one["check"] is None]
    spoken = [check for check in CHECKS.values() if "chat" in check.dialects]
    assert sum(one["count"] for one in rows) == len(spoken)
    assert all(one["outcome"] in {"pass", "n/a", "observed", "blocked"} for one in counted)


def test_a_bad_row_is_a_row_of_the_answer(judged: pa.Table) -> None:
    for number, bad in enumerate(BAD, len(GOOD)):
        rows = [one for one in judged.to_pylist() if one["row"] == number]
        assert rows, bad
        assert {one["outcome"] for one in rows} & {"broken"} == set(), rows
    unread = [one for one in judged.to_pylist() if one["check"] == "recording.readable"]
    assert {"nothing", "no body"} <= {one["id"] for one in unread}
    assert all(one["message"] for one in unread)


def test_what_is_quiet_may_be_left_out(table: pa.Table, judged: pa.Table) -> None:
    none = judge_batch(table, quiet="none")
    assert none.equals(judged.filter(pa.compute.is_valid(judged["check"])))


def test_the_same_comes_out_however_it_is_cut_and_from_another_process(table: pa.Table, judged: pa.Table) -> None:
    halves = [judge_batch(batch) for batch in table.to_batches(max_chunksize=3)]
    together = pa.concat_tables(halves).drop_columns("row")
    assert together.equals(judged.drop_columns("row"))
    judge = pickle.loads(pickle.dumps(partial(judge_batch, checks=("chunk", "sse.done"))))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(judge, table).result().equals(judge(table))


def test_counts_by_day_merge(judged: pa.Table) -> None:
    whole = aggregate(judged, examples=2)
    parts = [aggregate(judged.slice(at, 7), examples=2) for at in range(0, judged.num_rows, 7)]
    merged = merge(parts, examples=2)
    assert merged.drop_columns("examples").equals(whole.drop_columns("examples"))
    assert sum(whole["count"].to_pylist()) == sum(judged["count"].to_pylist())
    assert all(len(some) <= 2 for some in merged["examples"].to_pylist())
    (failed,) = [one for one in whole.to_pylist() if one["check"] == "chunk.object" and one["outcome"] == "fail"]
    assert failed["examples"] == ["e4"]


def test_columns_of_others_and_providers_by_host() -> None:
    named = row(0, STREAM) | {"url": "https://api.deepseek.com/v1/chat/completions"}
    theirs = pa.table({"request_id": [named["id"]], "uri": [named["url"]], "answer": [named["response_body"].decode()]})  # type: ignore[attr-defined]
    matrix = load_matrix(ROOT / "providers.yaml")
    found = judge_batch(theirs, matrix=matrix, columns={"id": "request_id", "url": "uri", "response_body": "answer"})
    assert set(found["provider"].to_pylist()) == {"deepseek"}
    assert set(found["id"].to_pylist()) == {"e0"}


@pytest.mark.parametrize("table", [None, [], {"url": ["x"]}, "rows.parquet"])
def test_what_is_no_table_is_refused(table: Any) -> None:
    with pytest.raises(TypeError, match=f"takes a pyarrow Table or RecordBatch, not {type(table).__name__}; of rows"):
        judge_batch(table)


def test_what_is_misspelt_is_refused(table: pa.Table) -> None:
    with pytest.raises(UnknownName, match=r"unknown check 'usage.som'; try usage.sum"):
        judge_batch(table, checks=["usage.som"])
    with pytest.raises(UnknownName, match="unknown column 'idd'"):
        judge_batch(table, columns={"id": "idd"})
    with pytest.raises(UnknownName, match="unknown column of EXCHANGES 'respons_body'; try response_body"):
        judge_batch(table, columns={"respons_body": "id"})


def test_without_pyarrow_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['pyarrow'] = None; import harness; harness.judge_batch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith(
        "harness.judge_batch needs pyarrow; install it with: pip install 'llm-compat-harness[scale]'\n"
    )


def test_harness_has_it_by_name() -> None:
    assert harness.judge_batch is judge_batch
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'judge_batches'"):
        harness.judge_batches  # noqa: B018 - that it is not there


@pytest.mark.thorough
def test_the_example_finds_the_same_each_way_and_queries_it() -> None:
    command = [sys.executable, str(ROOT / "examples/scale/judge.py"), "60"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "one process: 60 exchanges" in told.stdout
    assert "two processes: 60 exchanges" in told.stdout
    assert "what hits the OpenAI SDK" in told.stdout


def _archive(path: Path) -> Path:
    lines = []
    for exchange in GOOD:
        request = {"url": "https://api.acme.example/v1/chat/completions", "body": exchange.request.json}
        answer = {"status": exchange.response.status, "body_text": exchange.response.content.decode()}
        answer["headers"] = {"content-type": exchange.response.headers.get("content-type")}
        lines.append(json.dumps({"request": request, "response": answer}))
    path.write_text("\n".join(lines) + "\n")
    return path


def _audited(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_an_audit_writes_the_same_findings_as_a_table_and_as_lines(tmp_path: Path) -> None:
    archive, lines, table = _archive(tmp_path / "a.jsonl"), tmp_path / "found.jsonl", tmp_path / "found.parquet"
    assert _audited(archive, "--results", lines) == _audited(archive, "--results", table) == 1
    read, found = Log(lines), pq.read_table(table)
    assert found.schema.equals(FINDINGS)
    told = [(one.cassette, one.check, one.outcome.value, one.message) for result in read for one in result.findings]
    rows = found.to_pylist()
    assert told
    assert [(row["id"], row["check"], row["outcome"], row["message"]) for row in rows if row["check"]] == told
    assert sum(row["count"] for row in rows) == sum(result.outcomes.total() for result in read)
    assert aggregate(found).num_rows


def test_a_table_is_written_over_a_table_alone_and_not_at_all_where_nothing_was_judged(tmp_path: Path) -> None:
    archive, other, table = _archive(tmp_path / "a.jsonl"), tmp_path / "notes.parquet", tmp_path / "found.parquet"
    other.write_text("my notes")
    assert _audited(archive, "--results", other) == 2
    assert other.read_text() == "my notes"
    empty = tmp_path / "none.jsonl"
    empty.write_text('{"a": 1}\n')
    assert _audited(empty, "--results", table) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "none.jsonl", "notes.parquet"]
    assert _audited(archive, "--results", table) == 1
    assert _audited(archive, "--results", table) == 1
