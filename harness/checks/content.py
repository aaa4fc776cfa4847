"""The text of the answer."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from harness.checks import sources
from harness.checks.applies import body, complete_answer, stream, success_status
from harness.checks.kinds import absent, place_of, wrong_kinds
from harness.checks.registry import observation, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, REASONING, STREAM, TOOLS, replace_in_body, with_body
from harness.wire.chunks import Choice
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_SPECIAL = re.compile(
    r"(?<!`)(?:<\|(?:im_start|im_end|im_sep|end|eot_id|eom_id|endoftext|end_of_text|begin_of_text|start_header_id|assistant|user|"
    r"observation|begin_of_box|end_of_box|channel|message|return|call|start)\|>|<｜[^｜>]{1,40}｜>|<end_of_turn>|<eos>|\[/INST\]|</s>$)"
)
_WHOLE = (*_READ, "sse.no-error", "http.complete")
_CUMULATIVE = replace_in_body(
    replace_in_body(
        replace_in_body(STREAM, '"! How can I"', '"你好! How can I"'), '" help?"', '"你好! How can I help?"'
    ),
    '"你好"}',
    '"你好"}',
)


@rule(
    "content.type", MUST, "content is a text or null.",
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
    yield from wrong_kinds(exchange, "/choices/*/{part}/content", {"text", '""', "null", "missing"}, "choice")


@rule(
    "content.key-present", MUST, "Every message has the key content.",
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
    "content.said", SHOULD, "An answer says something: text, a refusal, a tool call; or it was cut short, or filtered.",
    sources.REFERENCE, complete_answer,
    good=(STREAM, BODY, TOOLS),
    bad=(
        replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":""'),
        replace_in_body(BODY, '"content":"你好! How can I help?"', '"content":"\\n\\n"'),
        with_body(STREAM, b"".join(part + b"\n\n" for part in STREAM.response.body.split(b"\n\n")[::4] if part)),
    ),
    depends_on=_WHOLE,
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
        if not (spoken or excused or _otherwise(exchange)):
            yield Problem(
                f"choice {choice.index} ends without text, refusal or tool call", ((exchange.columns.last, ""),)
            )


def _otherwise(exchange: Exchange) -> bool:
    """Whether the answer came as sound, as an object, or as a call of the old kind; other rules speak of these."""
    part = exchange.columns.message_key
    return any(
        exchange.columns.kinds(f"/choices/*/{part}/{key}").keys() & {"object"}
        for key in ("content", "audio", "function_call")
    )


@rule(
    "content.before-finish", SHOULD, "Nothing of the answer follows the finish_reason.",
    sources.REFERENCE, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, '"你好"},"logprobs":null,"finish_reason":null', '"你好"},"logprobs":null,"finish_reason":"stop"'),),
    depends_on=(*_READ, "sse.json", "chunk.delta", "content.type"),
)  # fmt: skip
def before_finish(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that break at the finish_reason lose the text, the thought or the call.

    Instead: Read to the end of the stream and close the message there; use no `break` at a finish_reason.
    """
    for choice in exchange.columns.choices.values():
        end = choice.finish_reasons[0].chunk if choice.finish_reasons else exchange.columns.last
        late = sorted(number for pieces in choice.channels.values() for number in pieces.chunks if number > end)
        late += [fragment.chunk for fragment in choice.tools if fragment.chunk > end]
        if late:
            yield Problem(
                f"{len(late)} pieces of the answer follow the finish_reason",
                (place_of(exchange, choice, late[0], "/{part}"),),
            )


@rule(
    "content.no-replacement", SHOULD, "The text holds no U+FFFD.",
    sources.UNICODE_REPLACEMENT, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, "你好", "你\ufffd"), replace_in_body(BODY, "你好", "\ufffd\ufffd好")),
    depends_on=(*_READ, "sse.utf8", "http.utf8", "chunk.whole-characters"),
)  # fmt: skip
def no_replacement(exchange: Exchange) -> Iterator[Problem]:
    """
    The server cut a character between two tokens and replaced the halves: it is lost for good.

    Instead: Nothing in the client restores the character; report it to the provider, and ask again with
    `stream=False`.
    """
    yield from _holding(exchange, lambda text: "\ufffd" in text, "\ufffd", "U+FFFD")


@rule(
    "content.no-think-tags", SHOULD, "The text holds no think tags.",
    sources.REASONING_CONTENT, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, "你好", "Models write <think> and </think>.")),
    bad=(replace_in_body(STREAM, "你好", "<think>greet</think>你好"), replace_in_body(BODY, "你好", "greet</think>你好")),
    depends_on=_READ,
)  # fmt: skip
def no_think_tags(exchange: Exchange) -> Iterator[Problem]:
    """
    The reasoning is shown as the answer: 19 of 22 client entry points measured pass it on.

    Instead: Join the pieces first, then `if "</think>" in text: text = text.partition("</think>")[2]`, and show
    only that.
    """
    yield from _holding(exchange, _tagged, "think>", "think tags")


