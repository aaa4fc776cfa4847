"""The options of `probe`: scenarios, checks, headers and output."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from faulty import OBJECT, faulty
from junitparser import JUnitXml
from scripted import IDEAL, Received, Server, Step, ideal

from harness.cli import main
from harness.matrix.scenarios import SCENARIOS

ENV = {"PROBE_KEY": "good", "COLUMNS": "200", "GITHUB_STEP_SUMMARY": ""}
ONE = ("--scenario", "chat.stream")
TWO = (*ONE, "--scenario", "chat.nonstream")


def probe(server: Server, *options: str, **env: str) -> Result:
    command = ["probe", server.base_url, "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *options]
    return CliRunner().invoke(main, command, env={**ENV, **env})


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_family_of_scenarios_and_one_of_checks_and_a_level_are_chosen() -> None:
    with Server(IDEAL) as server:
        *found, summary = rows(
            probe(server, "--scenario", "models.*", *ONE, "--check", "sse", "--level", "must", "--format", "json")
        )
    assert {one["scenario"] for one in found} == {name for name in SCENARIOS if name.startswith("models.")} | {
        "chat.stream"
    }
    assert {one["check"].partition(".")[0] for one in found} == {"sse"}
    assert {one["level"] for one in found} == {"MUST"}
    assert summary["kind"] == "summary"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scenario", "tool.*"), "unknown scenario 'tool.*'; try tools.*"),
        (("--scenario", "messages.*"), "--scenario messages.*: a scenario of another dialect; add --dialect messages"),
        (("--check", "sse.dome"), "unknown check 'sse.dome'; try sse.done"),
        (("--header", "no colon here"), "--header: there is no name before a colon; write NAME:VALUE"),
        (("--header", "X-A:with\nline"), "--header X-A: the value contains a character that a header cannot contain"),
        (("--header", "Bad Name:x"), "--header: there is no name before a colon"),
    ],
)
def test_what_is_said_wrongly_is_told_in_a_line_before_anything_is_asked(options: tuple[str, ...], said: str) -> None:
    with Server(IDEAL) as server:
        result = probe(server, *options)
        assert not server.requests
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_headers_go_with_each_request_and_are_kept_nowhere(tmp_path: Path) -> None:
    value = "gateway-" + "".join(map(str, range(20)))

    def echoing(request: Received) -> Iterable[Step]:
        assert request.header("x-gateway-auth") == value
        assert request.header("X-Team") == "compat"
        return [
            step.replace(b"Content-Type", b"X-Request-Id: " + value.encode() + b"\r\nContent-Type", 1)
            if isinstance(step, bytes) else step
            for step in IDEAL(request)
        ]  # fmt: skip

    options = ("--header", f"X-Gateway-Auth: {value}", "--header", "X-Team:compat", "--record", str(tmp_path))
    with Server(echoing) as server:
        result = probe(server, *TWO, *options, "--format", "json")
        assert len(server.requests) == 2
    assert result.exit_code in {0, 1}
    written = "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))
    assert written
    assert value not in result.output + written


def test_requests_begin_no_closer_than_they_may() -> None:
    with Server(IDEAL) as server:
        probe(server, "--scenario", "params.seed", "--scenario", "params.user", *TWO, "--delay", "0.25")
        begun = sorted(request.begun for request in server.requests)
    assert len(begun) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(begun)) > 0.2


def test_what_was_not_limited_grows_with_the_repetitions_and_what_was_does_not() -> None:
    with Server(IDEAL) as server:
        assert "up to 6 requests" in probe(server, *TWO, "--repeat", "3").stderr
        assert len(server.requests) == 6
        assert "within 900 s" in probe(server, *ONE, "--repeat", "3").stderr
        assert "within 60 s" in probe(server, *ONE, "--repeat", "3", "--max-seconds", "60").stderr
        before = len(server.requests)
        probe(server, *TWO, "--repeat", "3", "--max-requests", "3")
        assert len(server.requests) == before + 3


def test_what_it_cost_and_how_fast_it_was_is_told() -> None:
    with Server(ideal(pace=0.03)) as server:
        result = probe(server, *TWO, "--scenario", "chat.stream-usage", "--format", "json")
        pretty = probe(server, *ONE)
    summary = rows(result)[-1]
    cost, speed = summary["cost"], summary["speed"]
    assert (cost["requests"], cost["without_usage"]) == (3, 1)
    assert cost["prompt_tokens"] > 0
    assert speed["streams"] == 2
    assert 0 < speed["first_token_median"] <= speed["first_token_max"] < 5
    assert 1 < speed["tokens_per_second"] < 200
    with Server(IDEAL) as server:
        burst = rows(probe(server, "--scenario", "chat.stream-usage", "--format", "json"))[-1]["speed"]
    assert burst["tokens_per_second"] is None, "what comes at once has no rate"
    assert "first token after" in pretty.stdout


def test_the_files_for_ci_are_written_and_those_of_others_are_not_replaced(tmp_path: Path) -> None:
    xml, sarif, summary = tmp_path / "j.xml", tmp_path / "s.sarif", tmp_path / "summary.md"
    options = (*ONE, "--junit", str(xml), "--sarif", str(sarif), "--github", "--fail-on", "must")
    with Server(faulty(OBJECT)) as server:
        result = probe(server, *options, GITHUB_STEP_SUMMARY=str(summary))
        again = probe(server, *options, GITHUB_STEP_SUMMARY=str(summary))
        suites = JUnitXml.fromfile(str(xml))
        xml.write_text("<mine/>")
        refused = probe(server, *options)
    assert [result.exit_code, again.exit_code, refused.exit_code] == [1, 1, 2]
    assert suites.failures > 0
    assert json.loads(sarif.read_text())["runs"][0]["results"]
    assert summary.read_text().count("# Compatibility of gpt-4o-mini") == 2, "a step may probe twice"
    lines = result.stdout.splitlines()
    stop = next(number for number, line in enumerate(lines) if line.startswith("::stop-commands::"))
    start = lines.index(f"::{lines[stop].rpartition('::')[2]}::")
    assert stop < start
    assert next(number for number, line in enumerate(lines) if line.startswith("::error ")) > start
    assert "not written by harness" in refused.stderr


def test_a_summary_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    full = tmp_path / "full.md"
    full.write_text("x" * 1_000_000)
    with Server(IDEAL) as server:
        assert probe(server, *ONE, "--github", GITHUB_STEP_SUMMARY=str(full)).exit_code == 0
        assert full.stat().st_size == 1_000_000
        result = probe(server, *ONE, "--github", GITHUB_STEP_SUMMARY=str(tmp_path))
    assert result.exit_code == 2
    assert "GITHUB_STEP_SUMMARY" in result.stderr
