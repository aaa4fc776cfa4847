"""Calls of tools: their fragments, and what these join to."""

import re
from collections import Counter
from collections.abc import Iterator

import orjson

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, success_status
from harness.checks.kinds import place_of, wrong_kinds
from harness.checks.registry import rule
from harness.checks.tool_fragments import (
    all_calls,
    called,
    calls_of,
    fragments_of,
    function_of,
    place,
    streamed_call,
)
from harness.results import Level, Problem
from harness.simulate.reference import (
    BODY,
    STREAM,
    TOOLS,
    TOOLS_BODY,
    TOOLS_PARALLEL,
    ask,
    replace_in_body,
    replace_last_in_body,
)
from harness.wire.chunks import ToolFragment
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_PLACE = "/choices/*/{part}/tool_calls"
_OTHER = object()
_FRAGMENTS = ("tool_calls.type", "tool_calls.index")


_AS_JSON = replace_in_body(
    ask(tools=TOOLS.request.get("tools")), TOOLS_BODY.response.body.decode(), BODY.response.body.decode()
)
_AS_JSON = replace_in_body(
    _AS_JSON, "你好! How can I help?", '{\\"name\\":\\"get_weather\\",\\"arguments\\":{\\"city\\":\\"Paris\\"}}'
)
_MARKUP = re.compile(
    r"(?<!`)<(?:tool_call>|\|tool_call|｜tool▁call|function=|\|python_tag\||minimax:tool_call>|seed:tool_call)"
    r"|\[TOOL_CALLS\]|｜DSML｜"
)


@rule(
    "tool_calls.type", MUST, "tool_calls is a list of objects where it is given.",
    sources.DELTA, success_status,
    good=(TOOLS, TOOLS_BODY, STREAM),
    bad=(
        replace_in_body(STREAM, '"delta":{"content"', '"delta":{"tool_calls":null,"content"'),
        replace_in_body(TOOLS_BODY, '"tool_calls":[', '"tool_calls":{},"calls":['),
        replace_in_body(STREAM, '"delta":{"content"', '"delta":{"tool_calls":[null],"content"'),
    ),
    depends_on=_READ,
)  # fmt: skip
def list_of_objects(exchange: Exchange) -> Iterator[Problem]:
    """
    `for call in delta.tool_calls` raises TypeError on null, in clients that ask for the key first.

    Instead: Loop over what is there: `for call in filter(None, delta.tool_calls or []):`, without testing for
    the key.
    """
    yield from wrong_kinds(exchange, _PLACE, {"list", "[]", "missing"}, "choice")
    for choice in exchange.columns.choices.values():
        for fragment in choice.tools:
            if not isinstance(fragment.value, dict):
                yield Problem("a call in tool_calls is no object", place(fragment))
                return


@rule(
    "tool_calls.index", MUST, "Every fragment of a call in a stream has an index, a whole number from 0.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{"index":null,'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{"index":-1,'),
    ),
    depends_on=(*_READ, "tool_calls.type"),
)  # fmt: skip
def index(exchange: Exchange) -> Iterator[Problem]:
    """
    Of 18 client entry points measured, 10 break on a fragment without one.

    Instead: Where `call.index is None`, let a fragment with an id open a new call and one without extend the
    latest.
    """
    yield from wrong_kinds(exchange, f"{_PLACE}/*/index", {"int"}, "fragment")
    for fragment in fragments_of(exchange):
        if isinstance(fragment.value.get("index"), int) and fragment.value["index"] < 0:
            yield Problem(f"a fragment has the index {fragment.value['index']}", place(fragment, "/index"))
            return


