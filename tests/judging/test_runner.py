"""From recordings to findings: every outcome, and that a missing recording never passes."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from judging import ABOUT, OF_CHAT, findings

from harness.checks import CHECKS
from harness.errors import BadDeviations, UnknownName
from harness.judging import deviations as deviations_module
from harness.judging import runner
from harness.judging.runner import RECORDING, Selection, judge_exchanges, plan, run_case
from harness.matrix.providers import Matrix, load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import write_cassette
from harness.results import Deviation, Finding, Level, Outcome, Problem
from harness.simulate.faults import FAULTS
from harness.simulate.reference import (
    BODY,
    STREAM,
    replace_in_body,
    with_body,
    with_header,
    with_request_params,
    with_response,
)
from harness.wire.exchange import Exchange, Expected

MATRIX = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models:
      - {id: small, thinking: {disable: {}}}
      - {id: large, thinking: {enable: {}}}
  - id: other
    name: Other
    base_url: https://api.other.example/v1
    key_env: OTHER_API_KEY
    docs: https://other.example/docs
    models: [{id: small, thinking: {disable: {}, enable: {}}}]
"""
DEVIATION = """\
deviations:
  - check: chunk.object
    scenarios: [chat.stream]
    message: object is absent from * chunks
    reason: It always was.
    source: https://acme.example/docs
    seen: {first: 2025-01}
"""
FAULTY = replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "providers.yaml").write_text(MATRIX)
    runner._deviations.cache_clear()  # noqa: SLF001 - each test has a project of its own
    return tmp_path


@pytest.fixture
def matrix(project: Path) -> Matrix:
    return load_matrix(project / "providers.yaml")


def record(project: Path, exchange: Exchange, scenario: str = "chat.stream") -> None:
    write_cassette(project / "cassettes/acme/small" / f"{scenario}.yaml", [exchange])


def run(project: Path, selection: Selection | None = None) -> dict[str, Finding]:
    chosen = selection or Selection(("acme",), ("small",), ("chat.stream",))
    cases = plan(load_matrix(project / "providers.yaml"), project, chosen)
    return {finding.check: finding for case in cases for finding in run_case(case, chosen.chosen())}


def test_a_case_is_every_target_and_scenario(project: Path, matrix: Matrix) -> None:
    cases = plan(matrix, project, Selection())
    assert len(cases) == 3 * len(SCENARIOS)
    assert cases[0].id == "acme/small/chat.stream"
    assert cases[0].cassette == project / "cassettes/acme/small/chat.stream.yaml"


def test_no_recording_is_missing_and_no_capability_is_not_applicable(project: Path) -> None:
    everything = Selection(("acme",))
    cases = plan(load_matrix(project / "providers.yaml"), project, everything)
    outcomes = {case.id: [f.outcome for f in run_case(case, everything.chosen())] for case in cases}
    assert outcomes["acme/small/chat.stream"] == [Outcome.MISSING]
    assert outcomes["acme/small/reasoning.stream"] == [Outcome.NA]


def test_a_recording_gives_one_finding_a_check(project: Path) -> None:
    record(project, STREAM)
    found = run(project)
    assert list(found) == OF_CHAT
    assert {f.outcome for f in found.values()} <= {Outcome.PASS, Outcome.OBSERVED, Outcome.NA}
    passed = found["chunk.object"]
    assert (passed.provenance, passed.cassette) == ("reconstructed", "cassettes/acme/small/chat.stream.yaml")
    assert found["role.pattern"].value == "first"


def test_a_failure_names_its_bytes_and_source(project: Path) -> None:
    record(project, FAULTY)
    finding = run(project)["chunk.object"]
    assert finding.outcome is Outcome.FAIL
    assert finding.message == "object is absent from 5 of 5 chunks"
    assert finding.source == CHECKS["chunk.object"].source
    (evidence,) = finding.evidence
    assert (evidence.exchange, evidence.event, evidence.pointer) == (0, 0, "/object")
    assert evidence.excerpt.startswith('{"id":"chatcmpl-reference","created"')


