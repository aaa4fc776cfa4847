"""Checks log probabilities in the form of legacy completions: four parallel lists."""

from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, success_status, uncut
from harness.checks.kinds import KIND_PHRASES
from harness.checks.registry import NotApplicable, Reason, Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.completions.reference import BODY, LISTED
from harness.simulate.edits import chunks, has_choice, set_value
from harness.simulate.reference import with_request_params
from harness.wire.chat.chunks import Choice, Logprobs
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, kind

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "http.no-error", "chunk.present", "completions.no-chat")
_LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")
_PAIRS = Advice(
    "`for token, value in top.items()` raises AttributeError: an entry maps each alternative to its log probability.",
    "Make one of pairs: `top if isinstance(top, dict) else dict(top)`.",
)
_NAMED = ("bytes:", "token_id:")
"""Prefixes of tokens given by their bytes or id, since they are not complete characters."""


def in_chat_form(choice: Json) -> Json:
    """Return log probabilities in the form of chat completions."""
    tokens = [{"token": token, "logprob": -0.25, "bytes": None, "top_logprobs": []} for token in choice["tokens"]]
    return {"content": tokens, "refusal": None}


def _changed(path: str, value: Any, *, only: slice = slice(None)) -> Exchange:
    return chunks(_listing, set_value(f"choices/*/logprobs{path}", value), only=only)(LISTED)


def _listing(chunk: Json) -> bool:
    return has_choice(chunk) and bool(chunk["choices"][0].get("logprobs"))


def _asked(exchange: Exchange) -> Reason | None:
    """A response with text to a request for log probabilities; 0 requests those of the text alone."""
    asked = exchange.request.get("logprobs")
    wanted = type(asked) is int or asked is True
    said = any(choice.fragments("content").text for choice in exchange.columns.choices.values())
    return success_status(exchange) or (
        None if wanted and said else "no text came" if wanted else "no probabilities were asked for"
    )


def _given(exchange: Exchange) -> Reason | None:
    """A response with log probabilities."""
    has = any(choice.logprobs for choice in exchange.columns.choices.values())
    return success_status(exchange) or (None if has else NotApplicable("no probabilities came", "not-present"))


def _every(exchange: Exchange) -> Iterator[Logprobs]:
    for choice in exchange.columns.choices.values():
        yield from choice.logprobs


