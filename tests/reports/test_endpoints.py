"""Two endpoints are compared by scenario, whatever their names."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import NothingInCommon
from harness.recording.cassette import write_cassette
from harness.reports.endpoints import side_by_side
from harness.reports.pairing import compare
from harness.results import Finding, Level, Outcome, Results, Run, write_results
from harness.simulate.reference import STREAM, replace_in_body
from harness.wire.exchange import Source

RUN = Run("1.0", "2026-05-01T00:00:00+00:00", "live", "3.52")


def finding(
    provider: str, model: str, check: str, outcome: Outcome = Outcome.PASS, scenario: str = "chat.stream"
) -> Finding:
    told = {"provenance": "recorded", "recorded_at": "2026-05-01"}
    return Finding(provider, model, scenario, check, Level.MUST, outcome, **told)  # type: ignore[arg-type]


def run(*findings: Finding) -> Results:
    return Results(RUN, list(findings))


DIRECT = run(finding("api.acme.example", "big", "a.b"), finding("api.acme.example", "big", "a.c"))
GATEWAY = run(finding("localhost:4000", "acme-big", "a.b", Outcome.FAIL), finding("localhost:4000", "acme-big", "a.c"))


def test_runs_of_different_endpoints_meet_by_scenario() -> None:
    found = compare(side_by_side((DIRECT, GATEWAY)))
    (group,) = found.groups
    assert (found.same, group.provider, group.checks) == (1, "api.acme.example vs localhost:4000", ["a.b"])
    assert (group.first.place, group.first.by) == (
        "api.acme.example vs localhost:4000/big vs acme-big/chat.stream/a.b", "another endpoint",
    )  # fmt: skip
    assert found.regressions


def test_runs_that_share_a_target_or_are_of_several_providers_stay_as_they_are() -> None:
    more = run(*DIRECT.findings, finding("other", "x", "a.b"))
    for runs in ((DIRECT, DIRECT), (DIRECT, more), (more, GATEWAY)):
        assert side_by_side(runs) == runs


def test_models_of_one_name_meet_and_the_others_are_left_out() -> None:
    both = (
        run(finding("a", "x", "a.b"), finding("a", "y", "a.b")),
        run(finding("b", "y", "a.b"), finding("b", "z", "a.b")),
    )
    old, new = side_by_side(both)
    assert [(one.provider, one.model) for one in (*old.findings, *new.findings)] == [("a vs b", "y")] * 2


def test_two_targets_of_one_file_are_compared() -> None:
    whole = run(*DIRECT.findings, *GATEWAY.findings)
    named = side_by_side((whole, whole), ("api.acme.example", "localhost:4000/acme-big"))
    assert [group.checks for group in compare(named).groups] == [["a.b"]]


@pytest.mark.parametrize(
    ("runs", "targets", "said"),
    [
        ((DIRECT, GATEWAY), ("acme", "localhost:4000"), "OLD has no findings on 'acme'; it has api.acme.example/big"),
        ((DIRECT, GATEWAY), ("api.acme.example", "big"), "NEW has no findings on 'big'; it has localhost:4000/acme-big"),
        (
            (run(finding("a", "x", "a.b"), finding("a", "y", "a.b")), GATEWAY), None,
            "a has the models x, y, localhost:4000 has acme-big: none is on both sides; name one of each",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_matched_is_said(
    runs: tuple[Results, Results], targets: tuple[str, str] | None, said: str
) -> None:
    with pytest.raises(NothingInCommon, match=said):
        side_by_side(runs, targets)


def test_the_command_compares_two_endpoints(tmp_path: Path) -> None:
    files = tmp_path / "direct.jsonl", tmp_path / "gateway.jsonl"
    for path, results in zip(files, (DIRECT, GATEWAY), strict=True):
        write_results(path, results)
    found = CliRunner().invoke(main, ["diff", *map(str, files)], env={"COLUMNS": "200"})
    assert found.exit_code == 1
    assert "api.acme.example vs localhost:4000" in found.stdout
    wrong = CliRunner().invoke(main, ["diff", *map(str, files), "--targets", "acme", "x"])
    assert wrong.exit_code == 2
    assert f"{files[0]} has no findings on 'acme'" in wrong.stderr


def test_recordings_of_two_endpoints_are_matched_by_the_scenario_they_are_named_for(tmp_path: Path) -> None:
    source = Source("recorded", "2026-05-01")
    write_cassette(tmp_path / "a/small/chat.stream.yaml", [replace(STREAM, source=source)])
    other = replace_in_body(STREAM, '"role":"assistant"', '"role":null')
    write_cassette(tmp_path / "b/deep/down/chat.stream.yaml", [replace(other, source=source)])
    found = CliRunner().invoke(main, ["diff", str(tmp_path / "a"), str(tmp_path / "b"), "--root", str(tmp_path)])
    assert found.exit_code == 1, found.output
    assert "role.value" in found.stdout
