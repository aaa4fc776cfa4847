"""Checks count_tokens: whether it counts, and whether the count matches the message for the same prompt."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, success_status
from harness.checks.messages.answers import counts, served_by_them
from harness.checks.registry import Reason, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import chunks, drop, set_value
from harness.simulate.messages.ideal import error, of_other
from harness.simulate.messages.reference import BODY, COUNTED
from harness.simulate.reference import in_archive, with_body, with_expected_status, with_response
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object

_MISSING = {404, 405, 501}
_FAR, _NEAR = 2, 64
"""Factor and number of tokens by which two counts of one prompt may differ: Anthropic calls its count an estimate."""


def _any(_chunk: Json) -> bool:
    return True


def _request_counts(exchange: Exchange) -> Reason | None:
    """A request to count tokens."""
    return None if counts(exchange) else "no tokens were to be counted"


def _both_known(exchange: Exchange) -> Reason | None:
    """A count, or a message, with the other for the same prompt."""
    known = exchange.before.of_prompt(exchange.facts) is not None and not served_by_them(exchange)
    return None if known else "the prompt was not both counted and answered"


def _counting(exchange: Exchange, tokens: int) -> Exchange:
    return chunks(_any, set_value("usage/input_tokens", tokens))(exchange)


_ASKED = COUNTED.request.json or {}
_MADE = of_other(BODY, **{key: _ASKED.get(key) for key in ("model", "system", "messages", "tools")})


_ERROR_COUNTED = Advice(
    "A client that goes by the status reads no count, and takes the prompt as empty.",
    "Look for `error` in the body before you read `input_tokens`, and count yourself if there is one.",
)


@rule(
    "messages.count-served", Level.SHOULD, "Tokens are counted at /v1/messages/count_tokens.",
    sources.MESSAGES_COUNT, _request_counts,
    good=(COUNTED, with_expected_status(with_response(of_other(COUNTED, model="no-such-model-7"), status=404, body=error(404, "model: no-such-model-7").body), 404)),
    bad=(with_response(COUNTED, status=404, body=error(404, "Not found").body), with_response(COUNTED, status=405, body=b"")),
)  # fmt: skip
def count_served(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that count a prompt before they send it stop, or guess.

    Instead: If it is missing, estimate, `len(text) // 4`, and keep a reserve.
    """
    model = exchange.request.get("model")
    of_the_model = isinstance(model, str) and model and model.encode() in exchange.response.content
    if exchange.response.status in _MISSING and not of_the_model:
        yield Problem(f"status {exchange.response.status} at count_tokens", ((0, ""),))


@rule(
    "messages.count-told", Level.MUST, "The token count is in `input_tokens`, an integer above 0.",
    sources.MESSAGES_COUNT, all_of(success_status, _request_counts),
    good=(COUNTED,),
    bad=(
        chunks(_any, set_value("input_tokens", 0))(COUNTED),
        chunks(_any, drop("input_tokens"))(COUNTED),
        with_body(COUNTED, BODY.response.body),
        with_body(COUNTED, b'{"error":"Unexpected endpoint or method."}'),
    ),
    depends_on=("http.body-asked",),
)  # fmt: skip
def count_told(exchange: Exchange) -> Iterator[Problem]:
    """
    `count.input_tokens` raises AttributeError, or says that any prompt fits.

    Instead: Treat 0 and anything that is not a number as unknown.
    """
    body = as_object(exchange.chunk(0))
    value = body.get("input_tokens")
    if body.get("error"):
        told = as_object(body["error"]).get("message", body["error"])
        said = " ".join(str(told).split())[:80]
        yield Problem(f"an error came with status {exchange.response.status}: {said}", ((0, "/error"),), _ERROR_COUNTED)
        return
    if type(value) is not int or value < 1:
        yield Problem("input_tokens is absent" if value is None else f"input_tokens is {value!r}", ((0, "/input_tokens" if value is not None else ""),))  # fmt: skip


@rule(
    "messages.count-agrees", Level.SHOULD, "The count of a prompt is about that of a message made of it.",
    sources.MESSAGES_COUNT, all_of(success_status, _both_known),
    good=(in_archive(COUNTED, _MADE), in_archive(_MADE, COUNTED)),
    bad=(
        in_archive(COUNTED, _counting(_MADE, 728)),
        in_archive(_counting(_MADE, 728), COUNTED),
    ),
    depends_on=("http.body-asked", "messages.begins"),
    explained_by=("messages.count-told", "messages.usage-at-start", "messages.input-counted", "messages.input-disjoint"),
)  # fmt: skip
def count_agrees(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that counts before it sends compacts too late and its request is refused, or far too early.

    Instead: Count by the last answer, `usage.input_tokens` and the cached ones, and add what is new: `len(new) // 4`.
    """
    facts = exchange.facts
    other = exchange.before.of_prompt(facts)
    mine, theirs = facts.prompt_tokens, other.prompt_tokens if other else None
    if not mine or not theirs:
        return
    told, taken = (mine, theirs) if facts.counted else (theirs, mine)
    if max(told, taken) > _FAR * min(told, taken) and abs(told - taken) > _NEAR:
        said = f"count_tokens says {told}, and the message made of the same prompt took {taken}"
        yield Problem(said, ((0, "/input_tokens" if facts.counted else ""),))
