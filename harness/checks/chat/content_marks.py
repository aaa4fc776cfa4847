"""Checks the text for marks of its generation: think tags, special tokens, turn headers."""

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import plain_text, thought_apart
from harness.checks.chat.marked_text import marked
from harness.checks.marks import (
    channel_words,
    citation_mark,
    is_about_tags,
    is_about_talk,
    raw_piece,
    special_token,
    think_tag,
    thought_heading,
    thought_of_user,
    thought_within,
    token_half,
    turn_begun,
    turn_header,
    turn_of_user,
)
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_READ = ("chunk.present",)
_TEXT = ("content", "refusal")
_WITHIN_TEXT = Advice(
    "The user reads the reasoning in the middle of the answer; a client that cuts at the closing tag loses the text before it.",
    'Take it out, with its tags: `re.sub(r"<(think\\w*)>.*?(</\\1>|$)", "", text, flags=re.DOTALL)`.',
)
_HALF = Advice(
    "The user reads it at the end of the answer: what filters whole tokens lets halves pass.",
    'Cut it off, for this provider alone: `re.sub(r"(<\\|[a-z_]*|[a-z_]+\\|>)\\s*$", "", text)`.',
)
_RAW = Advice(
    "The user reads the tokenizer's internal signs in place of spaces and line breaks.",
    'Restore the characters, for this provider only: `text.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\\n")`.',
)
_TURN = Advice(
    "The user reads the name of the role as the first word: the prompt ends without the header of the answer.",
    'Remove it: `text = re.sub(r"\\A\\s*(?:user\\s*\\n.*?)?(?:assistant|model)(?:\\s*\\n|:\\s)\\s*", "", text, flags=re.I | re.S)`.',
)
_RUNS_ON = Advice(
    "The user reads words they never said, which count as said when sent back: the model did not stop at the end of its turn.",
    'Send the markers as stop sequences, `stop=["\\nHuman:", "\\nUser:"]`, and truncate the text at the first.',
)
_HEADED = Advice(
    "The reasoning is shown as the answer, and no tag marks its end.",
    "Ask with thinking turned off, or start the server with the reasoning parser of the model; the client cannot "
    "tell the two apart.",
)
_CHANNEL = Advice(
    "The reasoning is shown as the answer: the answer is the text after the last channel name.",
    'Keep the text after the name: `text = text.rpartition("assistantfinal")[2]`.',
)
_CALLED = Advice(
    "The user reads a call as text, and the tool is never called.",
    "Start the server with the tool parser of the model, or ask again; don't run what a text says.",
)
_CITATION = Advice(
    "The user reads marks of sources that only the server knows: no annotation says what they stand for.",
    'Remove them: `text = re.sub(r"【[^】]*†[^】]*】", "", text)`.',
)
_OTHER_TOKEN = Advice(
    "The user reads it, and sent back it may end the conversation inside the prompt.",
    'Remove it, for this provider only: `text = text.replace(token, "")`.',
)
_OF_USER = re.compile(r"\buser\b|用户", re.IGNORECASE)


@rule(
    "content.no-think-tags", SHOULD, "`content` has no `<think>` tags.",
    sources.REASONING_CONTENT, thought_apart,
    good=(STREAM, BODY, replace_in_body(BODY, "你好", "Models write <think> and </think>.")),
    bad=(replace_in_body(STREAM, "你好", "<think>greet</think>你好"), replace_in_body(BODY, "你好", "greet</think>你好"), replace_in_body(BODY, "你好!", "你好!\\n<reasoning>Which tongue?</reasoning>\\n"), replace_in_body(BODY, "你好!", "Thinking Process: they greet.\\n\\n你好!"), replace_in_body(BODY, "你好!", "The user wants a greeting. I should greet back.\\n\\n你好!")),
    depends_on=_READ,
)  # fmt: skip
def no_think_tags(exchange: Exchange) -> Iterator[Problem]:
    """
    The reasoning is shown as the answer: 19 of 22 client entry points measured pass it on.

    Instead: Join the pieces first, then `if "</think>" in text: text = text.partition("</think>")[2]`, and show
    only that.
    """
    tagged = [*marked(exchange, ("content",), think_tag, "the text holds think tags")]
    yield from tagged
    if not tagged:
        words = "the text begins as reasoning does: {mark}"
        yield from marked(exchange, ("content",), thought_of_user, words, _HEADED, _OF_USER.search)
    words = "a thought stands within the text, after {mark}"
    yield from marked(exchange, ("content",), thought_within, words, _WITHIN_TEXT, is_about_tags)
    yield from marked(
        exchange, ("content",), thought_heading, "the text begins with a heading of reasoning: {mark}", _HEADED
    )


@rule(
    "content.no-special-tokens", SHOULD, "The text does not contain special tokens of the model.",
    sources.REFERENCE, plain_text,
    good=(STREAM, BODY, replace_in_body(BODY, "你好", "<| and |> are symbols, <s> is HTML.")),
    bad=(replace_in_body(STREAM, " help?", " help?<|im_end|>"), replace_in_body(BODY, "你好", "<｜end▁of▁sentence｜>你好"), replace_in_body(BODY, "你好", "<|begin_of_box|>你好"), replace_in_body(BODY, "How can I help?", "HowĠcanĠIĠhelp?"), replace_in_body(BODY, "你好", "assistant\\n\\n你好"), replace_in_body(BODY, "How can I help?", "Fine.\\n\\nHuman: And you?\\n\\nAssistant: Well.")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_special_tokens(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads them, and sent back they end the conversation inside the prompt.

    Instead: Remove the text between `<|` and `|>`.
    """
    for problem in marked(exchange, _TEXT, special_token, "the text holds the special token {mark}"):
        whole = "<|" in problem.message and "|>" in problem.message
        yield problem if whole else replace(problem, advice=_OTHER_TOKEN)
    if "list" not in exchange.columns.kinds(f"/choices/*/{exchange.columns.message_key}/annotations"):
        words = "the text holds {mark}, a source that no annotation names"
        yield from marked(exchange, _TEXT, citation_mark, words, _CITATION)
    yield from marked(exchange, _TEXT, token_half, "the text ends with {mark}, half of a special token", _HALF)
    yield from marked(
        exchange, _TEXT, raw_piece, "the text holds {mark}, by which the tokenizer writes white space", _RAW
    )
    yield from marked(exchange, _TEXT, turn_header, "the text begins with {mark}, the header of a turn", _TURN)
    words = "the text continues with a user turn, after {mark}"
    yield from marked(exchange, _TEXT, turn_of_user, words, _RUNS_ON, is_about_talk)
    words = "the text ends with {mark}, the header of the next turn"
    yield from marked(exchange, _TEXT, turn_begun, words, _RUNS_ON, is_about_talk)
    words = "the text holds {mark}, the name of a channel of the model"
    for problem in marked(exchange, _TEXT, channel_words, words, _CHANNEL):
        called, bare = "commentary to=" in problem.message, "holds thought," in problem.message
        yield replace(problem, advice=_CALLED if called else _HEADED if bare else _CHANNEL)
