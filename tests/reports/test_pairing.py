"""Two runs are compared: pairing and grouping of findings, and attribution of changes."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import NothingInCommon
from harness.reports.changes import Change, Diff, Kind
from harness.reports.pairing import compare
from harness.results import Finding, Level, Outcome, Results, Run

RUN = Run("1.0", "2026-05-01T00:00:00+00:00", "replay", "3.52")
NEWER = dataclasses.replace(RUN, harness="1.1", sdk="3.60")
MAY, JUNE = "2026-05-01T10:00:00+00:00", "2026-06-01T10:00:00+00:00"

PASS, FAIL, NA, MISSING = Outcome.PASS, Outcome.FAIL, Outcome.NA, Outcome.MISSING


def finding(check: str, outcome: Outcome = PASS, scenario: str = "chat.stream", **more: Any) -> Finding:
    level = Level.OBSERVE if outcome is Outcome.OBSERVED else Level.MUST
    told = {"provider": "acme", "provenance": "recorded", "recorded_at": MAY, **more}
    return Finding(told.pop("provider"), "small", scenario, check, level, outcome, **told)


def observed(check: str, value: str, **more: Any) -> Finding:
    return finding(check, Outcome.OBSERVED, value=value, **more)


def missing(scenario: str = "chat.stream", outcome: Outcome = MISSING, **more: Any) -> Finding:
    said = {"message": f"no recording at cassettes/acme/small/{scenario}.yaml", **more}
    return finding("recording.present", outcome, scenario, provenance=None, recorded_at=None, **said)


def diff(old: Iterable[Finding], new: Iterable[Finding], *, by: Run = RUN) -> Diff:
    return compare((Results(RUN, list(old)), Results(by, list(new))))


def only(found: Diff) -> Change:
    ((change,),) = (group.changes for group in found.groups)
    return change


def kinds(found: Diff) -> list[tuple[Kind, int]]:
    return [(group.kind, len(group.changes)) for group in found.groups]


def test_nothing_changed() -> None:
    found = diff([finding("a.b"), finding("a.c", NA)], [finding("a.b"), finding("a.c", NA)])
    assert (found.groups, found.same) == ([], 2)


def test_regressions_come_first_and_the_binding_ones_before_all() -> None:
    old = [finding("a.better", FAIL), observed("a.seen", "x"), finding("a.worse"), finding("a.crash")]
    new = [finding("a.better"), observed("a.seen", "y"), finding("a.worse", FAIL), finding("a.crash", Outcome.BROKEN)]
    new[2].level = Level.SHOULD
    found = diff(old, new)
    assert [group.first.check for group in found.groups] == ["a.crash", "a.worse", "a.seen", "a.better"]
    assert [group.first.check for group in found.regressions] == ["a.crash", "a.worse"]


def test_a_changed_value_is_behaviour_and_no_regression() -> None:
    found = diff([observed("usage.place", "own chunk")], [observed("usage.place", "finish chunk")])
    assert kinds(found) == [(Kind.BEHAVIOUR, 1)]
    assert found.groups[0].transition == "own chunk → finish chunk"
    assert not found.regressions


def test_counts_in_values_and_problems_do_not_matter() -> None:
    said = "id has 2 values in one stream, first '' and 'chatcmpl-8M' (and 2 more)"
    again = "id has 3 values in one stream, first '' and 'chatcmpl-9Z'"
    old = [observed("sse.comments", ": ping ×3"), finding("a.b", FAIL, message=said)]
    new = [observed("sse.comments", ": ping ×12"), finding("a.b", FAIL, message=again)]
    assert diff(old, new).groups == []


@pytest.mark.parametrize("outcome", [FAIL, Outcome.KNOWN, Outcome.CHANGED])
def test_what_fails_in_another_way_is_told_with_both_ways(outcome: Outcome) -> None:
    found = diff([finding("a.b", outcome, message="it is null")], [finding("a.b", outcome, message="it is gone")])
    assert kinds(found) == [(Kind.BEHAVIOUR, 1)]
    assert found.groups[0].reason == "it is gone (before: it is null)"


def test_what_a_model_said_is_compared_in_one_recording_only() -> None:
    old, new = observed("parity.text", "same"), observed("parity.text", "differs")
    assert kinds(diff([old], [new])) == [(Kind.BEHAVIOUR, 1)]
    assert diff([old], [dataclasses.replace(new, recorded_at=JUNE)]).groups == []


def test_cells_that_change_alike_are_one_group_with_the_first_place() -> None:
    names = ["chat.stream", "chat.stop", "tools.auto"]
    found = diff([finding("a.b", PASS, name) for name in names], [finding("a.b", FAIL, name) for name in names])
    (group,) = found.groups
    assert (group.first.place, len(group.recordings)) == ("acme/small/chat.stream/a.b", 3)


def test_other_providers_values_and_rules_are_groups_of_their_own() -> None:
    old = [finding("a.b"), finding("a.b", provider="other"), finding("a.c"), observed("a.d", "x"), observed("a.d", "y", scenario="chat.stop")]  # fmt: skip
    new = [finding("a.b", FAIL), finding("a.b", FAIL, provider="other"), finding("a.c", FAIL), observed("a.d", "z"), observed("a.d", "z", scenario="chat.stop")]  # fmt: skip
    assert len(diff(old, new).groups) == 5


def test_a_recording_that_is_gone_takes_its_verdicts_with_it() -> None:
    old = [finding("a.b"), observed("a.c", "x"), finding("a.d", NA), finding("a.b", PASS, "chat.stop")]
    found = diff(old, [missing(), finding("a.b", PASS, "chat.stop")])
    (group,) = found.groups
    assert (group.kind, group.transition) == (Kind.LOST, "1 pass, 1 observed → missing")
    assert group.reason == "no recording at cassettes/acme/small/chat.stream.yaml"
    assert found.same == 1


def test_recordings_that_are_gone_are_one_group() -> None:
    names = ["chat.stream", "chat.stop"]
    (group,) = diff([finding("a.b", PASS, name) for name in names], [missing(name) for name in names]).groups
    assert len(group.recordings) == 2


def test_a_recording_that_came_is_coverage_and_its_failures_are_told_by_rule() -> None:
    new = [finding("a.b"), finding("a.c"), finding("a.d", NA), finding("a.e", FAIL, message="no"), finding("a.f", FAIL)]
    found = diff([missing()], new)
    assert kinds(found) == [(Kind.FAILS, 1), (Kind.FAILS, 1), (Kind.GAINED, 2)]
    assert found.groups[0].first.by == "recorded 2026-05-01"
    assert found.groups[0].reason == "no"


def test_a_capability_that_is_refused_now_is_lost_coverage_and_no_excuse() -> None:
    refused = missing(outcome=NA, message="tools refused with 400: no")
    (group,) = diff([finding("a.b")], [refused]).groups
    assert (group.kind, group.transition, group.reason) == (Kind.LOST, "pass → n/a", "tools refused with 400: no")
    assert kinds(diff([refused], [finding("a.b")])) == [(Kind.GAINED, 1)]


def test_a_rule_that_no_longer_applies_is_told_and_is_no_regression() -> None:
    old, new = [finding("a.b"), finding("a.c")], [finding(name, NA, message="no tool was called") for name in ("a.b", "a.c")]  # fmt: skip
    found = diff(old, new)
    assert kinds(found) == [(Kind.APPLIES, 2)]
    assert not found.regressions


def test_a_deviation_that_is_listed_is_told_by_rule() -> None:
    old = [finding(name, NA, message="no usage came") for name in ("a.b", "a.c")]
    assert kinds(diff(old, [finding(one.check, Outcome.KNOWN) for one in old])) == [(Kind.LISTED, 1)] * 2


def test_rules_that_one_failure_blocks_are_one_group() -> None:
    names = ["a.b", "a.c", "a.d"]
    blocked = [finding(name, Outcome.BLOCKED, message="a.a must pass first") for name in names]
    found = diff([finding("a.a"), *map(finding, names)], [finding("a.a", FAIL), *blocked])
    assert kinds(found) == [(Kind.WORSE, 1), (Kind.WORSE, 3)]


def test_half_a_recording_is_lost_coverage() -> None:
    half = missing(outcome=Outcome.INCONCLUSIVE, message="1 of 2 exchanges")
    assert kinds(diff([finding("a.b")], [finding("a.b"), half])) == [(Kind.LOST, 1)]
    assert kinds(diff([finding("a.b"), half], [finding("a.b")])) == [(Kind.GAINED, 1)]


def test_what_is_not_asked_for_any_more_is_lost_coverage() -> None:
    kept = finding("a.b", PASS, "chat.stop")
    for gone, reason in (
        (finding("a.b"), "not in NEW"),
        (finding("a.z", PASS, "chat.stop"), "the rule is not in NEW"),
        (finding("a.b", PASS, provider="other"), "not in NEW"),
    ):
        (group,) = diff([kept, gone], [kept]).groups
        assert (group.kind, group.reason) == (Kind.LOST, reason)


def test_a_rule_that_is_new_is_the_harness_s_doing() -> None:
    found = diff([finding("a.b")], [finding("a.b"), finding("a.new", FAIL)], by=NEWER)
    assert (only(found).kind, only(found).by) == (Kind.FAILS, "harness 1.0 → 1.1")


@pytest.mark.parametrize(
    ("check", "run", "recorded", "who"),
    [
        ("a.b", RUN, {"recorded_at": JUNE}, "provider: recorded anew 2026-06-01 (before: 2026-05-01)"),
        ("a.b", RUN, {"recorded_at": "2026-05-01T12:00:00+00:00"}, "provider: recorded anew the same day, 2026-05-01"),
        ("a.b", RUN, {"recorded_at": "2026-04-01"}, "provider: an older recording of 2026-04-01 (before: 2026-05-01)"),
        ("a.b", RUN, {"provenance": "published", "recorded_at": "2025-02-01"}, "provider: published 2025-02-01 (before: recorded 2026-05-01)"),
        ("a.b", NEWER, {"recorded_at": JUNE}, "provider: recorded anew 2026-06-01 (before: 2026-05-01), or harness 1.0 → 1.1"),
        ("a.b", NEWER, {}, "harness 1.0 → 1.1, same recording"),
        ("sdk.reads", NEWER, {}, "harness 1.0 → 1.1 and SDK 3.52 → 3.60, same recording"),
        ("sdk.reads", dataclasses.replace(RUN, sdk="3.60"), {}, "SDK 3.52 → 3.60, same recording"),
        ("a.b", dataclasses.replace(RUN, sdk="3.60"), {}, "same recording, harness and SDK: an edit of providers.yaml, the recording or the code"),
    ],
)  # fmt: skip
def test_who_changed(check: str, run: Run, recorded: dict[str, str], who: str) -> None:
    assert only(diff([finding(check)], [finding(check, FAIL, **recorded)], by=run)).by == who


def test_what_the_sdk_s_failure_blocks_may_be_the_sdk_s_doing() -> None:
    blocked = finding("a.b", Outcome.BLOCKED, message="sdk.reads must pass first")
    assert only(diff([finding("a.b")], [blocked], by=dataclasses.replace(RUN, sdk="3.60"))).by == "SDK 3.52 → 3.60, same recording"  # fmt: skip


def test_a_listed_deviation_that_changed_by_itself_was_edited() -> None:
    change = only(diff([finding("a.b", Outcome.KNOWN)], [finding("a.b", Outcome.CHANGED)]))
    assert "an edit of deviations.yaml, providers.yaml" in change.by


def test_a_recording_without_a_date_is_not_said_to_be_the_same_for_sure() -> None:
    old, new = finding("a.b", recorded_at=None), finding("a.b", FAIL, recorded_at=None)
    change = only(diff([old], [new], by=NEWER))
    assert change.by == "harness 1.0 → 1.1, same recording, as far as one without a date tells"


def audited(origin: str, outcome: Outcome = PASS) -> Finding:
    return finding("a.b", outcome, "audit.stream", cassette=origin)


def test_recordings_of_an_audit_are_told_apart_by_their_path() -> None:
    old = [audited("logs/a.yaml#0"), audited("logs/a.yaml#1"), audited("logs/b.yaml#0")]
    new = [audited("logs/a.yaml#0"), audited("logs/a.yaml#1", FAIL), audited("logs/b.yaml#0")]
    assert only(diff(old, new)).place == "acme/small/audit.stream/a.b in logs/a.yaml#1"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (["before/a.yaml#0", "before/x/b.yaml#0"], ["/data/after/a.yaml#0", "/data/after/x/b.yaml#0"], "x/b.yaml#0"),
        (["may.jsonl:1", "may.jsonl:2"], ["june.jsonl:1", "june.jsonl:2"], ":2"),
    ],
)
def test_an_audit_of_a_folder_elsewhere_is_paired_by_what_is_below_it(
    old: list[str], new: list[str], place: str
) -> None:
    found = diff(map(audited, old), [audited(new[0]), audited(new[1], FAIL)])
    assert only(found).place == f"acme/small/audit.stream/a.b in {place}"


def test_nothing_in_common() -> None:
    with pytest.raises(NothingInCommon, match=r"OLD has acme/small/chat.stream/a.b, NEW has other/small/chat.stop/a.b"):
        diff([finding("a.b")], [finding("a.b", PASS, "chat.stop", provider="other")])
    with pytest.raises(NothingInCommon):
        diff([finding("a.b")], [finding("a.c")])


CELLS = [(check, scenario) for check in ("a.b", "a.c", "sdk.d") for scenario in ("chat.stream", "chat.stop")]
OUTCOMES = st.sampled_from(sorted(set(Outcome) - {MISSING}))


@st.composite
def runs(draw: st.DrawFn) -> list[Finding]:
    found = [missing(name) for name in ("chat.stream", "chat.stop") if draw(st.booleans())]
    gone = {one.scenario for one in found}
    for check, scenario in CELLS:
        if scenario not in gone:
            value = draw(st.sampled_from(["x", "y"]))
            found.append(finding(check, draw(OUTCOMES), scenario, value=value, message=draw(st.sampled_from(["", "no"]))))  # fmt: skip
    return found


@settings(deadline=None)
@given(runs())
def test_a_run_does_not_differ_from_itself(found: list[Finding]) -> None:
    same = diff(found, found)
    assert (same.groups, same.same) == ([], len(found))


@settings(deadline=None)
@given(runs(), runs())
def test_read_backwards_regressions_are_improvements(one: list[Finding], other: list[Finding]) -> None:
    forth, back = ({c.cell: c for g in found.groups for c in g.changes} for found in (diff(one, other), diff(other, one)))  # fmt: skip
    assert forth.keys() == back.keys()
    for cell, change in forth.items():
        backwards = back[cell].kind
        if change.kind is Kind.BETTER:
            assert backwards in {Kind.WORSE, Kind.LISTED}
        if change.kind is Kind.WORSE:
            assert not backwards.regression
        if change.kind is Kind.LOST:
            assert backwards in {Kind.GAINED, Kind.FAILS}
        if change.kind in {Kind.LISTED, Kind.APPLIES, Kind.GAINED}:
            assert backwards is not Kind.GAINED


@settings(deadline=None)
@given(runs(), runs())
def test_every_cell_is_counted_once(one: list[Finding], other: list[Finding]) -> None:
    found = diff(one, other)
    changed = [change.cell for group in found.groups for change in group.changes]
    assert len(changed) == len(set(changed)) == sum(found.counts.values())


@pytest.mark.parametrize(
    "names",
    [
        ("rules/old", "rules/new"),
        ("the rule is not in/a.jsonl", "b.jsonl"),
        ("overruled.jsonl", "ruler.jsonl"),
        ("results (rule).jsonl", "not judged in.jsonl"),
    ],
)
def test_the_name_of_a_results_file_does_not_decide_who_changed(names: tuple[str, str]) -> None:
    fewer, more = Results(RUN, [finding("a.b")]), Results(RUN, [finding("a.b"), finding("a.b", scenario="tools.one")])
    assert only(compare((fewer, more), names)).by == "recorded 2026-05-01"
    assert only(compare((more, fewer), names)).by == ""
    another_rule = Results(NEWER, [finding("a.b"), finding("a.c")])
    assert only(compare((fewer, another_rule), names)).by == "harness 1.0 → 1.1"
