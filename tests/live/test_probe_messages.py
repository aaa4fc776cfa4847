"""Probing an endpoint in Messages."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scripted import IDEAL, Received, Script, Server, plays

from harness.checks import CHECKS
from harness.cli import main
from harness.matrix.dialects import SCENARIOS_OF
from harness.matrix.messages import MESSAGES, address
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import read_cassette
from harness.results import Finding, read_results
from harness.simulate.messages.edits import moved_last, typed
from harness.simulate.messages.ideal import MODEL
from harness.simulate.messages.reference import TWO_TOOLS


def probe(server: Server, *options: str, key: str = "good", base: str = "") -> Result:
    command = [
        "probe",
        base or server.base_url,
        "-m",
        MODEL,
        "--dialect",
        "messages",
        "--key-env",
        "PROBE_KEY",
        *options,
    ]
    return CliRunner().invoke(main, command, env={"PROBE_KEY": key, "COLUMNS": "200"})


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Server, Result]:
    folder = tmp_path_factory.mktemp("probed")
    with Server(IDEAL) as server:
        result = probe(server, "--results", str(folder / "r.jsonl"), "--record", str(folder / "kept"))
    return folder, server, result


def found(folder: Path) -> list[Finding]:
    return list(read_results(folder / "r.jsonl").findings)


def test_an_ideal_endpoint_passes_every_scenario(probed: tuple[Path, Server, Result]) -> None:
    folder, server, result = probed
    assert result.exit_code == 0, result.output
    findings = found(folder)
    assert [finding for finding in findings if finding.outcome in {"fail", "broken", "blocked"}] == []
    assert {finding.scenario for finding in findings} == set(MESSAGES)
    assert {finding.check for finding in findings} == {
        name for name, check in CHECKS.items() if "messages" in check.dialects
    }
    assert "first token after" in result.stdout
    assert "tokens reported: 0 prompt" not in result.stdout
    assert len(server.requests) == sum(scenario.requests for scenario in MESSAGES.values())


def test_what_was_sent_is_what_users_send(probed: tuple[Path, Server, Result]) -> None:
    _, server, _ = probed
    sent = server.requests
    asked = [request for request in sent if "/messages" in request.path]
    assert len(sent) - len(asked) == sum(one.in_chat_first for one in MESSAGES.values())
    assert {request.header("anthropic-version") for request in asked} == {"2023-06-01"}
    keys = {(request.header("authorization") is not None, request.header("x-api-key") is not None) for request in sent}
    assert keys == {(True, True), (True, False), (False, True)}
    assert [request.path for request in sent if "beta" in request.path] == ["/v1/messages?beta=true"]
    assert sum(request.path.endswith("count_tokens") for request in sent) == 1


def test_a_thought_goes_back_with_its_signature_or_is_left_out(probed: tuple[Path, Server, Result]) -> None:
    folder, _, _ = probed
    for name, kinds in (("thinking-tool", ["thinking", "tool_use"]), ("thinking-left-out", ["tool_use"])):
        second = read_cassette(folder / "kept" / f"messages.{name}.yaml")[1].request.json or {}
        said, result = second["messages"][1:]
        assert [block["type"] for block in said["content"]] == kinds
        assert [block["type"] for block in result["content"]] == ["tool_result"]
        assert said["content"][0].get("signature", "x")


def test_a_kept_recording_is_judged_alike(probed: tuple[Path, Server, Result]) -> None:
    folder, _, _ = probed
    result = CliRunner().invoke(main, ["audit", str(folder / "kept"), "--format", "json"])
    assert result.exit_code == 0, result.output


def broken(request: Received) -> Script:
    if b"Call both tools" in request.body:
        return plays(moved_last(typed("content_block_stop", index=1))(TWO_TOOLS))
    return IDEAL


def test_a_fault_is_found_and_ends_with_1() -> None:
    with Server(lambda request: broken(request)(request)) as server:
        result = probe(server, "--scenario", "messages.two-tools", "--scenario", "messages.stream")
    assert result.exit_code == 1, result.output
    assert "messages.one-block-open" in result.output


def test_families_and_checks_are_those_of_the_dialect() -> None:
    with Server(IDEAL) as server:
        some = probe(server, "--scenario", "messages.*", "--check", "messages.ends", "--format", "json")
        none = probe(server, "--scenario", "chat.stream")
    assert some.exit_code == 0, some.output
    assert '"messages.ends"' in some.stdout
    assert none.exit_code == 2
    assert "--scenario chat.stream: a scenario of another dialect; add --dialect chat" in none.stderr


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1/v1/messages"),
        ("http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1/messages"),
        ("https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1/messages"),
    ],
)
def test_the_base_url_is_that_of_the_sdk(base: str, expected: str) -> None:
    assert address(base, MESSAGES["messages.stream"]) == expected
    assert address(base, MESSAGES["messages.count-tokens"]) == f"{expected}/count_tokens"
    assert address(base, MESSAGES["messages.unknown-beta"]) == f"{expected}?beta=true"


def test_a_base_url_without_v1_is_asked_at_v1() -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--scenario", "messages.stream", base=server.base_url.removesuffix("/v1"))
    assert result.exit_code == 0, result.output
    assert [request.path for request in server.requests] == ["/v1/messages"]


def test_a_wrong_key_is_told_in_a_line() -> None:
    with Server(IDEAL) as server:
        wrong = probe(server, key="wrong")
    assert wrong.exit_code == 2
    assert "is the key right?" in wrong.stderr


def test_names_of_scenarios_are_those_of_nothing_else() -> None:
    assert not set(MESSAGES) & set(CHECKS)
    assert not set(MESSAGES) & set(SCENARIOS)
    assert all(scenario.dialect == dialect for dialect, table in SCENARIOS_OF.items() for scenario in table.values())
