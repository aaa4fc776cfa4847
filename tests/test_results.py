"""Outcomes and the results file."""

import errno
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from harness.errors import BadResults, Unwritable
from harness.results import (
    Deviation,
    Evidence,
    Finding,
    Level,
    Log,
    LogWriter,
    Outcome,
    Problem,
    RecordingResult,
    Results,
    Run,
    digest_of,
    json_schema,
    judge,
    read_digest,
    read_results,
    write_digest,
    write_results,
)

KNOWN = Deviation("usage.sum", "why", "https://example.org", "2025", "9 + * is not [*]", ("chat.stream",), ("small",))
FINDING = Finding(
    "acme", "small", "chat.stream", "usage.sum", Level.MUST, Outcome.KNOWN, "9 + 1 is not [12]",
    (Evidence(0, 3, 812, "/usage", "…"), Evidence(0, None, 5, None, "x")), None, "recorded", "2026-01-02", "https://example.org", "c.yaml",
)  # fmt: skip
OTHER = Finding("acme", "small", "chat.stream", "role.pattern", Level.OBSERVE, Outcome.OBSERVED, value="first")
RESULTS = Results(Run("0.1.0", "2026-01-02T03:04:05+00:00", "replay", "openai 3"), [FINDING, OTHER])


@pytest.mark.parametrize(
    ("messages", "deviation", "outcome", "said"),
    [
        ([], None, Outcome.PASS, ""),
        (["a", "b"], None, Outcome.FAIL, "a (and 1 more)"),
        (["9 + 1 is not [12]"], KNOWN, Outcome.KNOWN, "9 + 1 is not [12]"),
        (["9 + 1 is not [12]", "x"], KNOWN, Outcome.CHANGED, "x (and 1 more); expected: 9 + * is not [*]"),
        (["9 + 1 is not [12]", "9 + 2 is not [1]"], KNOWN, Outcome.KNOWN, "9 + 1 is not [12] (and 1 more)"),
        (["9 + 1 is not 12"], KNOWN, Outcome.CHANGED, "9 + 1 is not 12; expected: 9 + * is not [*]"),
        ([], KNOWN, Outcome.FIXED, "no longer seen, delete its line from deviations.yaml: 9 + * is not [*]"),
    ],
)
def test_judge(messages: list[str], deviation: Deviation | None, outcome: Outcome, said: str) -> None:
    assert judge([Problem(message) for message in messages], [deviation] if deviation else []) == (outcome, said)


def test_what_shows_at_times_only_is_known_when_it_shows_and_not_fixed_when_it_does_not() -> None:
    at_times = Deviation("usage.sum", "why", "https://example.org", "2025", "x", sometimes=True)
    assert judge([Problem("x")], [at_times])[0] is Outcome.KNOWN
    assert judge([], [at_times]) == (Outcome.PASS, "")
    assert judge([Problem("y")], [at_times])[0] is Outcome.CHANGED
    assert judge([], [at_times, KNOWN])[0] is Outcome.FIXED


def test_each_of_two_deviations_expects_its_own() -> None:
    other = Deviation("usage.sum", "why", "https://example.org", "2025", "x")
    assert judge([Problem("x"), Problem("9 + 1 is not [12]")], [KNOWN, other])[0] is Outcome.KNOWN


def test_a_deviation_covers_what_it_names() -> None:
    assert KNOWN.covers("usage.sum", "chat.stream", "small")
    assert not KNOWN.covers("usage.sum", "chat.nonstream", "small")
    assert not KNOWN.covers("usage.sum", "chat.stream", "large")
    assert not KNOWN.covers("usage.once", "chat.stream", "small")
    assert Deviation("usage.sum", "", "", "", "").covers("usage.sum", "any", "any")


def test_results_come_back(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, RESULTS)
    assert read_results(path) == RESULTS
    assert [row["kind"] for row in lines_of(path)] == ["run", "recording", "finding", "group", "recording", "end"]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_a_finding_names_its_cell() -> None:
    assert FINDING.cell == "acme/small/chat.stream/usage.sum"
    assert FINDING.family == "usage"
    assert RESULTS.outcomes == {"known": 1, "observed": 1}


