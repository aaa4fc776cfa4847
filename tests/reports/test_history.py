"""The history of findings has the right days, and adding results twice changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadResults
from harness.reports.history import add_results, read_history, write_history
from harness.results import Finding, Level, Outcome, Results, Run


def results(*days: tuple[str, str], provenance: str = "recorded", check: str = "usage.once") -> Results:
    findings = [
        Finding("acme", "m", "chat.stream", check, Level.MUST, Outcome(outcome), provenance=provenance, recorded_at=day)  # type: ignore[arg-type]
        for day, outcome in days
    ]
    return Results(Run("0", "2026-11-29", "replay"), findings)


def after(path: Path, *runs: Results) -> dict[str, Any]:
    for run in runs:
        history = read_history(path)
        add_results(history, run)
        write_history(path, history)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_nights_add_up_to_spans_and_a_pass_ends_one(tmp_path: Path) -> None:
    nights = [("2026-11-01", "fail"), ("2026-11-02", "known"), ("2026-11-03", "pass"), ("2026-11-05", "fail")]
    document = after(tmp_path / "h.json", *(results((f"{day}T03:00:00+00:00", outcome)) for day, outcome in nights))
    assert document == {
        "version": 1,
        "providers": {
            "acme": {
                "judged": [day for day, _ in nights],
                "seen": {"usage.once": [["2026-11-01", "2026-11-02"], ["2026-11-05", "2026-11-05"]]},
            }
        },
    }


def test_adding_the_same_results_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.json"
    once = after(path, results(("2026-11-01", "fail")))
    text = path.read_text(encoding="utf-8")
    assert after(path, results(("2026-11-01", "fail"))) == once
    assert path.read_text(encoding="utf-8") == text


def test_an_earlier_recording_is_put_in_its_place(tmp_path: Path) -> None:
    document = after(
        tmp_path / "h.json", results(("2026-11-09", "fail")), results(("2026-10-01", "fail"), ("2026-11-01", "pass"))
    )
    assert document["providers"]["acme"]["seen"]["usage.once"] == [
        ["2026-10-01", "2026-10-01"],
        ["2026-11-09", "2026-11-09"],
    ]


def test_a_reconstruction_is_no_sighting(tmp_path: Path) -> None:
    assert after(tmp_path / "h.json", results(("2026-11-01", "fail"), provenance="reconstructed"))["providers"] == {}


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": 2, "providers": {}}', "nonsense", '{"version": 1, "providers": {"a": 1}}',
                                  '{"version": 1, "providers": {"a": {"judged": [1], "seen": {}}}}'])  # fmt: skip
def test_what_is_no_history_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "h.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadResults, match="not a history file of version 1"):
        read_history(path)
