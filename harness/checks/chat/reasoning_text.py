"""Checks reasoning text by the rules for the response's text."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import has_reasoning
from harness.checks.chat.marked_text import marked
from harness.checks.chat.repeated_text import repeated
from harness.checks.marks import call_markup, channel_words, control, mojibake, replacement, special_token, think_tag
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import has_reasoning as brings_reasoning
from harness.simulate.edits import repeat
from harness.simulate.reference import REASONING, REASONING_BODY, replace_in_body
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS

SHOULD = Level.SHOULD

_TOKENS = Advice(
    "They are shown as part of the reasoning, and when sent back they end it inside the prompt.",
    'Remove the text between the bars: `re.sub(r"<\\|.*?\\|>", "", reasoning)`.',
)
_CHANNEL = Advice(
    "The text after the name is the answer, and the user does not see it.",
    'Split at the name: `reasoning, _, rest = reasoning.partition("assistantfinal")`.',
)
_CALL = Advice(
    "The call is lost: a client reads calls from tool_calls, and the turn ends without one.",
    'If tool_calls is empty, read it from the reasoning: `re.search(r"<tool_call>(.*?)</tool_call>", reasoning, re.S)`.',
)
_MOJIBAKE = Advice(
    "Every letter beyond ASCII is shown as two or three wrong ones.",
    'Join the pieces, then convert: `reasoning.encode("latin-1").decode()`; "cp1252" if that raises.',
)
_CONTROL = Advice(
    "Terminals execute it; databases and XML reject it.",
    'Remove it before you show or store the text: `"".join(c for c in reasoning if c >= " " or c in "\\n\\t")`.',
)
_GREETS = "The user greets me."


def _with_thought(text: str) -> Exchange:
    return replace_in_body(REASONING_BODY, _GREETS, text)


@rule(
    "reasoning.once", SHOULD, "Reasoning is sent once.",
    sources.REASONING_CONTENT, has_reasoning,
    good=(REASONING, REASONING_BODY),
    bad=(
        _with_thought(_GREETS * 2),
        repeat(brings_reasoning, only=slice(None))(replace_in_body(REASONING, _GREETS, "A greeting from them.")),
        replace_in_body(REASONING, '" I greet back."', '"The user greets me. I greet back."'),
    ),
    depends_on=("chunk.present", "reasoning.type"), explained_by=("content.loop",),
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that append each piece show the reasoning twice, and send both copies back.

    Instead: Show the answer alone, or request it without `stream=True` if you need the reasoning.
    """
    for choice in exchange.columns.choices.values():
        for name in REASONING_CHANNELS:
            yield from repeated(exchange, choice, name, "reasoning")


@rule(
    "reasoning.no-markup", SHOULD, "Reasoning contains no think tags, special tokens or tool call markup.",
    sources.REASONING_CONTENT, has_reasoning,
    good=(REASONING, REASONING_BODY, _with_thought("They ask what `<think>` is and what <|im_end|> does.")),
    bad=(
        _with_thought("<think>The user greets me."),
        _with_thought("The user greets me.<|end|><|start|>assistant<|channel|>final<|message|>"),
        _with_thought('I call it. <tool_call>{\\"name\\":\\"get_weather\\",\\"arguments\\":{}}</tool_call>'),
        _with_thought("The user greets me.assistantfinalHello."),
    ),
    depends_on=("chunk.present", "reasoning.type"),
)  # fmt: skip
def no_markup(exchange: Exchange) -> Iterator[Problem]:
    """
    The tags are shown; the text after a closing tag is the answer, which the user does not see.

    Instead: Split at the tags: `thought, _, rest = reasoning.removeprefix("<think>").partition("</think>")`, and
    show the rest as text if no other text came.
    """
    for find, words, advice in (
        (think_tag, "the reasoning text holds the tag {mark}", None),
        (special_token, "the reasoning text holds the special token {mark}", _TOKENS),
        (channel_words, "the reasoning text holds {mark}, the name of a channel of the model", _CHANNEL),
        (call_markup, "a tool call is in the reasoning text, as the markup {mark}", _CALL),
    ):
        yield from marked(exchange, REASONING_CHANNELS, find, words, advice)


@rule(
    "reasoning.legible", SHOULD, "Reasoning contains no U+FFFD, control characters or wrongly decoded text.",
    sources.UNICODE_REPLACEMENT, has_reasoning,
    good=(REASONING, REASONING_BODY, _with_thought("café, 你好, Â and Ã are letters\\t")),
    bad=(_with_thought("The user greets \ufffd me."), _with_thought("ä½\u00a0å¥½"), _with_thought("The user\\u0007 greets me.")),
    depends_on=("chunk.present", "reasoning.type", "sse.utf8", "http.utf8"),
)  # fmt: skip
def legible(exchange: Exchange) -> Iterator[Problem]:
    """
    The server split a character between two tokens and replaced the halves: the character is lost.

    Instead: The client cannot restore the character; show the answer without the reasoning.
    """
    for find, words, advice in (
        (replacement, "the reasoning text holds U+FFFD", None),
        (mojibake, "the reasoning text is UTF-8 that was read as another encoding: {mark}", _MOJIBAKE),
        (control, "the reasoning text holds a control character", _CONTROL),
    ):
        yield from marked(exchange, REASONING_CHANNELS, find, words, advice)
