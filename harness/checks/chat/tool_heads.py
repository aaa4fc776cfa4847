"""Checks how a call begins, and how its later fragments are identified: index, id and name."""

from collections.abc import Callable, Iterator

from harness.checks import sources
from harness.checks.chat.tool_fragments import all_calls, name_among, numbered, offered_tools, place, streamed_call
from harness.checks.registry import Unread, rule
from harness.printable import count_of
from harness.results import Advice, Level, Problem
from harness.simulate.reference import TOOLS, TOOLS_PARALLEL, replace_in_body
from harness.wire.chat.calls import JoinedCall, arguments_in, function_of, id_in, name_in
from harness.wire.chat.chunks import ToolFragment
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_NAMED = '"name":"get_weather",'
_LATER = '"tool_calls":[{"index":0,"function":{"arguments":"\\"Paris'

_BRING = ("later fragment brings", "later fragments bring")
_TAKE_NAME = '`if call.function and call.function.name: entry["name"] = call.function.name`'
_TAKE_ID = '`if call.id: entry.setdefault("id", call.id)`'
_LATE_NAME = Advice(
    "Clients that take the name from the first fragment raise, or call a function without a name.",
    f"Take the name from whichever fragment brings it, {_TAKE_NAME}, and run the call after the stream.",
)
_EMPTY_NAME = Advice(
    'Clients that keep the first name, and only test whether it is there, call a function named "" and drop the real one.',
    f'Treat "" as no name, {_TAKE_NAME}, and run the call after the stream.',
)
_LATE_ID = Advice(
    "Clients that create a call by its id lose what came before it, or send the result back under an id they made up.",
    f"Create the call by its index, `calls.setdefault(call.index, {{}})`, and set the id when it comes: {_TAKE_ID}.",
)
_EMPTY_ID = Advice(
    'Clients that keep the first id send the result back under "", and the next request is refused.',
    f'Treat "" as no id: {_TAKE_ID}.',
)
_NO_TYPE = Advice(
    "Clients that read the type at the start of a call raise, or drop the call.",
    'Treat each call with `call.function` as a function, and send `"type": "function"` back.',
)


