"""Calls of tools: whether they are the ones that were asked for."""

from collections.abc import Iterator
from typing import Any

import orjson

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, finish_values, success_status
from harness.checks.json_schema import schema_error
from harness.checks.registry import NotApplicable, Reason, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Level, Problem
from harness.simulate.ideal import recording
from harness.simulate.reference import replace_in_body, with_request_params
from harness.wire.completion import ToolCall
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object, objects_in

MUST, SHOULD = Level.MUST, Level.SHOULD

_AUTO, _WHOLE, _NAMED, _REQUIRED, _NONE, _PARALLEL = (
    recording(SCENARIOS[f"tools.{name}"])[0] for name in ("auto", "nonstream", "forced", "required", "none", "parallel")
)
_HELD = ("chunk.present", "sse.no-error", "http.complete")
_CALLS = (*_HELD, "tool_calls.type", "tool_calls.index")
_NAMES = (*_CALLS, "tool_calls.name")
_EXCUSES = {"length", "content_filter"}
_JUDGED = 50  # calls of one answer


def _tools(exchange: Exchange) -> dict[str, dict[str, Any]]:
    """Return the functions offered, by name."""
    functions = [tool.get("function") for tool in objects_in(exchange.request.get("tools"))]
    return {str(one.get("name")): one for one in functions if isinstance(one, dict)}


def _calls(exchange: Exchange) -> list[ToolCall]:
    return [call for message in exchange.completion.messages for call in message.tool_calls]


def _place(exchange: Exchange) -> tuple[tuple[int, str], ...]:
    """Return where the first call stands, or the end of the answer where there is none."""
    tools = [fragment for choice in exchange.columns.choices.values() for fragment in choice.tools]
    return ((tools[0].chunk, tools[0].pointer),) if tools else ((exchange.columns.last, ""),)


def _called(exchange: Exchange) -> Reason | None:
    """An answer that calls one of the tools offered."""
    if not _tools(exchange):
        return success_status(exchange) or "no tools were offered"
    return success_status(exchange) or (
        None if _calls(exchange) else NotApplicable("no tool was called", "not-present")
    )


def _forced(exchange: Exchange) -> str | None:
    """Return the name of the tool that the request forces."""
    choice = exchange.request.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _mode(exchange: Exchange) -> Any:
    """Return how tools may be called; ``any`` is what Mistral and Anthropic say for ``required``."""
    choice = exchange.request.get("tool_choice")
    mode = as_object(as_object(choice).get("allowed_tools")).get("mode") if isinstance(choice, dict) else choice
    return "required" if mode == "any" else mode


def _allowed(exchange: Exchange) -> set[str]:
    """Return the names of the tools that may be called: those that ``allowed_tools`` names, or else all offered."""
    listed = objects_in(as_object(as_object(exchange.request.get("tool_choice")).get("allowed_tools")).get("tools"))
    names = {as_object(one.get("function")).get("name") for one in listed} - {None}
    return {str(name) for name in names} or set(_tools(exchange))


def _choice_is(*wanted: str) -> Any:
    def applies(exchange: Exchange) -> Reason | None:
        kind = "named" if _forced(exchange) else _mode(exchange)
        cut = finish_values(exchange) & _EXCUSES
        return complete_answer(exchange) or (None if kind in wanted and not cut else f"tool_choice is not {wanted[0]}")

    return applies


