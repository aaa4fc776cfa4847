"""An endpoint is probed in legacy completions; its recordings are judged, masked and compared."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from judging import alarms
from scripted import IDEAL, Server

from harness.checks import CHECKS
from harness.cli import main
from harness.judging.alike import differences
from harness.matrix.completions import COMPLETIONS
from harness.recording.cassette import read_cassette
from harness.recording.masking import mask_exchanges
from harness.results import read_results
from harness.serve.embedded import ReplayServer
from harness.simulate.completions.ideal import MODEL, recording

ROOT = Path(__file__).resolve().parents[2]
RECORDED = sorted(ROOT.glob("cassettes/l*/tiny-chat/completions.*.yaml"))


def call(*command: str) -> Result:
    return CliRunner().invoke(main, list(command), env={"PROBE_KEY": "good", "COLUMNS": "200"})


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Server, Result]:
    folder = tmp_path_factory.mktemp("probed")
    asked = ("-m", MODEL, "--dialect", "completions", "--key-env", "PROBE_KEY")
    kept = ("--results", str(folder / "r.jsonl"), "--record", str(folder / "kept"))
    with Server(IDEAL) as server:
        result = call("probe", server.base_url, *asked, *kept)
    return folder, server, result


def test_an_ideal_endpoint_passes_every_scenario(probed: tuple[Path, Server, Result]) -> None:
    folder, server, result = probed
    assert result.exit_code == 0, result.output
    findings = read_results(folder / "r.jsonl").findings
    assert [finding for finding in findings if finding.outcome in {"fail", "broken", "blocked"}] == []
    assert {finding.scenario for finding in findings} == set(COMPLETIONS)
    assert {finding.check for finding in findings} == {
        name for name, check in CHECKS.items() if "completions" in check.dialects
    }
    assert len(server.requests) == sum(scenario.requests for scenario in COMPLETIONS.values())
    assert {request.path for request in server.requests} == {"/v1/completions"}


def test_what_was_recorded_is_audited_as_completions(probed: tuple[Path, Server, Result]) -> None:
    folder, _, _ = probed
    result = call("audit", str(folder / "kept"))
    assert result.exit_code == 0, result.output
    assert "not judged" not in result.output


def test_two_recordings_are_compared() -> None:
    ours, theirs = (ROOT / f"cassettes/{name}/tiny-chat/completions.nonstream.yaml" for name in ("llamacpp", "litellm"))
    result = call("diff", str(ours), str(theirs), "--format", "json")
    assert result.exit_code in {0, 1}, result.output
    assert "completion_tokens_details" in result.output


@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_masked_recording_is_judged_as_it_was(name: str) -> None:
    told = recording(COMPLETIONS[name])
    masked = mask_exchanges(told, "seed")
    assert [alarms(one) for one in masked] == [[]] * len(told)
    assert list(differences(told, masked)) == []


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_real_recordings_are_masked_and_judged_alike(path: Path) -> None:
    told = read_cassette(path)
    found = differences(told, mask_exchanges(told, "seed"))
    # What a rule quotes of an error are other words in a masked one; the verdict is the same.
    assert [one for one in found if one.before[0] != one.after[0]] == []


def test_both_engines_are_recorded() -> None:
    assert len(RECORDED) == 2 * len(COMPLETIONS)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("reference", MODEL, set()),
        ("litellm", "tiny-chat", {"completions.text", "finish_reason.key-present", "usage.not-unasked"}),
    ],
)
def test_a_served_provider_is_probed_as_recorded(provider: str, model: str, expected: set[str], tmp_path: Path) -> None:
    """Served legacy completions have exactly the defects that were recorded."""
    told = tmp_path / "r.jsonl"
    asked = ("-m", model, "--dialect", "completions", "--scenario", "completions.stream", "--results", str(told))
    with ReplayServer(provider, root=ROOT) as server:
        result = call("probe", server.base_url(provider), *asked)
    failed = {one.check for one in read_results(told).findings if one.outcome == "fail"}
    assert expected <= failed, result.output
    assert bool(failed) == bool(expected)
