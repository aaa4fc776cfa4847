"""Checks reasoning text, which the specification does not define, by convention."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, has_reasoning, success_status, uncut
from harness.checks.chat.model_names import makers
from harness.checks.chat.repeated_text import are_copies
from harness.checks.chat.repetition import said_once
from harness.checks.chat.usages import counted_tokens
from harness.checks.kinds import place_of, wrong_kinds
from harness.checks.marks import before_marks
from harness.checks.registry import Reason, Unread, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import any_chunk, chunks
from harness.simulate.reference import (
    BODY,
    REASONING,
    REASONING_BODY,
    STREAM,
    STREAM_USAGE,
    replace_in_body,
    with_body,
    with_request_params,
)
from harness.wire.chat.chunks import Fragments
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS, Json, as_object

SHOULD = Level.SHOULD

_EVENTS = REASONING.response.body.split(b"\n\n")
_LATE = with_body(
    REASONING, b"\n\n".join(sorted(_EVENTS[:-3], key=lambda event: b'"reasoning_content":"' in event) + _EVENTS[-3:])
)
_AFTER = "after all of the text"
_TELLING = 8  # characters or pieces: shorter reasoning may well be the first words of the response
_LONG = 200  # characters: longer reasoning equal to the response is not reasoning
_BOTH = 1.6  # tokens a piece: with more, both copies may be counted
_OBJECT = Advice(
    "`reasoning += delta.reasoning_content` raises TypeError: the text is inside an object.",
    'Take it out: `piece = piece.get("text") or "" if isinstance(piece, dict) else piece`.',
)
_IN_PARTS = Advice(
    "Clients that read one name lose the text under the other, and send back half of the reasoning.",
    'Read both, in the order of the chunks: `thought += (delta.get("reasoning_content") or "") + (delta.get("reasoning") '
    'or "")`.',
)
_SAME = Advice(
    "The user reads the answer twice, once as reasoning.",
    'Do not show reasoning that equals the text: `if reasoning.strip() == text.strip(): reasoning = ""`.',
)

_PARTS = replace_in_body(
    STREAM, '"content":"你好"', '"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]'
)

_READ = ("chunk.present",)
_ANSWER = " ".join(["Hello there."] * 20)


def _in_both(chunk: Json) -> None:
    """Copy the text of a chunk into both fields."""
    for choice in chunk["choices"]:
        said = choice["delta"].get("content") or choice["delta"].get("reasoning_content")
        choice["delta"] |= {"content": said, "reasoning_content": said}


def _with_long_thought() -> Exchange:
    return replace_in_body(REASONING_BODY, "The user greets me.", _ANSWER)


_WITH_THINKING = {"deepseek", "glm", "doubao", "kimi"}
"""Makers whose own switch is ``thinking``; local servers, which serve most Qwen models, have others than its maker."""
_NESTED = {"thinking": ("type",), "chat_template_kwargs": ("enable_thinking",), "reasoning": ("enabled", "effort")}


def _turned_off(exchange: Exchange) -> Reason | None:
    """A response to a request that turned thinking off, in the specification's or the provider's way."""
    asked = exchange.request.json or {}
    own = asked.get("thinking") is not None and _WITH_THINKING & makers(str(asked.get("model")))
    known = exchange.expected.statuses or asked.get("reasoning_effort") == "none" or own
    if _switch(exchange) != "off":
        return success_status(exchange) or "thinking was not turned off"
    return success_status(exchange) or (None if known else "the switch may be another provider's")


_DETAILS = Advice(
    '`for detail in message.reasoning_details` iterates over letters or keys, and `detail["type"]` raises TypeError.',
    "Use it only if it is a list: `details = details if isinstance(details, list) else []`.",
)


@rule(
    "reasoning.type", SHOULD, "A reasoning field is a string or `null`.",
    sources.REASONING_CONTENT, success_status,
    good=(REASONING, REASONING_BODY, STREAM),
    bad=(
        replace_in_body(REASONING, '"reasoning_content":"The user greets me."', '"reasoning_content":["The user greets me."]'),
        replace_in_body(REASONING_BODY, '"reasoning_content":"The user greets me."', '"reasoning_content":{"text":"The user"}'),
        replace_in_body(REASONING_BODY, '"reasoning_content":', '"reasoning_details":"The user","reasoning_content":'),
    ),
    depends_on=_READ,
)  # fmt: skip
def field_type(exchange: Exchange) -> Iterator[Problem]:
    """
    `reasoning += delta.reasoning_content` raises TypeError.

    Instead: Append only strings, `if isinstance(piece, str): reasoning += piece`, and take the texts out of lists
    yourself.
    """
    for name in REASONING_CHANNELS:
        for problem in wrong_kinds(
            exchange, f"/choices/*/{{part}}/{name}", {"text", '""', "null", "missing"}, "choice"
        ):
            yield replace(problem, advice=_OBJECT) if " object in" in problem.message else problem
    for problem in wrong_kinds(
        exchange, "/choices/*/{part}/reasoning_details", {"list", "[]", "null", "missing"}, "choice"
    ):
        yield replace(problem, advice=_DETAILS)


@observation(
    "reasoning.before-content", "Whether all reasoning comes before the content.",
    sources.REASONING_CONTENT, lambda x: has_reasoning(x) or (None if x.is_stream else "a body has no order"),
    good=(REASONING,),
    bad=(replace_in_body(REASONING, '"content":"!","reasoning_content":null', '"content":null,"reasoning_content":" Done."'), _LATE),
    depends_on=_READ,
    harmful=lambda value: value == _AFTER,
)  # fmt: skip
def before_content(exchange: Exchange) -> str:
    """
    Clients that close the thinking box at the first text open a second one, or drop the rest.

    Instead: Keep one buffer for reasoning and one for text; append each piece to its own, in whatever order
    they come.
    """
    # A model that thinks between its words and its calls does so by design: no judgement, but clients must know.
    late = False
    for choice in exchange.columns.choices.values():
        text, thought = choice.fragments("content").chunks, choice.fragments(choice.reasoning or "").chunks
        late = late or bool(text and thought and thought[-1] > text[0])
        if text and thought and thought[0] > text[-1]:
            return _AFTER
    return "also after the first text" if late else "before the text"


@rule(
    "reasoning.not-in-content", SHOULD, "The content does not begin with the reasoning, or repeat it.",
    sources.REASONING_CONTENT, has_reasoning,
    good=(REASONING, REASONING_BODY, replace_in_body(REASONING_BODY, '"content":"你好!"', '"content":"The user greets me."')),
    bad=(
        replace_in_body(REASONING_BODY, '"content":"你好!"', '"content":"The user greets me. 你好!"'),
        chunks(any_chunk, _in_both)(REASONING),
        replace_in_body(_with_long_thought(), '"content":"你好!"', f'"content":"{_ANSWER}"'),
    ),
    depends_on=_READ, explained_by=("reasoning.type", "chunk.names"),
)  # fmt: skip
def not_in_content(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads everything twice.

    Instead: Remove it after the loop: `text = text.strip().removeprefix(reasoning.strip()).lstrip() or text`.
    """
    # A model may think the exact words of its answer, as DeepSeek-R1 does on a greeting; then nothing follows.
    for choice in exchange.columns.choices.values():
        text, thought = choice.fragments("content"), choice.fragments(choice.reasoning or "")
        message = _copied(text, thought, counted_tokens(exchange))
        if message:
            place = place_of(exchange, choice, text.chunks[0], "/{part}/content")
            yield Problem(message, (place,), advice=None if "begins" in message else _SAME)
    raise Unread("usage.enough")