@rule(
    "tool_calls.index-from-0", SHOULD, "The calls of a choice are numbered from 0 without a gap.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{"index":1,'), replace_in_body(TOOLS_PARALLEL, '"index":1,', '"index":5,')),
    depends_on=(*_READ, *_FRAGMENTS),
)  # fmt: skip
def index_from_0(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that keep calls in a list find it shorter than the index: IndexError.

    Instead: Keep calls in a dict, `calls.setdefault(call.index, {})`, and sort its keys at the end; avoid
    lists.
    """
    for choice in exchange.columns.choices.values():
        found = sorted(calls_of(choice))
        if found != list(range(len(found))):
            yield Problem(f"the calls have the indices {', '.join(map(str, found))}", place(choice.tools[0], "/index"))


@rule(
    "tool_calls.index-distinct", SHOULD, "Each call has an index of its own.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS_PARALLEL, '"tool_calls":[{"index":1,', '"tool_calls":[{"index":0,'),),
    depends_on=(*_READ, *_FRAGMENTS, "tool_calls.id", "tool_calls.id-once"),
)  # fmt: skip
def index_distinct(exchange: Exchange) -> Iterator[Problem]:
    """
    The arguments of both calls run together into one: `{"city":"Paris"}{"zone":"CET"}`.

    Instead: Begin a new call at each new id, whatever its index.
    """
    for fragments in all_calls(exchange):
        ids = {f.value["id"]: f for f in reversed(fragments) if isinstance(f.value.get("id"), str) and f.value["id"]}
        if len(ids) > 1:
            yield Problem(f"{len(ids)} calls have the same index", tuple(place(f, "/index")[0] for f in ids.values()))


@rule(
    "tool_calls.id-type", MUST, "The id of a call is a text where it is given.",
    sources.TOOL_FRAGMENT, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":null,"function"'), replace_in_body(TOOLS_BODY, '"call_1"', "1")),
    depends_on=(*_READ, "tool_calls.type"),
)  # fmt: skip
def id_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; others overwrite the id they had with null.

    Instead: Keep the first one given, as text: `if call.id: entry.setdefault("id", str(call.id))`; declare it
    optional.
    """
    yield from wrong_kinds(exchange, f"{_PLACE}/*/id", {"text", '""', "missing"}, "fragment")


@rule(
    "tool_calls.id", MUST, "Every call has an id that is not empty.",
    sources.TOOL_CALL, called,
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS, '"id":"call_1",', ""), replace_in_body(TOOLS, '"call_1"', '""'), replace_in_body(TOOLS_BODY, '"id":"call_1",', "")),
    depends_on=(*_READ, *_FRAGMENTS),
)  # fmt: skip
def has_id(exchange: Exchange) -> Iterator[Problem]:
    """
    The tool's result can't be sent back: tool_call_id must name the call.

    Instead: Make one up: `entry["id"] = f"call_{uuid4().hex}"`, and use it in the call and in its tool_call_id.
    """
    for fragments in all_calls(exchange):
        if not any(isinstance(f.value.get("id"), str) and f.value["id"] for f in fragments):
            yield Problem("a call has no id", place(fragments[0]))


@rule(
    "tool_calls.id-once", SHOULD, "Only the first fragment of a call brings its id.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":"","function"'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":"call_1","function"'),
    ),
    depends_on=(*_READ, *_FRAGMENTS, "tool_calls.id-type"),
)  # fmt: skip
def id_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that take an id for the start of a call make several of one; "" overwrites the id in others.

    Instead: Tell calls apart by index alone, and keep the first id: `if call.id: entry.setdefault("id",
    call.id)`.
    """
    for fragments in all_calls(exchange):
        # Another id than the first is another call under the same index: index-distinct speaks of it.
        first = fragments[0].value.get("id")
        later = [f for f in fragments[1:] if "id" in f.value and (not first or f.value["id"] in {"", first})]
        if later:
            shown = '""' if later[0].value["id"] == "" else "an id"
            yield Problem(f"{len(later)} later fragments bring {shown}", place(later[0], "/id"))


@rule(
    "tool_calls.ids-differ", SHOULD, "Parallel calls have different ids.",
    sources.REFERENCE, called,
    good=(TOOLS_PARALLEL, TOOLS_BODY),
    bad=(replace_in_body(TOOLS_PARALLEL, "call_2", "call_1"),),
    depends_on=(*_READ, *_FRAGMENTS, "tool_calls.id-type", "tool_calls.id"),
)  # fmt: skip
def ids_differ(exchange: Exchange) -> Iterator[Problem]:
    """
    The results of the calls can't be told apart.

    Instead: Give each call a fresh id, `f"call_{uuid4().hex}"`, in the message sent back and in its
    tool_call_id.
    """
    for choice in exchange.columns.choices.values():
        named = [(_first_id(fragments), fragments[0]) for fragments in calls_of(choice).values()]
        counts = Counter(name for name, _ in named if name)
        for name, first in named:
            if name and counts[name] > 1:
                yield Problem(f"{counts[name]} calls have the same id", place(first, "/id"))
                return


def _first_id(fragments: list[ToolFragment]) -> str | None:
    return next((f.value["id"] for f in fragments if isinstance(f.value.get("id"), str) and f.value["id"]), None)


@rule(
    "tool_calls.name", MUST, "Every call names its function.",
    sources.TOOL_CALL, called,
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS, '"name":"get_weather",', ""), replace_in_body(TOOLS_BODY, '"name":"get_weather"', '"name":""')),
    depends_on=(*_READ, *_FRAGMENTS),
)  # fmt: skip
def has_name(exchange: Exchange) -> Iterator[Problem]:
    """
    Nobody knows what to call.

    Instead: Take the tool if only one was offered; otherwise nothing helps in the client: drop the answer and
    retry.
    """
    for fragments in all_calls(exchange):
        if not any(isinstance(name := function_of(f).get("name"), str) and name for f in fragments):
            yield Problem("a call names no function", place(fragments[0], "/function"))


@rule(
    "tool_calls.name-once", SHOULD, "Only the first fragment of a call brings its name.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '"function":{"arguments":', '"function":{"name":"get_weather","arguments":'),
        replace_in_body(TOOLS, '"function":{"arguments":', '"function":{"name":"","arguments":'),
    ),
    depends_on=(*_READ, *_FRAGMENTS),
)  # fmt: skip
def name_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that join names call get_weatherget_weather: 6 of 18 entry points measured.

    Instead: Set the name instead of adding to it: `if call.function and call.function.name: entry["name"] =
    call.function.name`.
    """
    for fragments in all_calls(exchange):
        later = [f for f in fragments[1:] if "name" in function_of(f)]
        if later:
            yield Problem(f"{len(later)} later fragments bring a name", place(later[0], "/function/name"))


