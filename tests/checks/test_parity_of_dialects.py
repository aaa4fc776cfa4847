"""The same request in two dialects is compared: in a recording of both, and in an archive of any tool."""

import json
from dataclasses import replace

import pytest

from harness.checks import CHECKS
from harness.judging.recordings import judge_exchanges
from harness.judging.runner import Subject
from harness.matrix.messages import MESSAGES
from harness.results import Outcome
from harness.simulate.messages.ideal import recording
from harness.simulate.reference import in_archive
from harness.wire.exchange import Exchange

CHECK = CHECKS["parity.dialects"]
CHAT, MESSAGE = recording(MESSAGES["messages.both-dialects"])
CHAT_CALL, CALL = recording(MESSAGES["messages.both-dialects-tool"])


def outcome(*exchanges: Exchange) -> tuple[Outcome, str]:
    (found,) = judge_exchanges(list(exchanges), Subject("acme", "small", "messages.both-dialects", None), (CHECK,))
    return found.outcome, found.message


def asking(exchange: Exchange, **more: object) -> Exchange:
    body = {**(exchange.request.json or {}), "model": "small", **more}
    return replace(exchange, request=replace(exchange.request, body=json.dumps(body).encode()))


def saying(exchange: Exchange, **more: object) -> Exchange:
    body = json.loads(exchange.response.body) | more
    return replace(exchange, response=replace(exchange.response, body=json.dumps(body).encode()))


def test_both_are_held_against_each_other_in_an_archive() -> None:
    chat, message = asking(CHAT), asking(MESSAGE)
    assert outcome(in_archive(message, chat)) == (Outcome.PASS, "")
    counted = saying(message, usage={"input_tokens": 7, "output_tokens": 4})
    assert outcome(in_archive(counted, chat)) == (Outcome.FAIL, "tokens of the prompt in chat: 45; in Messages: 7")


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([], id="nothing before"),
        pytest.param(
            [asking(CHAT, messages=[{"role": "user", "content": "Another question."}])], id="another question"
        ),
        pytest.param([asking(CHAT, model="large")], id="another model"),
        pytest.param([asking(CHAT, reasoning_effort="high")], id="more was asked for"),
        pytest.param([asking(MESSAGE)], id="the same dialect"),
        pytest.param([saying(asking(CHAT), choices=[])], id="no answer"),
    ],
)
def test_what_is_no_pair_is_left_alone(before: list[Exchange]) -> None:
    assert outcome(in_archive(asking(MESSAGE), *before))[0] is Outcome.NA


def test_a_choice_of_the_model_in_an_archive_is_none_of_the_server() -> None:
    chat, call = asking(CHAT_CALL), asking(CALL)
    said = saying(call, content=[{"type": "text", "text": "Sunny."}], stop_reason="end_turn")
    assert outcome(in_archive(said, chat))[0] is Outcome.PASS
    silent = saying(call, content=[{"type": "text", "text": ""}], stop_reason="end_turn")
    assert outcome(in_archive(silent, chat)) == (Outcome.FAIL, "in chat: calls get_weather; in Messages: no call")


def test_a_cap_and_the_form_of_the_answer_change_no_question() -> None:
    assert outcome(in_archive(asking(MESSAGE, max_tokens=99), asking(CHAT, max_tokens=5)))[0] is Outcome.PASS