def _copied(text: Fragments, thought: Fragments, tokens: int) -> str | None:
    """Return how the text contains the reasoning, if it does."""
    said, thoughts = text.text.strip(), before_marks(said_once(thought.texts)).strip()
    if are_copies(text, thought):
        return "each piece comes as text and as reasoning"
    if said == thoughts:
        once = text.texts == thought.texts and _TELLING <= len(text.texts) <= tokens < _BOTH * len(text.texts)
        return "the whole text comes as reasoning too" if len(said) >= _LONG or once else None
    return (
        "the text begins with the whole reasoning" if len(thoughts) > _TELLING and said.startswith(thoughts) else None
    )


@rule(
    "reasoning.counted", SHOULD, "Counted reasoning tokens match the reasoning text that was sent.",
    sources.USAGE, lambda x: has_reasoning(x) or (None if x.columns.usages else "no usage came"),
    good=(REASONING, REASONING_BODY, replace_in_body(REASONING_BODY, '"reasoning_tokens":8,', "")),
    bad=(replace_in_body(REASONING, '"reasoning_tokens":8', '"reasoning_tokens":0'), replace_in_body(REASONING_BODY, '"reasoning_tokens":8', '"reasoning_tokens":0')),
    depends_on=_READ, explained_by=("reasoning.type", "parity.channels"),
)  # fmt: skip
def tokens_counted(exchange: Exchange) -> Iterator[Problem]:
    """
    The bill shows tokens that the client can't account for.

    Instead: Bill by completion_tokens, never by reasoning_tokens; estimate their share from the length of the
    reasoning text.
    """
    usage = exchange.columns.usages[-1]
    details = usage.value.get("completion_tokens_details")
    tokens = details.get("reasoning_tokens") if isinstance(details, dict) else None
    # The count is optional, and OpenAI, which gives it, sends no reasoning text: absence is not a breach.
    if tokens == 0:
        yield Problem(
            "reasoning text came, and reasoning_tokens is 0",
            ((usage.chunk, f"{usage.pointer}/completion_tokens_details"),),
        )


