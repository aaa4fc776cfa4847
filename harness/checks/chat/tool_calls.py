"""Checks tool calls: their fragments, and what these join to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from harness.checks import sources
from harness.checks.applies import success_status, uncut
from harness.checks.chat.marked_text import asked_text
from harness.checks.chat.tool_fragments import (
    LISTS,
    all_calls,
    called,
    fragments_of,
    odd_calls,
    offered_tools,
    place,
    streamed_call,
)
from harness.checks.chat.written_calls import call_of_nobody, only_arguments, rest_of_call, values_said, written_call
from harness.checks.kinds import place_of, wrong_kinds
from harness.checks.marks import call_markup, result_markup
from harness.checks.registry import NotApplicable, Reason, Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import (
    BODY,
    STREAM,
    TOOLS,
    TOOLS_BODY,
    TOOLS_PARALLEL,
    ask,
    replace_in_body,
)
from harness.wire.chat.calls import JoinedCall, id_in, index_in, read_object
from harness.wire.chat.chunks import Choice, ToolFragment
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_ORDER = Advice(
    "Clients that keep calls in a list, such as the SDK's `.stream()` helper, raise IndexError at the first.",
    "Keep calls in a dict, `calls.setdefault(call.index, {})`, and sort its keys at the end; avoid lists.",
)
_TURNED = replace_in_body(
    replace_in_body(
        replace_in_body(TOOLS_PARALLEL, '"index":0,"id"', '"index":7,"id"'), '"index":1,"id"', '"index":0,"id"'
    ),
    '"index":7,"id"',
    '"index":1,"id"',
)
_OTHER = object()
_NO_IDS = {"None", "null", "undefined", "NaN", "<nil>", "nil", "[object Object]"}
"""Results of converting a missing value to a string."""


_PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_AS_JSON = replace_in_body(
    ask(tools=[{"type": "function", "function": {"name": "get_weather", "parameters": _PARAMETERS}}]),
    TOOLS_BODY.response.body.decode(),
    BODY.response.body.decode(),
)
_AS_TEXT = replace_in_body(_AS_JSON, "你好! How can I help?", "SAID")
_ARGUMENTS_ALONE = Advice(
    "The user reads JSON, and the tool is never called: its arguments came as the text.",
    "If one tool was offered, treat the text as its call: `args = json.loads(message.content)`, with an id of your choice.",
)
_OF_NOBODY = Advice(
    "The user reads JSON instead of an answer: the model's template mentions tools although there are none.",
    'Ask again with `tool_choice="none"`, or with your own system message, which replaces the template\'s.',
)
_MADE_UP_RESULT = Advice(
    "The user reads numbers that no tool gave: the model wrote the result itself, and nothing was called.",
    'Stop it there and ask again: `stop=["<tool_response>"]` in the request, and no text with such a mark is shown.',
)
_REST = Advice(
    "The user reads it before the tool is called, and sent back it teaches the model to write such text.",
    "Drop text that comes with calls, for this provider only: `text = None if message.tool_calls else message.content`.",
)


@rule(
    "tool_calls.type", MUST, "`tool_calls`, if present, is an array of objects.",
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
    `for call in delta.tool_calls` raises TypeError on null in clients that only test for the key.

    Instead: Treat null as an empty list: `for call in filter(None, delta.tool_calls or []):`, without testing for
    the key.
    """
    yield from wrong_kinds(exchange, LISTS, {"list", "[]", "missing"}, "choice")
    odd = next(odd_calls(exchange), None)
    if odd:
        yield Problem("a call in tool_calls is not an object", (odd,))


_NEGATIVE = Advice(
    "Clients that keep calls in a list take it for the last one, or raise IndexError.",
    "Keep calls in a dict by whatever index comes, `calls.setdefault(call.index, {})`.",
)


@rule(
    "tool_calls.index", MUST, "Every tool call fragment has an `index`, an integer of 0 or more.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{"index":null,'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{"index":-1,'),
    ),
    depends_on=_READ,
)  # fmt: skip
def index(exchange: Exchange) -> Iterator[Problem]:
    """
    Of 18 client entry points measured, 10 break on a fragment without one.

    Instead: If `call.index is None`, let a fragment with an id start a new call and one without extend the latest.
    """
    yield from wrong_kinds(exchange, f"{LISTS}/*/index", {"int"}, "fragment")
    for fragment in fragments_of(exchange):
        number = index_in(fragment)
        if number is not None and number < 0:
            yield Problem(f"a fragment has the index {number}", place(fragment, "/index"), _NEGATIVE)
            return


