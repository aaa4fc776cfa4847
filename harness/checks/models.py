"""Checks what a provider says about its models."""

from collections.abc import Callable, Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.registry import CHAT_ALONE, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body, with_body, with_response
from harness.wire.dialect import path_of
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_LIST, _ONE = (recording(SCENARIOS[f"models.{name}"])[0] for name in ("list", "one"))
_KEYS = {"id", "object", "created", "owned_by"}
_LONGEST = 60
_IN_SECONDS = 100_000_000_000
"""As seconds it is the year 5138; more are milliseconds."""
_MILLISECONDS = Advice(
    "`datetime.fromtimestamp` raises ValueError, the year being beyond 9999, or a menu sorts by dates far ahead.",
    "Divide it: `created // 1000 if created > 10**11 else created`.",
)


@rule(
    "models.listed", Level.MUST, "Models are listed under `data`, and each has an `id`, a string.",
    sources.MODELS, success_status,
    good=(_LIST, _ONE, with_body(_LIST, b'{"object":"list","data":[]}')),
    bad=(
        with_body(_LIST, b'[{"id":"a-model","object":"model"}]'),
        with_body(_LIST, b'{"models":[{"name":"a-model"}]}'),
        with_body(_LIST, b'{"object":"list","data":null}'),
        with_body(_LIST, b'{"object":"list","data":["a-model"]}'),
        with_body(_LIST, b"<!DOCTYPE html><title>Welcome</title>"),
        replace_in_body(_ONE, '"id"', '"name"'),
    ),
    dialects=CHAT_ALONE,
)  # fmt: skip
def listed(exchange: Exchange) -> Iterator[Problem]:
    """
    `client.models.list()` returns nothing or raises, and a program that calls it first blames the API key or the
    URL.

    Instead: Let users enter a model, and read the list with a default: `listed.get("data") or listed.get("models")
    or [] if isinstance(listed, dict) else listed`.
    """
    wrong = _amiss(exchange.chunk(0), exchange.reading.body_kind, one=_names_one(exchange))
    if wrong:
        yield Problem(wrong[0], ((0, wrong[1]),))


def _names_one(exchange: Exchange) -> bool:
    """Return whether the request is for one model by name."""
    return not path_of(exchange.request.url).rstrip("/").endswith("/models")


def _amiss(body: Any, kind: str, *, one: bool) -> tuple[str, str] | None:
    """Return what differs from a list of models, or from a model, and where; None if nothing."""
    if not isinstance(body, dict):
        bare = isinstance(body, list)
        return (
            "the models are a bare list, not an object with data"
            if bare
            else f"the response is not a JSON object: {kind}"
        ), ""
    if one:
        return None if isinstance(body.get("id"), str) else ("the model has no string id", "")
    if body.get("error"):
        return "an error came with a success status", "/error"
    models = body.get("data")
    if not isinstance(models, list):
        elsewhere = next((key for key, value in body.items() if isinstance(value, list)), None)
        told = f"the models are under {elsewhere}" if elsewhere else "the answer lists no models"
        return (
            f"{told}: data is {'null' if 'data' in body and models is None else 'absent' if models is None else 'no list'}",
            "",
        )
    odd = [at for at, model in enumerate(models) if not isinstance(model, dict) or not isinstance(model.get("id"), str)]
    return (f"{count_of(len(odd), 'model has', 'models have')} no string id", f"/data/{odd[0]}") if odd else None


