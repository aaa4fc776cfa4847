"""Checks legacy calls, function_call: requested by functions, or sent instead of tool_calls."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.checks import sources
from harness.checks.applies import complete_answer, finish_values, success_status
from harness.checks.registry import NotApplicable, Reason, Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, TOOLS_BODY, replace_in_body, with_request_params
from harness.wire.chat.calls import read_object
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_EXCUSES = {"length", "content_filter"}
_FUNCTIONS = [{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]
_TEXT = '"content":"你好! How can I help?"'
_CALL = '"content":null,"function_call":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}'
_CALLED = with_request_params(
    replace_in_body(replace_in_body(BODY, _TEXT, _CALL), '"finish_reason":"stop"', '"finish_reason":"function_call"'),
    functions=_FUNCTIONS,
)
_FORCED = {"name": "get_weather"}
_NOT_CALLED = Advice(
    "`message.function_call.name` raises AttributeError on None: the function was forced, but text came.",
    "Test for it and ask again, with `tools` and `tool_choice` instead of `functions`: servers that do not know "
    "`functions` ignore it.",
)
_IN_NEW_FORM = Advice(
    "`message.function_call` is None: a program written for `functions` takes the answer for an empty text.",
    "Offer `tools` and read `tool_calls`, or look in both: `calls = message.tool_calls or []`.",
)
_NO_JSON = Advice(
    "`json.loads(call.arguments)` raises ValueError: the function is never called.",
    "Catch it, `except ValueError:`, and ask again with the error as the function's result.",
)

_NO_TEXT = Advice(
    "`json.loads(call.arguments)` raises TypeError: it is already parsed.",
    "Use an object as it is: `args = a if isinstance(a, dict) else json.loads(a)`, with `a = call.arguments`.",
)


@dataclass(slots=True)
class LegacyCall:
    """A legacy call, joined: the first string name, the string arguments, if some are not strings, and its place."""

    at: tuple[int, str]
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    no_text: bool = False


def legacy_calls(exchange: Exchange) -> dict[int, LegacyCall]:
    """Return the legacy calls by the index of their choice."""
    found: dict[int, LegacyCall] = {}
    place = f"/choices/*/{exchange.columns.message_key}/function_call"
    if "object" not in exchange.columns.kinds(place):
        return found
    for number in range(exchange.columns.first, exchange.columns.last + 1):
        for position, choice in enumerate(objects_in(as_object(exchange.chunk(number)).get("choices"))):
            _join(found, exchange, choice, (number, position))
    return found


def _join(found: dict[int, LegacyCall], exchange: Exchange, choice: Json, at: tuple[int, int]) -> None:
    key, index = exchange.columns.message_key, choice.get("index")
    given = as_object(as_object(choice.get(key)).get("function_call"))
    if given:
        place = at[0], f"/choices/{at[1]}/{key}/function_call"
        call = found.setdefault(index if type(index) is int else 0, LegacyCall(place))
        name, piece = given.get("name"), given.get("arguments")
        call.name = call.name or (name if isinstance(name, str) else "")
        call.pieces += [piece] if isinstance(piece, str) else []
        call.no_text = call.no_text or not isinstance(piece, str | None)


def _asked_so(exchange: Exchange) -> Reason | None:
    """A complete response to a request with only legacy functions, or with both forms and a legacy response."""
    old = exchange.request.get("functions") and (not exchange.request.get("tools") or legacy_calls(exchange))
    if finish_values(exchange) & _EXCUSES:
        return success_status(exchange) or NotApplicable("the answer was cut short, and says so", "not-present")
    return complete_answer(exchange) or (None if old else "the request has no `functions`")


@rule(
    "tool_calls.legacy", Level.SHOULD, "Functions offered in the old form are called in it, with arguments that are JSON.",
    sources.REQUEST, _asked_so,
    good=(_CALLED, with_request_params(_CALLED, function_call=_FORCED), with_request_params(BODY, functions=_FUNCTIONS)),
    bad=(
        with_request_params(TOOLS_BODY, tools=None, functions=_FUNCTIONS),
        with_request_params(BODY, functions=_FUNCTIONS, function_call=_FORCED),
        replace_in_body(_CALLED, '\\"Paris\\"}', '\\"Paris'),
        replace_in_body(_CALLED, '"name":"get_weather"', '"name":"weather"'),
        with_request_params(_CALLED, function_call="none"),
        replace_in_body(_CALLED, '"{\\"city\\":\\"Paris\\"}"', '{"city":"Paris"}'),
    ),
    depends_on=("chunk.present",), explained_by=("sse.json", "sse.no-error", "http.complete", "finish_reason.length-due"),
)  # fmt: skip
def legacy(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs written for `functions` raise, or call a function that does not exist.

    Instead: Offer `tools` and read `tool_calls`; reply with an error to a call of a function that you did not offer.
    """
    mode = exchange.request.get("function_call")
    forced = as_object(mode).get("name")
    calls = legacy_calls(exchange)
    if forced and not calls and not any(choice.tools for choice in exchange.columns.choices.values()):
        yield Problem(
            f"{forced} was forced by function_call, but no function is called",
            ((exchange.columns.last, ""),),
            _NOT_CALLED,
        )
    if not calls and not exchange.request.get("tools"):
        new = next((choice.tools[0] for choice in exchange.columns.choices.values() if choice.tools), None)
        if new:
            said = "a function that was offered by functions is called by tool_calls"
            yield Problem(said, ((new.chunk, f"/choices/0/{exchange.columns.message_key}/tool_calls"),), _IN_NEW_FORM)
    offered = [one.get("name") for one in objects_in(exchange.request.get("functions"))]
    for call in calls.values():
        yield from _wrong(call, "none" if mode == "none" else forced, offered)
    raise Unread("chunk.delta", "finish_reason.length-due")


def _wrong(call: LegacyCall, forced: object, offered: list[object]) -> Iterator[Problem]:
    if forced == "none":
        yield Problem("functions were forbidden, and one is called", (call.at,))
    elif call.name and call.name not in ([forced] if forced else offered):
        said = (
            f"{forced} was forced, {call.name} is called" if forced else f"{call.name} is called, and was not offered"
        )
        yield Problem(said, (call.at,))
    elif call.no_text:
        yield Problem("the arguments of function_call are not a string", (call.at,), _NO_TEXT)
    elif read_object("".join(call.pieces).strip() or "{}") is None:
        yield Problem("the arguments of function_call are not a JSON object", (call.at,), _NO_JSON)
