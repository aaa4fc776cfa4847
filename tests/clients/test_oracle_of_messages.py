"""The oracle judges what a user got of a Messages response: each outcome in its case."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.clients.client import FINISH, REASONING, TEXT, TOOLS, USAGE, Client, client_of_file
from harness.clients.due import ExpectedHandling, due_of, expected_handling, has_error
from harness.clients.oracle import ClientOutput, Failure, judge_client
from harness.matrix.messages import MESSAGES
from harness.results import ClientOutcome
from harness.simulate.faults import FAULTS_OF, VARIANTS_OF
from harness.simulate.messages.ideal import recording
from harness.wire.exchange import Exchange

READER = Client("r", "r", "own", Path("r.py"), frozenset({TEXT, REASONING, FINISH, USAGE, TOOLS}), dialect="messages")
SHOWS = Client("s", "s", "own", Path("s.py"), frozenset({TEXT}), dialect="messages")
SAID = "你好 there! 👋 How can I help?"
PARIS, TIME = ("get_weather", '{"city":"Paris"}'), ("get_time", '{"zone":"JST"}')
LOOK = "I will look."


def answer(name: str) -> Exchange:
    """Return an answer of the reference to a scenario, or one with a fault or variant of the catalogue."""
    made = FAULTS_OF["messages"].get(f"messages-{name}") or VARIANTS_OF["messages"].get(f"messages-{name}")
    return made.apply() if made else recording(MESSAGES[f"messages.{name}"])[0]


WHOLE = {
    "stream": ClientOutput(SAID, finish="end_turn", usage=59),
    "nonstream": ClientOutput(SAID, finish="end_turn", usage=59),
    "tool": ClientOutput(LOOK, finish="tool_use", usage=133, tools=(PARIS,)),
    "two-tools": ClientOutput(LOOK, finish="tool_use", usage=152, tools=(PARIS, TIME)),
    "thinking-stream": ClientOutput(SAID, "9.8 is 9.80, so it is larger.", "end_turn", 66),
    "capped": ClientOutput("1, 2, 3, 4, 5, 6, 7", finish="length", usage=54),
    "stop": ClientOutput("1, 2, 3, 4, 5, 6, ", finish="stop", usage=53),
    "double-content-block-start": ClientOutput(LOOK, finish="tool_use", usage=133, tools=(PARIS,)),
    "blocks-overlap": ClientOutput(LOOK, finish="tool_use", usage=152, tools=(PARIS, TIME)),
    "end-turn-after-call": ClientOutput(LOOK, finish="tool_use", usage=133, tools=(PARIS,)),
    "thinking-as-text": ClientOutput("你好! 👋 How can I help?", "hm", "end_turn", 59),
    "text-at-start": ClientOutput(f"Oh, {SAID}", finish="end_turn", usage=59),
    "cached": ClientOutput(SAID, finish="end_turn", usage=59),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_came_is_ok(name: str) -> None:
    assert judge_client(READER, answer(name), WHOLE[name]) == (ClientOutcome.OK, "")


BAD = {
    "stream": (ClientOutput(f"{SAID}None", finish="end_turn", usage=59), ClientOutcome.NONE),
    "two-tools": (ClientOutput(LOOK, finish="tool_use", usage=152, tools=(PARIS, ("get_time", "{}"))), ClientOutcome.WRONG_CALLS),
    "double-content-block-stop": (ClientOutput(LOOK, finish="tool_use", usage=133, tools=(PARIS, PARIS)), ClientOutcome.WRONG_CALLS),
    "thinking-as-text": (ClientOutput("你好! 👋 How can I help?", finish="end_turn", usage=59), ClientOutcome.LOST_REASONING),
    "no-event-names": (ClientOutput(), ClientOutcome.EMPTY),
    "cached": (ClientOutput(SAID, finish="end_turn", usage=14), ClientOutcome.LOST_USAGE),
    "stop": (ClientOutput("1, 2, 3, 4, 5, 6, ", finish="tool_use", usage=53), ClientOutcome.LOST_FINISH),
    "drop-content-block-start": (ClientOutput(LOOK, finish="tool_use", usage=133), ClientOutcome.SILENT),
    "error-in-stream": (ClientOutput("你好", finish="end_turn", usage=59), ClientOutcome.SILENT),
    "no-cap": (ClientOutput(), ClientOutcome.SILENT),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_came_otherwise_is_named_after_what_went_wrong(name: str) -> None:
    output, fate = BAD[name]
    assert judge_client(READER, answer(name), output)[0] is fate


DUE: dict[ExpectedHandling, tuple[str, ...]] = {
    "answer": ("stream", "nonstream", "two-tools", "blocks-overlap", "one-index", "crlf", "no-event-names", "done"),
    "error": ("error-in-stream", "error-in-200", "error-without-type", "openai-error", "bad-key", "no-cap"),
    "damaged": ("drop-content-block-start", "reindex-content-block-delta", "no-type"),
    "unsure": ("drop-message-stop", "drop-message-delta", "null-stop"),
}


@pytest.mark.parametrize(("due", "name"), [(due, name) for due, names in DUE.items() for name in names])
def test_what_an_answer_asks_of_its_reader(due: ExpectedHandling, name: str) -> None:
    assert expected_handling(answer(name)) == due
    assert has_error(answer(name)) == (due == "error")


def test_an_answer_that_breaks_off_is_cut_and_who_says_so_is_right() -> None:
    whole = answer("stream")
    body = whole.response.body
    cut = Exchange(
        whole.request,
        whole.response.__class__(200, whole.response.headers, body[: body.index(b"event: content_block_stop")]),
    )
    assert expected_handling(cut) == "cut"
    refused = ClientOutput(failure=Failure(("builtins.RuntimeError", "builtins.Exception"), "it broke off"))
    assert judge_client(SHOWS, cut, refused)[0] is ClientOutcome.OK
    assert judge_client(SHOWS, cut, ClientOutput(SAID))[0] is ClientOutcome.SILENT


def test_a_call_is_nothing_to_whoever_shows_texts_alone() -> None:
    assert judge_client(SHOWS, answer("thinking-tool"), ClientOutput())[0] is ClientOutcome.NA
    assert judge_client(SHOWS, answer("tool"), ClientOutput(LOOK))[0] is ClientOutcome.OK


def test_what_is_not_told_is_not_asked_for() -> None:
    due = due_of(answer("no-output-count"))
    assert (due.text, due.total) == (SAID, due.total)
    assert (
        judge_client(
            READER, answer("bad-key"), ClientOutput(failure=Failure(("anthropic.AuthenticationError",), "no"))
        )[0]
        is ClientOutcome.OK
    )


@pytest.mark.parametrize(
    ("code", "dialect"),
    [
        ("from anthropic import Anthropic", "messages"),
        ("import anthropic", "messages"),
        ("from langchain_anthropic import ChatAnthropic", "messages"),
        ("import os\nURL = os.environ['ANTHROPIC_BASE_URL']", "messages"),
        ("from openai import OpenAI", "chat"),
        ("# not anthropic", "chat"),
        ("client.completions.create(model='m', prompt='p')", "completions"),
        ("URL = os.environ['OPENAI_BASE_URL'] + '/completions'", "completions"),
        ("requests.post(f'{base}/v1/completions')", "completions"),
        ("await fetch(url + '/chat/completions')", "chat"),
        ("client.chat.completions.create(model='m')", "chat"),
    ],
)
def test_the_dialect_of_code_of_ones_own_is_told_by_what_it_imports(tmp_path: Path, code: str, dialect: str) -> None:
    (tmp_path / "own.py").write_text(f"{code}\n\n\ndef read(question, out):\n    pass\n")
    assert client_of_file(tmp_path / "own.py").dialect == dialect


@pytest.mark.parametrize(("left", "due"), [("\n\n", "unsure"), ("\n", "unsure"), ("", "unsure"), (None, "cut")])
def test_an_end_in_an_event_that_is_not_closed_is_read_by_some(left: str | None, due: ExpectedHandling) -> None:
    whole = answer("stream")
    before, event, _ = whole.response.body.partition(b"event: message_delta")
    delta = event + whole.response.body.partition(event)[2].partition(b"\n\n")[0]
    body = before if left is None else before + delta + left.encode()
    assert expected_handling(replace(whole, response=replace(whole.response, body=body))) == due
