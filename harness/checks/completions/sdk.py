"""Checks the official OpenAI SDK's handling of a legacy completion: what it raises and loses."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import complete_answer
from harness.checks.registry import rule
from harness.results import Level, Problem
from harness.sdk.clients import text_result
from harness.simulate.completions.reference import BODY, LISTED, STREAM, TWO
from harness.simulate.reference import replace_in_body, with_body
from harness.wire.chat.completion import Message
from harness.wire.exchange import Exchange


@rule(
    "completions.sdk-reads", Level.SHOULD, "`client.completions.create` yields all text without an exception.",
    sources.SDK_STREAM, complete_answer,
    good=(STREAM, BODY, TWO, LISTED, with_body(STREAM, b": keep-alive\n\n" + STREAM.response.body)),
    bad=(
        replace_in_body(STREAM, '"text":" far"', '"text":" far'),
        replace_in_body(STREAM, "data: [DONE]", 'data: {"error":{"message":"overloaded"}}\n\ndata: [DONE]'),
    ),
    depends_on=("http.complete", "http.encoding", "http.stream-asked", "http.body-asked"),
)  # fmt: skip
def sdk_reads(exchange: Exchange) -> Iterator[Problem]:
    """
    The loop ends in an exception, or the text is incomplete and nothing was raised.

    Instead: Read the events with your own reader, and take `choices[0]["text"]` of each.
    """
    reading = text_result(exchange)
    if reading.error:
        yield Problem(f"the client raises {reading.error}: {reading.message}", ((None, 0),))
    elif _texts(reading.messages) != _texts(exchange.completion.messages):
        yield Problem("the client returns a text that differs from the bytes", ((None, 0),))


def _texts(messages: tuple[Message, ...]) -> dict[int, str]:
    return {one.index: one.content or "" for one in messages}
