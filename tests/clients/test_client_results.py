"""clients.jsonl round-trips, and an invalid or incomplete log is rejected in one line."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BadResults, Unwritable
from harness.results import (
    ClientFinding,
    ClientOutcome,
    ClientResults,
    LoopFinding,
    ProviderPrediction,
    Run,
    read_client_results,
    write_client_results,
)
from harness.results.clients import BEYOND
from harness.results.frame import SCHEMA

RUN = Run("0.1.0", "2026-01-02T03:04:05+00:00", "clients")
CLIENTS: dict[str, dict[str, Any]] = {
    "a.print": {"title": "`print(…)`", "tier": 0, "environment": "own", "versions": {"openai": "3.0"}},
    "b": {"title": "B – 二", "tier": 1, "environment": "b", "versions": {}},
}
FINDINGS = [
    ClientFinding("a.print", "reference", "gpt-4o-mini", "chat.stream", ClientOutcome.OK),
    ClientFinding("a.print", "reference", "gpt-4o-mini", "tools.round-trip#2", ClientOutcome.OK),
    ClientFinding("a.print", "reference", "gpt-4o-mini", "chat.stream", ClientOutcome.SILENT, "a stream that was cut", "stream-cut"),
    ClientFinding(
        "a.print", "deepseek", "v3", "chat.stream", ClientOutcome.NONE, '"你好None"', None, ClientOutcome.NONE, "content-null", "", on_reference=True,
        provenance="recorded", recorded_at="2026-01-01T00:00:00Z",
    ),
    ClientFinding("a.print", "deepseek", "v3", "error.bad-key", ClientOutcome.OK, predicted=ClientOutcome.CRASH, why="something makes up for it"),
    ClientFinding("b", "reference", "gpt-4o-mini", "chat.stream", ClientOutcome.ENV, "not installed"),
]  # fmt: skip
LOOPS = [
    LoopFinding("a.print", "reasoning", "reasoning_content", "null", ("n", "seed")),
    LoopFinding("b", "reasoning_content", message="KeyError: 'x'"),
]
FORESEEN = [
    ProviderPrediction("a.print", "acme", ClientOutcome.CRASH, "delta-null"),
    ProviderPrediction("b", "acme", ClientOutcome.OK),
]


def results(**changes: Any) -> ClientResults:
    """Return results whose lists belong to the caller."""
    given_: dict[str, Any] = {"findings": list(FINDINGS), "loops": list(LOOPS), "foreseen": list(FORESEEN)} | changes
    return ClientResults(RUN, CLIENTS, **given_)


def in_order(findings: list[ClientFinding]) -> list[ClientFinding]:
    return sorted(findings, key=lambda one: tuple(map(str, dataclasses.astuple(one))))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clients.jsonl"


def test_what_is_written_is_read_back(path: Path) -> None:
    write_client_results(path, results())
    read = read_client_results(path)
    assert (read.run, read.clients, read.loops, read.foreseen) == (RUN, CLIENTS, LOOPS, FORESEEN)
    assert in_order(read.findings) == in_order(FINDINGS)
    assert read.fates == {"silent": 1, "prints None": 1, "ok": 3, "env": 1}


def test_what_was_read_is_written_just_so(path: Path) -> None:
    write_client_results(path, results())
    written = path.read_bytes()
    write_client_results(path, read_client_results(path))
    assert path.read_bytes() == written


def test_answers_that_a_client_makes_the_same_of_share_a_line(path: Path) -> None:
    write_client_results(path, results())
    rows = lines_of(path)
    answers = next(row for row in rows if row["kind"] == "answers")
    assert answers == {
        "kind": "answers",
        "provider": "reference",
        "answers": ["gpt-4o-mini/chat.stream", "gpt-4o-mini/tools.round-trip#2", "gpt-4o-mini/chat.stream/stream-cut"],
    }
    fates = [(row["provider"], row["fate"], row["answers"]) for row in rows if row["kind"] == "fate"]
    assert fates == [
        ("reference", "ok", {"0-1": ["a.print"]}),
        ("reference", "silent", {"2": ["a.print"]}),
        ("reference", "env", {"0": ["b"]}),
        ("deepseek", "prints None", {"0": ["a.print"]}),
        ("deepseek", "ok", {"1": ["a.print"]}),
    ]


def test_what_changes_in_one_provider_changes_its_lines_alone(path: Path) -> None:
    write_client_results(path, results())
    before = lines_of(path)
    other = dataclasses.replace(FINDINGS[3], fate=ClientOutcome.CRASH, request_id="chat.unicode")
    write_client_results(path, results(findings=[*FINDINGS[:3], other, *FINDINGS[3:]]))
    changed = [row for row in lines_of(path) if row not in before]
    assert {row.get("provider") for row in changed if row["kind"] != "end"} == {"deepseek"}


def test_a_log_of_schema_2_is_read(path: Path) -> None:
    shared: dict[str, Any] = {"client": "a.print", "provider": "reference", "fate": "ok", "message": "", "why": ""}
    shared |= dict.fromkeys(("predicted", "cause", "provenance", "recorded_at")) | {"on_reference": False}
    rows: list[dict[str, Any]] = [
        {"kind": "run", "schema": 2, **dataclasses.asdict(RUN), "clients": CLIENTS},
        {"kind": "client", **shared, "answers": ["gpt-4o-mini/chat.stream", "gpt-4o-mini/tools.round-trip#2"]},
        {"kind": "end", "findings": 2, "outcomes": {"ok": 2}},
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    assert read_client_results(path).findings == FINDINGS[:2]


def test_the_cell_of_a_finding_names_its_answer() -> None:
    assert [one.cell for one in FINDINGS[1:4]] == [
        "a.print/reference/gpt-4o-mini/tools.round-trip#2",
        "a.print/stream-cut",
        "a.print/deepseek/v3/chat.stream",
    ]


def test_a_prediction_agrees_where_both_survive_or_neither_does() -> None:
    finding = FINDINGS[3]
    told = {
        fate: dataclasses.replace(finding, predicted=fate).agrees
        for fate in (ClientOutcome.CRASH, ClientOutcome.NONE, ClientOutcome.OK, None)
    }
    assert told == {ClientOutcome.CRASH: True, ClientOutcome.NONE: True, ClientOutcome.OK: False, None: None}


def test_the_worst_fates_are_told_first() -> None:
    findings = [dataclasses.replace(FINDINGS[0], fate=fate) for fate in reversed(ClientOutcome)]
    assert list(results(findings=findings).fates) == [str(fate) for fate in ClientOutcome]
    assert [fate for fate in ClientOutcome if not fate.bad] == [ClientOutcome.OK, ClientOutcome.NA, ClientOutcome.ENV]


NAME = st.text(st.characters(codec="utf-8", exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=8)
WORDS = st.text(max_size=20)
FATES = st.sampled_from(ClientOutcome)
FINDING = st.builds(
    ClientFinding, st.sampled_from(list(CLIENTS)), NAME, NAME, NAME, FATES, WORDS, st.none() | NAME, st.none() | FATES,
    st.none() | NAME, WORDS, st.booleans(), st.sampled_from([None, "recorded", "published", "reconstructed"]),
    st.none() | st.just("2026-01-01"),
)  # fmt: skip


@settings(max_examples=40)
@given(
    st.lists(FINDING, min_size=1, max_size=6),
    st.lists(st.builds(LoopFinding, NAME, NAME, st.none() | NAME, WORDS), max_size=2),
)
@pytest.mark.thorough
def test_any_findings_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, findings: list[ClientFinding], loops: list[LoopFinding]
) -> None:
    path = tmp_path_factory.mktemp("any") / "clients.jsonl"
    write_client_results(path, results(findings=findings, loops=loops))
    read = read_client_results(path)
    assert in_order(read.findings) == in_order(findings)
    assert read.loops == loops


def test_what_holds_no_results_is_not_replaced(path: Path) -> None:
    path.write_text("my notes\n")
    with pytest.raises(Unwritable, match=r"is not a results file"):
        write_client_results(path, results())
    assert path.read_text() == "my notes\n"


Rows = list[dict[str, Any]]
Spoil = Callable[[Rows], Rows]


def changing(kind: str, /, **keys: Any) -> Spoil:
    """Return a function that sets keys of the first row of a kind."""

    def spoil(rows: Rows) -> Rows:
        at = next(number for number, row in enumerate(rows) if row["kind"] == kind)
        return [*rows[:at], rows[at] | keys, *rows[at + 1 :]]

    return spoil


SPOILT: dict[str, tuple[Spoil, str]] = {
    "no end line": (lambda rows: rows[:-1], r":13: no end line, so the run was interrupted"),
    "no run line": (lambda rows: rows[1:], r":1: no run line"),
    "nothing at all": (lambda _: [], r":1: no run line"),
    "another schema": (changing("run", schema=SCHEMA + 1), rf":1: schema {SCHEMA + 1}, this version reads 1, 2, {SCHEMA}"),
    "no clients": (lambda rows: [{k: v for k, v in rows[0].items() if k != "clients"}, *rows[1:]], r":1: the run line names no clients"),
    "clients in a list": (changing("run", clients=["a.print"]), r":1: the run line names no clients"),
    "a client of which nothing is told": (
        changing("run", clients={"a.print": []}), r":1: clients.a.print: Input should be a dictionary",
    ),
    "versions that are none": (
        changing("run", clients={"b": CLIENTS["b"] | {"versions": {"b": 1}}}), r":1: clients.b.versions.b: Input should be a valid",
    ),
    "an answer that is an object": (changing("answers", answers=[{}]), r":2: Input should be a valid string"),
    "no date": (changing("run", started=None), r":1: the run line has no 'started'"),
    "another kind": (changing("fate", kind="finding"), r":5: a line of the kind 'finding', where clients and loops stand"),
    "no kind": (changing("loop", kind=None), r":10: a line of the kind None"),
    "an unknown fate": (changing("fate", fate="sad"), r":5: Input should be 'silent'"),
    "an unknown fate foretold": (changing("foreseen", predicted="sad"), r":12: Input should be 'silent'"),
    "an unknown key": (changing("fate", mood="sad"), r":5: "),
    "an unknown key of a loop": (changing("loop", mood="sad"), r":10: "),
    "a client that is a number": (changing("fate", answers={"0": [1]}), r":5: Input should be a valid string"),
    "an answer without its question": (changing("answers", answers=["gpt-4o-mini"] * 3), r":5: not enough values"),
    "answers that are no list": (changing("fate", answers=2), r":5: "),
    "a number of no answer": (changing("fate", answers={"3": ["a.print"]}), r":5: answers 3, where the provider has 3; run"),
    "a range that is none": (changing("fate", answers={"2-1": ["a.print"]}), r":5: answers 2-1, "),
    "a number that is a word": (changing("fate", answers={"all": ["a.print"]}), r":5: invalid literal"),
    "another provider": (changing("fate", provider="acme"), r":5: answers 0-1, where the provider has 0"),
    "an answer too few": (changing("fate", answers={"0": ["a.print"]}), r":14: the end line counts 6 findings, the file holds 5"),
    "another count": (changing("end", findings=7), r":14: the end line counts 7 findings, the file holds 6"),
    "no count": (changing("end", findings=None), r":14: the end line counts None findings"),
    "other outcomes": (changing("end", outcomes={"ok": 6}), r":14: the end line counts other outcomes"),
    "no finding": (
        lambda rows: [rows[0], rows[-1] | {"findings": 0, "outcomes": {}}], r": it has no findings",
    ),
}  # fmt: skip


def refused(path: Path) -> str:
    with pytest.raises(BadResults) as caught:
        read_client_results(path)
    return str(caught.value)


@pytest.mark.parametrize("name", SPOILT)
def test_a_file_that_is_no_whole_log_is_refused_in_a_line_that_names_the_place(name: str, path: Path) -> None:
    spoil, expected = SPOILT[name]
    write_client_results(path, results())
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in spoil(lines_of(path))))
    said = refused(path)
    assert "\n" not in said
    assert said.startswith(str(path))
    assert re.match(expected, said.removeprefix(str(path))), said


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"not JSON\n", ":1: not JSON"),
        (b"[]\n", ":1: not an object"),
        (b"\xff\xfe\n", ":1: not JSON"),
        (b'{"kind":"run"', ":1: not JSON"),
        (b"", ":1: no run line"),
    ],
)
def test_what_is_no_log_is_refused_in_a_line(content: bytes, expected: str, path: Path) -> None:
    path.write_bytes(content)
    said = refused(path)
    assert said.startswith(f"{path}{expected}")
    assert "\n" not in said


def test_a_file_that_is_not_there_is_refused_with_how_to_make_one(path: Path) -> None:
    assert refused(path) == f"{path}: No such file or directory; make one with: harness clients run"


def test_a_log_of_checks_is_refused(path: Path) -> None:
    rows = [
        {"kind": "run", "schema": SCHEMA, **dataclasses.asdict(RUN), "checks": []},
        {"kind": "end", "findings": 0, "outcomes": {}},
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    assert refused(path) == f"{path}:1: the run line names no clients; this is not a file of harness clients run"


def test_what_is_beyond_the_faults_tried_is_told_by_check() -> None:
    why = f"{BEYOND}chunk.vendor-keys: delta.reasoning; chunk.vendor-keys: x_groq; http.media-type: a/b; charset=utf-8"
    one = ClientFinding("a", "groq", "m", "chat.stream", ClientOutcome.CRASH, predicted=ClientOutcome.OK, why=why)
    assert one.beyond == {"chunk.vendor-keys": ["delta.reasoning", "x_groq"], "http.media-type": ["a/b; charset=utf-8"]}
    assert dataclasses.replace(one, why="what it has does harm together only").beyond == {}


def test_what_was_to_make_up_for_it_explains_no_break() -> None:
    one = ClientFinding("a", "groq", "m", "chat.stream", ClientOutcome.CRASH, predicted=ClientOutcome.OK, cause="x")
    assert one.explanation is None
    assert dataclasses.replace(one, predicted=ClientOutcome.SILENT).explanation == "x"