@pytest.mark.parametrize(
    ("exchange", "outcome"),
    [
        (FAULTY, Outcome.KNOWN),
        (STREAM, Outcome.FIXED),
        (replace_in_body(STREAM, "completion.chunk", "chunk"), Outcome.CHANGED),
    ],
)
def test_a_listed_deviation_is_known_fixed_or_changed(project: Path, exchange: Exchange, outcome: Outcome) -> None:
    record(project, exchange)
    (project / "cassettes/acme/deviations.yaml").write_text(DEVIATION)
    finding = run(project)["chunk.object"]
    assert finding.outcome is outcome
    assert finding.source in {None, "https://acme.example/docs"}


def test_a_deviation_of_another_scenario_changes_nothing(project: Path) -> None:
    record(project, FAULTY)
    (project / "cassettes/acme/deviations.yaml").write_text(DEVIATION.replace("chat.stream", "chat.nonstream"))
    assert run(project)["chunk.object"].outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("chunk.object", "chunk.objct", ":2: deviations.0.check: unknown check 'chunk.objct'; see: harness checks"),
        ("chunk.object", "role.pattern", ":2: deviations.0.check: role.pattern is an observation"),
        ("chat.stream", "chat.strm", ":3: deviations.0.scenarios.0: unknown scenario 'chat.strm'"),
        ("It always was.", '""', ":5: deviations.0.reason: "),
        ("https://acme.example/docs", "docs", ":6: deviations.0.source: "),
        ("2025-01", "long ago", ":7: deviations.0.seen.first: "),
        (
            "{first: 2025-01}",
            "{first: 2025-01, last: 2024-12}",
            ":7: deviations.0.seen: last is 2024-12, before first, 2025-01",
        ),
        ("{first: 2025-01}", "2025-01", ":7: deviations.0.seen: "),
        ("    seen: {first: 2025-01}\n", "", ":2: deviations.0.seen: missing; add it"),
        ("reason:", "why:", ":5: deviations.0.why: unknown key; use one of check, scenarios"),
        ("deviations:", "known:", ":1: known: unknown key"),
    ],
)
def test_a_bad_list_of_deviations_is_refused(project: Path, old: str, new: str, said: str) -> None:
    record(project, FAULTY)
    path = project / "cassettes/acme/deviations.yaml"
    path.write_text(DEVIATION.replace(old, new))
    with pytest.raises(BadDeviations) as caught:
        run(project)
    assert str(caught.value).startswith(f"{path}{said}")
    assert deviations_module.FILE_NAME in str(caught.value)


def test_what_needs_a_failed_check_is_blocked() -> None:
    found = findings(with_body(STREAM, b"data: [DONE]\n\n"))
    assert found["chunk.present"].outcome is Outcome.FAIL
    assert found["chunk.object"].outcome is Outcome.BLOCKED
    assert found["chunk.object"].message == "chunk.present must pass first"
    assert found["content.type"].outcome is Outcome.BLOCKED, "through a check that is blocked itself"


def test_what_a_failed_check_may_explain_is_blocked_only_where_it_is_missing() -> None:
    unread = replace_in_body(STREAM, "data: [DONE]", "data: ping\n\ndata: [DONE]")
    assert findings(unread)["sse.json"].outcome is Outcome.FAIL
    assert findings(unread)["sse.done"].outcome is Outcome.PASS
    missing = findings(replace_in_body(STREAM, "data: [DONE]", "data: ping"))
    assert (missing["sse.done"].outcome, missing["sse.done"].message) == (Outcome.BLOCKED, "sse.json must pass first")


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
def test_no_verdict_without_an_answer(status: int) -> None:
    found = findings(with_response(STREAM, status=status, body=b'{"error":{}}'))
    assert {f.outcome for f in found.values()} == {Outcome.INCONCLUSIVE}
    assert found["chunk.object"].message == f"status {status}: no verdict on what was asked"


