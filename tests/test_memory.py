"""
Input made to exhaust memory takes at most 250 MB, by the process's own peak.

``make test-thorough`` runs each recording and response of ``benchmarks/limits.py``, ``make test`` one of each kind.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parted import parted

ROOT = Path(__file__).resolve().parents[1]


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("benchmark_of_limits", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BENCH = loaded(ROOT / "benchmarks/limits.py")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with BENCH.serving() as serving:
        yield serving


def test_only_what_was_judged_is_called_read() -> None:
    finding = '{"check":"sse.json","outcome":"pass"}'
    assert BENCH.verdict(BENCH.Ran(1, 90, 1, finding)) == "read"
    assert BENCH.verdict(BENCH.Ran(1, 90, 1, "Traceback (most recent call last):\nKeyError: 'x'")).endswith("'x'")
    assert BENCH.verdict(BENCH.Ran(-9, 90, 1, finding)).startswith("ended early")
    assert BENCH.verdict(BENCH.Ran(1, 90, 1, "")) == "ended early: without a word"


def failing(said: str) -> set[str]:
    findings = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {one["check"] for one in findings if one.get("outcome") in {"fail", "broken"}}  # a forecast has none


@pytest.mark.parametrize("name", parted(BENCH.RECORDINGS, {"gzip of 1 GB.jsonl"}))
def test_a_recording_that_is_made_to_take_all_memory_is_told_in_a_line_or_a_finding(tmp_path: Path, name: str) -> None:
    BENCH.RECORDINGS[name](tmp_path / name)
    ran = BENCH.run("audit", str(tmp_path / name), "--format", "json")
    assert ran.peak <= BENCH.MOST
    if ran.code == 2:
        assert "raise --max-" in ran.said
    else:
        # Nothing is said of what was not read, such as that its end is missing.
        assert failing(ran.said) == {"http.not-empty" if "empty" in name else "http.too-large"}


@pytest.mark.parametrize("name", parted(BENCH.ANSWERS, {"endless line", "refusal of gzip of 1 GB"}))
def test_an_answer_that_is_made_to_take_all_memory_is_a_finding(address: str, name: str) -> None:
    ran = BENCH.probed(address, name)
    assert ran.peak <= BENCH.MOST
    assert failing(ran.said) == {"http.too-large"}
    assert ran.code == (2 if name.startswith("refusal") else 1), "where all is refused no chat request got an answer"
