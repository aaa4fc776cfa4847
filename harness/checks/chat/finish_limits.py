"""Checks responses that end at a limit (a token cap, a stop sequence), and those that claim to."""

import re
from collections.abc import Iterator

import orjson

from harness.checks import sources
from harness.checks.applies import cap_of, complete_answer, success_status
from harness.checks.registry import NotApplicable, Reason, rule
from harness.matrix.scenarios import SCENARIOS
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import BODY, replace_in_body, with_request_params
from harness.wire.chat.chunks import Choice
from harness.wire.chat.completion import ToolCall
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_WHOLE = ("chunk.present", "sse.no-error", "http.complete")
_CAPS = ("max_tokens", "max_completion_tokens")
_SMALLER_CAP = Advice(
    "The answer ends in the middle of a sentence or a call, though you allowed more: the server lowered your limit "
    "silently.",
    "Compare `usage.completion_tokens` with the limit you sent, and if it is less, let the model continue in another turn.",
)
_OTHER_CAPS = ("max_new_tokens", "max_output_tokens", "maxTokens", "max_length", "num_predict", "n_predict", "options")
"""Other servers' parameters that may limit a response."""
_OWN_CAPS = frozenset(base * factor for base in (1000, 1024) for factor in (1, 2, 4, 5, 8, 10, 16, 32))
"""Limits of servers' own; a context window is not among them, since it includes the prompt."""
_DEFAULTS = {16, 20, 32, 50, 64}
"""Default limits of servers: 16 was OpenAI's and is vLLM's for completions, 20 is TGI's."""
_FEW = 4  # tokens: fewer answer a yes-or-no question
_WINDOW, _OWN_LIMIT = 500, 100
"""Prompt tokens that leave room in any context window, and response tokens below any server's own limit."""
_END = re.compile(r"[.!?…。！？।؟»”’\"'`)\]}>*~|_]$|[^\w\s,;:\-–—(\[{#]$")
"""The end of a text that may be complete: sentence punctuation, or a symbol such as an emoji."""
_CAPPED, _STOPPED = (recording(SCENARIOS[name])[0] for name in ("chat.capped", "chat.stop"))
_CUT_SHORT = replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"length"')


def _tries(exchange: Exchange, *names: str) -> bool:
    """Return whether the scenario tests one of these parameters, by a prompt that goes on until it applies."""
    return exchange.expected.tested_parameter in names


def _tokens(exchange: Exchange) -> int | None:
    """Return the completion_tokens of a response with one choice; None if unknown."""
    usage = exchange.columns.usages[-1].value if exchange.columns.usages else {}
    tokens = usage.get("completion_tokens")
    return tokens if type(tokens) is int and len(exchange.columns.choices) == 1 else None


def _cap_reached(exchange: Exchange) -> Reason | None:
    """A response with as many tokens as the cap in the request."""
    cap, tried = cap_of(exchange), _tries(exchange, *_CAPS)
    if cap is None:
        return complete_answer(exchange) or "no cap was sent"
    if cap < _FEW and not tried:
        return complete_answer(exchange) or f"an answer of {cap} tokens may well be whole"
    if _tokens(exchange) == cap:
        return complete_answer(exchange)
    # usage.within-cap reports more of them; with fewer, a response ended by itself.
    reason = "the cap was not reached"
    return complete_answer(exchange) or (NotApplicable(reason, "not-present") if tried else reason)


def _whole_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _ended(choice: Choice, calls: tuple[ToolCall, ...]) -> bool:
    """Return whether the content may be complete: it ends with a complete sentence or JSON value."""
    if calls:
        return all(_whole_json(call.arguments or "{}") for call in calls)
    text = choice.fragments("content").text.rstrip()
    return bool(text) and (_END.search(text) is not None or _whole_json(text))