def test_a_refused_request_fails_and_blocks_the_rules_of_answers() -> None:
    found = findings(with_response(STREAM, status=400, body=b'{"error":{}}'))
    assert found["http.status"].outcome is Outcome.FAIL
    assert found["finish_reason.given"].outcome is Outcome.BLOCKED
    passed = {f.check for f in found.values() if f.outcome is Outcome.PASS}
    others = {one for one in passed if not one.startswith("error.")}
    assert others == {"http.encoding", "http.encoding-known"}, "which any body has"


def test_an_error_that_may_have_been_due_is_not_judged() -> None:
    refused = with_response(STREAM, status=400, body=b'{"error":{}}')
    (finding,) = judge_exchanges([refused], ABOUT, [CHECKS["http.status"]])
    assert finding.outcome is Outcome.NA


def test_a_crash_in_a_check_is_broken_and_blocks() -> None:
    def crash(_exchange: Exchange) -> Iterator[Problem]:
        raise ZeroDivisionError("oops")
        yield

    broken = dataclasses.replace(CHECKS["chunk.index"], find=crash)
    (finding,) = judge_exchanges([STREAM], ABOUT, [broken])
    assert finding.outcome is Outcome.BROKEN
    assert finding.message.startswith("ZeroDivisionError: oops at test_runner.py:")


def test_exchanges_of_one_recording_are_judged_together() -> None:
    (finding,) = judge_exchanges([BODY, replace_in_body(BODY, '"id":', '"x":'), BODY], ABOUT, [CHECKS["chunk.id"]])
    assert finding.outcome is Outcome.FAIL
    assert [evidence.exchange for evidence in finding.evidence] == [1]


def test_one_unreadable_exchange_hides_no_fault_of_another() -> None:
    wrong = replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"STOP"')
    unreadable = with_body(STREAM, b"data: [DONE]\n\n")
    limited = dataclasses.replace(with_response(STREAM, status=429), expected=Expected((200,)))
    (finding,) = judge_exchanges([STREAM, unreadable, wrong, limited], ABOUT, [CHECKS["finish_reason.vocabulary"]])
    assert finding.outcome is Outcome.FAIL
    assert [evidence.exchange for evidence in finding.evidence] == [2]


def test_an_unsupported_encoding_is_inconclusive() -> None:
    packed = with_header(with_body(STREAM, b"\x28\xb5\x2f\xfd\0\0"), "Content-Encoding", "zstd")
    assert {finding.outcome for finding in judge_exchanges([packed], ABOUT, CHECKS.values())} == {Outcome.INCONCLUSIVE}


def test_a_check_applies_if_it_does_to_one_exchange() -> None:
    (finding,) = judge_exchanges([BODY, STREAM], ABOUT, [CHECKS["role.first"]])
    assert finding.outcome is Outcome.PASS


def test_observed_values_of_a_recording_are_joined() -> None:
    other = with_request_params(BODY, model="gpt-4o-mini-2024-07-18")
    (finding,) = judge_exchanges([BODY, other, BODY], ABOUT, [CHECKS["identity.model-asked"]])
    assert finding.value == "differs | same"


def test_a_deviation_does_not_make_an_absent_answer_pass() -> None:
    known = Deviation("chunk.object", "", "", "", "*")
    (finding,) = judge_exchanges([with_response(STREAM, status=400)], ABOUT, [CHECKS["chunk.object"]], (known,))
    assert finding.outcome is Outcome.NA


@pytest.mark.parametrize(
    ("level", "levels"),
    [("MUST", {"MUST"}), ("SHOULD", {"MUST", "SHOULD"}), ("OBSERVE", {"MUST", "SHOULD", "OBSERVE"})],
)
def test_a_level_narrows(level: str, levels: set[str]) -> None:
    assert {check.level.value for check in Selection(level=Level(level)).chosen()} == levels