def _listed(value: Json, key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


@rule(
    "completions.logprobs-given", MUST, "`logprobs` is sent when requested, also with `logprobs: 0`.",
    sources.COMPLETION_REQUEST, all_of(_asked, all_of(complete_answer, uncut)),
    good=(LISTED,),
    bad=(with_request_params(BODY, logprobs=2), with_request_params(BODY, logprobs=0)),
    depends_on=(*_READ, "sse.no-error", "http.complete"), explained_by=("chunk.logprobs",),
)  # fmt: skip
def logprobs_given(exchange: Exchange) -> Iterator[Problem]:
    """
    `choice.logprobs.tokens` raises AttributeError; evaluations by likelihood give every answer the same score.

    Instead: Test `choice.logprobs` first, and use a server that sends them.
    """
    if not any(_every(exchange)):
        yield Problem("probabilities were asked for, none came", ((exchange.columns.first, "/choices/0"),))


@rule(
    "completions.logprobs-form", MUST, "`logprobs` has the arrays `tokens`, `token_logprobs`, `top_logprobs` and `text_offset`.",
    sources.COMPLETION, _given,
    good=(LISTED,),
    bad=(_changed("", in_chat_form), _changed("/token_logprobs", None), _changed("/tokens", "a"), _changed("/top_logprobs", [[["a", -0.25]]])),
    depends_on=_READ,
)  # fmt: skip
def logprobs_form(exchange: Exchange) -> Iterator[Problem]:
    """
    `zip(logprobs.tokens, logprobs.token_logprobs)` raises TypeError on None.

    Instead: Read either form: parallel arrays, or an array of objects under `content`, as in chat completions.
    """
    for found in _every(exchange):
        at = (found.chunk, found.pointer)
        if isinstance(found.value.get("content"), list) and "tokens" not in found.value:
            yield Problem("probabilities have the form of chat completions: a list under content", (at,))
            return
        for name in _LISTS:
            given = kind(found.value[name]) if name in found.value else "missing"
            if given not in {"list", "[]"} and not (name in _LISTS[2:] and given in {"null", "missing"}):
                yield Problem(f"{name} is {KIND_PHRASES[given]} the probabilities", (at,))
                return
        odd = next((one for one in _listed(found.value, "top_logprobs") if not isinstance(one, dict | None)), None)
        if odd is not None:
            yield Problem(f"an entry of top_logprobs is {KIND_PHRASES[kind(odd)]} the probabilities", (at,), _PAIRS)
            return


_FORMED = (*_READ, "completions.logprobs-form")


@rule(
    "completions.logprobs-lengths", MUST, "The arrays of `logprobs` have the same length.",
    sources.COMPLETION, _given,
    good=(LISTED,),
    bad=(_changed("/token_logprobs", [-0.25, -0.5]), _changed("/text_offset", [])),
    depends_on=_FORMED,
)  # fmt: skip
def logprobs_lengths(exchange: Exchange) -> Iterator[Problem]:
    """
    `zip` stops at the shortest: the last tokens are lost, or each gets the probability of another.

    Instead: Compare the lengths first, and ignore the probabilities if they differ.
    """
    for found in _every(exchange):
        lengths = {name: len(found.value[name]) for name in _LISTS if isinstance(found.value.get(name), list)}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {count}" for name, count in lengths.items())
            yield Problem(f"the lists differ in length: {told}", ((found.chunk, found.pointer),))
            return


@rule(
    "completions.logprobs-range", MUST, "A log probability is a number of at most 0; that of the very first token may be `null`.",
    sources.COMPLETION, _given,
    good=(LISTED,),
    bad=(_changed("/token_logprobs", [0.75]), _changed("/token_logprobs", [None], only=slice(1, 2)), _changed("/token_logprobs", ["-0.25"])),
    depends_on=_FORMED,
)  # fmt: skip
def logprobs_range(exchange: Exchange) -> Iterator[Problem]:
    """
    `math.exp` gives a probability above 1, or raises TypeError; sums over the text are wrong.

    Instead: Skip anything that is not a number of at most 0.
    """
    for choice in exchange.columns.choices.values():
        first = True
        for found in choice.logprobs:
            for value in _listed(found.value, "token_logprobs"):
                odd = value is None and not first
                if odd or (value is not None and (type(value) not in {int, float} or value > 0)):
                    said = "a token after the first has no probability" if odd else f"a probability is {value!r}"
                    yield Problem(said, ((found.chunk, f"{found.pointer}/token_logprobs"),))
                    return
                first = False


def _tokens(choice: Choice) -> list[Any]:
    return [token for found in choice.logprobs for token in _listed(found.value, "tokens")]


def _spelled(tokens: list[Any]) -> bool:
    """Return whether all tokens are given by their text."""
    return all(isinstance(token, str) and not token.startswith(_NAMED) for token in tokens)


@rule(
    "completions.logprobs-join", SHOULD, "The tokens add up to the text, including the prompt if it was requested.",
    sources.COMPLETION, all_of(_given, all_of(complete_answer, uncut)),
    good=(LISTED,),
    bad=(_changed("/tokens", ["Ġfar"], only=slice(3, 4)), _changed("", None, only=slice(0, 1))),
    depends_on=(*_FORMED, "completions.logprobs-lengths", "completions.text"),
)  # fmt: skip
def logprobs_join(exchange: Exchange) -> Iterator[Problem]:
    """
    The text marked or scored token by token is not the text shown; a prompt without probabilities scores 0.

    Instead: Join the tokens and compare them with the text before you use them.
    """
    for choice in exchange.columns.choices.values():
        tokens, text = _tokens(choice), choice.fragments("content").text
        if tokens and _spelled(tokens) and "".join(tokens) != text:
            found = choice.logprobs[0]
            joined, place = "".join(tokens), ((found.chunk, f"{found.pointer}/tokens"),)
            if exchange.request.get("echo") is True and text.endswith(joined):
                lacking = len(text) - len(joined)
                said = f"the tokens of choice {choice.index} lack the first {lacking} characters of its text, the echoed prompt"
                yield Problem(said, place, _UNSCORED)
            else:
                yield Problem(f"the tokens of choice {choice.index} {_how_apart(joined, text)}", place)


_UNSCORED = Advice(
    "Programs that score a given text, such as lm-evaluation-harness, read the probabilities of the prompt: every choice scores 0.",
    'Raise if the tokens do not join to the text, `if "".join(logprobs.tokens) != choice.text:`, and score with a server that '
    "gives those of the prompt.",
)


def _how_apart(joined: str, text: str) -> str:
    """Return how tokens differ from a text that they do not add up to."""
    if text.endswith(joined):
        return f"lack the first {len(text) - len(joined)} characters of its text"
    if text.startswith(joined):
        return f"lack the last {len(text) - len(joined)} characters of its text"
    return "do not add up to its text"


@rule(
    "completions.text-offset", SHOULD, "`text_offset` grows with each token by the number of characters of the previous one.",
    sources.COMPLETION, _given,
    good=(LISTED,),
    bad=(_changed("/text_offset", [0]), _changed("/text_offset", [7], only=slice(2, 3))),
    depends_on=(*_FORMED, "completions.logprobs-lengths", "completions.logprobs-join"),
)  # fmt: skip
def text_offset(exchange: Exchange) -> Iterator[Problem]:
    """
    `text[offset:]` cuts within a word: the answer that evaluations read starts too early or too late.

    Instead: Count yourself: add up `len(token)`.
    """
    for choice in exchange.columns.choices.values():
        if not _spelled(_tokens(choice)):
            continue
        due: int | None = None
        for found in choice.logprobs:
            for token, at in zip(_listed(found.value, "tokens"), _listed(found.value, "text_offset"), strict=False):
                if due is not None and at != due:
                    said = f"text_offset is {at!r} where the token before ends at {due}"
                    yield Problem(said, ((found.chunk, f"{found.pointer}/text_offset"),))
                    return
                due = at + len(token) if type(at) is int else None


_CLOSE = 0.05
"""Tolerance between two numbers of one token: some round them."""


@rule(
    "completions.top-own", SHOULD, "A token has one probability, in token_logprobs and among its alternatives.",
    sources.COMPLETION, _given,
    good=(LISTED,),
    bad=(_changed("/token_logprobs", [-19.98]),),
    depends_on=(*_FORMED, "completions.logprobs-lengths", "completions.logprobs-range"),
)  # fmt: skip
def top_own(exchange: Exchange) -> Iterator[Problem]:
    """
    Scores that add up token_logprobs, and rankings by the alternatives, disagree about the text.

    Instead: If the token is among the alternatives, use that number: `own = top.get(token, own)`.
    """
    unread = False
    for found in _every(exchange):
        lists = (_listed(found.value, name) for name in ("tokens", "token_logprobs", "top_logprobs"))
        for token, own, top in zip(*lists, strict=False):
            other = top.get(token) if isinstance(top, dict) and isinstance(token, str) else None
            if isinstance(own, int | float) and isinstance(other, int | float) and abs(own - other) > _CLOSE:
                said = f"the probability of {token!r} is {own} in token_logprobs and {other} in top_logprobs"
                yield Problem(said, ((found.chunk, f"{found.pointer}/token_logprobs"),))
                return
            if isinstance(top, dict) and other is None:
                unread = True
    if unread:
        raise Unread("completions.top-logprobs")


@rule(
    "completions.top-logprobs", SHOULD, "No more alternatives are sent than requested, and the token itself.",
    sources.COMPLETION_REQUEST, lambda x: _given(x) or (None if type(x.request.get("logprobs")) is int else "no number was asked for"),
    good=(LISTED,),
    bad=(with_request_params(LISTED, logprobs=0), _changed("/top_logprobs", [{"a": -1.0, "b": -2.0, "c": -3.0, "d": -4.0}])),
    depends_on=_FORMED,
)  # fmt: skip
def top_logprobs(exchange: Exchange) -> Iterator[Problem]:
    """
    Tables of a fixed width overflow, and responses are larger than expected.

    Instead: Sort them and take as many as you requested.
    """
    most = exchange.request.get("logprobs") + 1
    for found in _every(exchange):
        for given in _listed(found.value, "top_logprobs"):
            if isinstance(given, dict) and len(given) > most:
                said = f"{len(given)} alternatives came, {most - 1} were asked for"
                yield Problem(said, ((found.chunk, f"{found.pointer}/top_logprobs"),))
                return