@rule(
    "tool_calls.function", MUST, "The type of a call is function; in a stream, where it is given.",
    sources.TOOL_FRAGMENT, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS, '"type":"function"', '"type":"tool"'), replace_in_body(TOOLS_BODY, '"type":"function"', '"type":""'), replace_in_body(TOOLS, '"type":"function"', '"type":null'), replace_in_body(TOOLS_BODY, '"type":"function",', "")),
    depends_on=(*_READ, "tool_calls.type"),
)  # fmt: skip
def function_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; the OpenAI SDK's stream helper fails an assertion on an empty one.

    Instead: Take each call with `call.function` for a function, send `"type": "function"` back, and avoid the
    SDK's `.stream()` helper.
    """
    for fragment in fragments_of(exchange):
        kind = fragment.value.get("type", "function" if exchange.is_stream else _OTHER)
        if kind != "function":
            shown = "absent" if kind is _OTHER else json_text(kind)
            yield Problem(f"the type of a call is {shown}", place(fragment, "/type"))
            return


@rule(
    "tool_calls.arguments", MUST, "arguments is a text; in a stream, where it is given.",
    sources.TOOL_FRAGMENT, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS_BODY, '"{\\"city\\":\\"Paris\\"}"', '{"city":"Paris"}'), replace_in_body(TOOLS, '"arguments":""', '"arguments":null'), replace_in_body(TOOLS_BODY, ',"arguments":"{\\"city\\":\\"Paris\\"}"', "")),
    depends_on=(*_READ, "tool_calls.type"),
)  # fmt: skip
def arguments_type(exchange: Exchange) -> Iterator[Problem]:
    """
    `arguments += fragment` and `json.loads(arguments)` raise TypeError.

    Instead: Append with `a or ""`, and accept an object: `args = a if isinstance(a, dict) else json.loads(a or
    "{}")`.
    """
    allowed: set[Kind] = {"text", '""', "missing"} if exchange.is_stream else {"text", '""'}
    yield from wrong_kinds(exchange, f"{_PLACE}/*/function/arguments", allowed, "fragment")


@rule(
    "tool_calls.arguments-json", SHOULD, "The fragments of arguments join to one JSON object.",
    sources.REFERENCE, all_of(called, complete_answer),
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL, replace_in_body(replace_last_in_body(TOOLS, '"tool_calls"', '"length"'), '\\"Paris\\"}', '\\"Par')),
    bad=(replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Paris\\"}{}'), replace_in_body(TOOLS, '{\\"city\\":', '{\\"city\\"'), replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', "Paris")),
    depends_on=(*_READ, *_FRAGMENTS, "tool_calls.arguments", "sse.no-error", "http.complete"),
)  # fmt: skip
def arguments_json(exchange: Exchange) -> Iterator[Problem]:
    """
    The call can't be made: json.loads raises.

    Instead: Catch ValueError from `json.loads`, send its message back as the tool's result, and let the model
    try again.
    """
    for choice in exchange.columns.choices.values():
        if any(finish.value == "length" for finish in choice.finish_reasons):
            continue  # cut at the limit, and it says so
        for fragments in calls_of(choice).values():
            text = "".join(str(function_of(f).get("arguments") or "") for f in fragments)
            # A function without parameters is called with nothing by some; that is a choice of the model's.
            if text.strip() and not _is_object(text):
                yield Problem(
                    f"the arguments join to no JSON object: {text[:60]}", place(fragments[-1], "/function/arguments")
                )


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


@rule(
    "tool_calls.not-in-text", SHOULD, "No call stands in the text, as markup or as JSON.",
    sources.REFERENCE, success_status,
    good=(TOOLS, STREAM),
    bad=(replace_in_body(STREAM, "! How can I", '<tool_call>{\\"name\\":\\"get_weather\\"}</tool_call>'), replace_in_body(STREAM, "! How can I", "<|tool_calls_begin|>"), _AS_JSON),
    depends_on=_READ,
)  # fmt: skip
def not_in_text(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads markup, and the tool is never called.

    Instead: Search the text for marks such as `<tool_call>` before showing it; on a hit retry, or parse the
    known format.
    """
    for choice in exchange.columns.choices.values():
        text = choice.fragments("content")
        marked = _MARKUP.search(text.text)
        if marked or (not choice.tools and _names_a_tool(exchange, text.text)):
            place = place_of(exchange, choice, text.chunks[0], "/{part}/content")
            yield Problem(f"the text holds {'the markup of ' if marked else ''}a tool call", (place,))


def _names_a_tool(exchange: Exchange, text: str) -> bool:
    """Tell whether ``text`` is a JSON object with the name of a tool that was offered, and arguments."""
    tools = exchange.request.get("tools")
    if not isinstance(tools, list) or not text.lstrip().startswith("{"):
        return False
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    names = [one.get("name") for one in functions if isinstance(one, dict)]
    return (
        isinstance(said.get("name"), str)
        and said["name"] in names
        and {"arguments", "parameters"} & said.keys() != set()
    )
