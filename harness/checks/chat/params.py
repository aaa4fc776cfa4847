"""Checks request parameters, one at a time: honoured, ignored or rejected."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from harness.checks import sources
from harness.checks.applies import (
    cap_of,
    complete_answer,
    counts_chunks,
    error_status,
    finish_values,
    success_status,
    texts,
)
from harness.checks.chat.params_refused import refused_parameter
from harness.checks.kinds import place_of
from harness.checks.registry import Applies, Reason, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import (
    BODY,
    STREAM,
    ask,
    replace_in_body,
    with_expected_status,
    with_request_params,
    with_response,
)
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object, objects_in

MUST, SHOULD = Level.MUST, Level.SHOULD

_TRIED = {name: recording(SCENARIOS[name])[0] for name in SCENARIOS if name.startswith("params.")}
_N, _STOP, _LOGPROBS, _TOP = (_TRIED[f"params.{name}"] for name in ("n", "stop", "logprobs", "top-logprobs"))
_STREAMED = recording(SCENARIOS["chat.logprobs"])[0]
_TWO = recording(SCENARIOS["chat.n2"])[0]
_UNKNOWN = _TRIED["params.unknown-key"]
_OF_OPENAI = "; OpenAI's API has it"
_UNSERVED = with_response(
    with_expected_status(with_request_params(BODY, logprobs=True)),
    status=422,
    body=b'{"error":{"message":"logprobs: Extra inputs are not permitted","type":"invalid_request_error","param":null,"code":null}}',
)
_HELD = ("chunk.present", "sse.no-error", "http.complete")
_WORD = re.compile(r"[a-z_]{4,}")
_STOPS = 16  # the specification allows 4
_KEEPS_STOP = ("include_stop_str_in_output", "no_stop_trim", "echo")
"""Parameters of vLLM or SGLang that keep the stop sequence in the text, or echo the prompt, which may hold it."""
_A_TOKEN, _A_WORD = 8, 32
"""Upper bounds of letters and digits per token, and beyond: English has 4 or 5 per token, few words have 30."""
_UNCOUNTED = ask(SCENARIOS["chat.stop"].prompt, stream=True)
_HALF = 4
"""Characters: a text may well end by itself with fewer of a stop sequence."""
_BEGUN = Advice(
    "Programs that put pieces together find the beginning of their own mark in the text: it was sent before the mark was whole.",
    "Cut it off: `text = next((text[:-n] for n in range(len(stop) - 1, 3, -1) if text.endswith(stop[:n])), text)`.",
)
_KEPT = Advice(
    "Programs that join pieces, or parse up to their own marker, find the marker in the text.",
    "Remove it from the end: `text = text.removesuffix(stop)`.",
)


def _tried(exchange: Exchange) -> str | None:
    return None if exchange.expected.tested_parameter else "no parameter is tried"


def _given(name: str) -> Applies:
    def applies(exchange: Exchange) -> Reason | None:
        return success_status(exchange) or (None if exchange.request.get(name) else f"{name} was not given")

    return applies


def _stops(exchange: Exchange) -> list[str]:
    value = exchange.request.get("stop")
    listed = value if isinstance(value, list) else [value]
    return [stop for stop in listed if isinstance(stop, str) and stop]


def _stop_asked(exchange: Exchange) -> Reason | None:
    """A stop sequence was sent, without a parameter that keeps it in the response."""
    if not _stops(exchange):
        return success_status(exchange) or "no stop sequence was given"
    kept = next((name for name in _KEEPS_STOP if exchange.request.get(name) is True), None)
    return success_status(exchange) or (f"{kept} was asked for" if kept else None)


def _stopped(exchange: Exchange) -> tuple[str, bool] | None:
    """
    Return the stop sequence in the text, which should end before it; None if there is none.

    And whether the text continues after it.
    """
    found = ((stop, text) for stop in _stops(exchange)[:_STOPS] for text in texts(exchange) if stop in text)
    return next(((stop, not _ends_with(text, stop)) for stop, text in found), None)


def _ends_with(text: str, stop: str) -> bool:
    """Return whether a text ends with a stop sequence, ignoring white space unless it is the whole sequence."""
    return text.rstrip().endswith(stop.rstrip()) if stop.strip() else not text[text.index(stop) :].strip()


def _capped(exchange: Exchange) -> Reason | None:
    """A cap was sent, and usage itself does not show that it was exceeded."""
    cap = cap_of(exchange)
    if cap is None:
        return success_status(exchange) or "no cap was sent"
    told = [usage.value.get("completion_tokens") for usage in exchange.columns.usages]
    beyond = any(type(tokens) is int and tokens > cap for tokens in told)
    return success_status(exchange) or ("usage tells; usage.within-cap judges it" if beyond else None)


_ONE_INDEX = Advice(
    "The answers are mixed: clients that go by the index join the words of all of them, and `choices[1]` raises IndexError.",
    "Send several requests instead of asking for several choices; the pieces cannot be told apart.",
)


@rule(
    "params.n", MUST, "As many choices are sent as requested.",
    sources.REQUEST, lambda x: _given("n")(x) or complete_answer(x) or (None if type(x.request.get("n")) is int else "n is not a number"),
    good=(_N, _TWO),
    bad=(with_request_params(_N, n=3), with_request_params(_TWO, n=3), replace_in_body(_N, '"index":1,', '"index":0,')),
    depends_on=_HELD,
)  # fmt: skip
def n(exchange: Exchange) -> Iterator[Problem]:
    """
    `choices[1]` raises IndexError.

    Instead: Send several requests instead of asking for several choices.
    """
    wanted, came = exchange.request.get("n"), len(exchange.columns.choices)
    ends = max((len(choice.finish_reasons) for choice in exchange.columns.choices.values()), default=0)
    if came == 1 < ends == wanted:
        said = f"{wanted} choices were asked for, and all {ends} that came have one index"
        yield Problem(said, ((exchange.columns.last, "/choices"),), _ONE_INDEX)
    elif came not in {0, wanted}:  # that none came, other rules report
        yield Problem(
            f"{count_of(wanted, 'choice was', 'choices were')} asked for, {came} came",
            ((exchange.columns.last, "/choices"),),
        )


@rule(
    "params.stop", MUST, "The text ends before a stop sequence.",
    sources.REQUEST, _stop_asked,
    good=(_STOP, recording(SCENARIOS["chat.stop"])[0]),
    bad=(with_request_params(_STOP, stop="6"), with_request_params(recording(SCENARIOS["chat.stop"])[0], stop=["5", "x"]), with_request_params(_STOP, stop=" "), with_request_params(_STOP, stop="5, 6, 7")),
    depends_on=_HELD,
    dialects=WITH_CHOICES,
)  # fmt: skip
def stop(exchange: Exchange) -> Iterator[Problem]:
    """
    Agents that stop the model at their own marker read what it made up after the marker.

    Instead: Also truncate the text at the stop sequence yourself.
    """
    found = _stopped(exchange)
    if found is not None:
        stop, goes_on = found
        place = _stop_place(exchange, stop)
        said = f"the text {'holds' if goes_on else 'ends with'} the stop sequence {stop!r}"
        yield Problem(said, (place,), None if goes_on else _KEPT)
    for choice in exchange.columns.choices.values() if found is None else ():
        pieces = choice.fragments("content")
        begun = (
            _begun(pieces.text, _stops(exchange)) if {one.value for one in choice.finish_reasons} == {"stop"} else None
        )
        if begun:
            said = f"the text ends with the beginning of the stop sequence {begun[0]!r}: {begun[1]!r}"
            yield Problem(said, (place_of(exchange, choice, pieces.chunks[-1], "/{part}/content"),), _BEGUN)
            return


def _begun(text: str, stops: list[str]) -> tuple[str, str] | None:
    """Return a stop sequence whose greater half ends ``text``, and that half; None if there is none."""
    for stop in stops[:_STOPS]:
        for size in range(len(stop) - 1, max(_HALF, len(stop) // 2) - 1, -1):
            if text.endswith(stop[:size]) and stop[:size].strip():
                return stop, stop[:size]
    return None


def _stop_place(exchange: Exchange, stop: str) -> tuple[int, str]:
    """Return the place of the fragment that completes the stop sequence."""
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("content")
        end = pieces.text.find(stop) + len(stop)
        if end < len(stop):
            continue
        for chunk, text in zip(pieces.chunks, pieces.texts, strict=True):
            end -= len(text)
            if end <= 0:
                return place_of(exchange, choice, chunk, "/{part}/content")
    return exchange.columns.first, ""


@rule(
    "params.cap", MUST, "A response has no more text than the token limit allows.",
    sources.REQUEST, _capped,
    good=(with_request_params(STREAM, max_tokens=5), with_request_params(STREAM, max_completion_tokens=100)),
    bad=(with_request_params(_UNCOUNTED, max_tokens=2), with_request_params(_UNCOUNTED, max_completion_tokens=2)),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def cap_kept(exchange: Exchange) -> Iterator[Problem]:
    """
    The cap limits neither the bill nor the wait, and no count in the response shows it.

    Instead: Close the stream when you have received enough: `if len(text) > 8 * cap: stream.close()`.
    """
    cap = cap_of(exchange)
    most = _A_TOKEN * cap + _A_WORD
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("content")
        arguments = [as_object(as_object(one.value).get("function")).get("arguments") for one in choice.tools]
        texts = [pieces.text, *(text for text in arguments if isinstance(text, str))]
        size = sum(map(len, texts))
        if size > most and sum(letter.isalnum() for text in texts for letter in text) > most:
            at = choice.tools[-1].chunk if choice.tools else pieces.chunks[-1]
            place = place_of(exchange, choice, at, "/{part}/tool_calls" if choice.tools else "/{part}/content")
            yield Problem(f"{size:,} characters came, the cap is {cap:,} tokens", (place,))
            return


@rule(
    "params.logprobs", MUST, "`logprobs` is sent when requested.",
    sources.REQUEST, lambda x: _given("logprobs")(x) or complete_answer(x) or (None if any(texts(x)) else "no text came"),
    good=(_LOGPROBS, _STREAMED),
    bad=(with_request_params(_TRIED["params.seed"], logprobs=True),),
    depends_on=_HELD,
)  # fmt: skip
def logprobs(exchange: Exchange) -> Iterator[Problem]:
    """
    `choice.logprobs.content` raises AttributeError on None.

    Instead: Read them if present: `choice.logprobs and choice.logprobs.content or []`.
    """
    if not _has_logprobs(exchange):
        place = (exchange.columns.first, "/choices/0/logprobs")
        yield Problem("probabilities were asked for, and none came", (place,))
        return
    choices = [one for one in exchange.columns.choices.values() if one.fragments("content").text]
    bare = [one for one in choices if not one.logprobs]
    if bare and not counts_chunks(exchange):
        where = place_of(exchange, bare[0], bare[0].first_chunk, "/logprobs")
        yield Problem(f"probabilities came with {len(choices) - len(bare)} of {len(choices)} choices", (where,))


@rule(
    "params.top-logprobs", MUST, "Alternatives are sent when requested, and no more than requested.",
    sources.REQUEST, lambda x: _given("top_logprobs")(x) or complete_answer(x) or (None if any(texts(x)) else "no text came"),
    good=(_TOP, _STREAMED),
    bad=(with_request_params(_TOP, top_logprobs=1), with_request_params(_STREAMED, top_logprobs=1)),
    depends_on=("params.logprobs", "logprobs.form"), explained_by=("logprobs.keys",),
)  # fmt: skip
def top_logprobs(exchange: Exchange) -> Iterator[Problem]:
    """
    Code that fills a table of that width overflows it.

    Instead: Truncate the list: `token.top_logprobs[:wanted]`.
    """
    wanted = exchange.request.get("top_logprobs")
    most, place = max(_alternatives(exchange), default=(0, (exchange.columns.first, "/choices/0/logprobs")))
    if isinstance(wanted, int) and not 0 < most <= wanted:
        yield Problem(f"{count_of(most, 'alternative')} of a token came, {wanted} asked for", (place,))


def _alternatives(exchange: Exchange) -> Iterator[tuple[int, tuple[int, str]]]:
    """Yield the maximum number of alternatives in each logprobs object, and its place."""
    for logprobs in (one for choice in exchange.columns.choices.values() for one in choice.logprobs):
        lists = [token.get("top_logprobs") for token in objects_in(logprobs.value.get("content"))]
        most = max((len(one) for one in lists if isinstance(one, list)), default=0)
        yield most, (logprobs.chunk, f"{logprobs.pointer}/content")


@rule(
    "params.refused-plainly", SHOULD, "An error about a parameter names the parameter.",
    sources.ERROR, lambda x: error_status(x) or _tried(x) or ("an answer was due" if x.expected.answer else None),
    good=(_UNKNOWN, _TRIED["params.stream-options"]),
    bad=(replace_in_body(_UNKNOWN, "x_unknown_parameter", "something"), with_response(_N, status=400, body=b'{"error":{"message":"Bad request"}}')),
    depends_on=("error.not-empty",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def refused_plainly(exchange: Exchange) -> Iterator[Problem]:
    """
    The error does not say which parameter to remove.

    Instead: Remove parameters one by one, the newest first, until the request is accepted.
    """
    error = exchange.columns.errors[0] if exchange.columns.errors else None
    inner = error.value if error and isinstance(error.value, dict) else {}
    said = " ".join(str(inner.get(key)) for key in ("message", "param")) if inner else ""
    text = (said or exchange.response.content.decode("utf-8", "replace")).lower()
    tried = (exchange.expected.tested_parameter or "").lower()
    # A letter such as n occurs in every text; as a word, or a part of a key, it does not.
    if not any(
        re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text) for word in _WORD.findall(tried) or [tried]
    ):
        yield Problem(f"the refusal does not name {exchange.expected.tested_parameter}", ((None, 0),))


@observation(
    "params.outcome", "What the provider did with the parameter.",
    sources.REQUEST, lambda x: None if refused_parameter(x) else _tried(x),
    good=(_N, _STOP, *(_TRIED[f"params.{name}"] for name in ("seed", "store", "parallel-tool-calls", "max-tokens"))),
    bad=(_UNKNOWN, with_request_params(_N, n=3), with_request_params(_STOP, stop="6"), with_request_params(_TRIED["params.max-tokens"], max_tokens=2), _UNSERVED),
    harmful=lambda value: value.endswith(_OF_OPENAI),
    dialects=WITH_CHOICES,
)  # fmt: skip
def outcome(exchange: Exchange) -> str:
    """
    An ignored parameter changes nothing and gives no hint; a rejected one fails the request.

    Instead: Keep a table of the parameters each provider supports, and send no others.
    """
    name = exchange.expected.tested_parameter
    if name is None:
        return f"{refused_parameter(exchange)}: refused ({exchange.response.status}){_OF_OPENAI}"
    if error_status(exchange) is None:
        return f"{name}: refused ({exchange.response.status})"
    if success_status(exchange) is None and name in _HONOURED:
        return f"{name}: {'honoured' if _HONOURED[name](exchange) else 'ignored'}"
    return f"{name}: accepted"


def _within(name: str) -> Callable[[Exchange], bool]:
    def honoured(exchange: Exchange) -> bool:
        cap, usages = exchange.request.get(name), exchange.columns.usages
        tokens = usages[-1].value.get("completion_tokens") if usages else None
        if isinstance(tokens, int) and isinstance(cap, int):
            return tokens <= cap
        return "length" in finish_values(exchange)

    return honoured


def _is_json(exchange: Exchange) -> bool:
    wanted = exchange.request.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return True
    try:
        return bool([orjson.loads(text) for text in texts(exchange)])
    except orjson.JSONDecodeError:
        return False


def _has_logprobs(exchange: Exchange) -> bool:
    """Return whether there are log probabilities in any form: chunk.logprobs and logprobs.form judge that."""
    given = [one.value for choice in exchange.columns.choices.values() for one in choice.logprobs]
    listed = exchange.columns.kinds("/choices/*/logprobs").keys() & {"list"}
    return bool(listed) or any(any(value.values()) for value in given)


_HONOURED: dict[Any, Callable[[Exchange], bool]] = {
    "max_completion_tokens": _within("max_completion_tokens"),
    "max_tokens": _within("max_tokens"),
    "stop": lambda x: _stopped(x) is None,
    "n": lambda x: len(x.columns.choices) == x.request.get("n"),
    "logprobs": _has_logprobs,
    "top_logprobs": lambda x: any(most for most, _ in _alternatives(x)),
    "parallel_tool_calls": lambda x: all(len(message.tool_calls) <= 1 for message in x.completion.messages),
    "response_format": _is_json,
}
"""Parameters whose effect a response shows."""