def test_only_unexpected_outcomes_are_red() -> None:
    findings = [Finding("a", "b", "c", "d", Level.MUST, outcome) for outcome in Outcome]
    assert {finding.outcome.value for finding in Results(RESULTS.run, findings).unexpected} == {
        "broken",
        "fail",
        "changed",
        "fixed",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines[:-1], ":5: no end line, so the run was interrupted"),
        (lambda lines: lines[1:], ":1: no run line"),
        (lambda lines: [*lines[:2], *lines[3:]], ":5: the end line counts 2 findings, the file holds 1"),
        (lambda lines: [*lines[:2], "{", *lines[3:]], ":3: not JSON"),
        (lambda lines: [*lines[:2], "[]", *lines[3:]], ":3: not an object"),
        (lambda lines: [*lines[:2], '{"kind":"x"}', *lines[3:]], ":3: not a finding"),
        (lambda lines: [lines[0], *lines[2:]], ":2: not a finding"),
        (
            lambda lines: [*lines[:2], lines[2].replace('"recording":1', '"recording":7'), *lines[3:]],
            ":3: it is of recording 7",
        ),
        (lambda lines: [*lines[:3], *lines[4:]], ":4: no group 1 stands before it"),
        (
            lambda lines: [*lines[:3], lines[3].replace("role.pattern", "role.patter"), *lines[4:]],
            ":4: the run line lists no check",
        ),
        (
            lambda lines: [*lines[:3], lines[3].replace('"observed":1', '"observed":2'), *lines[4:]],
            ":4: the group counts other",
        ),
        (lambda lines: [*lines, lines[-1]], ":6: only findings stand between"),
        (
            lambda lines: [lines[0].replace('"schema":3', '"schema":9'), *lines[1:]],
            ":1: schema 9, this version reads 1, 2, 3",
        ),
        (
            lambda lines: [*lines[:5], lines[5].replace('"known":1', '"pass":1')],
            ":6: the end line counts other outcomes",
        ),
        (
            lambda lines: [lines[0].replace('"mode":"replay"', '"mode":5'), *lines[1:]],
            ":1: the run line has no 'mode'; run",
        ),
        (lambda lines: [lines[0].replace('"mode"', '"mood"'), *lines[1:]], ":1: the run line has no 'mode'; "),
        (lambda lines: [*lines[:2], lines[2].replace('"known"', '"fine"'), *lines[3:]], ":3: outcome: "),
        (lambda lines: [*lines[:2], lines[2].replace('"message"', '"massage"'), *lines[3:]], ":3: massage: "),
        (lambda lines: [lines[0].replace('"MUST"', '"WILL"'), *lines[1:]], ":1: checks.usage.sum: "),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, change: object, said: str) -> None:
    path = tmp_path / "results.jsonl"
    write_results(path, RESULTS)
    path.write_text("\n".join(change(path.read_text().splitlines())))  # type: ignore[operator]
    with pytest.raises(BadResults) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}{said}")
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").touch()
    with pytest.raises(BadResults, match=":1: no run line"):
        read_results(tmp_path / "results.jsonl")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match="make one with: harness run"):
        read_results(tmp_path / "none.jsonl")