def test_a_selection_takes_families_ids_and_whole_targets(project: Path, matrix: Matrix) -> None:
    chosen = Selection(models=("acme/small",), scenarios=("chat.stream",), checks=("usage", "sse.done"))
    assert [case.id for case in plan(matrix, project, chosen)] == ["acme/small/chat.stream"]
    assert {check.family for check in chosen.chosen()} == {"usage", "sse"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Selection(providers=("acm",)), "unknown provider 'acm'; try acme"),
        (lambda: Selection(models=("smll",)), "unknown model 'smll'; try small"),
        (lambda: Selection(scenarios=("chat",)), "unknown scenario 'chat'; try chat."),
        (lambda: Selection(checks=("usage.summ",)), "unknown check 'usage.summ'; try usage.sum"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    project: Path, matrix: Matrix, make: Callable[[], Selection], said: str
) -> None:
    with pytest.raises(UnknownName) as caught:
        plan(matrix, project, make())
    assert said in str(caught.value)


def test_the_stand_in_for_a_recording_is_no_check() -> None:
    assert RECORDING not in CHECKS


def test_half_a_recording_is_no_verdict_on_the_rest(project: Path) -> None:
    record(project, STREAM, "tools.round-trip")
    found = run(project, Selection(("acme",), ("small",), ("tools.round-trip",)))
    assert found[RECORDING].outcome is Outcome.INCONCLUSIVE
    assert "1 of 2 exchanges" in found[RECORDING].message
    assert found["http.status"].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("scenarios", "covered"),
    [
        ("[streams]", {"chat.stream", "tools.auto", "parity.chat"}),
        ("[streams-with-usage]", {"chat.stream-usage", "parity.chat"}),
        ("[bodies]", {"chat.nonstream", "parity.chat", "params.seed", "chat.cancel"}),
        ("['tools.*', chat.stop]", {"tools.auto", "tools.nonstream", "chat.stop"}),
    ],
)
def test_a_deviation_may_name_kinds_and_families(tmp_path: Path, scenarios: str, covered: set[str]) -> None:
    text = DEVIATION.replace("[chat.stream]", scenarios)
    assert text != DEVIATION
    (tmp_path / "deviations.yaml").write_text(text)
    (listed,) = deviations_module.load_deviations(tmp_path)
    assert covered <= set(listed.scenarios)
    assert {"chat.cancel", "error.bad-key"}.isdisjoint(listed.scenarios) or "chat.cancel" in covered


GONE = """\
deviations:
  - check: chunk.object
    message: object is absent from * chunks
    reason: It was so for a while.
    source: https://acme.example/docs
    seen: {first: 2024-01}
    until: 2025-01
    kind: issue
    fault: object-missing
"""
OBJECT_FAULT = next(one.id for one in FAULTS.values() if one.rule == "chunk.object")


def test_what_is_gone_is_told_of_and_expected_of_no_recording(project: Path) -> None:
    record(project, STREAM)
    (project / "cassettes/acme/deviations.yaml").write_text(GONE.replace("object-missing", OBJECT_FAULT))
    assert run(project)["chunk.object"].outcome is Outcome.PASS, "it is not fixed, for nobody says that it is there"
    (listed,) = deviations_module.load_deviations(project / "cassettes/acme")
    assert (listed.until, listed.kind, listed.fault) == ("2025-01", "issue", OBJECT_FAULT)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("object-missing", "no-such-fault", "unknown fault 'no-such-fault'; see reports/proof.md"),
        (
            "    fault: object-missing\n",
            "",
            "a deviation that is gone has no current recording; name a fault that shows it",
        ),
        ("object-missing", "stop-ignored", "the fault stop-ignored shows params.stop, not chunk.object"),
        ("kind: issue", "kind: rumour", "kind: "),
    ],
)
def test_a_deviation_that_nothing_shows_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "deviations.yaml").write_text(GONE.replace(old, new).replace("object-missing", OBJECT_FAULT))
    with pytest.raises(BadDeviations) as caught:
        deviations_module.load_deviations(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
