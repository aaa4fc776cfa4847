"""Checks the text of the response."""

import json
from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.applies import (
    all_of,
    body,
    complete_answer,
    ends_of,
    json_mode,
    stream,
    success_status,
    told_apart,
)
from harness.checks.chat.marked_text import marked
from harness.checks.chat.media import is_hollow
from harness.checks.chat.tool_fragments import odd_calls, offered_tools
from harness.checks.chat.written_calls import only_arguments
from harness.checks.kinds import absent, place_of, wrong_kinds
from harness.checks.marks import (
    call_markup,
    control,
    mojibake,
    order_mark,
    replacement,
)
from harness.checks.registry import Unread, observation, rule
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, TOOLS, replace_in_body, with_body
from harness.wire.chat.chunks import Choice
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_TEXT = ("content", "refusal")
_NO_LIST = Advice(
    "`text += delta.content` raises TypeError: the value is neither a string nor a list of parts.",
    "Append only strings, and write anything else as JSON: `content if isinstance(content, str) else json.dumps(content)`.",
)
_ONLY_THOUGHT = Advice(
    "The user sees an empty answer: all content is in the reasoning field.",
    "If no text came, show the reasoning, `shown = text or reasoning`, or ask again with thinking turned off.",
)
_JSON_THOUGHT = Advice(
    "The program that asked for JSON has nothing: the server took the answer for reasoning, because it has no think tag.",
    "Parse the reasoning where no text came: `answer = json.loads(text or reasoning)`.",
)
_ELSEWHERE = ("parsed", "output", "response", "answer", "result", "output_text")
"""Unspecified fields in which a response was seen."""
_ANSWER_ELSEWHERE = Advice(
    "The user sees an empty answer: clients read `content`, and drop fields that they do not know.",
    'Look there where no text came, for this provider only: `message.content or message.model_extra["parsed"]`, with the field named here.',
)
_CALL_THOUGHT = Advice(
    "An agent stops there: no tool is called, and the call is shown as what the model thought.",
    "Ask again with thinking turned off, or start the server with the tool parser of the model; don't run what the reasoning says.",
)
_OTHER_WAY = Advice(
    "The answer is lost in one of the modes: the user sees nothing, and the request was reported as a success.",
    "Ask in the mode in which the answer comes, and raise where text, refusal and tool_calls are all empty.",
)
_AGAIN = Advice(
    "Who reads to the end has its text twice, and runs its calls twice.",
    "Leave out what comes again after the end: `if finish and choice.delta == last_delta: continue`.",
)
_ORDER_MARK = Advice(
    "It is invisible: `text.startswith(...)` is false, `json.loads(text)` raises, and equal names differ.",
    'Remove it before you use the text: `text.replace("\\ufeff", "")`.',
)
_WHOLE = (*_READ, "sse.no-error", "http.complete")


@rule(
    "content.type", MUST, "`content` is a string or `null`.",
    sources.DELTA, success_status,
    good=(STREAM, BODY, REASONING),
    bad=(
        replace_in_body(STREAM, '"content":"你好"', '"content":[{"type":"text","text":"你好"}]'),
        replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":{"text":"你好"}'),
        replace_in_body(STREAM, '"content":"你好"', '"content":1'),
    ),
    depends_on=_READ,
)  # fmt: skip
def content_type(exchange: Exchange) -> Iterator[Problem]:
    """
    `text += delta.content` raises TypeError on a list of parts.

    Instead: Join a list before use: `"".join(p.get("text") or "" for p in content)` if `isinstance(content,
    list)`.
    """
    for problem in wrong_kinds(exchange, "/choices/*/{part}/content", {"text", '""', "null", "missing"}, "choice"):
        yield problem if " list in" in problem.message else replace(problem, advice=_NO_LIST)


@rule(
    "content.key-present", MUST, "Every message has the field `content`.",
    sources.MESSAGE, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"content":"你好! How can I help?",', '"tool_calls":[],'),),
    depends_on=_READ,
)  # fmt: skip
def key_present(exchange: Exchange) -> Iterator[Problem]:
    """
    `message["content"]` raises KeyError; typed clients fail to decode the message.

    Instead: Read it with a default: `message.get("content") or ""` in raw JSON, `message.content or ""` in the
    SDK.
    """
    yield from absent(exchange, "/choices/*/message/content", "message")