def _tagged(text: str) -> bool:
    """Tell whether reasoning stands in ``text``; one that merely speaks of the tags opens them later and closes them."""
    return text.lstrip().startswith("<think>") or ("</think>" in text and "<think>" not in text)


def _holding(exchange: Exchange, holds: Callable[[str], bool], mark: str, name: str) -> Iterator[Problem]:
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("content")
        if holds(pieces.text):
            marked = [n for n, text in zip(pieces.chunks, pieces.texts, strict=True) if mark in text]
            place = (marked or pieces.chunks)[0]
            yield Problem(f"the text holds {name}", (place_of(exchange, choice, place, "/{part}/content"),))


@rule(
    "content.increments", SHOULD, "Each piece of text is an increment, not all of the text so far.",
    sources.REFERENCE, stream,
    good=(STREAM,),
    bad=(_CUMULATIVE,),
    depends_on=(*_READ, "finish_reason.given"),
)  # fmt: skip
def increments(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that append the pieces show the text again and again.

    Instead: Replace instead of appending, for this provider alone: `text = delta.content or text`.
    """
    for choice in exchange.columns.choices.values():
        if _cumulative(choice):
            place = choice.fragments("content").chunks[1]
            yield Problem(
                "each piece repeats the text before it", (place_of(exchange, choice, place, "/{part}/content"),)
            )


def _cumulative(choice: Choice) -> bool:
    """Tell whether each piece begins with the one before; pieces such as 1, 10, 100 are too short to say so."""
    texts = choice.fragments("content").texts
    grown = sum(len(after) > len(before) for before, after in pairwise(texts[:4]))
    if grown < 2 or len(texts[-1]) < 8:  # noqa: PLR2004
        return False
    return all(after.startswith(before) for before, after in pairwise(texts))


@observation(
    "content.first", "The content of the first delta.",
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


@rule(
    "content.no-special-tokens", SHOULD, "The text holds no special tokens of the model.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, "你好", "<| and |> are symbols, <s> is HTML.")),
    bad=(replace_in_body(STREAM, " help?", " help?<|im_end|>"), replace_in_body(BODY, "你好", "<｜end▁of▁sentence｜>你好"), replace_in_body(BODY, "你好", "<|begin_of_box|>你好")),
    depends_on=_READ,
)  # fmt: skip
def no_special_tokens(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads them, and sent back they end the conversation inside the prompt.

    Instead: Cut off what stands between `<|` and `|>`.
    """
    for choice in exchange.columns.choices.values():
        text = choice.fragments("content").text
        found = _SPECIAL.search(text)
        if found and not (found[0] == "</s>" and "<s>" in text):  # the two together strike text out in HTML
            mark = found[0]
            yield from _holding(exchange, lambda said, mark=mark: mark in said, mark, f"the special token {mark}")  # type: ignore[misc]
            return


@rule(
    "content.refusal", MUST, "refusal is a text or null where it is given.",
    sources.DELTA, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, ',"refusal":null', "")),
    bad=(replace_in_body(BODY, '"refusal":null', '"refusal":false'), replace_in_body(STREAM, '"refusal":null', '"refusal":{}')),
    depends_on=_READ,
)  # fmt: skip
def refusal(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; `if message.refusal is not None` takes every answer for a refusal.

    Instead: Take a refusal only where it is a text that is not empty.
    """
    yield from wrong_kinds(exchange, "/choices/*/{part}/refusal", {"text", '""', "null", "missing"}, "choice")


@observation(
    "content.beside-calls", "The text that comes with calls of tools.",
    sources.REFERENCE, lambda x: success_status(x) or (None if any(one.tools for one in x.columns.choices.values()) else "no tool was called"),
    good=(TOOLS,),
    bad=(replace_in_body(TOOLS, '"content":null', '"content":"\\n\\n"'), replace_in_body(TOOLS, '"content":null', '"content":"I look."')),
    depends_on=_READ,
)  # fmt: skip
def beside_calls(exchange: Exchange) -> str:
    """
    A program that takes text for the end of the calling answers before it has called, or shows blank lines.

    Instead: Go by `finish_reason` and `tool_calls`, and strip what is only white space.
    """
    said = [one.fragments("content").text for one in exchange.columns.choices.values() if one.tools]
    return "none" if not any(said) else "white space" if not "".join(said).strip() else "text"
