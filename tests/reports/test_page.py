"""The page and the badges work offline, are escaped, and have no broken anchors."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.errors import Unwritable
from harness.reports import badge, page
from harness.reports.files import write_report
from harness.results import Evidence, Finding, Level, Outcome, Results, Run, read_results

FINDINGS = [
    Finding("acme", "small", "chat.stream", "usage.sum", Level.MUST, Outcome.PASS, provenance="recorded", recorded_at="2026-03-04"),
    Finding(
        "acme", "small", "chat.stream", "content.type", Level.MUST, Outcome.FAIL, "content is <b>你好</b>",
        (Evidence(0, 3, 812, "/choices/0", "<script>alert(1)</script>"),), None, "recorded", "2026-03-04", "https://example.org/?a=1&b=2",
        "cassettes/a.yaml",
    ),
    Finding("other", "small", "chat.stream", "recording.present", Level.MUST, Outcome.MISSING, "no recording"),
]  # fmt: skip
RESULTS = Results(Run("0", "2026-03-05T00:00:00+00:00", "replay"), FINDINGS)


def test_what_providers_sent_is_escaped() -> None:
    text = page.render(RESULTS)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "content is &lt;b&gt;你好&lt;/b&gt;" in text


def test_it_loads_nothing_from_elsewhere() -> None:
    assert re.findall(r"""(?:src|@import|url\()\s*=?\s*["']?http""", page.render(RESULTS)) == []
    assert "<link" not in page.render(RESULTS)


def test_every_inner_link_has_its_anchor() -> None:
    text = page.render(RESULTS)
    targets = re.findall(r'href="#([^"]+)"', text)
    assert targets == ["acme", "other"]
    assert all(f'id="{target}"' in text for target in targets)
    assert 'id="acme/small/chat.stream/content.type" open' in text


def test_a_provider_without_recordings_says_so() -> None:
    assert "No recordings yet." in page.render(RESULTS)


def test_a_badge_counts_and_says_what_it_rests_on() -> None:
    badges = badge.render(RESULTS)
    assert list(badges) == ["acme"]
    texts = [node.text for node in ET.fromstring(badges["acme"]).iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["openai-compat", "1/2 recorded 2026-03"]
    assert "#cf222e" in badges["acme"]


def test_running_again_leaves_the_files_alone(tmp_path: Path) -> None:
    write_report(tmp_path, RESULTS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in before} == {
        "results.jsonl",
        "digest.jsonl",
        "compatibility.md",
        "index.html",
        "acme.svg",
    }
    later = Run("0", "2027-01-01T00:00:00+00:00", "replay")
    write_report(tmp_path, Results(later, FINDINGS))
    assert {path: path.read_bytes() for path in before} == before
    write_report(tmp_path, Results(later, FINDINGS[:1]))
    assert read_results(tmp_path / "results.jsonl").run == later


@pytest.mark.parametrize("content", ["", '{"kind":"run", cut'])
def test_a_damaged_results_file_is_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.jsonl").write_text(content.replace(", cut", ""))
    write_report(tmp_path, RESULTS)
    assert read_results(tmp_path / "results.jsonl") == RESULTS


def test_what_is_no_results_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("mine")
    with pytest.raises(Unwritable, match="it exists and is not a results file"):
        write_report(tmp_path, RESULTS)
    assert (tmp_path / "results.jsonl").read_text() == "mine"