@rule(
    "content.said", SHOULD, "A response has text, a refusal, a tool call, an image or audio, unless it hit the token limit or was filtered.",
    sources.REFERENCE, all_of(complete_answer, told_apart),
    good=(STREAM, BODY, TOOLS),
    bad=(
        replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":""'),
        replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":"\\n\\n"'),
        replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":null,"tool_calls":null'),
        with_body(STREAM, b"".join(part + b"\n\n" for part in STREAM.response.body.split(b"\n\n")[::4] if part)),
    ),
    depends_on=_READ, explained_by=("sse.json", *_WHOLE, "chunk.names", "chunk.places", "chunk.no-message", "chunk.delta", "content.blank-run"),
)  # fmt: skip
def said(exchange: Exchange) -> Iterator[Problem]:
    """
    The user sees an empty answer that was reported as a success.

    Instead: Raise when text, refusal and tool_calls are all empty after the loop, and retry; never store such
    an answer.
    """
    for choice in exchange.columns.choices.values():
        excused = any(finish.value in {"length", "content_filter"} for finish in choice.finish_reasons)
        text = any(choice.fragments(name).text.strip() for name in ("content", "refusal"))
        spoken = text or choice.tools or choice.part_types
        if not (spoken or excused or _otherwise(exchange, choice)):
            said, advice = _nothing_said(exchange, choice)
            yield Problem(said, ((exchange.columns.last, ""),), advice=advice)
    odd = exchange.columns.kinds(f"/choices/*/{exchange.columns.message_key}/tool_calls").keys() & {"object", "text"}
    raise Unread("finish_reason.length-due", "tool_calls.legacy", *(("tool_calls.type",) if odd else ()))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _holds(exchange: Exchange, key: str) -> bool:
    place = f"/choices/*/{exchange.columns.message_key}/{key}"
    return bool(exchange.columns.kinds(place).keys() & {"object", "list", "text"})


def _nothing_said(exchange: Exchange, choice: Choice) -> tuple[str, Advice | None]:
    """Return the message for a choice without text, with the actual place of the content, and the advice."""
    number = choice.index
    if choice.reasoning and json_mode(exchange) and _is_object(choice.fragments(choice.reasoning).text):
        return (
            f"choice {number} ends without text, refusal or tool call: the JSON that was asked for came as reasoning",
            _JSON_THOUGHT,
        )
    thought = choice.fragments(choice.reasoning).text if choice.reasoning else ""
    offered = offered_tools(exchange)
    arguments = any(only_arguments(thought, {name: tool}) for name, tool in offered.items())
    if arguments or (offered and call_markup(thought)):
        return (
            f"choice {number} ends without text, refusal or tool call: the call of a tool came as reasoning",
            _CALL_THOUGHT,
        )
    parsed = next((key for key in _ELSEWHERE if _holds(exchange, key)), None)
    if parsed:
        said = f"choice {number} ends without text, refusal or tool call: the answer is in {parsed}"
        return said, _ANSWER_ELSEWHERE
    other = exchange.before.counterpart(exchange.facts)
    if other and not choice.reasoning:
        where = "in one body" if exchange.is_stream else "streamed"
        return (
            f"choice {number} ends without text, refusal or tool call, and {where} the same question was answered",
            _OTHER_WAY,
        )
    return f"choice {number} ends without text, refusal or tool call", _ONLY_THOUGHT if choice.reasoning else None


def _otherwise(exchange: Exchange, choice: Choice) -> bool:
    """Whether the content is an image, audio, an object, or a legacy call: other checks report these."""
    part = exchange.columns.message_key
    objects = any(
        exchange.columns.kinds(f"/choices/*/{part}/{key}").keys() & {"object", "text"}
        for key in ("function_call", "tool_calls")
    ) or bool(exchange.columns.kinds(f"/choices/*/{part}/content").keys() & {"object"})
    objects = objects or any(True for _ in odd_calls(exchange))
    return objects or any(extra.key != "annotations" and not is_hollow(extra.value) for extra in choice.extras)


