"""The kind of change of an outcome: a regression, an improvement, or another."""

from itertools import product

import pytest

from harness.reports.changes import Kind, kind_of
from harness.results import Outcome

GOOD = (Outcome.PASS, Outcome.OBSERVED)
BAD = (Outcome.BLOCKED, Outcome.FIXED, Outcome.CHANGED, Outcome.FAIL, Outcome.BROKEN)
UNJUDGED = (Outcome.MISSING, Outcome.INCONCLUSIVE)
JUDGED = tuple(outcome for outcome in Outcome if outcome not in UNJUDGED)
PAIRS = list(product(Outcome, Outcome))


@pytest.mark.parametrize("outcome", Outcome)
def test_what_stays_is_not_told(outcome: Outcome) -> None:
    assert kind_of(outcome, outcome) is None


@pytest.mark.parametrize(("old", "new"), list(product((*GOOD, Outcome.KNOWN, Outcome.NA), BAD)))
def test_what_was_as_expected_and_is_not_now_is_a_regression(old: Outcome, new: Outcome) -> None:
    assert kind_of(old, new) is Kind.WORSE


@pytest.mark.parametrize(("old", "new"), list(product([one for one in JUDGED if one is not Outcome.NA], UNJUDGED)))
def test_nothing_passes_by_absence(old: Outcome, new: Outcome) -> None:
    assert kind_of(old, new) is Kind.LOST


@pytest.mark.parametrize(("old", "new"), list(product(UNJUDGED, BAD)))
def test_a_failure_where_nothing_was_judged_counts(old: Outcome, new: Outcome) -> None:
    assert kind_of(old, new) is Kind.FAILS


@pytest.mark.parametrize(("old", "new"), list(product(UNJUDGED, (*GOOD, Outcome.KNOWN))))
def test_a_first_verdict_is_new_coverage(old: Outcome, new: Outcome) -> None:
    assert kind_of(old, new) is Kind.GAINED


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (Outcome.FAIL, Outcome.PASS, Kind.BETTER),
        (Outcome.BLOCKED, Outcome.OBSERVED, Kind.BETTER),
        (Outcome.KNOWN, Outcome.PASS, Kind.BETTER),
        (Outcome.FAIL, Outcome.FIXED, Kind.BETTER),
        (Outcome.PASS, Outcome.KNOWN, Kind.LISTED),
        (Outcome.FAIL, Outcome.KNOWN, Kind.LISTED),
        (Outcome.FIXED, Outcome.KNOWN, Kind.LISTED),
        (Outcome.NA, Outcome.KNOWN, Kind.LISTED),
        (Outcome.KNOWN, Outcome.NA, Kind.APPLIES),
        (Outcome.PASS, Outcome.NA, Kind.APPLIES),
        (Outcome.NA, Outcome.PASS, Kind.APPLIES),
        (Outcome.FAIL, Outcome.NA, Kind.APPLIES),
        (Outcome.FAIL, Outcome.BLOCKED, Kind.BEHAVIOUR),
        (Outcome.FAIL, Outcome.CHANGED, Kind.BEHAVIOUR),
        (Outcome.BROKEN, Outcome.FAIL, Kind.BEHAVIOUR),
        (Outcome.BLOCKED, Outcome.FAIL, Kind.WORSE),
        (Outcome.FAIL, Outcome.BROKEN, Kind.WORSE),
        (Outcome.FIXED, Outcome.FAIL, Kind.WORSE),
        (Outcome.NA, Outcome.MISSING, None),
        (Outcome.MISSING, Outcome.NA, None),
        (Outcome.MISSING, Outcome.INCONCLUSIVE, None),
    ],
)
def test_the_rest(old: Outcome, new: Outcome, kind: Kind | None) -> None:
    assert kind_of(old, new) is kind


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if kind_of(*pair) is Kind.BETTER])
def test_an_improvement_read_backwards_is_a_regression_or_a_listing(old: Outcome, new: Outcome) -> None:
    assert kind_of(new, old) is (Kind.LISTED if old is Outcome.KNOWN else Kind.WORSE)


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if kind_of(*pair) is Kind.WORSE])
def test_a_regression_read_backwards_is_an_improvement_where_the_rule_holds_again(old: Outcome, new: Outcome) -> None:
    holds = old in {*GOOD, Outcome.FIXED}
    told = {Outcome.KNOWN: Kind.LISTED, Outcome.NA: Kind.APPLIES}.get(old, Kind.BEHAVIOUR)
    assert kind_of(new, old) is (Kind.BETTER if holds else told)


def test_coverage_that_is_lost_is_gained_backwards() -> None:
    for old, new in PAIRS:
        if kind_of(old, new) is Kind.LOST:
            assert kind_of(new, old) in {Kind.GAINED, Kind.FAILS}
