"""Checks tool names: invalid characters, and whether a name is one that was offered."""

import re
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.chat.tool_fragments import (
    all_calls,
    called,
    fragments_of,
    is_custom,
    name_among,
    offered_tools,
    place,
)
from harness.checks.registry import Reason, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import TOOLS, TOOLS_BODY, replace_in_body, with_request_params
from harness.wire.chat.calls import JoinedCall, name_in
from harness.wire.chat.chunks import ToolFragment
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object, objects_in

SHOULD = Level.SHOULD

_READ = ("chunk.present",)
_ODD = re.compile(r"[^\w.:/@$#+~-]")
"""Characters invalid in any name: OpenAI accepts letters, digits, _ and -; others more, such as the dots of a path."""
_SPECIAL = re.compile(r"<\|?/?[\w.-]+\|?>|<\||\|>|<｜[^｜>]*｜?>?|\[/?[A-Z_]{2,}\]")
_NAMED = '"name":"get_weather"'
_GLUED = '"name":"get_weather<|channel|>commentary"'
_TOKEN = Advice(
    "`tools[call.function.name]` raises KeyError: the call is for this tool, but the model's next marker is part of its name.",
    'Remove the markers, `name = re.split(r"<[^>]*>|\\[[^]]*\\]", call.function.name)`, and take the first part that '
    "is not empty; answer the call with an error if that is not one of your tools.",
)


@rule(
    "tool_calls.name-form", SHOULD, "The name of a tool call contains only characters that names may contain.",
    sources.REQUEST, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(
        replace_in_body(TOOLS, _NAMED, _GLUED),
        replace_in_body(TOOLS_BODY, _NAMED, '"name":"<tool_call>get_weather"'),
        replace_in_body(TOOLS_BODY, _NAMED, '"name":"get_weather(city=\\"Paris\\")"'),
        replace_in_body(TOOLS, _NAMED, '"name":"get_weather\\n"'),
    ),
    depends_on=_READ,
)  # fmt: skip
def name_form(exchange: Exchange) -> Iterator[Problem]:
    r"""
    `tools[call.function.name]` raises KeyError, and when sent back the name is rejected.

    Instead: Take the valid characters at its start, `name = re.match(r"[\w.-]*", call.function.name.strip())[0]`,
    and answer the call with an error if that is not one of your tools.
    """
    offered = offered_tools(exchange)
    for call in all_calls(exchange):
        name = name_among(call, offered)
        # chunk.no-nul reports NUL anywhere.
        if name not in offered and "\0" not in name and _ODD.search(name):
            where = place(next(one for one in call.fragments if name_in(one)), "/function/name")
            mark = _SPECIAL.search(name)
            if mark:
                yield Problem(f"the name of a call holds {mark[0]}, a mark of the model: {name}", where, _TOKEN)
            else:
                yield Problem(f"the name of a call has characters that are not allowed: {name!r}", where)
            return


_FREE = {"type": "custom", "custom": {"name": "get_weather"}}
_AS_CUSTOM = replace_in_body(
    TOOLS_BODY,
    '"type":"function","function":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}',
    '"type":"custom","custom":{"name":"get_weather","input":"Paris"}',
)
_CUSTOM_AS_FUNCTION = Advice(
    "`call.custom` is None or missing: the tool is never run, or gets JSON as its input.",
    'Take the input out of the arguments: `given = json.loads(call.function.arguments)`, then `given.get("input") or '
    'next(iter(given.values()), "")`.',
)
_FUNCTION_AS_CUSTOM = Advice(
    "`call.function` is None or missing: `call.function.name` raises AttributeError.",
    'Read both forms: `called = getattr(call, "function", None) or call.custom`, and send an error back if '
    "`called.name` was offered as a function.",
)


_UNREAD = Advice(
    "`call.custom.name` or `.input` raises, or the result is sent back for no call.",
    "Check each call before you run it, `if call.id and call.custom and isinstance(call.custom.input, str):`, and ask again otherwise.",
)


def _called_by_name(exchange: Exchange) -> Reason | None:
    """A response that calls a tool, to a request known to offer some."""
    calls = any(choice.tools for choice in exchange.columns.choices.values())
    known = bool(objects_in(exchange.request.get("tools")))
    return success_status(exchange) or (
        None if calls and known else "no tool was called, or none is known to be offered"
    )


@rule(
    "tool_choice.kind", SHOULD, "A function is called as a function, a custom tool as a custom tool.",
    sources.TOOL_CHOICE, _called_by_name,
    good=(TOOLS, TOOLS_BODY, with_request_params(_AS_CUSTOM, tools=[_FREE])),
    bad=(with_request_params(TOOLS, tools=[_FREE]), with_request_params(TOOLS_BODY, tools=[_FREE]), _AS_CUSTOM, with_request_params(replace_in_body(_AS_CUSTOM, '"input":"Paris"', '"input":{}'), tools=[_FREE])),
    depends_on=_READ,
)  # fmt: skip
def kind(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that read the input where such tools have it find nothing: the tool is never run.

    Instead: Check the type of each call, and send an error back if it differs from the one you offered.
    """
    tools = list(objects_in(exchange.request.get("tools")))
    custom, functions = ({_name_in(as_object(one.get(key))) for one in tools} - {""} for key in ("custom", "function"))
    for fragment in fragments_of(exchange):
        name = _named(fragment)
        if is_custom(fragment) and name and name not in custom:
            what = "was offered as a function" if name in functions else "was not offered as one"
            said = f"{name} is called as a custom tool, and {what}"
            yield Problem(said, place(fragment), _FUNCTION_AS_CUSTOM)
            return
        if not is_custom(fragment) and name in custom - functions:
            said = f"the custom tool {name} is called as a function: its input is missing"
            yield Problem(said, place(fragment), _CUSTOM_AS_FUNCTION)
            return
    for call in all_calls(exchange):
        lacking = _unread(call)
        if lacking:
            yield Problem(lacking, place(call.fragments[0]), _UNREAD)
            return


def _unread(call: JoinedCall) -> str | None:
    """Return what clients miss in a custom call; None if nothing, or if it is of a function."""
    if call.name and call.fragments[0].value.get("type") == "function":
        return None  # an empty object custom beside it is no call
    if not any(map(is_custom, call.fragments)):
        return None
    given = [as_object(one.value.get("custom")) for one in call.fragments]
    inputs = [one["input"] for one in given if "input" in one]
    forms = (
        (not any(given), "a custom call has no object custom"),
        (not any(map(_name_in, given)), "a custom call names no tool"),
        (not call.id, "a custom call has no id"),
        (not all(isinstance(one, str) for one in inputs), "a custom call has an input that is not a string"),
    )
    return next((said for found, said in forms if found), None)


def _named(fragment: ToolFragment) -> str:
    return _name_in(as_object(fragment.value.get("custom")) or as_object(fragment.value.get("function")))


def _name_in(tool: dict[str, Any]) -> str:
    name = tool.get("name")
    return name if isinstance(name, str) else ""