@rule(
    "tool_calls.index-from-0", SHOULD, "The tool calls of a choice are numbered from 0 without gaps.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS, '"tool_calls":[{"index":0,', '"tool_calls":[{"index":1,'), replace_in_body(TOOLS_PARALLEL, '"index":1,', '"index":5,'), _TURNED),
    depends_on=_READ,
)  # fmt: skip
def index_from_0(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that keep calls in a list find it shorter than the index: IndexError.

    Instead: Keep calls in a dict, `calls.setdefault(call.index, {})`, and sort its keys at the end; avoid
    lists.
    """
    for calls in exchange.calls.values():
        found = sorted({call.index for call in calls if call.index is not None and call.index >= 0})
        gaps = set(range(found[-1] if found else 0)) - set(found)
        # A call without its own index, which other rules report, leaves a gap.
        if len(gaps) > len(calls) - len(found):
            yield Problem(
                f"the calls have the indices {', '.join(map(str, found))}", place(calls[0].fragments[0], "/index")
            )
        begun = [call for call in calls if call.index is not None and not call.shares_index]
        early = next((two for one, two in pairwise(begun) if (two.index or 0) < (one.index or 0)), None)
        if early and not gaps:
            yield Problem(
                f"call {early.index} begins after a call with a higher index",
                place(early.fragments[0], "/index"),
                _ORDER,
            )


_BY_NAME = Advice(
    "The arguments of both calls run together into one, and neither has an id.",
    "Start a new call at each name: `if call.function.name: calls.append({})`.",
)


@rule(
    "tool_calls.index-distinct", SHOULD, "Each tool call has its own `index`.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS_PARALLEL, '"tool_calls":[{"index":1,', '"tool_calls":[{"index":0,'),
        replace_in_body(replace_in_body(replace_in_body(TOOLS_PARALLEL, '"id":"call_1",', ""), '"id":"call_2",', ""), '"index":1,', '"index":0,'),
    ),
    depends_on=_READ,
)  # fmt: skip
def index_distinct(exchange: Exchange) -> Iterator[Problem]:
    """
    The arguments of both calls run together into one: `{"city":"Paris"}{"zone":"CET"}`.

    Instead: Start a new call at each new id, whatever its index: `if call.id and call.id not in calls: entry =
    calls.setdefault(call.id, {})`.
    """
    for calls in exchange.calls.values():
        heads: dict[int | None, list[ToolFragment]] = {}
        for call in calls:
            if call.shares_index:
                heads.setdefault(call.index, []).append(call.fragments[0])
        for firsts in heads.values():
            said = f"{len(firsts)} calls have the same index"
            advice = None if all(map(id_in, firsts)) else _BY_NAME
            yield Problem(said, tuple(place(first, "/index")[0] for first in firsts), advice)


@rule(
    "tool_calls.id-type", MUST, "The id of a tool call, if present, is a string.",
    sources.TOOL_FRAGMENT, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":null,"function"'), replace_in_body(TOOLS_BODY, '"call_1"', "1")),
    depends_on=_READ,
)  # fmt: skip
def id_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; others overwrite the id they had with null.

    Instead: Keep the first one as a string: `if call.id: entry.setdefault("id", str(call.id))`; declare it
    optional.
    """
    yield from wrong_kinds(exchange, f"{LISTS}/*/id", {"text", '""', "missing"}, "fragment")


@rule(
    "tool_calls.id", MUST, "Every tool call has an id that is not empty.",
    sources.TOOL_CALL, called,
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS, '"id":"call_1",', ""), replace_in_body(TOOLS, '"call_1"', '""'), replace_in_body(TOOLS_BODY, '"id":"call_1",', ""), replace_in_body(TOOLS, '"call_1"', '"None"'), replace_in_body(TOOLS_BODY, '"call_1"', '" "')),
    depends_on=_READ,
)  # fmt: skip
def has_id(exchange: Exchange) -> Iterator[Problem]:
    """
    The tool's result can't be sent back: tool_call_id must name the call.

    Instead: Generate one: `entry["id"] = f"call_{uuid4().hex}"`, and use it in the call and in its tool_call_id.
    """
    for call in all_calls(exchange):
        # tool_calls.id-type reports an id of another type.
        if _given_id(call) is None:
            yield Problem("a call has no id", place(call.fragments[0]))
        elif not call.id.strip() if call.id else False:
            yield Problem("the id of a call is only white space", place(call.fragments[0], "/id"))
        elif call.id in _NO_IDS:
            yield Problem(f"the id of a call is the word {call.id}", place(call.fragments[0], "/id"))


def _identified(exchange: Exchange) -> Reason | None:
    """A response with a tool call that has an id."""
    unnamed = NotApplicable("no call has an id", "blocked")
    return called(exchange) or (None if any(map(_given_id, all_calls(exchange))) else uncut(exchange) or unnamed)


_ONE_CALL = '{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}}'
_CALL_TWICE = replace_in_body(TOOLS_BODY, _ONE_CALL, f"{_ONE_CALL},{_ONE_CALL}")
_ONCE = Advice(
    "The tool runs more than once for one call: it writes, sends or pays again.",
    "Run each id once, and send back one call and one result: `calls = list({call.id: call for call in calls}.values())`.",
)