def mixed() -> list[Finding]:
    """Findings on three recordings: two of one form, and one without a response."""
    told = [
        (Outcome.PASS, ""), (Outcome.NA, "why"), (Outcome.FAIL, "no"), (Outcome.PASS, ""), (Outcome.OBSERVED, "seen"),
        (Outcome.NA, "why"), (Outcome.BLOCKED, "chunk.c2 must pass first"), (Outcome.PASS, ""),
    ]  # fmt: skip
    findings = [
        Finding("acme", "small", scenario, f"chunk.c{n}", Level.MUST, outcome, text)
        for scenario in ("chat.stream", "chat.nonstream")
        for n, (outcome, text) in enumerate(told)
    ]
    for one in findings:
        if one.outcome is Outcome.OBSERVED:
            one.level, one.message, one.value = Level.OBSERVE, "", one.message
    missing = Finding("acme", "small", "chat.stop", "recording.present", Level.MUST, Outcome.MISSING, "no recording")
    return [*findings, missing]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_what_is_quiet_is_counted_in_a_group_that_recordings_share_and_comes_back_in_order(
    name: str, tmp_path: Path
) -> None:
    findings = mixed()
    write_results(tmp_path / name, Results(RESULTS.run, findings))
    assert read_results(tmp_path / name).findings == findings
    content = (tmp_path / name).read_bytes()
    rows = [orjson.loads(line) for line in (gzip.decompress(content) if name.endswith("gz") else content).splitlines()]
    kinds = ["run", "group", "recording", "finding", "recording", "finding", "recording", "finding", "end"]
    assert [row["kind"] for row in rows] == kinds
    assert rows[1]["counts"] == {"blocked": 1, "pass": 3, "observed": 1, "n/a": 2}
    assert rows[1]["outcomes"]["pass"] == {"": ["chunk.c0", "chunk.c3", "chunk.c7"]}
    assert rows[1]["outcomes"]["observed"] == {"seen": ["chunk.c4"]}
    assert rows[2]["groups"] == rows[4]["groups"] == [1]
    assert (rows[-1]["recordings"], rows[-1]["findings"]) == (3, len(findings))


def test_a_log_is_read_recording_by_recording(tmp_path: Path) -> None:
    write_results(tmp_path / "r.jsonl", Results(RESULTS.run, mixed()))
    log = Log(tmp_path / "r.jsonl")
    first, second, third = log
    assert first.groups[0] is second.groups[0]
    assert [one.outcome for one in first.findings] == [Outcome.FAIL]
    assert first.outcomes == {"fail": 1, "pass": 3, "n/a": 2, "observed": 1, "blocked": 1}
    assert [one.stands_in for one in (first, second, third)] == [False, False, True]
    assert list(log.findings()) == mixed()


def test_what_tells_more_than_its_outcome_is_a_line_of_its_own(tmp_path: Path) -> None:
    quiet = Finding("acme", "small", "chat.stream", "chunk.a", Level.MUST, Outcome.PASS)
    telling = [
        replace(quiet, check="chunk.b", outcome=Outcome.OBSERVED, value="v", evidence=FINDING.evidence),
        replace(quiet, check="chunk.c", outcome=Outcome.OBSERVED),
        replace(quiet, check="chunk.d", outcome=Outcome.OBSERVED, value="", message="m"),
        replace(quiet, check="chunk.e", source="https://example.org"),
        replace(quiet, check="chunk.f", value="v"),
        replace(quiet, check="chunk.g", outcome=Outcome.BLOCKED, known="2026"),
        replace(quiet, level=Level.SHOULD),  # the run line has one level a check
    ]
    write_results(tmp_path / "r.jsonl", Results(RESULTS.run, [quiet, *telling]))
    assert sorted(map(repr, read_results(tmp_path / "r.jsonl").findings)) == sorted(map(repr, [quiet, *telling]))
    assert sum(row["kind"] == "finding" for row in lines_of(tmp_path / "r.jsonl")) == len(telling)


def test_groups_are_numbered_anew_before_they_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.results.log._GROUPS", 3)
    findings = [
        Finding("acme", "small", f"s{n}", "chunk.id", Level.OBSERVE, Outcome.OBSERVED, value=f"v{n % 5}")
        for n in range(12)
    ]
    write_results(tmp_path / "r.jsonl", Results(RESULTS.run, findings))
    assert read_results(tmp_path / "r.jsonl").findings == findings
    assert max(row["group"] for row in lines_of(tmp_path / "r.jsonl") if row["kind"] == "group") == 3


