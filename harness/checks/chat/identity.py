"""Checks a response's id, model and time against other responses, the request and the date."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import all_of, request_known, stream, success_status, unaltered
from harness.checks.kinds import differing, form_of_id
from harness.checks.registry import NotApplicable, Reason, observation, rule
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.reference import (
    BODY,
    STREAM,
    TOOLS,
    ask,
    in_archive,
    replace_in_body,
    with_earlier,
    with_header,
    with_request_params,
)
from harness.wire.altered import is_placeholder
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in
from harness.wire.siblings import Sibling

SHOULD = Level.SHOULD

_DATE = "Thu, 09 Oct 2025 08:53:20 GMT"
_DAY = 86_400
_ZONE, _AN_HOUR, _NEAR = 1_800, 2, 90
"""Half an hour, the unit of time zones, in seconds; an hour in that unit; tolerance in seconds."""
_LOCAL_TIME = Advice(
    "Clients show a time that is hours off, and sort the answer in the wrong place.",
    "Use your own clock, `time.time()`, as the time of the message.",
)
_LONGEST, _LONGEST_TO_BEGIN = 600, 120
"""Maximum seconds from a request to the date of its response: at its end, or at its beginning if streamed."""

_HOUR_LATER, _MINUTES_LATER = "Thu, 09 Oct 2025 09:53:20 GMT", "Thu, 09 Oct 2025 08:58:20 GMT"
_SAME_ID = replace_in_body(ask("sky"), "How can I", "What can I")
_OTHER = replace_in_body(_SAME_ID, "chatcmpl-reference", "chatcmpl-other")
_EARLIER, _LATER = with_header(BODY, "date", _DATE), with_header(_SAME_ID, "date", _HOUR_LATER)
_OTHER_CALL = with_header(replace_in_body(TOOLS, "Paris", "Oslo"), "date", _DATE)
_LATER_CALL = with_header(with_request_params(TOOLS, seed=7), "date", _HOUR_LATER)
_HISTORY = [
    *(TOOLS.request.get("messages")),
    {
        "role": "assistant",
        "tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "call_0", "content": "Which city?"},
]
_AGAIN = replace_in_body(with_request_params(TOOLS, messages=_HISTORY), "call_1", "call_2")


def _held(exchange: Exchange) -> Reason | None:
    """
    A response with the server's own id, and others to compare with.

    In an archive, only with a recorded request: responses without are fixtures, often several made of one
    recording.
    """
    found = unaltered("id")(exchange) or (None if exchange.before.any_id else "no other answer to compare with")
    return found or (None if exchange.siblings is None else request_known(exchange))


def _of_its_own(exchange: Exchange, other: Sibling | None) -> bool:
    """Return whether ``other`` is a different response, as far as a recording shows; one of harness always does."""
    if other is None or exchange.siblings is None:
        return other is not None
    one = exchange.facts
    # Responses with the same time, and the same date or none, may be one recording that was edited or split, or
    # examples that differ in one parameter each.
    dated = bool(one.date and other.date) and (one.date != other.date or one.messages != other.messages)
    return bool(other.question) and (dated or one.created != other.created) and not one.repeats(other)


@rule(
    "identity.id-unique", SHOULD, "Every response has its own id.",
    sources.CHUNK, _held,
    good=(with_earlier(replace_in_body(BODY, "chatcmpl-reference", "chatcmpl-second"), BODY), in_archive(BODY, STREAM), in_archive(replace_in_body(ask("sky"), "chatcmpl-reference", "chatcmpl-REDACTED"), replace_in_body(BODY, "chatcmpl-reference", "chatcmpl-REDACTED"))),
    bad=(with_earlier(BODY, STREAM), in_archive(_LATER, _EARLIER)),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def id_unique(exchange: Exchange) -> Iterator[Problem]:
    """
    Logs and caches keyed by id overwrite one response with another.

    Instead: Generate your own id for each request.
    """
    same = {name for name in exchange.facts.ids if _of_its_own(exchange, exchange.before.with_id(name))}
    if same:
        yield Problem(f"another response also has the id {min(same)!r}", ((exchange.columns.first, "/id"),))


def _call_ids_before(exchange: Exchange) -> set[str]:
    """Return the ids of the calls in the request's conversation."""
    messages = objects_in(exchange.request.get("messages"))
    ids = {call.get("id") for message in messages for call in objects_in(message.get("tool_calls"))}
    return {name for name in ids if isinstance(name, str)}


_IN_CONVERSATION = Advice(
    "The next request holds two calls and two results with one id: servers reject it, and agents pair a result with "
    "the wrong call or take the new call as done.",
    'Give each call your own id before storing it, and send that back with its result: `call["id"] = '
    'f"call_{uuid4().hex}"`.',
)


