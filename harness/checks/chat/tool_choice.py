"""Checks whether tool calls are those that were requested."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, finish_values, success_status, uncut
from harness.checks.chat.tool_fragments import all_calls, called, name_among, offered_tools
from harness.checks.chat.tool_fragments import place as place_of_call
from harness.checks.chat.written_calls import meant_tool
from harness.checks.json_schema import schema_error
from harness.checks.registry import NotApplicable, Reason, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body, with_request_params
from harness.wire.chat.calls import JoinedCall
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object, objects_in

MUST, SHOULD = Level.MUST, Level.SHOULD

_AUTO, _WHOLE, _NAMED, _REQUIRED, _NONE, _PARALLEL = (
    recording(SCENARIOS[f"tools.{name}"])[0] for name in ("auto", "nonstream", "forced", "required", "none", "parallel")
)
_READ, _BROKEN_OFF = ("chunk.present",), ("sse.json", "sse.no-error", "http.complete")
_EXCUSES = {"length", "content_filter"}
_JUDGED = 50  # calls of one response


def _names(exchange: Exchange) -> list[str]:
    """Return the names called; a call without one is reported by tool_calls.name."""
    return [name_among(call, offered_tools(exchange)) for call in all_calls(exchange) if call.name]


def _place(exchange: Exchange) -> tuple[tuple[int, str], ...]:
    """Return the place of the first call, or the end of the response if there is none."""
    tools = [fragment for choice in exchange.columns.choices.values() for fragment in choice.tools]
    return ((tools[0].chunk, tools[0].pointer),) if tools else ((exchange.columns.last, ""),)


def _offered(exchange: Exchange) -> Reason | None:
    """A response to a request that offers tools."""
    return success_status(exchange) or (None if offered_tools(exchange) else "no tools were offered")


def _called(exchange: Exchange) -> Reason | None:
    """A response that calls a tool by name, if tools were offered."""
    return _offered(exchange) or called(exchange) or _named(exchange)


def _called_at_all(exchange: Exchange) -> Reason | None:
    """A response that calls a tool by name, if functions were offered, or no tools at all."""
    asked = exchange.request
    others = ("tools", "functions", "web_search_options", "plugins", "tool_ids", "extra_body", "prompt")
    known = isinstance(asked.get("messages"), list) and not any(asked.get(key) for key in others)
    return _called(exchange) if not known else called(exchange) or _named(exchange)


def _named(exchange: Exchange) -> Reason | None:
    """A response whose calls, if any, name a function."""
    nameless = next(all_calls(exchange), None) and not _names(exchange)
    return (uncut(exchange) or NotApplicable("no call names its function", "blocked")) if nameless else None


def _forced(exchange: Exchange) -> str | None:
    """Return the name of the tool that the request forces."""
    choice = exchange.request.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _mode(exchange: Exchange) -> Any:
    """Return the tool choice mode; Mistral and Anthropic write ``any`` for ``required``."""
    choice = exchange.request.get("tool_choice")
    mode = as_object(as_object(choice).get("allowed_tools")).get("mode") if isinstance(choice, dict) else choice
    return "required" if mode == "any" else mode


def _allowed(exchange: Exchange) -> set[str]:
    """Return the names of the tools that may be called: those in ``allowed_tools``, or else all offered."""
    listed = objects_in(as_object(as_object(exchange.request.get("tool_choice")).get("allowed_tools")).get("tools"))
    names = {as_object(one.get("function")).get("name") for one in listed} - {None}
    return {str(name) for name in names} or set(offered_tools(exchange))


def _choice_is(*wanted: str) -> Any:
    def applies(exchange: Exchange) -> Reason | None:
        kind = "named" if _forced(exchange) else _mode(exchange)
        cut = finish_values(exchange) & _EXCUSES
        return complete_answer(exchange) or (None if kind in wanted and not cut else f"tool_choice is not {wanted[0]}")

    return applies


@rule(
    "tool_choice.named", MUST, "A tool forced by name is the one called.",
    sources.TOOL_CHOICE, all_of(_choice_is("named"), _named),
    good=(_NAMED,),
    bad=(replace_in_body(_NAMED, '"name":"get_time"', '"name":"get_weather"'), with_request_params(_NONE, tool_choice=_NAMED.request.get("tool_choice"))),
    depends_on=_READ, explained_by=_BROKEN_OFF,
)  # fmt: skip
def named(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs that rely on the forced call raise IndexError, or run another tool.

    Instead: Check the name of each call, and ask again if the forced tool is missing.
    """
    wanted = _forced(exchange)
    names = _names(exchange)
    if set(names) != {wanted}:
        called_instead = f"{' and '.join(names)} is called" if names else "but no tool is called"
        yield Problem(f"{wanted} was forced, {called_instead}", _place(exchange))


