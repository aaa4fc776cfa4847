"""Shares fixtures between all tests: English in any locale, and the recorded matrix, judged once."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from harness.judging.deviations import KnownProblems
from harness.judging.published import published_cases, run_published
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.providers import load_matrix
from harness.results import Finding

os.environ["LC_ALL"] = "C.UTF-8"
os.environ["HARNESS_NO_CACHE"] = "1"  # what the SDK makes of an answer is asked of the SDK

# What a run says of a tree it says again, on a machine of any speed; `make fuzz` is for chance.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

pytest_plugins = ["built_site"]

ROOT = Path(__file__).resolve().parents[1]
MADE_ONCE = ("matrix_findings", "proof")
"""Slow fixtures, the slowest last: the tests that use one are grouped, so that one worker makes it."""


@pytest.fixture(scope="session")
def matrix_findings() -> tuple[Finding, ...]:
    """The current findings on the recorded matrix."""
    everything = Selection()
    cases = plan(load_matrix(ROOT / "providers.yaml"), ROOT, everything)
    return tuple(finding for case in cases for finding in run_case(case, everything.chosen()))


@pytest.fixture(scope="session")
def published_findings() -> tuple[Finding, ...]:
    """The current findings on the published recordings, which ``harness run`` judges after the matrix."""
    everything, known = Selection(), KnownProblems(ROOT)
    cases = published_cases(ROOT, everything)
    return tuple(finding for case in cases for finding in run_published(case, everything.chosen(), known))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests first; with ``--dist worksteal`` the first ones stay with their worker."""
    items.sort(key=lambda item: -_takes_long(item))


def _takes_long(item: pytest.Item) -> int:
    asked = getattr(item, "fixturenames", ())
    return max((place for place, name in enumerate(MADE_ONCE, 1) if name in asked), default=0)