@rule(
    "identity.call-id-unique", SHOULD, "No two tool calls have the same id.",
    sources.TOOL_CALL, lambda x: success_status(x) or (None if x.facts.call_ids else NotApplicable("no call has an id", "not-present")),
    good=(_AGAIN, TOOLS, in_archive(replace_in_body(TOOLS, "call_1", "call_REDACTED_1"), _OTHER_CALL), in_archive(TOOLS, TOOLS)),
    bad=(replace_in_body(_AGAIN, "call_2", "call_0"), in_archive(_LATER_CALL, _OTHER_CALL)),
    depends_on=("chunk.present",),
)  # fmt: skip
def call_id_unique(exchange: Exchange) -> Iterator[Problem]:
    """
    Code that stores results by call id gives one call the result of another.

    Instead: Key calls by response as well: `results[answer_number, call.id]`.
    """
    names = [name for name in exchange.facts.call_ids if exchange.source.ours or not is_placeholder(name)]
    at = next(
        ((one.chunk, f"{one.pointer}/id") for choice in exchange.columns.choices.values() for one in choice.tools),
        (0, ""),
    )
    before = _call_ids_before(exchange)
    again = next((name for name in names if name in before), None)
    if again is not None:
        yield Problem(f"the call has the id {again!r} of an earlier call in the conversation", (at,), _IN_CONVERSATION)
        return
    same = next(
        (
            name
            for name in names
            if exchange.siblings is not None and _of_its_own(exchange, exchange.before.with_call_id(name))
        ),
        None,
    )
    if same is not None and exchange.request.json is not None:
        yield Problem(f"a call of another response also has the id {same!r}", (at,))


def _own_date(exchange: Exchange) -> Reason | None:
    """A response whose ``created`` and date are the server's own, and of the same time: not replayed now."""
    if exchange.source.ours and exchange.source.provenance != "recorded":
        return "the answer was replayed, and its date is that of the replay"
    return unaltered("created")(exchange) or (None if exchange.response.date else "the recording has no date header")


