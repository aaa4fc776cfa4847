"""Deviations listed for a provider are applied to recordings and responses without a scenario."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.judging.audit import audit
from harness.judging.deviations import KnownProblems
from harness.matrix.providers import load_matrix
from harness.results import Finding, Outcome, Results, Run, read_results, write_results
from harness.simulate.reference import STREAM, replace_in_body
from harness.wire.exchange import Exchange

MATRIX = {
    "providers": [
        {
            "id": "acme", "name": "Acme", "base_url": "https://api.acme.example/v1", "key_env": "ACME_API_KEY",
            "docs": "https://acme.example", "models": [{"id": "small", "thinking": {"enable": {}, "disable": None}}],
        }
    ]
}  # fmt: skip
NO_OBJECT = replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")
NO_ROLE = replace_in_body(STREAM, '"role":"assistant",', "")


def listed(**more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "check": "chunk.object",
        "message": "object is absent from *",
        "reason": "It never sends one.",
    }
    told |= {"source": "https://acme.example/o", "seen": {"first": "2025-02", "last": "2026-01"}}
    return told | {"scenarios": ["tools.auto"], "models": ["small"]} | more


def audited(
    folder: Path, exchange: Exchange, *entries: dict[str, Any], host: str = "api.acme.example", at: str | None = None
) -> dict[str, Finding]:
    (folder / "cassettes/acme").mkdir(parents=True)
    (folder / "cassettes/acme/deviations.yaml").write_text(yaml.safe_dump({"deviations": list(entries)}))
    (folder / "providers.yaml").write_text(yaml.safe_dump(MATRIX))
    row: dict[str, Any] = {
        "captured_at": at,
        "request": {"url": f"https://{host}/v1/chat/completions", "body": exchange.request.json},
        "response": {"status": 200, "body_text": exchange.response.body.decode()},
    }
    (folder / "log.jsonl").write_text(json.dumps(row))
    matrix = load_matrix(folder / "providers.yaml")
    (found,) = audit([folder / "log.jsonl"], matrix, "auto", known=KnownProblems(folder))
    return {finding.check: finding for finding in found}


def test_what_is_listed_is_known_whatever_was_asked_of_which_model(tmp_path: Path) -> None:
    found = audited(tmp_path, NO_OBJECT, listed())["chunk.object"]
    assert (found.outcome, found.source) == (Outcome.KNOWN, "https://acme.example/o")
    assert found.known == "2025-02 to 2026-01: It never sends one."
    assert found.evidence, "it is shown all the same"


def test_what_to_do_about_it_is_told_as_listed(tmp_path: Path) -> None:
    found = audited(tmp_path, NO_OBJECT, listed(instead="Ask Acme."))["chunk.object"]
    assert found.advice is not None
    assert found.advice.instead == "Ask Acme."


@pytest.mark.parametrize(
    ("exchange", "entry", "host"),
    [
        (NO_ROLE, listed(), "api.acme.example"),
        (NO_OBJECT, listed(message="object is null in *"), "api.acme.example"),
        (NO_OBJECT, listed(), "api.other.example"),
    ],
    ids=["of another rule", "in other words", "of another provider"],
)
def test_what_is_not_listed_is_news(tmp_path: Path, exchange: Exchange, entry: dict[str, Any], host: str) -> None:
    found = audited(tmp_path, exchange, entry, host=host)
    failed = [finding for finding in found.values() if finding.outcome is Outcome.FAIL]
    assert failed
    assert all(finding.known is None and "expected" not in finding.message for finding in failed)


def test_what_does_not_show_is_not_taken_for_fixed(tmp_path: Path) -> None:
    assert audited(tmp_path, STREAM, listed())["chunk.object"].outcome is Outcome.PASS


def test_the_log_keeps_what_is_known(tmp_path: Path) -> None:
    found = audited(tmp_path, NO_OBJECT, listed())
    results = Results(Run("1", "2026-01-01", "audit"), list(found.values()))
    write_results(tmp_path / "r.jsonl", results)
    assert read_results(tmp_path / "r.jsonl").findings == results.findings


@pytest.mark.parametrize("name", ["..", "../cassettes/acme", "/", ""])
def test_a_provider_that_a_recording_names_opens_no_other_folder(tmp_path: Path, name: str) -> None:
    audited(tmp_path, STREAM, listed())
    assert KnownProblems(tmp_path).of(name) == ()


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        ("2025-11-30", Outcome.KNOWN), ("2026-01-15T08:00:00Z", Outcome.KNOWN), ("2026-02-01", Outcome.FAIL), (None, Outcome.KNOWN),
    ],
)  # fmt: skip
def test_what_is_gone_and_comes_back_is_news(tmp_path: Path, at: str | None, outcome: Outcome) -> None:
    gone = listed(until="2026-01", fault="object-missing")
    assert audited(tmp_path, NO_OBJECT, gone, at=at)["chunk.object"].outcome is outcome