@rule(
    "tool_calls.ids-differ", SHOULD, "Parallel tool calls have different ids.",
    sources.REFERENCE, _identified,
    good=(TOOLS_PARALLEL, TOOLS_BODY),
    bad=(replace_in_body(TOOLS_PARALLEL, "call_2", "call_1"), _CALL_TWICE),
    depends_on=_READ,
)  # fmt: skip
def ids_differ(exchange: Exchange) -> Iterator[Problem]:
    """
    The results of the calls can't be told apart.

    Instead: Give each call a new id, `f"call_{uuid4().hex}"`, in the message sent back and in its tool_call_id.
    """
    for calls in exchange.calls.values():
        named = [(json_text(given), call) for call in calls if (given := _given_id(call))]
        counts = Counter(name for name, _ in named)
        for name, call in named:
            if counts[name] > 1:
                said, advice = f"{counts[name]} calls have the same id", None
                if len({(one.name, one.arguments) for given, one in named if given == name}) == 1:
                    said, advice = f"one call comes {counts[name]} times: id, name and arguments are the same", _ONCE
                yield Problem(said, place(call.fragments[0], "/id"), advice)
                return


def _given_id(call: JoinedCall) -> Any:
    """Return the first id, of any type; None if it is missing or empty."""
    return next((given for one in call.fragments if (given := one.value.get("id")) is not None and given != ""), None)


@rule(
    "tool_calls.name", MUST, "Every tool call names its function.",
    sources.TOOL_CALL, called,
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL),
    bad=(replace_in_body(TOOLS, '"name":"get_weather",', ""), replace_in_body(TOOLS_BODY, '"name":"get_weather"', '"name":""')),
    depends_on=_READ,
)  # fmt: skip
def has_name(exchange: Exchange) -> Iterator[Problem]:
    """
    The client does not know which function to call.

    Instead: If only one tool was offered, use it; otherwise drop the answer and retry.
    """
    for call in all_calls(exchange):
        if not call.name:
            yield Problem("a call names no function", place(call.fragments[0], "/function"))


@rule(
    "tool_calls.function", MUST, "The type of a tool call is `function`; in a stream, if present.",
    sources.TOOL_FRAGMENT, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS, '"type":"function"', '"type":"tool"'), replace_in_body(TOOLS_BODY, '"type":"function"', '"type":""'), replace_in_body(TOOLS, '"type":"function"', '"type":null'), replace_in_body(TOOLS_BODY, '"type":"function",', "")),
    depends_on=_READ,
)  # fmt: skip
def function_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; the OpenAI SDK's stream helper fails an assertion on an empty one.

    Instead: Treat each call with `call.function` as a function, send `"type": "function"` back, and avoid the SDK's
    `.stream()` helper.
    """
    for fragment in fragments_of(exchange):
        kind = fragment.value.get("type", "function" if exchange.is_stream else _OTHER)
        if kind != "function":
            shown = "absent" if kind is _OTHER else json_text(kind)
            yield Problem(f"the type of a call is {shown}", place(fragment, "/type"))
            return


_LEGACY = '"function_call":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"},'
_ONLY_LEGACY = Advice(
    "Clients that read only tool_calls see an empty answer: the offered tool is never called.",
    "Read the old form as well: `call = message.function_call`, and send its result with the role `function`.",
)


_EMPTY_LEGACY = Advice(
    "Clients that only test for function_call treat every answer as a call, of a function without a name.",
    "Test for its name: `if message.function_call and message.function_call.name:`.",
)


@rule(
    "tool_calls.not-legacy", SHOULD, "Tools are called in `tool_calls` only, not in `function_call`.",
    sources.TOOL_CALL, success_status,
    good=(TOOLS, TOOLS_BODY, BODY, replace_in_body(TOOLS_BODY, '"tool_calls":', '"function_call":null,"tool_calls":')),
    bad=(
        replace_in_body(TOOLS_BODY, '"tool_calls":', f'{_LEGACY}"tool_calls":'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,"id"', f'{_LEGACY}"tool_calls":[{{"index":0,"id"'),
        replace_in_body(TOOLS_BODY, '"tool_calls":', f'{_LEGACY}"calls":'),
        replace_in_body(BODY, '"content":', '"function_call":{"name":"","arguments":""},"content":'),
    ),
    depends_on=_READ,
)  # fmt: skip
def not_legacy(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that still read function_call run the tool twice, once for each form.

    Instead: Run the calls of tool_calls, and `message.function_call` only where there are none: `calls =
    message.tool_calls or []`.
    """
    place = f"/choices/*/{exchange.columns.message_key}/function_call"
    found = exchange.columns.kinds(place).get("object")
    if found is None:
        return
    where = ((found.first, found.pointer),)
    if not exchange.columns.kinds(f"{place}/name").keys() & {"text"}:
        yield Problem("function_call is present but names no function", where, _EMPTY_LEGACY)
    elif any(choice.tools for choice in exchange.columns.choices.values()):
        yield Problem("a function_call is sent beside tool_calls", where)
    elif exchange.request.get("tools") and not exchange.request.get("functions"):
        yield Problem("the tool is called in function_call, and tool_calls is empty", where, _ONLY_LEGACY)