@rule(
    "tool_choice.named", MUST, "A tool that is forced by name is the one called.",
    sources.TOOL_CHOICE, _choice_is("named"),
    good=(_NAMED,),
    bad=(replace_in_body(_NAMED, '"name":"get_time"', '"name":"get_weather"'), with_request_params(_NONE, tool_choice=_NAMED.request.get("tool_choice"))),
    depends_on=_CALLS,
)  # fmt: skip
def named(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs that take the forced call for granted raise IndexError, or run another tool.

    Instead: Look at the name of each call, and ask again where the forced one is not there.
    """
    wanted = _forced(exchange)
    called = [call.name for call in _calls(exchange)]
    if set(called) != {wanted}:
        yield Problem(f"{wanted} was forced, {' and '.join(called) or 'nothing'} is called", _place(exchange))


@rule(
    "tool_choice.required", MUST, "A tool is called where one is required.",
    sources.TOOL_CHOICE, _choice_is("required"),
    good=(_REQUIRED,),
    bad=(with_request_params(_NONE, tool_choice="required"), with_request_params(_NONE, tool_choice="any"), with_request_params(_NONE, tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}})),
    depends_on=_HELD,
)  # fmt: skip
def required(exchange: Exchange) -> Iterator[Problem]:
    """
    `message.tool_calls[0]` raises TypeError: there are none.

    Instead: Treat an answer in text as the end of the turn, or ask again with the tool forced by name.
    """
    if not any(choice.tools for choice in exchange.columns.choices.values()):
        yield Problem("a tool was required, and none is called", _place(exchange))


@rule(
    "tool_choice.none", MUST, "No tool is called where tools are forbidden.",
    sources.TOOL_CHOICE, _choice_is("none"),
    good=(_NONE,),
    bad=(with_request_params(_AUTO, tool_choice="none"),),
    depends_on=_HELD,
)  # fmt: skip
def none(exchange: Exchange) -> Iterator[Problem]:
    """
    A loop that forbids tools to get its final answer gets another call, without end.

    Instead: Leave `tools` out of the last request instead of forbidding them.
    """
    if any(choice.tools for choice in exchange.columns.choices.values()):
        yield Problem("tools were forbidden, and one is called", _place(exchange))


@rule(
    "tool_choice.offered", SHOULD, "Only tools that were offered are called.",
    sources.REFERENCE, _called,
    good=(_AUTO, _WHOLE, _PARALLEL),
    bad=(replace_in_body(_AUTO, '"name":"get_weather"', '"name":"functions.get_weather"'), replace_in_body(_WHOLE, '"name":"get_weather"', '"name":"weather"'), with_request_params(_AUTO, tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_time"}}]}})),
    depends_on=_NAMES,
)  # fmt: skip
def offered(exchange: Exchange) -> Iterator[Problem]:
    """
    `tools[call.function.name]` raises KeyError.

    Instead: Answer such a call with a tool message that says there is no such tool, and go on.
    """
    offered, allowed = _tools(exchange), _allowed(exchange)
    for call in _calls(exchange):
        if call.name not in offered or call.name not in allowed:
            said = "was not offered" if call.name not in offered else "is not among those allowed"
            yield Problem(f"{call.name} is called, and {said}", _place(exchange))
            return


@rule(
    "tool_choice.schema", SHOULD, "The arguments of a call fit the schema of its parameters.",
    sources.REFERENCE, all_of(_called, complete_answer),
    good=(_AUTO, _WHOLE, _PARALLEL),
    bad=(replace_in_body(_AUTO, '\\"Paris\\"', "1"), replace_in_body(_WHOLE, '\\"city\\"', '\\"town\\"')),
    depends_on=(*_NAMES, "tool_calls.arguments-json", "tool_choice.offered"),
)  # fmt: skip
def schema(exchange: Exchange) -> Iterator[Problem]:
    """
    The function is called with a parameter missing or of another type: TypeError.

    Instead: Validate the arguments before the call, and send the validator's message back as the tool's result.
    """
    if finish_values(exchange) & _EXCUSES:
        return
    for call in _calls(exchange)[:_JUDGED]:
        parameters = _tools(exchange)[call.name].get("parameters") or {}
        wrong = schema_error(orjson.loads(call.arguments.strip() or "{}"), parameters)
        if wrong:
            yield Problem(f"{call.name}: {wrong}", _place(exchange))
            return


@rule(
    "tool_choice.one-at-a-time", SHOULD, "One tool is called at a time where parallel calls are turned off.",
    sources.REQUEST, lambda x: _called(x) or (None if x.request.get("parallel_tool_calls") is False else "parallel calls are not turned off"),
    good=(with_request_params(_AUTO, parallel_tool_calls=False),),
    bad=(with_request_params(_PARALLEL, parallel_tool_calls=False),),
    depends_on=_CALLS,
)  # fmt: skip
def one_at_a_time(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs that take the first call only never answer the second, and the next request is refused.

    Instead: Answer every call of a message, however many there are.
    """
    called = _calls(exchange)
    if len(called) > len(exchange.completion.messages):
        yield Problem(f"{len(called)} calls, though parallel calls are turned off", _place(exchange))
