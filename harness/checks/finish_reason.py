"""How an answer says that, and why, it ended."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, body, cap_of, complete_answer, stream, success_status, uncut
from harness.checks.kinds import absent, place_of, wrong_kinds
from harness.checks.registry import observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Level, Problem
from harness.simulate.ideal import recording
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    TOOLS_BODY,
    replace_in_body,
    replace_last_in_body,
    with_request_params,
)
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_WHOLE = (*_READ, "sse.no-error", "http.complete")
_VOCABULARY = {"stop", "length", "tool_calls", "content_filter", "function_call"}
_PLACE = "/choices/*/finish_reason"
_CAPPED, _STOPPED = (recording(SCENARIOS[name])[0] for name in ("chat.capped", "chat.stop"))
_FINAL = '"delta":{},"logprobs":null,"finish_reason":"stop"'


@rule(
    "finish_reason.key-present", MUST, "Every choice has the key finish_reason.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, ',"finish_reason":null', "", 1), replace_in_body(BODY, ',"finish_reason":"stop"', "")),
    depends_on=_READ,
)  # fmt: skip
def key_present(exchange: Exchange) -> Iterator[Problem]:
    """
    `choice["finish_reason"]` raises KeyError; typed clients fail to decode the chunk.

    Instead: Read it with a default: `choice.get("finish_reason")` in raw JSON; the SDK gives None for a missing
    key.
    """
    yield from absent(exchange, _PLACE, "choice")


@rule(
    "finish_reason.null-before-end", MUST, "finish_reason is null until it is one of the reasons.",
    sources.CHUNK, stream,
    good=(STREAM, TOOLS),
    bad=(replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":""'), replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":false', 1)),
    depends_on=_READ,
)  # fmt: skip
def null_before_end(exchange: Exchange) -> Iterator[Problem]:
    """
    `if finish_reason is not None: break` stops at the first chunk: the answer is empty.

    Instead: Test for truth instead of None, `if choice.finish_reason:`, so that empty text and false do not end
    the answer.
    """
    yield from wrong_kinds(exchange, _PLACE, {"null", "text", "missing"}, "choice")


@rule(
    "finish_reason.given", SHOULD, "Every choice of a stream ends with a finish_reason.",
    sources.REFERENCE, all_of(stream, complete_answer),
    good=(STREAM, STREAM_USAGE),
    bad=(replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":null'), replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":""')),
    depends_on=_READ, explained_by=("sse.json", *_WHOLE),
)  # fmt: skip
def given(exchange: Exchange) -> Iterator[Problem]:
    """
    It is the only sign that the answer is whole: a cut stream looks the same.

    Instead: Take [DONE] (which the SDK hides) or usage in the last chunk as the end; with neither mark the
    answer as unfinished.
    """
    for choice in exchange.columns.choices.values():
        if not choice.finish_reasons:
            yield Problem(
                f"choice {choice.index} ends without a finish_reason", (place_of(exchange, choice, choice.last_chunk),)
            )


@rule(
    "finish_reason.message", MUST, "Every choice of a body has a finish_reason, a text.",
    sources.BODY, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":null'), replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":""')),
    depends_on=_READ,
)  # fmt: skip
def message(exchange: Exchange) -> Iterator[Problem]:
    """
    An answer cut at the token limit can't be told from a whole one.

    Instead: Take the answer for cut when `usage.completion_tokens` has reached the `max_tokens` of the request,
    else for whole.
    """
    yield from wrong_kinds(exchange, _PLACE, {"text", "missing"}, "choice")


@rule(
    "finish_reason.once", SHOULD, "A choice gives its finish_reason once.",
    sources.REFERENCE, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, '" help?"},"logprobs":null,"finish_reason":null', '" help?"},"logprobs":null,"finish_reason":"stop"'),),
    depends_on=_READ,
)  # fmt: skip
def once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that close the message at the reason close it twice: callbacks run again, calls are made again.

    Instead: Note it, `finish = choice.finish_reason or finish`, and close the message or run tools once, after
    the loop.
    """
    for choice in exchange.columns.choices.values():
        reasons = choice.finish_reasons
        if len(reasons) > 1:
            yield Problem(
                f"choice {choice.index} gives {len(reasons)} finish_reasons",
                tuple((f.chunk, f.pointer) for f in reasons[:2]),
            )