@rule(
    "identity.created-near", SHOULD, "`created` is within a day of the response's date, and not off by a time zone.",
    sources.CHUNK, _own_date,
    good=(with_header(STREAM, "date", _DATE), in_archive(with_header(BODY, "date", _HOUR_LATER), with_header(BODY, "date", _DATE))),
    bad=(with_header(STREAM, "date", "Sat, 21 Nov 2026 04:00:00 GMT"), with_header(replace_in_body(BODY, "1760000000", "1060000000"), "date", _DATE), with_header(replace_in_body(BODY, "1760000000", "1760028800"), "date", _DATE)),
    depends_on=("chunk.created",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def created_near(exchange: Exchange) -> Iterator[Problem]:
    """
    Logs sorted by it show the answer in another year.

    Instead: Use the time at which the response arrived.
    """
    for value, seen in exchange.columns.values["created"].items():
        apart = value - exchange.response.date if isinstance(value, int) else 0
        told = _days_off(apart) or (None if _stands(exchange, value) else _zone_off(apart))
        if told:
            said, advice = told
            yield Problem(f"created is {said}", ((seen.first, "/created"),), advice)
            return


def _stands(exchange: Exchange, created: int) -> bool:
    """
    Return whether a response with another date has this ``created``: it was cached or is constant, in any time
    zone.
    """
    other = exchange.before.with_created(created)
    return other is not None and abs(exchange.response.date - other.date) > _LONGEST


def _days_off(apart: int) -> tuple[str, Advice | None] | None:
    days = count_of(round(abs(apart) / _DAY), "day")
    return (f"{days} from the date of the answer", None) if abs(apart) > _DAY else None


def _zone_off(apart: int) -> tuple[str, Advice | None] | None:
    """Return by how many hours a time is off, if that is a time zone's difference: whole or half hours."""
    zones = round(apart / _ZONE)
    if abs(zones) < _AN_HOUR or abs(apart - zones * _ZONE) > _NEAR:
        return None
    hours = f"{abs(zones) / _AN_HOUR:g} hours {'ahead of' if apart > 0 else 'behind'} the date of the answer"
    return f"{hours}: a local time that was taken for UTC", _LOCAL_TIME


def _dated(exchange: Exchange) -> Reason | None:
    """A response whose ``created`` and date are the server's own, after others with a known date."""
    found = unaltered("id", "created")(exchange) or (
        None if exchange.response.date else "the recording has no date header"
    )
    return found or (None if exchange.before.latest else "no other answer of a known date to compare with")


@rule(
    "identity.created-moves", SHOULD, "`created` advances from response to response.",
    sources.CHUNK, _dated,
    good=(in_archive(with_header(BODY, "date", _DATE), with_header(_OTHER, "date", _MINUTES_LATER)), in_archive(with_header(replace_in_body(_OTHER, "1760000000", "1760003600"), "date", _HOUR_LATER), with_header(BODY, "date", _DATE))),
    bad=(in_archive(_LATER, _EARLIER), in_archive(with_header(replace_in_body(_OTHER, "1760000000", "1759999000"), "date", _HOUR_LATER), with_header(BODY, "date", _DATE))),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def created_moves(exchange: Exchange) -> Iterator[Problem]:
    """
    A history sorted by it shows the answers in the wrong order.

    Instead: Sort by your own clock, read when the answer came: `answer["at"] = time.time()`.
    """
    one, before = exchange.facts, exchange.before
    if one.created is None:
        return
    same = before.with_created(one.created)
    place = ((exchange.columns.first, "/created"),)
    if same and not one.repeats(same) and abs(one.date - same.date) > _patience(one, same):
        minutes = round(abs(one.date - same.date) / 60)
        yield Problem(f"created is {one.created}, as in an answer {count_of(minutes, 'minute')} apart", place)
        return
    for other in filter(None, (before.latest, before.earliest)):
        later, sooner = (one, other) if one.date > other.date else (other, one)
        if (
            later.date - sooner.date > _LONGEST
            and (later.created or 0) < (sooner.created or 0)
            and not one.repeats(other)
        ):
            yield Problem("created is earlier than in a previous response", place)
            return


def _patience(one: Sibling, other: Sibling) -> int:
    """Return by how many seconds dates of simultaneous requests may differ; streams are dated at their start."""
    return _LONGEST_TO_BEGIN if one.is_stream and other.is_stream else _LONGEST


@rule(
    "identity.model-constant", SHOULD, "All chunks name the same model.",
    sources.REFERENCE, all_of(stream, unaltered("model")),
    good=(STREAM,),
    bad=(replace_in_body(STREAM, "gpt-4o-mini-2024-07-18", "gpt-4o-mini", 1), replace_in_body(STREAM, "gpt-4o-mini-2024-07-18", "", 1)),
    depends_on=("chunk.present",), explained_by=("chunk.model",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def model_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Cost is booked to a model that has no price, or the answer is split in two.

    Instead: Take the model of the last chunk that has one.
    """
    yield from differing(exchange, "model")


@rule(
    "identity.fingerprint-constant", SHOULD, "All chunks with a `system_fingerprint` have the same one.",
    sources.CHUNK, all_of(stream, unaltered("system_fingerprint")),
    good=(STREAM, replace_in_body(STREAM, '"fp_reference"', "null", 1), replace_in_body(STREAM, '"fp_reference"', '""', 1)),
    bad=(replace_in_body(STREAM, "fp_reference", "fp_another", 1),),
    depends_on=("chunk.present",), explained_by=("chunk.fingerprint",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def fingerprint_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Two servers wrote one answer, or the chunks of two answers are mixed: you cannot tell whether a seed reproduces it.

    Instead: Compare it across chunks, and do not trust an answer that has two: `len(seen - {None, ""}) > 1`.
    """
    given = {one: where for one, where in exchange.columns.values["system_fingerprint"].items() if one}
    if len(given) > 1:
        first, second, *_ = given
        said = f"system_fingerprint has {len(given)} values in one stream, first {first!r} and {second!r}"
        yield Problem(said, ((given[second].first, "/system_fingerprint"),))


@rule(
    "identity.model-named", SHOULD, "A response names its model.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, "gpt-4o-mini-2024-07-18", ""), replace_in_body(BODY, "gpt-4o-mini-2024-07-18", ""), replace_in_body(BODY, "gpt-4o-mini-2024-07-18", "unknown")),
    depends_on=("chunk.present",), explained_by=("chunk.model",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def model_named(exchange: Exchange) -> Iterator[Problem]:
    """
    You cannot tell which model answered, and cost tables find no price.

    Instead: Keep the model you asked for beside the answer.
    """
    names = [name for name in exchange.columns.values["model"] if name]
    if not names:
        yield Problem('model is ""', ((exchange.columns.first, "/model"),))
    elif all(name in _NO_NAME for name in names) and exchange.request.get("model") not in names:
        yield Problem(f"model is {names[0]!r}, which is not a model name", ((exchange.columns.first, "/model"),))


_NO_NAME = {"None", "null", "undefined", "unknown", "nil"}


@observation(
    "identity.model-asked", "Whether `model` repeats the requested name.",
    sources.REFERENCE, request_known,
    good=(STREAM,),
    bad=(with_request_params(STREAM, model="gpt-4o-mini-2024-07-18"),),
    depends_on=("chunk.model",),
    dialects=WITH_CHOICES,
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
    "identity.id-form", "The form of a response's id.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, "chatcmpl-reference", "0b5c3e1e-5c0f-4c0f-9c4e-2f6f3b7f0a11"), replace_in_body(BODY, "chatcmpl-reference", "gen-1760000000-abc"), replace_in_body(BODY, "chatcmpl-reference", "02176a")),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def id_form(exchange: Exchange) -> str:
    """
    A gateway that tells providers or endpoints apart by `chatcmpl-` takes the answer for something else.

    Instead: Treat the id as an opaque string.
    """
    ids = [value for value in exchange.columns.values["id"] if isinstance(value, str) and value]
    return " | ".join(dict.fromkeys(form_of_id(one) for one in ids)) or "none"
