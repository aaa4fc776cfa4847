"""The kept published recordings: their providers, their URLs, and that they contain nothing private."""

from collections import Counter
from pathlib import Path

import pytest
from masked import left_of

from harness.evidence.published import Published, kept_in
from harness.judging.runner import published_cassettes
from harness.matrix.providers import load_matrix
from harness.recording.archives import archives_in, read_archive
from harness.recording.masking import NOTE
from harness.recording.redact import redact
from harness.recording.scrub import scrub
from harness.wire.dialect import DIALECTS
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [ROOT.parent / "shared" / name for name in ("corpus", "corpus-2", "dialects/messages")]
MAIN = {"deepseek", "siliconflow", "bailian", "volcengine"}
"""The main providers with a published response; none of Qianfan was found."""
ELSEWHERE = {"anomalyco/opencode", "wandb/weave", "ClarenceZzz/assistant-demo"}
"""Repositories whose recordings are kept here, and whose originals are not beside this repository."""


@pytest.fixture(scope="module")
def kept() -> list[Published]:
    return kept_in(ROOT)


def test_they_are_many_of_many_providers_and_small(kept: list[Published]) -> None:
    files = published_cassettes(ROOT)
    providers = Counter(one.provider for one in kept)
    assert len(kept) == len(files) >= 400
    assert len(providers) >= 25
    assert set(providers) >= MAIN
    assert sum(path.stat().st_size for path in files) <= 8 << 20
    assert max(path.stat().st_size for path in files) <= 48 << 10


def test_each_says_that_it_is_published_where_and_that_its_texts_are_replaced(kept: list[Published]) -> None:
    assert {one.exchange.source.provenance for one in kept} == {"published"}
    assert [one.exchange.source for one in kept if one.address is None] == []
    assert {one.exchange.source.note for one in kept} == {NOTE}


@pytest.mark.thorough
def test_each_is_evidence_and_no_two_of_a_provider_are_of_one_form(kept: list[Published]) -> None:
    assert {one.doubt for one in kept} == {None}
    forms = Counter((one.provider, one.form) for one in kept)
    assert [provider for (provider, _), count in forms.items() if count > 1] == []


def test_none_holds_a_secret() -> None:
    assert [path for path in published_cassettes(ROOT) if redact(content := path.read_bytes()) != content] == []


def test_each_provider_that_is_not_in_the_matrix_has_no_other_name_there(kept: list[Published]) -> None:
    matrix = load_matrix(ROOT / "providers.yaml")
    known = {provider.id for provider in matrix.providers}
    for provider in {one.provider for one in kept} - known:
        assert matrix.provider_of("", provider) is None, provider


@pytest.mark.thorough
@pytest.mark.skipif(
    not all(path.is_dir() for path in OTHERS), reason="the recorded exchanges are not beside this repository"
)
def test_no_text_of_an_original_survives(kept: list[Published]) -> None:
    """No run of twelve characters that people or models wrote, in any exchange at its URL, is left in a recording."""
    originals: dict[str, list[Exchange]] = {}
    for path in (file for folder in OTHERS for file in archives_in(folder)):
        for entry in read_archive(path, dialects=DIALECTS):
            originals.setdefault(str(entry.exchange.source.url), []).append(scrub(entry.exchange))
    compared = [one for one in kept if str(one.exchange.source.url) in originals]
    others = {"/".join(str(one.exchange.source.url).split("/")[3:5]) for one in kept if one not in compared}
    assert others == ELSEWHERE
    left = {
        run
        for one in compared
        for original in originals[str(one.exchange.source.url)]
        for run in left_of(original, one.exchange)
    }
    assert left == set()
