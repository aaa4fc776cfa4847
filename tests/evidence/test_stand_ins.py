"""Providers known only by published recordings are listed, exported and served like the rest."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.evidence.export.build import export
from harness.evidence.stand_ins import with_published
from harness.judging.deviations import load_deviations
from harness.judging.runner import published_cassettes
from harness.matrix.project import project_matrix
from harness.matrix.providers import Matrix, load_matrix
from harness.results import Finding
from harness.serve.recording_index import RecordingIndex

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def known() -> Matrix:
    return with_published(load_matrix(ROOT / "providers.yaml"), ROOT)


def test_who_published_recordings_are_of_is_asked_or_named_as_not_asked(known: Matrix) -> None:
    of = {path.parents[2].name for path in published_cassettes(ROOT)}
    apart = {one.id for one in known.published_only}
    assert of <= {one.id for one in known.providers}
    assert apart <= of
    assert apart.isdisjoint(one.id for one in load_matrix(ROOT / "providers.yaml").providers)


def test_each_is_served_as_others_recorded_it(known: Matrix) -> None:
    for entry in known.published_only:
        answers = RecordingIndex(known, ROOT, (entry.id,)).answers(entry.id)
        assert answers, entry.id
        assert {one.exchange.source.provenance for one in answers} == {"published"}


@pytest.mark.thorough
def test_flags_rest_on_published_recordings_too(known: Matrix, published_findings: tuple[Finding, ...]) -> None:
    provider = next(one for one in known.providers if one.id == "snowflake")
    told = json.loads(export(provider, published_findings, ()).to_json())
    assert told["flags"]["supportsJsonSchema"][0]["value"] is True
    (shown,) = told["flags"]["supportsJsonSchema"][0]["shown"]
    assert shown["provenance"] == "published"
    assert all(name.startswith("published.") for names in shown["models"].values() for name in names)


@pytest.mark.thorough
def test_a_deviation_is_shown_by_what_others_asked(known: Matrix, published_findings: tuple[Finding, ...]) -> None:
    provider = next(one for one in known.providers if one.id == "groq")
    listed = load_deviations(ROOT / "cassettes/groq")
    told = json.loads(export(provider, published_findings, listed).to_json())
    tier = next(one for one in told["deviations"] if one["check"] == "chunk.service-tier")
    assert [one["provenance"] for one in tier["shown"]] == ["published"]


def test_they_are_listed_with_their_number_and_age(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["providers", "heroku", "--format", "json", "--root", str(tmp_path)])
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)
    assert (row["target"], row["published"], row["newest"]) == ("heroku/claude-3-7-sonnet", 1, "2025-06-06")
    assert row["recorded"] is None


def test_without_a_project_they_come_after_the_rest_and_are_no_project_s_own(tmp_path: Path) -> None:
    matrix = project_matrix(tmp_path)
    known = with_published(matrix, tmp_path)
    assert known.providers[: len(matrix.providers)] == matrix.providers
    assert len(known.own) == len(known.providers) > len(matrix.providers)
    assert all(one.bundled for one in known.providers)
