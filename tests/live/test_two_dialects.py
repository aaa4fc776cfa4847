"""An endpoint gets the same request in chat completions and in Messages: differences are found, live and served."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from scripted import Received, Script, Server, ideal_answer, plays

from harness.cli import main
from harness.results import Finding, read_results
from harness.serve.embedded import ReplayServer
from harness.simulate.chat.ideal import MODEL as MODEL_OF_CHAT
from harness.simulate.messages.ideal import MODEL
from harness.simulate.reference import with_body
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]
TEXT, TOOL = "messages.both-dialects", "messages.both-dialects-tool"


def probe(base_url: str, folder: Path, *scenarios: str, model: str = MODEL) -> tuple[Result, list[Finding]]:
    """Return the output of a probe, and the rule's message on each scenario."""
    asked = [word for name in scenarios for word in ("--scenario", name)]
    command = ["probe", base_url, "-m", model, "--dialect", "messages", "--key-env", "PROBE_KEY", *asked]
    result = CliRunner().invoke(
        main, [*command, "--results", str(folder / "r.jsonl")], env={"PROBE_KEY": "good", "COLUMNS": "200"}
    )
    every = read_results(folder / "r.jsonl").findings
    return result, [one for one in every if one.check == "parity.dialects"]


def both(**changed: object) -> Script:
    """Respond alike in both dialects, under one model name; in Messages with other values under some keys."""
    counted: list[int] = []

    def answer(request: Received) -> Exchange:
        if "/messages" not in request.path:
            renamed = request.body.replace(MODEL.encode(), MODEL_OF_CHAT.encode())
            told = ideal_answer(replace(request, body=renamed))
            counted.append(orjson.loads(told.response.body)["usage"]["prompt_tokens"])
            return told
        exchange = ideal_answer(request)
        body = orjson.loads(exchange.response.body)
        body["usage"]["input_tokens"] = counted[-1]
        body |= changed
        return replace(exchange, response=with_body(exchange, orjson.dumps(body)).response)

    return plays(answer)


NO_CALL = {"content": [{"type": "text", "text": "Sunny."}], "stop_reason": "end_turn"}
DIFFERENT = {
    "a call": (TOOL, both(**NO_CALL), "in chat: calls get_weather; in Messages: no call"),
    "a text": (TEXT, both(content=[]), "a text came in chat only"),
    "counts": (
        TEXT,
        both(usage={"input_tokens": 99, "output_tokens": 9}),
        "tokens of the prompt in chat: *; in Messages: 99",
    ),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_a_difference_between_two_dialects_is_found_live(what: str, tmp_path: Path) -> None:
    scenario, script, message = DIFFERENT[what]
    with Server(script) as server:
        _, findings = probe(server.base_url, tmp_path, scenario)
    (finding,) = findings
    before, _, behind = message.partition("*")
    assert finding.outcome == "fail"
    assert finding.message.startswith(before)
    assert finding.message.endswith(behind)


def test_an_endpoint_that_tells_the_same_in_both_passes(tmp_path: Path) -> None:
    with Server(both()) as server:
        result, findings = probe(server.base_url, tmp_path, TEXT, TOOL)
    assert result.exit_code == 0, result.output
    assert {one.scenario: one.outcome.value for one in findings} == {TEXT: "pass", TOOL: "pass"}


def test_a_served_provider_is_asked_in_both_dialects(tmp_path: Path) -> None:
    """aimock counts the prompt in chat alone; so do its recordings when they are served in both dialects."""
    with ReplayServer("aimock", root=ROOT) as server:
        _, findings = probe(server.base_url("aimock"), tmp_path, TEXT, model="tiny-chat")
    (finding,) = findings
    assert (finding.outcome.value, finding.message.endswith("in Messages: 0")) == ("fail", True)
