"""Each kind of evidence is counted separately, and a reconstruction is superseded by evidence."""

from dataclasses import replace

import pytest

from harness.results import Finding, Level, Outcome
from harness.results.basis import Basis, bases, standing


def finding(outcome: Outcome, provenance: str | None = "reconstructed", **more: str | None) -> Finding:
    told = {"check": "usage.sum", "scenario": "chat.stream", "recorded_at": "2026-03", "provenance": provenance, **more}
    return Finding("acme", "small", level=Level.MUST, outcome=outcome, **told)  # type: ignore[arg-type]


def test_each_kind_has_its_count_and_its_newest_date() -> None:
    found = [
        finding(Outcome.PASS, "published", recorded_at="2025-04-01"),
        finding(Outcome.PASS, "published", recorded_at="2025-04-01", check="usage.once"),
        finding(Outcome.KNOWN, "published", recorded_at="2024-01", scenario="chat.nonstream"),
        finding(Outcome.PASS, recorded_at="2026-10-01"),
        finding(Outcome.MISSING, None, recorded_at=None, scenario="chat.stream-usage"),
        finding(Outcome.NA, "recorded", recorded_at="2026-11-01"),
        finding(Outcome.PASS, "recorded", recorded_at=None),
    ]
    expected = (
        Basis("recorded", 1, None),
        Basis("published", 2, "2025-04-01"),
        Basis("reconstructed", 1, "2026-10-01"),
    )
    assert bases(found) == expected


@pytest.mark.parametrize(
    ("claim", "seen", "stands"),
    [
        (Outcome.PASS, Outcome.PASS, False),
        (Outcome.PASS, Outcome.KNOWN, False),  # it claims more than was seen
        (Outcome.KNOWN, Outcome.KNOWN, False),
        (Outcome.KNOWN, Outcome.PASS, True),  # a listed deviation that no answer shows
        (Outcome.BLOCKED, Outcome.PASS, False),
        (Outcome.PASS, Outcome.NA, True),
        (Outcome.PASS, Outcome.INCONCLUSIVE, True),
    ],
)
@pytest.mark.parametrize("kind", ["recorded", "published"])
def test_a_reconstruction_steps_back_behind_what_evidence_shows(
    *, claim: Outcome, seen: Outcome, kind: str, stands: bool
) -> None:
    claimed, evidence = finding(claim), finding(seen, kind, scenario="published.2026-01-body")
    assert standing([claimed, evidence]) == ([claimed, evidence] if stands else [evidence])
    of_another = replace(evidence, provider="other")
    assert standing([claimed, of_another]) == [claimed, of_another]
    assert standing([claimed, replace(evidence, check="usage.once")])[0] is claimed


def test_an_observation_steps_back_behind_the_same_value_only() -> None:
    claim = [finding(Outcome.OBSERVED, value=value) for value in ("own chunk", "every chunk")]
    seen = finding(Outcome.OBSERVED, "published", value="own chunk")
    assert standing([*claim, seen]) == [claim[1], seen]


def test_a_reconstruction_lends_another_nothing() -> None:
    found = [finding(Outcome.PASS), finding(Outcome.KNOWN, scenario="chat.nonstream")]
    assert standing(found) == found
