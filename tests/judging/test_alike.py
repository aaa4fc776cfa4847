"""Masked recordings are judged like the originals, and contain none of their texts."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from masked import OTHER, QUOTING, left_of, unlike
from parted import each

from harness.judging.alike import Difference
from harness.matrix.scenarios import SCENARIOS
from harness.recording.archives import read_archive
from harness.recording.cassette import read_cassette
from harness.recording.masking import mask_exchanges
from harness.recording.scrub import scrub
from harness.simulate.chat.ideal import recording
from harness.simulate.faults import FAULTS, VARIANTS
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
PUBLISHED = sorted(SHARED.glob("corpus*/*.jsonl.gz"))
OWN = [path for path in sorted((ROOT / "cassettes").rglob("*.yaml")) if path.stem not in {"deviations", "profile"}]
EACH = 1 if os.environ.get("HARNESS_THOROUGH") else 12
"""Every how many of the project's cassettes, and of the rows of published ones, is tested."""


def told(exchanges: list[Exchange]) -> Iterator[object]:
    """Yield what is wrong once the texts are replaced."""
    masked = mask_exchanges(exchanges, "seed")
    yield from unlike(exchanges, masked)
    for exchange, made in zip(exchanges, masked, strict=True):
        yield from left_of(exchange, made)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_answers_of_an_ideal_provider(scenario: str) -> None:
    assert list(told(recording(SCENARIOS[scenario]))) == []


@pytest.mark.parametrize("fault", each(4, FAULTS))
def test_faults(fault: str) -> None:
    assert list(told([FAULTS[fault].apply()])) == []


@pytest.mark.parametrize("variant", each(4, VARIANTS))
def test_legal_variants(variant: str) -> None:
    assert list(told([VARIANTS[variant].apply()])) == []


@pytest.mark.parametrize("path", OWN[::EACH], ids=lambda path: path.relative_to(ROOT / "cassettes").as_posix())
def test_cassettes_of_the_project(path: Path) -> None:
    assert list(told(read_cassette(path))) == []


@pytest.mark.parametrize(
    "path", each(4, PUBLISHED), ids=lambda path: f"{path.parent.name}/{path.name.partition('.')[0]}"
)
def test_published_recordings(path: Path) -> None:
    assert list(told([scrub(entry.exchange) for entry in read_archive(path)][::EACH])) == []


@cache
def page() -> str:
    return (ROOT / "docs/masking.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("check", sorted(QUOTING | OTHER.keys()))
def test_the_page_lists_each_check_whose_finding_may_differ(check: str) -> None:
    assert f"`{check}`" in page()


def test_a_finding_that_quotes_another_text_is_told_from_one_that_says_something_else() -> None:
    before = ("fail", "get_weather is called, and was not offered", "None")
    assert Difference(0, "x", before, ("fail", "def_hacokab is called, and was not offered", "None")).only_quoted
    assert not Difference(0, "x", before, ("pass", "", "None")).only_quoted
    assert not Difference(0, "x", before, ("fail", "get_weather was forced, and was not offered", "None")).only_quoted