@rule(
    "finish_reason.vocabulary", MUST, "A finish_reason is one that the specification names.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY, TOOLS),
    bad=(replace_in_body(STREAM, '"finish_reason":"stop"', '"finish_reason":"eos"'), replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"STOP"')),
    depends_on=_READ,
)  # fmt: skip
def vocabulary(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail on the unknown member; others treat a failure as success.

    Instead: Map the names you know, `{"eos": "stop", "STOP": "stop"}.get(reason, reason)`, and treat others as
    failures.
    """
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons:
            if finish.value not in _VOCABULARY:
                yield Problem(f"finish_reason is {finish.value!r}", ((finish.chunk, finish.pointer),))
                break


@rule(
    "finish_reason.last", SHOULD, "The chunk with the finish_reason is the last that names its choice.",
    sources.REFERENCE, stream,
    good=(STREAM, STREAM_USAGE),
    bad=(replace_in_body(STREAM, "data: [DONE]", 'data: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":null}]}\n\ndata: [DONE]'),),
    depends_on=_READ,
)  # fmt: skip
def last(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that break at the reason miss what the later chunk brings, usage most often.

    Instead: Read on until the stream ends, taking `chunk.usage` and any delta that comes later; use no `break`.
    """
    for choice in exchange.columns.choices.values():
        reasons = [finish.chunk for finish in choice.finish_reasons]
        if reasons and choice.last_chunk > reasons[-1]:
            yield Problem(
                f"choice {choice.index} goes on after its finish_reason",
                (place_of(exchange, choice, choice.last_chunk),),
            )


@rule(
    "finish_reason.tool-calls", SHOULD, "An answer ends with tool_calls exactly when it calls a tool.",
    sources.REFERENCE, all_of(success_status, complete_answer),
    good=(TOOLS, STREAM, TOOLS_BODY, with_request_params(replace_last_in_body(TOOLS, '"tool_calls"', '"stop"'), tool_choice={"type": "function"})),
    bad=(replace_last_in_body(TOOLS, '"tool_calls"', '"stop"'), replace_in_body(STREAM, '"stop"', '"tool_calls"'), replace_last_in_body(TOOLS_BODY, '"tool_calls"', '"stop"')),
    depends_on=_WHOLE,
)  # fmt: skip
def tool_calls(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that act on the reason never make the call, or wait for one that does not come.

    Instead: Decide by the calls, not by the reason: `if calls: run(calls)` after the loop, else show the text.
    """
    # OpenAI itself ends a call that tool_choice forced by name with stop.
    forced = isinstance(exchange.request.get("tool_choice"), dict) or exchange.request.json is None
    for choice in exchange.columns.choices.values():
        reason = choice.finish_reasons[-1] if choice.finish_reasons else None
        if reason is None or reason.value in {"length", "content_filter"}:
            continue
        if choice.tools and reason.value == "stop" and not forced:
            yield Problem("a tool is called, and finish_reason is 'stop'", ((reason.chunk, reason.pointer),))
        elif not choice.tools and reason.value == "tool_calls":
            yield Problem("no tool is called, and finish_reason is 'tool_calls'", ((reason.chunk, reason.pointer),))


@observation(
    "finish_reason.form", "The form of finish_reason before the end.",
    sources.CHUNK, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, ',"finish_reason":null', ""), replace_in_body(STREAM, '"finish_reason":null', '"finish_reason":""')),
    depends_on=_READ,
)  # fmt: skip
def form(exchange: Exchange) -> str:
    """
    null, missing and "" each break other client code.

    Instead: Use one test for all forms: `if getattr(choice, "finish_reason", None):`, or
    `choice.get("finish_reason")` in raw JSON.
    """
    kinds = exchange.columns.kinds(_PLACE)
    return "/".join(sorted(what for what in kinds if what != "text")) or "single chunk"


@observation(
    "finish_reason.delta", "What stands in the delta beside the finish_reason.",
    sources.DELTA, all_of(stream, uncut),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, _FINAL, _FINAL.replace("{}", '{"content":""}')), replace_in_body(STREAM, _FINAL, _FINAL.replace("{}", '{"content":"."}'))),
    depends_on=_READ,
)  # fmt: skip
def finish_delta(exchange: Exchange) -> str:
    """
    Clients that skip the delta of the last chunk lose the text or call in it.

    Instead: Handle the delta first and the finish_reason second, in every chunk alike, the last one included.
    """
    for shape in exchange.columns.shapes:
        for choice in shape.containers("/choices/*"):
            if shape.kinds.get(f"{choice}/finish_reason") == "text":
                content = shape.kinds.get(f"{choice}/delta/content", "missing")
                calls = " + tool_calls" if shape.kinds.get(f"{choice}/delta/tool_calls") == "list" else ""
                return ("{}" if shape.kinds.get(f"{choice}/delta") == "{}" else f"content {content}") + calls
    return "no finish"


def _tries(exchange: Exchange, *names: str) -> str | None:
    """What is asked goes on until one of these parameters ends it."""
    return None if exchange.expected.tested_parameter in names else f"{names[0]} is not on trial"


@rule(
    "finish_reason.length", SHOULD, "An answer that reached its cap ends with length.",
    sources.REQUEST, lambda x: complete_answer(x) or _tries(x, "max_tokens", "max_completion_tokens"),
    good=(_CAPPED,),
    bad=(replace_in_body(_CAPPED, '"finish_reason":"length"', '"finish_reason":"stop"'),),
    depends_on=(*_WHOLE, "finish_reason.vocabulary", "usage.integers", "usage.within-cap"),
)  # fmt: skip
def length(exchange: Exchange) -> Iterator[Problem]:
    """
    Half an answer is taken for a whole one, half a JSON object for an error of the model's.

    Instead: Compare `usage.completion_tokens` with the cap you sent.
    """
    cap = cap_of(exchange)
    tokens = exchange.columns.usages[-1].value.get("completion_tokens") if exchange.columns.usages else None
    if tokens != cap:
        return  # more of them is a matter of usage.within-cap, fewer is an answer that ended by itself
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons[-1:]:
            if finish.value == "stop" and choice.fragments("content").text and len(exchange.columns.choices) == 1:
                said = f"the cap of {cap} tokens was reached, and finish_reason is 'stop'"
                yield Problem(said, ((finish.chunk, finish.pointer),))


@rule(
    "finish_reason.stop", SHOULD, "An answer that a stop sequence ends gives the reason stop.",
    sources.CHUNK, lambda x: success_status(x) or _tries(x, "stop"),
    good=(_STOPPED,),
    bad=(replace_in_body(_STOPPED, '"finish_reason":"stop"', '"finish_reason":"length"'),),
    depends_on=_WHOLE,
)  # fmt: skip
def at_stop(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that go on after `length` ask the model to continue past its own end.

    Instead: Where you sent a stop sequence, take `length` as the end only if the cap is reached.
    """
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons[-1:]:
            if finish.value == "length":
                yield Problem(f"finish_reason is {finish.value!r}", ((finish.chunk, finish.pointer),))