@rule(
    "tool_choice.required", MUST, "A tool is called if the request requires one.",
    sources.TOOL_CHOICE, _choice_is("required"),
    good=(_REQUIRED,),
    bad=(with_request_params(_NONE, tool_choice="required"), with_request_params(_NONE, tool_choice="any"), with_request_params(_NONE, tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}})),
    depends_on=_READ, explained_by=_BROKEN_OFF,
)  # fmt: skip
def required(exchange: Exchange) -> Iterator[Problem]:
    """
    `message.tool_calls[0]` raises TypeError: there are none.

    Instead: Treat an answer in text as the end of the turn, or ask again with the tool forced by name.
    """
    if not any(choice.tools for choice in exchange.columns.choices.values()):
        yield Problem("a tool was required, and none is called", _place(exchange))


@rule(
    "tool_choice.none", MUST, "No tool is called if the request forbids tools.",
    sources.TOOL_CHOICE, _choice_is("none"),
    good=(_NONE,),
    bad=(with_request_params(_AUTO, tool_choice="none"),),
    depends_on=_READ,
)  # fmt: skip
def none(exchange: Exchange) -> Iterator[Problem]:
    """
    A loop that forbids tools to get its final answer keeps getting calls and never ends.

    Instead: Omit `tools` from the last request instead of forbidding them.
    """
    if any(choice.tools for choice in exchange.columns.choices.values()):
        yield Problem("tools were forbidden, and one is called", _place(exchange))


