"""Reconstructed cassettes match their profiles, and replace no recording."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from profiled import MATRIX, write

from harness.cli import main
from harness.evidence.reconstruct import profiles_of, reconstruct
from harness.judging.deviations import load_deviations
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.providers import load_matrix
from harness.recording.cassette import dump_cassette, read_cassette, write_cassette
from harness.results import Outcome
from harness.simulate.reference import STREAM, recorded

ROOT = Path(__file__).resolve().parents[2]
KNOWN = {"parameters": [{"taken": ["stop"], "evidence": ["seen"]}]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "providers.yaml").write_text(yaml.safe_dump(MATRIX))
    write(tmp_path, **KNOWN)
    return tmp_path


def run(root: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["reconstruct", "--root", str(root), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def cassettes(root: Path) -> set[str]:
    return {path.stem for path in (root / "cassettes/acme/small").glob("*.yaml")}


def test_the_committed_cassettes_are_what_the_profiles_make() -> None:
    matrix = load_matrix(ROOT / "providers.yaml")
    made = list(reconstruct(matrix, ROOT, profiles_of(matrix, ROOT)))
    wrong = [(one.state, str(one.path.relative_to(ROOT))) for one in made if one.state not in {"same", "kept"}]
    assert wrong == [], "run: harness reconstruct"
    assert sum(one.state == "same" for one in made) > 300


def test_every_reconstructed_cassette_has_a_profile() -> None:
    matrix = load_matrix(ROOT / "providers.yaml")
    profiled = profiles_of(matrix, ROOT)
    stray = [
        path
        for path in sorted(ROOT.glob("cassettes/*/*/*.yaml"))
        if path.parents[1].name not in profiled and read_cassette(path)[0].source.provenance == "reconstructed"
    ]
    assert stray == []


def test_the_reference_has_no_deviation_and_needs_none() -> None:
    cases = plan(load_matrix(ROOT / "providers.yaml"), ROOT, Selection(providers=("openai",)))
    findings = [finding for case in cases for finding in run_case(case, Selection().chosen())]
    assert load_deviations(ROOT / "cassettes/openai") == ()
    good = {Outcome.PASS, Outcome.OBSERVED, Outcome.NA, Outcome.MISSING}
    assert [(one.cell, one.message) for one in findings if one.outcome not in good] == []
    assert sum(one.outcome is Outcome.PASS for one in findings) > 4000


def test_cassettes_are_written_once(project: Path) -> None:
    first = run(project)
    assert first.exit_code == 0
    assert "new: cassettes/acme/small/chat.stream.yaml" in first.stdout
    assert {"chat.stream", "chat.stop", "parity.chat"} <= cassettes(project)
    before = {path: path.read_bytes() for path in project.glob("cassettes/acme/small/*.yaml")}
    again = run(project)
    assert (again.exit_code, again.stdout) == (0, "")
    assert {path: path.read_bytes() for path in project.glob("cassettes/acme/small/*.yaml")} == before


def test_a_check_writes_nothing_and_says_what_differs(project: Path) -> None:
    assert run(project, "--check").exit_code == 1
    assert cassettes(project) == set()
    run(project)
    assert run(project, "--check").exit_code == 0
    path = project / "cassettes/acme/small/chat.stream.yaml"
    path.write_bytes(path.read_bytes().replace(b"help?", b"help!"))
    result = run(project, "--check")
    assert (result.exit_code, result.stdout) == (1, "changed: cassettes/acme/small/chat.stream.yaml\n")
    run(project)
    assert run(project, "--check").exit_code == 0


def test_what_the_profile_no_longer_supports_goes(project: Path) -> None:
    run(project)
    write(project)
    gone = "".join(f"unfounded: cassettes/acme/small/{name}.yaml\n" for name in ("chat.stop", "params.stop"))
    assert run(project, "--check").stdout == gone
    assert run(project).exit_code == 0
    assert "chat.stop" not in cassettes(project)
    assert "chat.stream" in cassettes(project)


@pytest.mark.parametrize("scenario", ["chat.stream", "tools.auto"])
def test_a_recording_is_kept_whether_the_profile_makes_one_or_not(scenario: str, project: Path) -> None:
    path = project / f"cassettes/acme/small/{scenario}.yaml"
    write_cassette(path, [recorded(STREAM)])
    result = run(project)
    assert "1 kept" in result.stderr
    assert path.read_bytes() == dump_cassette([recorded(STREAM)])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acm", "unknown provider 'acm'; try acme"),
        ("acme", "acme has no cassettes/acme/profile.yaml; write one: see CONTRIBUTING.md"),
    ],
)
def test_a_provider_without_a_profile_is_refused_in_a_line(name: str, said: str, project: Path) -> None:
    (project / "cassettes/acme/profile.yaml").unlink()
    result = run(project, name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"harness: {said}\n"


def test_a_wrong_profile_is_refused_in_a_line(project: Path) -> None:
    write(project, forms=[])
    result = run(project)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "cassettes/acme/profile.yaml" in line
    assert "forms" in line