@rule(
    "finish_reason.length", SHOULD, "A response that hit its token limit ends with `length`.",
    sources.REQUEST, _cap_reached,
    good=(_CAPPED, with_request_params(BODY, max_completion_tokens=4)),
    bad=(replace_in_body(_CAPPED, '"finish_reason":"length"', '"finish_reason":"stop"'), with_request_params(replace_in_body(BODY, " help?", " help"), max_tokens=4)),
    depends_on=(*_WHOLE, "finish_reason.vocabulary", "usage.within-cap"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def length(exchange: Exchange) -> Iterator[Problem]:
    """
    Half an answer is treated as a whole one, half a JSON object as an error of the model.

    Instead: Compare `usage.completion_tokens` with the cap you sent.
    """
    sure = _tries(exchange, *_CAPS)
    calls = tuple(call for message in exchange.completion.messages for call in message.tool_calls)
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons[-1:]:
            # A response may have exactly the length of its cap by chance; then it ends normally.
            cut = _said(choice) if sure else not _ended(choice, calls)
            if finish.value in {"stop", "tool_calls"} and cut:
                said = f"the cap of {cap_of(exchange)} tokens was reached, and finish_reason is {finish.value!r}"
                yield Problem(said, ((finish.chunk, finish.pointer),))


def _said(choice: Choice) -> bool:
    return bool(choice.fragments("content").text)


def _stopped(exchange: Exchange) -> Reason | None:
    """A response that a stop sequence ended, or that ended by itself, as far as its count shows."""
    if not exchange.request.get("stop"):
        return success_status(exchange) or "no stop sequence was given"
    unlimited = _tries(exchange, "stop") or _far_from_limits(exchange)
    return success_status(exchange) or (None if unlimited else "a limit may have ended the answer")


def _far_from_limits(exchange: Exchange) -> bool:
    """Return whether a response has few tokens, less than half of any cap in the request, and a short prompt."""
    tokens, cap = _tokens(exchange), cap_of(exchange)
    prompt = exchange.columns.usages[-1].value.get("prompt_tokens") if tokens is not None else None
    limited = exchange.request.get("max_tokens") == 0 or any(exchange.request.get(name) for name in _OTHER_CAPS)
    if tokens is None or type(prompt) is not int or limited or (cap is None and tokens in _DEFAULTS):
        return False
    return tokens < (_OWN_LIMIT if cap is None else min(cap // 2, _OWN_LIMIT)) and prompt < _WINDOW


@rule(
    "finish_reason.stop", SHOULD, "A response ended by a stop sequence gives the reason `stop`.",
    sources.CHUNK, _stopped,
    good=(_STOPPED, with_request_params(replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"length"'), stop=["#"], max_tokens=5)),
    bad=(replace_in_body(_STOPPED, '"finish_reason":"stop"', '"finish_reason":"length"'), with_request_params(replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"length"'), stop=["#"], max_tokens=500)),
    depends_on=_WHOLE,
)  # fmt: skip
def at_stop(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that continue after `length` ask the model to go on past its own end.

    Instead: If you sent a stop sequence, treat `length` as truncation only if the limit is reached.
    """
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons[-1:]:
            if finish.value == "length":
                counted = "" if _tries(exchange, "stop") else f" {_counted(exchange)}"
                yield Problem(f"finish_reason is {finish.value!r}{counted}", ((finish.chunk, finish.pointer),))


def _counted(exchange: Exchange) -> str:
    """Return the number of tokens, and the cap, in words."""
    cap, tokens = cap_of(exchange), count_of(_tokens(exchange) or 0, "token")
    return f"after {tokens}, and the request sets no limit" if cap is None else f"after {tokens} of {cap}"


def _capped_by_server(exchange: Exchange) -> bool:
    """Return whether a response was truncated at a server's own cap, far below the requested one."""
    tokens, cap = _tokens(exchange), cap_of(exchange)
    return tokens in _OWN_CAPS and cap is not None and tokens <= cap // 2


def _no_limit_met(exchange: Exchange) -> Reason | None:
    """A response of few tokens, far below the request's cap, or without one."""
    if exchange.request.json is None:
        return "the recording has no request"
    if exchange.request.get("stop"):
        return complete_answer(exchange) or "a stop sequence was given: finish_reason.stop judges it"
    if _far_from_limits(exchange) or _capped_by_server(exchange):
        return complete_answer(exchange)
    return complete_answer(exchange) or NotApplicable("a limit may have ended the answer", "not-present")


@rule(
    "finish_reason.length-due", SHOULD, "`finish_reason` is `length` only if a limit was reached.",
    sources.CHUNK, _no_limit_met,
    good=(_CAPPED, with_request_params(_CUT_SHORT, max_tokens=4), with_request_params(BODY, max_tokens=900)),
    bad=(_CUT_SHORT, with_request_params(_CUT_SHORT, max_tokens=900)),
    depends_on=_WHOLE,
    explained_by=("usage.message", "usage.given", "usage.type", "usage.integers", "usage.sum", "usage.proportion", "chunk.choices", "chunk.choices-not-empty"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def length_due(exchange: Exchange) -> Iterator[Problem]:
    """
    Agents treat the answer as truncated: they drop the call, ask again with a larger limit, or ask the model to go on past its end.

    Instead: Treat the answer as truncated only if the count has reached your limit, `usage.completion_tokens >=
    max_tokens`; send your own limit, since a server may have a small undocumented one.
    """
    for choice in exchange.columns.choices.values():
        for finish in choice.finish_reasons[-1:]:
            if finish.value == "length":
                own = _capped_by_server(exchange)
                said = (
                    f"finish_reason is 'length' {_counted(exchange)}{': the server has a smaller cap of its own' * own}"
                )
                yield Problem(said, ((finish.chunk, finish.pointer),), _SMALLER_CAP if own else None)
