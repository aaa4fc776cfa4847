"""``audit`` and ``probe`` distinguish known from new problems, unless told not to."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from scripted import Server, plays

from harness.cli import main
from harness.judging.deviations import FILE_NAME
from harness.recording.cassette import write_cassette
from harness.results import Outcome, read_results
from harness.simulate.reference import STREAM, replace_in_body

ODD = replace_in_body(STREAM, '"object":"chat.completion.chunk"', '"object":"chunk"')
SCHEMA = "# yaml-language-server: $schema=llm-compat-harness.schema.json\n"


def project(folder: Path, base_url: str) -> Path:
    provider = {
        "id": "acme", "name": "Acme", "base_url": base_url, "key_env": "ACME_API_KEY", "docs": "https://acme.example",
        "models": [{"id": "small", "thinking": {"enable": {}, "disable": None}}],
    }  # fmt: skip
    entry = {
        "check": "chunk.object",
        "message": "*",
        "reason": "So.",
        "source": "https://acme.example",
        "seen": {"first": "2025-01"},
    }
    (folder / "providers.yaml").write_text(SCHEMA + yaml.safe_dump({"providers": [provider]}))
    (folder / "cassettes/acme").mkdir(parents=True)
    (folder / "cassettes/acme" / FILE_NAME).write_text(yaml.safe_dump({"deviations": [entry]}))
    return folder


@pytest.mark.parametrize(("option", "outcome"), [((), Outcome.KNOWN), (("--no-known",), Outcome.FAIL)])
def test_audit_tells_known_from_new(tmp_path: Path, option: tuple[str, ...], outcome: Outcome) -> None:
    root = project(tmp_path, "https://api.acme.example/v1")
    write_cassette(
        tmp_path / "log.yaml",
        [replace(ODD, request=replace(ODD.request, url="https://api.acme.example/v1/chat/completions"))],
    )
    log = tmp_path / "out.jsonl"
    words = ["audit", str(tmp_path / "log.yaml"), "--root", str(root), "--results", str(log), "--provider-from", "host"]
    result = CliRunner().invoke(main, [*words, *option])
    found = {finding.check: finding.outcome for finding in read_results(log).findings}
    assert found["chunk.object"] is outcome
    assert ("Known deviations of the provider" in result.stdout) is (outcome is Outcome.KNOWN)
    assert result.exit_code == (1 if Outcome.FAIL in found.values() else 0)


@pytest.mark.parametrize(("option", "outcome"), [((), Outcome.KNOWN), (("--no-known",), Outcome.FAIL)])
def test_probe_tells_known_from_new(tmp_path: Path, option: tuple[str, ...], outcome: Outcome) -> None:
    log = tmp_path / "out.jsonl"
    with Server(plays(ODD)) as server:
        root = project(tmp_path, server.base_url)
        words = ["probe", server.base_url, "-m", "small", "--scenario", "chat.stream", "--root", str(root)]
        CliRunner().invoke(main, [*words, "--results", str(log), *option])
    found = {finding.check: finding.outcome for finding in read_results(log).findings}
    assert found["chunk.object"] is outcome