@rule(
    "tool_choice.offered", SHOULD, "Only tools of the request are called.",
    sources.REFERENCE, _called_at_all,
    good=(_AUTO, _WHOLE, _PARALLEL),
    bad=(replace_in_body(_AUTO, '"name":"get_weather"', '"name":"functions.get_weather"'), replace_in_body(_WHOLE, '"name":"get_weather"', '"name":"weather"'), with_request_params(_AUTO, tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_time"}}]}}), replace_in_body(_WHOLE, '"name":"get_weather"', '"name":"GetWeather"'), with_request_params(_WHOLE, tools=None), replace_in_body(_WHOLE, '"name":"get_weather"', '"name":"get_weatherget_weather"')),
    depends_on=(*_READ, "tool_calls.name-form"),
)  # fmt: skip
def offered(exchange: Exchange) -> Iterator[Problem]:
    """
    `tools[call.function.name]` raises KeyError.

    Instead: Answer such a call with a tool message that says there is no such tool, and go on.
    """
    offered, allowed = offered_tools(exchange), _allowed(exchange)
    for name in _names(exchange):
        meant = meant_tool(name, offered)
        together = _together(name, offered)
        if together:
            yield Problem(f"{name} is called: {together} names run together", _place(exchange), _RUN_TOGETHER)
        elif meant and meant in allowed:
            yield Problem(f"{name} is called, where {meant} was offered", _place(exchange), _ALTERED)
        elif not offered:
            yield Problem(f"{name} is called, and no tool was offered", _place(exchange))
        elif name not in offered or name not in allowed:
            said = "was not offered" if name not in offered else "is not among those allowed"
            yield Problem(f"{name} is called, and {said}", _place(exchange))
        else:
            continue
        return


def _together(name: str, offered: Iterable[str]) -> int:
    """Return how many tool names ``name`` is joined from; 0 if none, or one."""
    if name in offered or not offered:
        return 0
    names = "|".join(re.escape(one) for one in sorted(offered, key=len, reverse=True) if one)
    return len(re.findall(names, name)) if names and re.fullmatch(f"(?:{names}){{2,}}", name) else 0


_RUN_TOGETHER = Advice(
    "`tools[call.function.name]` raises KeyError: a name was added to itself, or those of several calls were joined.",
    "Take it apart where it is one name several times, `name = next((n for n in tools if name == n * (len(name) // len(n))), name)`; "
    "else ask again without `stream=True`.",
)
_ALTERED = Advice(
    "`tools[call.function.name]` raises KeyError: the call is for this tool, but its name was altered on the way.",
    "Compare only the letters, for this provider only: `name = next((n for n in tools if plain(n) in plain(name)), "
    'name)`, where plain is `re.sub(r"[\\W_]", "", n).lower()`; if none fits, answer the call with an error.',
)
_WRAPPED = Advice(
    "The function is called with one parameter that it does not have: TypeError.",
    "Extract the arguments: `args = args.get(key, args) if len(args) == 1 else args`, with the key that wraps them.",
)
_SCHEMA_BACK = Advice(
    "The function is called with parts of its own description: TypeError.",
    "Send the validator's message back as the tool's result, and let the model try again; the intended arguments are "
    "unknown.",
)
_NONE_CAME = Advice(
    "The function is called without arguments and raises TypeError; asked again, the model is told that it sent none.",
    'Treat such a call as lost: `if not arguments and schema.get("required"): ask_again(stream=False)`; a '
    "non-streaming response usually has them.",
)


def _readable(exchange: Exchange) -> Iterator[tuple[str, JoinedCall]]:
    """
    Yield name and call of the calls to an offered function with parsable arguments.

    If another call's can't be parsed, they may contain the arguments of one that has none.
    """
    offered = offered_tools(exchange)
    for calls in exchange.calls.values():
        named = [(name_among(call, offered), call) for call in calls]
        mixed = any(call.value is None for call in calls)
        yield from (
            (name, call) for name, call in named if name in offered and (call.value or (call.value == {} and not mixed))
        )


def _readably_called(exchange: Exchange) -> Reason | None:
    """A response that calls an offered tool with parsable arguments."""
    if finish_values(exchange) & _EXCUSES:
        return "the answer was cut short, and says so"
    unread = NotApplicable("no call can be held to a schema", "blocked")
    return _called(exchange) or (None if any(True for _ in _readable(exchange)) else uncut(exchange) or unread)


_RENAMED = Advice(
    "`function(**args)` raises TypeError: the key is written otherwise than it was offered.",
    "Compare the letters alone, for this provider only: `plain = lambda key: key.replace('_', '').lower()`.",
)
_IN_TEXT = Advice(
    "The function gets a text where it expects a number, a list or an object: TypeError, or a wrong comparison.",
    "Parse it where the schema asks for another type: `value = json.loads(value) if kind != 'string' else value`.",
)


@rule(
    "tool_choice.schema", SHOULD, "The arguments of a tool call match the schema of its parameters.",
    sources.REFERENCE, all_of(_readably_called, complete_answer),
    good=(_AUTO, _WHOLE, _PARALLEL),
    bad=(replace_in_body(_AUTO, '\\"Paris\\"', "1"), replace_in_body(_WHOLE, '\\"city\\"', '\\"town\\"'), replace_in_body(_WHOLE, '{\\"city\\":\\"Paris\\"}', '{\\"arguments\\":{\\"city\\":\\"Paris\\"}}'), replace_in_body(_WHOLE, '{\\"city\\":\\"Paris\\"}', '{\\"type\\":\\"object\\",\\"properties\\":{}}')),
    depends_on=_READ, explained_by=_BROKEN_OFF,
)  # fmt: skip
def schema(exchange: Exchange) -> Iterator[Problem]:
    """
    The function is called with a parameter missing or of another type: TypeError.

    Instead: Validate the arguments before the call, and send the validator's message back as the tool's result.
    """
    for name, call in list(_readable(exchange))[:_JUDGED]:
        wrong = schema_error(call.value, offered_tools(exchange)[name].get("parameters") or {})
        if wrong:
            place = place_of_call(call.fragments[-1], "/function/arguments")
            said, advice = _misfit(call, offered_tools(exchange)[name].get("parameters") or {}, wrong)
            yield Problem(f"{name}: {said}", place, advice)
            return


def _misfit(call: JoinedCall, parameters: Any, wrong: str) -> tuple[str, Advice | None]:
    """Return the message about arguments that do not fit their schema: the cause, if known, and the mismatch."""
    value = call.value or {}
    if not call.arguments.strip():
        return f"no arguments came, and {wrong}", _NONE_CAME
    if isinstance(value.get("properties"), dict) and "type" in value and value.get("type") == "object":
        return f"the schema came back in place of the arguments, and {wrong}", _SCHEMA_BACK
    wraps = [key for key, inner in value.items() if isinstance(inner, dict) and schema_error(inner, parameters) is None]
    if len(wraps) == 1 and wraps[0] not in as_object(as_object(parameters).get("properties")):
        return f"the arguments are under the key {wraps[0]!r} of another object, and {wrong}", _WRAPPED
    named = {_plain(key): key for key in value}
    due = as_object(as_object(parameters).get("properties"))
    renamed = {key: named[_plain(key)] for key in due if key not in value and _plain(key) in named}
    if (
        renamed
        and schema_error(
            {key: value[renamed.get(key, key)] for key in due if renamed.get(key, key) in value}, parameters
        )
        is None
    ):
        key, came = next(iter(renamed.items()))
        return f"{key} comes as {came}, and {wrong}", _RENAMED
    texts = {key: one for key, one in value.items() if isinstance(one, str) and _in_text(one) is not None}
    if texts and schema_error(value | {key: _in_text(one) for key, one in texts.items()}, parameters) is None:
        return f"a value comes as JSON in a text, and {wrong}", _IN_TEXT
    return wrong, None


def _plain(key: str) -> str:
    return re.sub(r"[_\W]", "", key).lower()


def _in_text(text: str) -> Any:
    """Return the value of a text that is JSON other than a string; None if it is not."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if isinstance(held, str) else held


@rule(
    "tool_choice.one-at-a-time", SHOULD, "Only one tool is called at a time if parallel calls are turned off.",
    sources.REQUEST, lambda x: _offered(x) or called(x) or (None if x.request.get("parallel_tool_calls") is False else "parallel calls are not turned off"),
    good=(with_request_params(_AUTO, parallel_tool_calls=False),),
    bad=(with_request_params(_PARALLEL, parallel_tool_calls=False),),
    depends_on=_READ,
)  # fmt: skip
def one_at_a_time(exchange: Exchange) -> Iterator[Problem]:
    """
    Programs that take the first call only never answer the second, and the next request is refused.

    Instead: Answer every call of a message, however many there are.
    """
    count = sum(1 for _ in all_calls(exchange))
    if count > len(exchange.columns.choices):
        yield Problem(f"{count} calls, though parallel calls are turned off", _place(exchange))
