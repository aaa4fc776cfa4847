"""What reasoning text holds: the rules that hold for the answer's text hold for it."""

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
    "They are shown as part of the thought, and sent back they end it inside the prompt.",
    'Take out what stands between the bars: `re.sub(r"<\\|.*?\\|>", "", reasoning)`.',
)
_CHANNEL = Advice(
    "What follows the name is the answer, and the user is not shown it.",
    'Cut at the name: `reasoning, _, rest = reasoning.partition("assistantfinal")`.',
)
_CALL = Advice(
    "The call is lost: a client reads calls from tool_calls, and the turn ends without one.",
    'Read it from the reasoning where tool_calls is empty: `re.search(r"<tool_call>(.*?)</tool_call>", reasoning, re.S)`.',
)
_MOJIBAKE = Advice(
    "Every letter beyond ASCII is shown as two or three wrong ones.",
    'Join the pieces, then turn it back: `reasoning.encode("latin-1").decode()`; "cp1252" where that raises.',
)
_CONTROL = Advice(
    "Terminals obey it, databases and XML refuse it.",
    'Take it out before you show or store the text: `"".join(c for c in reasoning if c >= " " or c in "\\n\\t")`.',
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
    Clients that append each piece show the thought twice, and send it back so.

    Instead: Show the answer alone, or ask without `stream=True` where you need the thought.
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
    The tags are shown; what follows a closing one is the answer, which the user is not shown.

    Instead: Cut at the tags: `thought, _, rest = reasoning.removeprefix("<think>").partition("</think>")`, and show
    the rest as text where no other text came.
    """
    for find, words, advice in (
        (think_tag, "the reasoning text holds the tag {mark}", None),
        (special_token, "the reasoning text holds the special token {mark}", _TOKENS),
        (channel_words, "the reasoning text holds {mark}, the name of a channel of the model", _CHANNEL),
        (call_markup, "a call stands in the reasoning text, as the markup {mark}", _CALL),
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
    The server cut a character between two tokens and replaced the halves: it is lost for good.

    Instead: Nothing in the client restores the character; show the answer without the thought.
    """
    for find, words, advice in (
        (replacement, "the reasoning text holds U+FFFD", None),
        (mojibake, "the reasoning text is UTF-8 that was read as another encoding: {mark}", _MOJIBAKE),
        (control, "the reasoning text holds a control character", _CONTROL),
    ):
        yield from marked(exchange, REASONING_CHANNELS, find, words, advice)
