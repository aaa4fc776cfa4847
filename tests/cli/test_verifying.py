"""`verify`, the hooks that run it, and the files that `audit` of a folder skips."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from planted import MARKED
from projects import write_project

from harness.cli import main

ROOT = Path(__file__).resolve().parents[2]
ENTRY = {
    "check": "sse.done", "message": "*", "reason": "So.", "source": "https://example.org/1", "seen": {"first": "2026-01"},
}  # fmt: skip


def verify(*paths: Path, **env: str) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, paths)], env=env)


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return write_project(tmp_path) / "cassettes/acme/small/chat.stream.yaml"


@pytest.mark.usefixtures("cassette")
def test_what_is_as_it_should_be_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "baseline.yaml").write_text(yaml.safe_dump({"deviations": [ENTRY]}))
    (tmp_path / "workflow.yml").write_text("on: push\njobs: {}\n")
    result = verify(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "2 of 4 files checked" in result.stderr


def test_a_key_is_told_by_its_line_and_not_shown(cassette: Path) -> None:
    key = MARKED["openrouter"]
    text = cassette.read_text()
    cassette.write_text(text.replace("! How can I", key, 1))
    result = verify(cassette)
    assert result.exit_code == 1
    number = next(n for n, line in enumerate(cassette.read_text().splitlines(), 1) if key in line)
    assert result.stdout.startswith(f"{cassette}:{number}: this line contains an API key")
    assert key not in result.output


def test_a_key_of_the_environment_is_told_in_any_form(cassette: Path) -> None:
    word = "plum-" + "orchard-" * 3 + "7"
    cassette.write_text(cassette.read_text().replace("! How can I", word[::-1], 1))
    assert verify(cassette).exit_code == 0
    assert verify(cassette, ACME_API_KEY=word).exit_code == 1


@pytest.mark.parametrize("keep", [0, 120, 300, 900])
def test_a_cassette_that_is_cut_short_is_told(cassette: Path, keep: int) -> None:
    cassette.write_text(cassette.read_text()[:keep])
    result = verify(cassette)
    assert result.exit_code == 1
    assert str(cassette) in result.stdout
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reason": ""}, "reason: empty; fill it in"),
        ({"check": "sse.dome"}, "unknown check"),
        ({"why": "x"}, "unknown key"),
    ],
)
def test_a_baseline_without_a_reason_is_told(tmp_path: Path, change: dict[str, str], said: str) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text(yaml.safe_dump({"deviations": [ENTRY | change]}))
    result = verify(path)
    assert result.exit_code == 1
    assert said in result.stdout


def test_what_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert verify(tmp_path / "none.yaml").exit_code == 2


def test_the_cassettes_of_this_project_are_as_they_should_be() -> None:
    result = verify(ROOT / "cassettes/llamacpp", ROOT / "cassettes/deepseek")
    assert result.exit_code == 0, result.output


def test_the_hooks_run_it_on_the_files_that_it_is_for() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["entry"] for hook in hooks} == {"harness verify"}
    cassettes, baseline = (re.compile(hook["files"]) for hook in hooks)
    assert cassettes.search("tests/cassettes/acme/small/chat.stream.yaml")
    assert not cassettes.search("cassettes/README.md")
    assert baseline.search("ci/baseline.yaml")
    assert baseline.search("cassettes/acme/deviations.yaml")


def test_an_audit_of_a_folder_leaves_aside_what_harness_wrote(cassette: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(cassette, folder)
    run = CliRunner()
    audited = run.invoke(main, ["audit", str(folder), "--results", str(folder / "r.jsonl"), "--format", "json"])
    (folder / "findings.jsonl").write_text(audited.stdout)
    (folder / "baseline.yaml").write_text("# Ours.\n" + yaml.safe_dump({"deviations": [ENTRY]}))
    sarif = {"$schema": "https://docs.oasis-open.org/sarif/x.json", "version": "2.1.0", "runs": []}
    (folder / "sarif.json").write_text(json.dumps(sarif, indent=1))
    again = run.invoke(main, ["audit", str(folder), "--format", "json"])
    assert again.exit_code in {0, 1}, again.output
    assert again.stdout == audited.stdout