@observation(
    "reasoning.place", "Which field holds the reasoning.",
    sources.REASONING_CONTENT, all_of(success_status, uncut),
    good=(REASONING, REASONING_BODY),
    bad=(replace_in_body(REASONING, "reasoning_content", "reasoning"), replace_in_body(STREAM, "你好", "<think>hm</think>"), _PARTS),
    depends_on=_READ,
    harmful=lambda value: "reasoning" in value and "reasoning_content" not in value,
)  # fmt: skip
def place(exchange: Exchange) -> str:
    """
    A client that knows one name loses the text under another: 7 of 22 entry points for `reasoning`.

    Instead: Try each name: `getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None) or
    ""`; then look for tags.
    """
    found = dict.fromkeys(
        name for c in exchange.columns.choices.values() for name in REASONING_CHANNELS if name in c.channels
    )
    part = exchange.columns.message_key
    if exchange.columns.kinds(f"/choices/*/{part}/reasoning_details").keys() & {"list"}:
        found["reasoning_details"] = None
    if any(choice.part_types.keys() & {"thinking", "reasoning"} for choice in exchange.columns.choices.values()):
        found["parts of content"] = None
    if any("<think>" in choice.fragments("content").text for choice in exchange.columns.choices.values()):
        found["<think> in content"] = None
    return " + ".join(found) or "none"


@observation(
    "reasoning.phases", "What `content` holds during reasoning, and the reasoning field after it.",
    sources.REASONING_CONTENT, lambda x: has_reasoning(x) or uncut(x) or (None if x.is_stream else "a body has no phases"),
    good=(REASONING,),
    bad=(
        replace_in_body(REASONING, ',"reasoning_content":null', ""),
        replace_in_body(REASONING, '"content":null', '"content":""'),
        replace_in_body(REASONING, '"reasoning_content":null', '"reasoning_content":""'),
    ),
    depends_on=_READ,
)  # fmt: skip
def phases(exchange: Exchange) -> str:
    """
    `else: print(delta.content)` prints None where content is null; `delta.reasoning_content` raises where it is
    absent.

    Instead: Test each field by itself, with no `else`: `if getattr(delta, "reasoning_content", None): ...`, `if
    delta.content: ...`.
    """
    during: dict[str, None] = {}
    after: dict[str, None] = {}
    name = next(c.reasoning for c in exchange.columns.choices.values() if c.reasoning)
    for shape in exchange.columns.shapes:
        for choice in shape.containers("/choices/*/delta"):
            content, thought = (
                shape.kinds.get(f"{choice}/content", "missing"),
                shape.kinds.get(f"{choice}/{name}", "missing"),
            )
            if thought == "text":
                during[content] = None
            elif content == "text":
                after[thought] = None
    return f"content {'/'.join(during) or '-'}, then {name} {'/'.join(after) or '-'}"