def test_logs_of_schemas_1_and_2_are_read(tmp_path: Path) -> None:
    run = {"harness": "0.1.0", "started": "2026-01-02T03:04:05+00:00", "mode": "replay", "sdk": None}
    about: dict[str, Any] = {"provider": "acme", "model": "small", "scenario": "chat.stream", "provenance": "recorded"}
    about |= {"recorded_at": "2026-01-02", "source": None, "cassette": "c.yaml"}
    single: dict[str, Any] = {"kind": "finding", "message": "", "evidence": [], "value": None, **about}
    alone = [
        {**single, "check": "usage.sum", "level": "MUST", "outcome": "pass"},
        {**single, "check": "chunk.id", "level": "SHOULD", "outcome": "fail", "message": "no id"},
        {**single, "check": "usage.once", "level": "MUST", "outcome": "pass"},
    ]
    both = {"usage.sum": "MUST", "usage.once": "MUST"}
    shared = {"kind": "findings", "outcome": "pass", "message": "", **about, "checks": both}
    end: dict[str, Any] = {"kind": "end", "findings": 3, "outcomes": {"fail": 1, "pass": 2}}
    first = [{"kind": "run", "schema": 1, **run}, *alone, end]
    order = ["usage.sum", "chunk.id", "usage.once"]
    second = [{"kind": "run", "schema": 2, **run, "checks": order}, alone[1], shared, end]
    for rows in (first, second):
        path = tmp_path / "old.jsonl"
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        read = read_results(path).findings
        told = [(one.check, one.level, one.outcome) for one in read]
        assert told == [
            ("usage.sum", "MUST", "pass"),
            ("chunk.id", "SHOULD", "fail"),
            ("usage.once", "MUST", "pass"),
        ]
        assert {(one.cassette, one.recorded_at) for one in read} == {("c.yaml", "2026-01-02")}


def test_the_published_schema_is_the_one_that_is_printed_and_logs_keep_it(tmp_path: Path) -> None:
    schema = json.loads((Path(__file__).parents[1] / "harness/results/results.schema.json").read_text())
    assert schema == json.loads(orjson.dumps(json_schema())), "run: make schema"
    write_results(tmp_path / "r.jsonl", Results(RESULTS.run, [*mixed(), *RESULTS.findings]))
    validator = jsonschema.Draft202012Validator(schema)
    for row in lines_of(tmp_path / "r.jsonl"):
        validator.validate(row)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"kind": "finding", "recording": 1, "check": "a", "level": "MUST", "outcome": "fine"})


def test_a_packed_file_that_is_cut_off_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    write_results(path, Results(RESULTS.run, mixed()))
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(BadResults, match=r"r\.jsonl\.gz: the compressed file is truncated or damaged"):
        read_results(path)
    path.write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(BadResults, match=r"r\.jsonl\.gz: "):
        read_results(path)


def test_a_packed_log_is_replaced_and_a_packed_file_of_others_is_not(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    write_results(path, RESULTS)
    write_results(path, Results(RESULTS.run, mixed()))
    assert read_results(path).findings == mixed()
    path.write_bytes(gzip.compress(b"my notes"))
    with pytest.raises(Unwritable, match="is not a results file"):
        write_results(path, RESULTS)


def test_a_log_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "r.jsonl", RESULTS.run, {}) as log:
        log.add(RecordingResult("acme", "small", "chat.stream", findings=[FINDING]))
    assert list(tmp_path.iterdir()) == []


def test_a_digest_changes_in_one_line_where_a_finding_does(tmp_path: Path) -> None:
    before = digest_of(Results(RESULTS.run, mixed()))
    write_digest(tmp_path / "digest.jsonl", before)
    assert read_digest(tmp_path / "digest.jsonl") == before
    assert [row["kind"] for row in before.rows] == ["recording", "recording", "unjudged"]
    assert before.rows[0]["outcomes"] == {"fail": 1, "blocked": 1, "pass": 3, "observed": 1, "n/a": 2}
    assert before.rows[2]["scenarios"] == ["chat.stop"]
    findings = mixed()
    findings[10].message = "another problem"
    after = digest_of(Results(replace(RESULTS.run, started="2027"), findings))
    assert [one == other for one, other in zip(before.rows, after.rows, strict=True)] == [True, False, True]
    assert not after.same_as(before)
    assert digest_of(Results(replace(RESULTS.run, started="2027"), mixed())).same_as(before)
    write_results(tmp_path / "r.jsonl", RESULTS)
    with pytest.raises(BadResults, match=":1: it is not a digest"):
        read_digest(tmp_path / "r.jsonl")


def test_a_file_that_may_not_be_looked_at_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("mine")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Unwritable, match=r"results\.jsonl: Permission denied; name another file"):
        write_results(path, Results(Run("0", "2026", "replay")))