@rule(
    "content.before-finish", SHOULD, "No content follows the `finish_reason`.",
    sources.REFERENCE, all_of(stream, told_apart),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, '"你好"},"logprobs":null,"finish_reason":null', '"你好"},"logprobs":null,"finish_reason":"stop"'),),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def before_finish(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that break at the finish_reason lose the text, the reasoning or the call.

    Instead: Read to the end of the stream and close the message there; use no `break` at a finish_reason.
    """
    for choice in exchange.columns.choices.values():
        ends = ends_of(choice)
        end = ends[0].chunk if ends else exchange.columns.last
        late = sorted(number for pieces in choice.channels.values() for number in pieces.chunks if number > end)
        late += [fragment.chunk for fragment in choice.tools if fragment.chunk > end]
        if late and ends and all(_same_choice(exchange, choice, end, at) for at in late):
            place = place_of(exchange, choice, late[0], "/{part}")
            yield Problem("the chunk with the finish_reason comes again, with all that stands in it", (place,), _AGAIN)
        elif late:
            yield Problem(
                f"{count_of(len(late), 'piece of the answer follows', 'pieces of the answer follow')} the finish_reason",
                (place_of(exchange, choice, late[0], "/{part}"),),
            )


def _same_choice(exchange: Exchange, choice: Choice, first: int, second: int) -> bool:
    """Return whether two chunks have equal content for a choice."""
    one, other = (
        [each for each in objects_in(exchange.chunk(at).get("choices")) if each.get("index", 0) == choice.index]
        for at in (first, second)
    )
    return one == other


@rule(
    "content.no-replacement", SHOULD, "The text does not contain U+FFFD.",
    sources.UNICODE_REPLACEMENT, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, "你好", "你\ufffd"), replace_in_body(BODY, "你好", "\ufffd\ufffd好")),
    depends_on=(*_READ, "sse.utf8", "http.utf8"), explained_by=("chunk.whole-characters",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_replacement(exchange: Exchange) -> Iterator[Problem]:
    """
    The server split a character between two tokens and replaced the halves: the character is lost.

    Instead: The client cannot restore the character; report it to the provider, and ask again with `stream=False`.
    """
    yield from marked(exchange, _TEXT, replacement, "the text holds U+FFFD")


@observation(
    "content.first", "The `content` of the first delta.",
    sources.DELTA, stream,
    good=(STREAM,),
    bad=(REASONING, replace_in_body(STREAM, '"content":"",', ""), replace_in_body(STREAM, '"content":"",', '"content":"Hi",', 1)),
    depends_on=_READ,
)  # fmt: skip
def first(exchange: Exchange) -> str:
    """
    Null and missing print None, or raise TypeError when appended.

    Instead: Append with a default in every chunk: `text += delta.content or ""`, or `delta.get("content") or
    ""`.
    """
    for shape in exchange.columns.shapes:
        for choice in shape.containers("/choices/*"):
            return shape.kinds.get(f"{choice}/delta/content", "missing")
    return "no choice"


@observation(
    "content.null-between", "Whether `content` is null between pieces of text.",
    sources.DELTA, stream,
    good=(STREAM, REASONING),
    bad=(replace_in_body(STREAM, '"choices":[{"index":0,"delta":{"content":"! How', '"choices":[{"index":0,"delta":{"content":null},"logprobs":null,"finish_reason":null}]}\n\ndata: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_reference","choices":[{"index":0,"delta":{"content":"! How'),),
    depends_on=_READ,
    harmful=lambda value: value == "yes",
)  # fmt: skip
def null_between(exchange: Exchange) -> str:
    """
    Legal; `text += delta.content` raises TypeError in the middle of the answer, and `print` shows None.

    Instead: Append with a default in every chunk: `text += delta.content or ""`.
    """
    null = exchange.columns.kinds("/choices/*/delta/content").get("null")
    if null is None:
        return "no"
    said = [chunk for choice in exchange.columns.choices.values() for chunk in choice.fragments("content").chunks]
    nulls = (
        number
        for shape in exchange.columns.shapes
        if shape.kinds.get("/choices/0/delta/content") == "null" and "/choices/0/delta/tool_calls" not in shape.kinds
        for number in (shape.first,)
    )
    return "yes" if said and any(said[0] < number < said[-1] for number in nulls) else "no"


@rule(
    "content.no-mojibake", SHOULD, "The text is not UTF-8 that was decoded with another encoding.",
    sources.JSON_UTF8, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, "你好", "Ã© is what é becomes; naïve, 20°, “so”"), replace_in_body(BODY, "你好", "THE CAFÉ’S MENU")),
    bad=(
        replace_in_body(STREAM, "你好", "ä½\u00a0å¥½"),
        replace_in_body(BODY, "你好! How can I help?", "It\u00e2\u20ac\u2122s a caf\u00c3\u00a9."),
        replace_in_body(BODY, "你好", "浣犲ソ涓栫晫"),
    ),
    depends_on=(*_READ, "sse.utf8", "http.utf8"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_mojibake(exchange: Exchange) -> Iterator[Problem]:
    """
    Every letter beyond ASCII is shown as two or three wrong ones, though the bytes are valid UTF-8.

    Instead: Join the pieces, then convert: `text.encode("latin-1").decode()`; "cp1252" or "gbk" if that raises.
    """
    yield from marked(exchange, _TEXT, mojibake, "the text is UTF-8 that was read as another encoding: {mark}")


@rule(
    "content.no-controls", SHOULD, "The text contains no control characters except tab and line ends (for NUL see chunk.no-nul).",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, "你好", "a\\tb\\r\\n\\f")),
    bad=(replace_in_body(STREAM, "你好", "\\u0007你好"), replace_in_body(STREAM, "你好", "\\ufeff你好"), replace_in_body(BODY, "你好", "\\u001b[1m你好\\u0008")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_controls(exchange: Exchange) -> Iterator[Problem]:
    r"""
    Terminals execute them; databases and XML reject them.

    Instead: Remove them before you show or store the text: `"".join(c for c in text if c >= " " or c in "\n\t")`.
    """
    yield from marked(exchange, _TEXT, control, "the text holds a control character")
    yield from marked(exchange, _TEXT, order_mark, "the text holds a byte order mark", _ORDER_MARK)


@rule(
    "content.refusal", MUST, "`refusal`, if present, is a string or `null`.",
    sources.DELTA, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, ',"refusal":null', "")),
    bad=(replace_in_body(BODY, '"refusal":null', '"refusal":false'), replace_in_body(STREAM, '"refusal":null', '"refusal":{}')),
    depends_on=_READ,
)  # fmt: skip
def refusal(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; `if message.refusal is not None` treats every answer as a refusal.

    Instead: Treat it as a refusal only if it is a non-empty string.
    """
    yield from wrong_kinds(exchange, "/choices/*/{part}/refusal", {"text", '""', "null", "missing"}, "choice")


@rule(
    "content.refusal-alone", SHOULD, "A refusal comes without text and without tool calls.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":null'), '"refusal":null', '"refusal":"I can\'t help with that."')),
    bad=(
        replace_in_body(BODY, '"refusal":null', '"refusal":"I can\'t help with that."'),
        replace_in_body(STREAM, '"content":"你好"', '"content":"你好","refusal":"I can\'t."'),
    ),
    depends_on=_READ,
)  # fmt: skip
def refusal_alone(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that test `message.refusal` first hide an answer; those that read the text show the refused content.

    Instead: Treat it as a refusal, and show that alone: `shown = message.refusal or message.content`.
    """
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("refusal")
        text = choice.fragments("content").text.strip() or choice.part_types
        if pieces.text.strip() and (text or choice.tools):
            place = place_of(exchange, choice, pieces.chunks[0], "/{part}/refusal")
            yield Problem(f"a refusal is sent beside {'calls' if choice.tools else 'text'}", (place,))


@observation(
    "content.beside-calls", "The text that accompanies tool calls.",
    sources.REFERENCE, lambda x: success_status(x) or (None if any(one.tools for one in x.columns.choices.values()) else "no tool was called"),
    good=(TOOLS,),
    bad=(replace_in_body(TOOLS, '"content":null', '"content":"\\n\\n"'), replace_in_body(TOOLS, '"content":null', '"content":"I look."')),
    depends_on=_READ,
)  # fmt: skip
def beside_calls(exchange: Exchange) -> str:
    """
    A program that takes text as the end of tool calling answers before it has called, or shows blank lines.

    Instead: Go by `finish_reason` and `tool_calls`, and strip text that is only white space.
    """
    said = [one.fragments("content").text for one in exchange.columns.choices.values() if one.tools]
    return "none" if not any(said) else "white space" if not "".join(said).strip() else "text"
