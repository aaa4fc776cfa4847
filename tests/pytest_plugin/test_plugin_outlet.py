"""The plugin's output is escaped, and its report replaces no foreign file."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.printable import printable_lines
from harness.recording.cassette import write_cassette
from harness.simulate.reference import BODY

MATRIX = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_KEY
    docs: https://acme.example/docs
    models: [{id: small, thinking: {disable: {}}}]
"""
BAD = "stop\x1b]52;c;cHduZWQ=\x07\u202e\n::: \x9b31m"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "providers.yaml").write_text(MATRIX)
    sent = BODY.response.body.replace(b'"stop"', json.dumps(BAD).encode())
    exchange = replace(BODY, response=replace(BODY.response, body=sent))
    write_cassette(tmp_path / "cassettes/acme/small/chat.nonstream.yaml", [exchange])
    return tmp_path


def run(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "providers.yaml", "-p", "no:cacheprovider", "--rootdir", ".", *options]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.mark.thorough
def test_what_is_shown_of_a_hostile_recording_is_printable(project: Path) -> None:
    told = run(project, "-rA", "--compat-scenario", "chat.nonstream", "--compat-check", "finish_reason")
    assert told.returncode == 1
    assert r"\x1b]52;c;cHduZWQ=\x07\u202e" in told.stdout
    assert printable_lines(told.stdout + told.stderr) == told.stdout + told.stderr
    assert not [line for line in told.stdout.splitlines() if line.startswith(":::")]


@pytest.mark.thorough
def test_a_report_over_files_of_others_is_refused_in_a_line(project: Path) -> None:
    mine = project / "out/compatibility.md"
    mine.parent.mkdir()
    mine.write_text("# Mine\n")
    told = run(project, "--compat-report", "out", "--compat-check", "sse")
    assert "compatibility.md: it exists and was not written by harness" in told.stdout
    assert (told.returncode, mine.read_text()) == (4, "# Mine\n")
    assert [path.name for path in mine.parent.iterdir()] == ["compatibility.md"]


@pytest.mark.thorough
def test_an_environment_that_can_not_be_read_is_named(project: Path) -> None:
    (project / ".env").write_bytes(b"\xff=1\n")
    told = run(project, "--compat-live")
    assert ".env: byte 0 is not UTF-8; save it as UTF-8" in told.stdout
    assert "Traceback" not in told.stdout