@rule(
    "reasoning.one-field", SHOULD, "Reasoning is sent in one field only.",
    sources.REASONING_CONTENT, has_reasoning,
    good=(REASONING, REASONING_BODY),
    bad=(
        replace_in_body(REASONING, '"reasoning_content":"The user greets me."', '"reasoning_content":"The user greets me.","reasoning":"The user greets me."'),
        replace_in_body(REASONING_BODY, '"reasoning_content":', '"reasoning":"The user greets me.","reasoning_content":'),
    ),
    depends_on=(*_READ, "reasoning.type"),
)  # fmt: skip
def one_field(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read every name they know show the reasoning twice.

    Instead: Use the first field that carries text, and ignore the others.
    """
    for choice in exchange.columns.choices.values():
        names = [name for name in REASONING_CHANNELS if name in choice.channels]
        if len(names) > 1:
            place = place_of(exchange, choice, choice.channels[names[1]].chunks[0], f"/{{part}}/{names[1]}")
            same = len({choice.channels[name].text for name in names}) == 1
            which = " and in ".join(names)
            said = f"the same reasoning text comes in {which}" if same else f"different reasoning texts come in {which}"
            yield Problem(said, (place,), None if same else _IN_PARTS)


@rule(
    "reasoning.off", SHOULD, "No reasoning is sent when thinking is turned off.",
    sources.REASONING_CONTENT, _turned_off,
    good=(with_request_params(STREAM, enable_thinking=False), with_request_params(BODY, thinking={"type": "disabled"})),
    bad=(with_request_params(REASONING, thinking={"type": "disabled"}, reasoning_effort=None), with_request_params(REASONING_BODY, enable_thinking=False, reasoning_effort=None)),
    depends_on=_READ,
)  # fmt: skip
def off(exchange: Exchange) -> Iterator[Problem]:
    """
    You still wait and pay for the reasoning; some providers send the answer itself as reasoning.

    Instead: Show the reasoning text if no other text comes.
    """
    for choice in exchange.columns.choices.values():
        if choice.reasoning:
            place = place_of(
                exchange, choice, choice.channels[choice.reasoning].chunks[0], f"/{{part}}/{choice.reasoning}"
            )
            yield Problem("reasoning text came, though thinking was turned off", (place,))


@observation(
    "reasoning.on", "What is sent when thinking is turned on.",
    sources.REASONING_CONTENT, lambda x: success_status(x) or uncut(x) or (None if _switch(x) == "on" else "thinking was not turned on"),
    good=(REASONING, REASONING_BODY),
    bad=(with_request_params(STREAM, enable_thinking=True), with_request_params(STREAM_USAGE, reasoning_effort="high")),
    depends_on=_READ,
)  # fmt: skip
def on(exchange: Exchange) -> str:
    """
    If only token counts come, there is nothing to show, and a client that waits for the reasoning shows a blank.

    Instead: Show progress that needs no text.
    """
    text = any(choice.reasoning for choice in exchange.columns.choices.values())
    details = [usage.value.get("completion_tokens_details") for usage in exchange.columns.usages]
    tokens = any(isinstance(one, dict) and one.get("reasoning_tokens") for one in details)
    return " and ".join(name for name, came in (("text", text), ("tokens", tokens)) if came) or "nothing"


def _switch(exchange: Exchange) -> str | None:
    """Return the request's thinking switch, in any provider's form: on, off, or None if absent."""
    given = {json_text(value) for value in _switches(exchange.request.json or {}) if value is not None}
    if given & {"false", '"disabled"', '"none"'}:
        return "off"
    return "on" if given & {"true", '"enabled"', '"low"', '"medium"', '"high"', '"xhigh"', '"max"'} else None


def _switches(asked: dict[str, Any]) -> Iterator[Any]:
    yield from (asked.get("enable_thinking"), asked.get("reasoning_effort"), asked.get("think"))
    for name, keys in _NESTED.items():
        inner = as_object(asked.get(name))
        yield from (inner.get(key) for key in keys)