@rule(
    "tool_calls.not-in-text", SHOULD, "`content` does not contain a tool call as markup or JSON.",
    sources.REFERENCE, success_status,
    good=(TOOLS, STREAM, replace_in_body(_AS_TEXT, "SAID", "I can call get_weather for a city.")),
    bad=(
        replace_in_body(STREAM, "! How can I", '<tool_call>{\\"name\\":\\"get_weather\\"}</tool_call>'),
        replace_in_body(STREAM, "! How can I", "<|tool_calls_begin|>"),
        replace_in_body(_AS_TEXT, "SAID", '{\\"name\\":\\"get_weather\\",\\"arguments\\":{\\"city\\":\\"Paris\\"}}'),
        replace_in_body(_AS_TEXT, "SAID", "get_weather(city='Paris')"),
        replace_in_body(_AS_TEXT, "SAID", "Action: get_weather\\nAction Input: Paris"),
        replace_in_body(_AS_TEXT, "SAID", '{\\"city\\":\\"Paris\\"}'),
        replace_in_body(TOOLS_BODY, '"content":null', '"content":"{"'),
        replace_in_body(BODY, "你好! How can I help?", '{\\"name\\":\\"greet\\",\\"parameters\\":{\\"who\\":\\"you\\"}}'),
        replace_in_body(replace_in_body(TOOLS_BODY, '\\"Paris\\"', '\\"Paris\\",\\"land\\":\\"France\\"'), '"content":null', '"content":"Paris\\nFrance"'),
    ),
    depends_on=_READ,
)  # fmt: skip
def not_in_text(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads markup, and the tool is never called.

    Instead: Search the text for markers such as `<tool_call>` before showing it; if found, retry or parse the known
    format.
    """
    for choice in exchange.columns.choices.values():
        text = choice.fragments("content")
        told = _call_in(exchange, choice, text.text) if text.text.strip() else None
        if told:
            place = place_of(exchange, choice, text.chunks[0], "/{part}/content")
            yield Problem(told[0], (place,), told[1])
    raise Unread("chunk.names")


def _call_in(exchange: Exchange, choice: Choice, text: str) -> tuple[str, Advice | None] | None:
    """Return the message about a call, or the rest of one, in ``text``; None if there is none."""
    offered = offered_tools(exchange)
    marked = call_markup(text, beside_calls=bool(choice.tools))
    if marked or written_call(text, offered):
        return f"the text holds {'the markup of ' if marked else ''}a tool call{_beside(exchange, choice, text)}", None
    if offered and result_markup(text):
        return "the text holds the result of a tool that nobody ran, in markup", _MADE_UP_RESULT
    asked = asked_text(exchange)
    if not (offered or choice.tools) and asked and "JSON" not in asked and call_of_nobody(text):
        known = not any(exchange.request.get(key) for key in ("tools", "functions", "response_format"))
        return ("the text is a tool call, as JSON, though no tool was offered", _OF_NOBODY) if known else None
    if not choice.tools:
        alone = not exchange.request.get("response_format") and only_arguments(text, offered)
        return (
            ("the text holds the arguments of a tool call, and tool_calls is empty", _ARGUMENTS_ALONE)
            if alone
            else None
        )
    return _rest_in(exchange.calls[choice.index], text)


def _rest_in(calls: Sequence[JoinedCall], text: str) -> tuple[str, Advice | None] | None:
    """Return the message about what a parser left in the text beside calls; None if nothing."""
    rest = rest_of_call(text)
    given = [call.value or {} for call in calls]
    if rest:
        return f"the text beside the call is a remnant of its markup: {rest}", _REST
    if values_said(text, [one for at, one in enumerate(given) if one not in given[:at]]):
        return "the text beside the call repeats the values of its arguments", _REST
    same = text.strip()[:1] == "{" and any(given) and read_object(text) in given
    return ("the text beside the call is its arguments once more", _REST) if same else None


def _beside(exchange: Exchange, choice: Choice, text: str) -> str:
    """Return how a call in the text relates to those in tool_calls."""
    if not choice.tools:
        return ""
    called = {call.name for call in exchange.calls[choice.index]}
    another = any(name in text for name in offered_tools(exchange) if name not in called)
    return " beside the others in tool_calls" if another else " that tool_calls has too"
