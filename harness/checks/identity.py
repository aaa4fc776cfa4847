"""Which answer it is, of which model, and when: held against other answers, the request and the date."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import request_known, stream, success_status
from harness.checks.kinds import differing, form_of_id
from harness.checks.registry import observation, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_earlier, with_header, with_request_params
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_DATE = "Thu, 09 Oct 2025 08:53:20 GMT"
_DAY = 86_400


@rule(
    "identity.id-unique", SHOULD, "Each answer has an id of its own.",
    sources.CHUNK, lambda x: success_status(x) or (None if any(_ids(one) for one in x.earlier) else "no other answer to compare with"),
    good=(with_earlier(replace_in_body(BODY, "chatcmpl-reference", "chatcmpl-second"), BODY),),
    bad=(with_earlier(BODY, STREAM),),
    depends_on=("chunk.id", "chunk.id-not-empty"),
)  # fmt: skip
def id_unique(exchange: Exchange) -> Iterator[Problem]:
    """
    Logs and caches that file answers by id overwrite one with the other.

    Instead: Make an id of your own for each request.
    """
    same = _ids(exchange) & {name for one in exchange.earlier for name in _ids(one)}
    if same:
        yield Problem(f"another answer has the id {min(same)!r} as well", ((exchange.columns.first, "/id"),))


def _ids(exchange: Exchange) -> set[str]:
    return {value for value in exchange.columns.values["id"] if isinstance(value, str) and value}


@rule(
    "identity.created-near", SHOULD, "created is within a day of the answer's date.",
    sources.CHUNK, lambda x: success_status(x) or (None if _date(x) else "the recording has no date header"),
    good=(with_header(STREAM, "date", _DATE),),
    bad=(with_header(STREAM, "date", "Sat, 21 Nov 2026 04:00:00 GMT"), with_header(replace_in_body(BODY, "1760000000", "1060000000"), "date", _DATE)),
    depends_on=("chunk.created",),
)  # fmt: skip
def created_near(exchange: Exchange) -> Iterator[Problem]:
    """
    Logs sorted by it show the answer in another year.

    Instead: Take the time at which the answer came.
    """
    for value, seen in exchange.columns.values["created"].items():
        if isinstance(value, int) and abs(value - _date(exchange)) > _DAY:
            days = round(abs(value - _date(exchange)) / _DAY)
            yield Problem(f"created is {days} days from the date of the answer", ((seen.first, "/created"),))
            return


def _date(exchange: Exchange) -> int:
    """Return the date header as seconds; 0 where there is none that can be read."""
    from email.utils import parsedate_to_datetime  # it brings half of the standard library

    try:
        return int(parsedate_to_datetime(exchange.response.headers.get("date", "")).timestamp())
    except (TypeError, ValueError, OverflowError):
        return 0


@rule(
    "identity.model-constant", SHOULD, "Each chunk names the same model.",
    sources.REFERENCE, stream,
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "gpt-4o-mini-2024-07-18", "gpt-4o-mini", 1), replace_in_body(STREAM, "gpt-4o-mini-2024-07-18", "", 1)),
    depends_on=("chunk.model",),
)  # fmt: skip
def model_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Cost is booked to a model that has no price, or the answer is split in two.

    Instead: Take the model of the last chunk that has one.
    """
    yield from differing(exchange, "model")


@rule(
    "identity.model-named", SHOULD, "An answer names its model.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, "gpt-4o-mini-2024-07-18", ""), replace_in_body(BODY, "gpt-4o-mini-2024-07-18", "")),
    depends_on=("chunk.model",),
)  # fmt: skip
def model_named(exchange: Exchange) -> Iterator[Problem]:
    """
    Nobody can tell which model answered, and cost tables find no price.

    Instead: Keep the model you asked for beside the answer.
    """
    if not any(exchange.columns.values["model"]):
        yield Problem('model is ""', ((exchange.columns.first, "/model"),))


@observation(
    "identity.model-asked", "Whether model repeats what was asked for.",
    sources.REFERENCE, request_known,
    good=(STREAM,),
    bad=(with_request_params(STREAM, model="gpt-4o-mini-2024-07-18"),),
    depends_on=("chunk.model",),
)  # fmt: skip
def model_echo(exchange: Exchange) -> str:
    """
    OpenAI answers an alias with the dated name; clients that compare the two see another model.

    Instead: Keep the requested name and the received one side by side; never compare them with `==` or key by
    the latter.
    """
    models = set(exchange.columns.values["model"])
    if len(models) == 1 and exchange.request.get("model") in list(models):
        return "same"
    return "differs" if len(models) <= 1 else "varies"


@observation(
    "identity.id-form", "The form of an answer's id.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, "chatcmpl-reference", "0b5c3e1e-5c0f-4c0f-9c4e-2f6f3b7f0a11"), replace_in_body(BODY, "chatcmpl-reference", "gen-1760000000-abc"), replace_in_body(BODY, "chatcmpl-reference", "02176a")),
    depends_on=("chunk.present",),
)  # fmt: skip
def id_form(exchange: Exchange) -> str:
    """
    A gateway that tells providers or endpoints apart by `chatcmpl-` takes the answer for something else.

    Instead: Treat the id as any text.
    """
    ids = [value for value in exchange.columns.values["id"] if isinstance(value, str) and value]
    return " | ".join(dict.fromkeys(form_of_id(one) for one in ids)) or "none"