@rule(
    "tool_calls.head", SHOULD, "The first fragment of a tool call has its id, type and name.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(replace_in_body(TOOLS, _NAMED, ""), _LATER, _LATER.replace('"arguments"', f'{_NAMED}"arguments"')),
        replace_in_body(replace_in_body(TOOLS, '"get_weather"', '""'), _LATER, _LATER.replace('"arguments"', f'{_NAMED}"arguments"')),
        replace_in_body(replace_in_body(TOOLS, '"id":"call_1",', ""), _LATER, _LATER.replace('"function"', '"id":"call_1","function"')),
        replace_in_body(replace_in_body(TOOLS, '"call_1"', '""'), _LATER, _LATER.replace('"function"', '"id":"call_1","function"')),
        replace_in_body(TOOLS, '"type":"function",', ""),
    ),
    depends_on=_READ,
)  # fmt: skip
def head(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that create a call from its first fragment raise, or make a call without id or name.

    Instead: Create a call by its index, take each field from the fragment that has it, and run the calls after the
    stream.
    """
    told: set[Advice | None] = set()
    for number, call in numbered(exchange):
        for problem in (*_late_name(number, call), *_late_id(number, call), *_typeless(number, call)):
            if problem.advice not in told:
                told.add(problem.advice)
                yield problem


def _late_name(number: int, call: JoinedCall) -> Iterator[Problem]:
    first = call.fragments[0]
    if not call.name or name_in(first):
        return  # tool_calls.name reports it if none is ever sent
    later = next(n for n, one in enumerate(call.fragments) if name_in(one))
    before = sum(len(arguments_in(one)) for one in call.fragments[:later])
    when = f"; it comes with fragment {later + 1}" + (f", after {before} characters of the arguments" if before else "")
    if "name" in function_of(first):
        shown = json_text(function_of(first)["name"])
        yield Problem(f"the first name of call {number} is {shown}{when}", place(first, "/function/name"), _EMPTY_NAME)
    else:
        yield Problem(f"the first fragment of call {number} names no function{when}", place(first), _LATE_NAME)


def _late_id(number: int, call: JoinedCall) -> Iterator[Problem]:
    first = call.fragments[0]
    given = first.value.get("id", "")
    if not call.id or id_in(first) or given != "":
        return  # tool_calls.id reports it if none is ever sent, tool_calls.id-type if it is not a string
    when = f"it comes with fragment {next(n for n, one in enumerate(call.fragments, 1) if id_in(one))}"
    if "id" in first.value:
        yield Problem(f'the first id of call {number} is ""; {when}', place(first, "/id"), _EMPTY_ID)
    else:
        yield Problem(f"the first fragment of call {number} has no id; {when}", place(first), _LATE_ID)


def _typeless(number: int, call: JoinedCall) -> Iterator[Problem]:
    if "type" not in call.fragments[0].value:
        yield Problem(f"the first fragment of call {number} has no type", place(call.fragments[0]), _NO_TYPE)


_GOES_ON = '"tool_calls":[{"index":0,"function":{"arguments":"'
_STRAYS = replace_in_body(TOOLS, _GOES_ON, _GOES_ON.replace('"index":0', '"index":1'))
_STRAYS_WITH_ID = replace_in_body(TOOLS, _GOES_ON, _GOES_ON.replace('"index":0', '"index":1,"id":"call_1"'))
_BY_ID = Advice(
    "Clients that go by the index make two calls of one: the first has no arguments, the second no name.",
    "Tell calls apart by id if there is one: `entry = by_id.get(call.id) or calls.setdefault(call.index, {})`.",
)
_BY_NAME = Advice(
    "Clients make a call of each piece: the first has no arguments, the others no name.",
    "Start a call only if a name comes: `if call.function.name: entry = calls.setdefault(call.index, {})`, and "
    "append all other pieces to it.",
)


@rule(
    "tool_calls.index-constant", MUST, "A tool call keeps its `index`.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(_STRAYS, _STRAYS_WITH_ID, replace_in_body(_STRAYS_WITH_ID, '"index":1,"id":"call_1"', '"index":1,"id":"call_2"')),
    depends_on=_READ,
)  # fmt: skip
def index_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that go by the index make two calls of one: the first has no arguments, the second no name.

    Instead: If a fragment has neither id nor name, append it to the latest call: `if not call.id and not
    call.function.name: entry = latest`.
    """
    for number, call in numbered(exchange):
        if call.strays:
            others = ", ".join(dict.fromkeys(str(one.value["index"]) for one in call.strays))
            yield Problem(
                f"call {number} continues under the index {others}: {len(call.strays)} of {len(call.fragments)} fragments",
                place(call.strays[0], "/index"),
                _told_apart(call),
            )
            return
    raise Unread("sse.json")


def _told_apart(call: JoinedCall) -> Advice | None:
    """Return how client code can assign stray fragments to calls."""
    if not all(map(id_in, call.strays)):
        return None
    return _BY_ID if {id_in(one) for one in call.strays} == {call.id} else _BY_NAME


_SECOND_ID = replace_in_body(
    TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":"call_x","function"'
)


@rule(
    "tool_calls.id-constant", SHOULD, "A tool call keeps its id.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(_SECOND_ID, replace_in_body(_SECOND_ID, "call_x", "call_y", 1)),
    depends_on=_READ, explained_by=("tool_calls.index-constant",),
)  # fmt: skip
def id_constant(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that start a call at each new id split one call into several, each with part of the arguments.

    Instead: Tell calls apart by index alone, `calls.setdefault(call.index, {})`, and keep the first id: `if call.id:
    entry.setdefault("id", call.id)`.
    """
    for number, call in numbered(exchange):
        ids = {id_in(one): one for one in reversed(call.fragments) if id_in(one)}
        if len(ids) > 1:
            places = tuple(place(one, "/id")[0] for one in reversed(ids.values()))
            yield Problem(f"the id of call {number} changes: {len(ids)} ids in {len(call.fragments)} fragments", places)
            return


@rule(
    "tool_calls.id-once", SHOULD, "Only the first fragment of a tool call has its id.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":"","function"'),
        replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"id":"call_1","function"'),
    ),
    depends_on=_READ,
)  # fmt: skip
def id_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that take an id as the start of a call make several of one; in others, "" overwrites the id.

    Instead: Tell calls apart by index alone, and keep the first id: `if call.id: entry.setdefault("id",
    call.id)`.
    """
    for call in all_calls(exchange):
        later = [one for one in _after(call, id_in) if one.value.get("id") in ("", call.id)]
        if later:
            shown = '""' if later[0].value["id"] == "" else "an id"
            yield Problem(f"{count_of(len(later), *_BRING)} {shown}", place(later[0], "/id"))


def _after(call: JoinedCall, brought: Callable[[ToolFragment], str]) -> list[ToolFragment]:
    """Return the fragments after the one with the value, or after the first if none has it."""
    first = next((n for n, one in enumerate(call.fragments) if brought(one)), 0)
    return call.fragments[first + 1 :]


_EMPTIED = Advice(
    'Clients that set the name whenever one is given overwrite it with an empty string: `tools[""]` raises KeyError.',
    'Set the name only if it is not empty: `if call.function and call.function.name: entry["name"] = call.function.name`.',
)
_RENAMED = Advice(
    "Clients that keep the first name call one function, those that keep the last another.",
    "Keep the first, `if call.function.name: entry.setdefault('name', call.function.name)`, and ask again if the "
    "arguments do not fit it.",
)
_PIECES = Advice(
    "Clients that keep the first piece, or the last, call a function that does not exist.",
    'Join the pieces: `entry["name"] = entry.get("name", "") + (call.function.name or "")`.',
)


@rule(
    "tool_calls.name-once", SHOULD, "Only the first fragment of a tool call has its name.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '"function":{"arguments":', '"function":{"name":"get_weather","arguments":'),
        replace_in_body(TOOLS, '"function":{"arguments":', '"function":{"name":"","arguments":'),
        replace_in_body(replace_in_body(TOOLS, '"get_weather"', '"get_"'), _LATER, _LATER.replace('"arguments"', '"name":"weather","arguments"')),
        replace_in_body(TOOLS, _LATER, _LATER.replace('"arguments"', '"name":"get_time","arguments"')),
    ),
    depends_on=_READ,
)  # fmt: skip
def name_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that join names call get_weatherget_weather: 6 of 18 entry points measured.

    Instead: Assign the name instead of appending: `if call.function and call.function.name: entry["name"] =
    call.function.name`.
    """
    for number, call in numbered(exchange):
        later = [one for one in _after(call, name_in) if "name" in function_of(one)]
        if later and name_among(call, offered_tools(exchange)) != call.name:
            pieces = sum(bool(name_in(one)) for one in call.fragments)
            said = f"the name of call {number} comes in {pieces} pieces"
            yield Problem(said, place(later[0], "/function/name"), _PIECES)
        elif other := next((one for one in later if name_in(one) not in {"", call.name}), None):
            said = f"the name of call {number} changes: {call.name}, then {name_in(other)}"
            yield Problem(said, place(other, "/function/name"), _RENAMED)
        elif later:
            empty = not any(map(name_in, later))
            null = all(function_of(one)["name"] is None for one in later)
            how = " that is null" if null else " that is empty" if empty else ""
            said = f"{count_of(len(later), *_BRING)} a name{how}"
            yield Problem(said, place(later[0], "/function/name"), _EMPTIED if empty else None)