def _entries(exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
    """Return the models in a response, each with its place."""
    body = as_object(exchange.chunk(0))
    models = body.get("data") if not _names_one(exchange) else None
    if isinstance(models, list):
        return [(f"/data/{at}", model) for at, model in enumerate(models) if isinstance(model, dict)]
    return [("", body)]


@rule(
    "models.keys", Level.SHOULD, "The list has `object` `list`, and each model has `object` `model`, `created` and `owned_by`.",
    sources.MODELS, success_status,
    good=(_LIST, _ONE, with_body(_LIST, b'{"object":"list","data":[]}')),
    bad=(
        replace_in_body(_LIST, '"object":"list",', ""),
        replace_in_body(_LIST, '"object":"model"', '"object":"llm"'),
        replace_in_body(_LIST, '"created":', '"created_at":'),
        replace_in_body(_ONE, '"owned_by":', '"owner":'),
        replace_in_body(_ONE, '"created":', '"created":"2026-01-01","at":'),
        replace_in_body(_ONE, '"created":', '"created":1789459951000,"at":'),
    ),
    depends_on=("models.listed",),
    dialects=CHAT_ALONE,
)  # fmt: skip
def keys(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients in typed languages fail to decode the whole list if one model lacks a field, and offer no model.

    Instead: Decode only the id, and give the rest defaults: `model.get("owned_by", "")`.
    """
    listed = None if _names_one(exchange) else as_object(exchange.chunk(0)).get("object")
    if listed != "list" and not _names_one(exchange):
        yield Problem(f"object of the list is {_shown(listed)}, not list", ((0, ""),))
        return
    for place, model in _entries(exchange):
        wrong = next((name for name, is_right in _FORM.items() if not is_right(model.get(name))), None)
        if wrong:
            in_ms = wrong == "created" and type(model.get(wrong)) is int
            advice = _MILLISECONDS if in_ms else None
            yield Problem(
                f"{wrong} of a model is {_shown(model.get(wrong))}{', in milliseconds' * in_ms}", ((0, place),), advice
            )
            return


_FORM: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: value == "model",
    "created": lambda value: type(value) is int and value < _IN_SECONDS,
    "owned_by": lambda value: isinstance(value, str),
}


def _shown(value: Any) -> str:
    return "absent or null" if value is None else repr(value)[:_LONGEST]


@rule(
    "models.distinct", Level.SHOULD, "Each model is listed once, by a name that is not empty.",
    sources.MODELS, success_status,
    good=(_LIST, _ONE),
    bad=(
        with_body(_LIST, b'{"object":"list","data":[{"id":"a","object":"model","created":1,"owned_by":"x"},{"id":"a","object":"model","created":1,"owned_by":"x"}]}'),
        with_body(_ONE, b'{"id":"","object":"model","created":1,"owned_by":"x"}'),
    ),
    depends_on=("models.listed",),
    dialects=CHAT_ALONE,
)  # fmt: skip
def distinct(exchange: Exchange) -> Iterator[Problem]:
    """
    A menu shows a model twice, or one that cannot be requested; stores keyed by model id keep the last.

    Instead: Take each name once: `dict.fromkeys(model["id"] for model in listed["data"] if model.get("id"))`.
    """
    seen: set[Any] = set()
    for place, model in _entries(exchange):
        if model["id"] == "" or model["id"] in seen:
            said = (
                f"the model {model['id'][:_LONGEST]} is listed twice" if model["id"] else "the id of a model is empty"
            )
            yield Problem(said, ((0, f"{place}/id"),))
            return
        seen.add(model["id"])


@observation(
    "models.form", "The form of the list of models.",
    sources.MODELS, lambda x: None if _is_not_served(x) else success_status(x),
    good=(_LIST, _ONE),
    bad=(replace_in_body(_LIST, '"object":"list"', '"models":[],"object":"list"'), replace_in_body(_ONE, '"owned_by"', '"meta"'), with_response(_LIST, status=404, body=b'{"detail":"Not Found"}')),
    harmful=lambda value: value == _NOT_SERVED,
    dialects=CHAT_ALONE,
)  # fmt: skip
def form(exchange: Exchange) -> str:
    """
    A program that offers the listed models shows nothing, or fails, if the list is elsewhere.

    Instead: Take `id` of each object under `data`, and let users enter a model that is not listed.
    """
    if _is_not_served(exchange):
        return _NOT_SERVED
    return ", ".join(_told(exchange.chunk(0))) or "as specified"


_NOT_SERVED = "not served"


def _is_not_served(exchange: Exchange) -> bool:
    """Return whether there is no list at all, in an exchange that was to bring one."""
    return exchange.response.status in {404, 405, 501} and not _names_one(exchange)


def _told(body: Any) -> Iterator[str]:
    """Yield what differs from the specification."""
    if not isinstance(body, dict):
        yield "no object"
        return
    listed = body.get("data")
    entries = [one for one in (listed if isinstance(listed, list) else [body]) if isinstance(one, dict)]
    if isinstance(listed, list):
        yield from (f"beside the list: {key}" for key in sorted(body.keys() - {"object", "data"}))
    for name, keys in (("lacks", _KEYS.difference(*entries)), ("adds", {*()}.union(*entries) - _KEYS)):
        yield from (f"{name} {key}" for key in sorted(keys))
