"""Checks the arguments of a call: their type, what they join to, and whether all parsers read them alike."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isinf
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, finish_values, uncut
from harness.checks.chat.argument_writing import beyond, rewritten
from harness.checks.chat.tool_fragments import LISTS, all_calls, called, leaves, place
from harness.checks.kinds import wrong_kinds
from harness.checks.registry import NotApplicable, Reason, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import (
    TOOLS,
    TOOLS_BODY,
    TOOLS_PARALLEL,
    replace_in_body,
    replace_last_in_body,
    with_body,
)
from harness.wire.chat.calls import JoinedCall, function_of, is_object, is_open, refuse, values_in_row
from harness.wire.chat.chunks import Choice
from harness.wire.exchange import Exchange
from harness.wire.shapes import Kind

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("chunk.present",)
_SHOWN = 60
_TRIED = 20  # fragments equal to the one before
_Told = tuple[str, Advice | None]
_ASTRAY = Advice(
    "`json.loads` raises for both calls, and neither is made.",
    "Do not mend them by a guess: ask again without `stream=True`, where no fragment can get the wrong index.",
)


_NO_FUNCTION = Advice(
    "`call.function.arguments` raises AttributeError, in the middle of the call.",
    "Skip such a fragment: `if call.function:`.",
)


@rule(
    "tool_calls.arguments", MUST, "`arguments` is a string; in a stream, if present.",
    sources.TOOL_FRAGMENT, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS_BODY, '"{\\"city\\":\\"Paris\\"}"', '{"city":"Paris"}'), replace_in_body(TOOLS, '"arguments":""', '"arguments":null'), replace_in_body(TOOLS_BODY, ',"arguments":"{\\"city\\":\\"Paris\\"}"', ""), replace_in_body(TOOLS, '"tool_calls":[{"index":0,"function"', '"tool_calls":[{"index":0,"function":null},{"index":0,"function"', 1)),
    depends_on=_READ,
)  # fmt: skip
def arguments_type(exchange: Exchange) -> Iterator[Problem]:
    """
    `arguments += fragment` and `json.loads(arguments)` raise TypeError.

    Instead: Append with `a or ""`, and accept an object: `args = a if isinstance(a, dict) else json.loads(a or
    "{}")`.
    """
    allowed: set[Kind] = {"text", '""', "missing"} if exchange.is_stream else {"text", '""'}
    yield from wrong_kinds(exchange, f"{LISTS}/*/function/arguments", allowed, "fragment")
    for problem in wrong_kinds(exchange, f"{LISTS}/*/function", {"object", "{}", "missing"}, "fragment"):
        yield replace(problem, advice=_NO_FUNCTION)


_PARTS = TOOLS.response.body.split(b"\n\n")
_PIECES_TWICE = with_body(
    TOOLS, b"\n\n".join([_PARTS[0], *(part for part in _PARTS[1:3] for _ in range(2)), *_PARTS[3:]])
)
_PIECE_AGAIN = with_body(TOOLS, b"\n\n".join([*_PARTS[:2], *(_PARTS[2:3] * 2), *_PARTS[3:]]))
_GROWING = Advice(
    "The joined pieces are not JSON: `json.loads` raises, and the call is never made.",
    "Let a piece that is an object by itself replace all before it: `arguments = piece if is_object(piece) else "
    "arguments + piece`, where is_object tries `json.loads(piece)`.",
)
_DOUBLED = Advice(
    "The joined pieces are not JSON: `json.loads` raises, and the call is never made.",
    'Keep the pieces, and join every second one if all of them are not JSON: `"".join(pieces[::2])`.',
)
_HALVED = Advice(
    "The joined pieces are not JSON: `json.loads` raises, and the call is never made.",
    "Take one half of each piece, for this provider only: `arguments += piece[: len(piece) // 2]`.",
)
_AGAIN = Advice(
    "The joined pieces are not JSON: `json.loads` raises, and the call is never made.",
    "If all pieces joined are not JSON, skip a piece equal to the one before: `if [piece] != pieces[-1:]: "
    "pieces.append(piece)`; or ask again without `stream=True`.",
)
_NO_NUMBER = Advice(
    "JavaScript's `JSON.parse` raises, and the call is never made; Python's `json.loads` reads it as a number.",
    "Read it as null: `json.loads(arguments, parse_constant=lambda name: None)`.",
)
_TWICE = Advice(
    "`json.loads` raises at the second object: the call is never made.",
    "Read the first object only: `args, _ = json.JSONDecoder().raw_decode(arguments)`.",
)
_EMPTY_BESIDE = Advice(
    "`json.loads` raises at the second object: the call is never made.",
    'Remove the empty object: `arguments.removeprefix("{}") or "{}"`, and `.removesuffix("{}")` if it comes last.',
)
_TOGETHER = Advice(
    "`json.loads` raises at the second object: none of the calls is made, and the others have no arguments.",
    "Read one object after the other, `args, end = decoder.raw_decode(arguments)`, and give each to the next call in "
    "order.",
)
_ENCODED_TWICE = Advice(
    "`json.loads` returns a string instead of a dict: the function is called with it, or `args[...]` raises TypeError.",
    "Parse once more if the result is a string: `if isinstance(args, str): args = json.loads(args)`.",
)
_UNESCAPED = Advice(
    "Strict parsers, such as `json.loads`, reject it: the call is never made.",
    "Allow it: `json.loads(arguments, strict=False)`.",
)
_OTHER_JSON = Advice(
    "`json.loads` does not return a dict: `args[...]` and `f(**args)` raise TypeError.",
    "Reject it before the call, `if not isinstance(args, dict): raise ValueError`, and send the message back as the "
    "tool's result.",
)
_LIST_OF_ONE = Advice(
    "`json.loads` returns a list instead of a dict: `args[...]` and `f(**args)` raise TypeError.",
    "Take the object out of the list: `args = args[0] if isinstance(args, list) else args`.",
)
_CUT = Advice(
    "`json.loads` raises, whatever the finish_reason says; sent back unchanged, the call is rejected.",
    "If `json.loads(arguments)` raises, drop the call and ask again with a larger `max_tokens`; never send it back.",
)


@rule(
    "tool_calls.arguments-json", SHOULD, "The fragments of `arguments` join to one JSON object.",
    sources.REFERENCE, all_of(called, complete_answer),
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL, replace_in_body(replace_last_in_body(TOOLS, '"tool_calls"', '"length"'), '\\"Paris\\"}', '\\"Par')),
    bad=(
        replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Paris\\"}{}'),
        replace_in_body(TOOLS, '{\\"city\\":', '{\\"city\\"'),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', "Paris"),
        replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Paris\\"}{\\"city\\":\\"Paris\\"}'),
        replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Paris\\"}{\\"city\\":\\"Lyon\\"}'),
        replace_in_body(TOOLS, '"\\"Paris\\"}"', '"{\\"city\\":\\"Paris\\"}"'),
        _PIECES_TWICE,
        replace_in_body(TOOLS_BODY, '"{\\"city\\":\\"Paris\\"}"', '"\\"{\\\\\\"city\\\\\\":\\\\\\"Paris\\\\\\"}\\""'),
        replace_in_body(TOOLS, "Paris", "Par\\nis"),
        replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Par'),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', "{&quot;city&quot;:&quot;Paris&quot;}"),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', '[ARGS]{\\"city\\":\\"Paris\\"}'),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', 'city\\":\\"Paris\\"}'),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', "{'city': 'Paris', 'far': True}"),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', '{{\\"city\\":\\"Paris\\"}}'),
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', '\\\\\\"Paris\\\\\\"'),
        replace_in_body(TOOLS_BODY, "Paris", "C:\\\\dir"),
        replace_in_body(TOOLS_BODY, '\\"city\\"', "city"),
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', '\\"Paris\\",'),
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', ""),
        replace_in_body(TOOLS_BODY, "Paris", 'the \\"old\\" Paris'),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', '[{\\"city\\":\\"Paris\\"}]'),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', '[\\"Paris\\"]'),
        replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Paris\\"}{ \\"city\\": \\"Paris\\"}'),
        replace_in_body(replace_in_body(TOOLS, '"{\\"city\\":"', '"{\\"city\\":{\\"city\\":"'), '"\\"Paris\\"}"', '"\\"Paris\\"}\\"Paris\\"}"'),
        _PIECE_AGAIN,
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', "NaN"),
        replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', '{\\"city\\":\\"Par\\"{\\"city\\":\\"Paris\\"}'),
    ),
    depends_on=_READ, explained_by=("sse.json", "sse.no-error", "http.complete", "chunk.choices", "chunk.names"),
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
        calls = exchange.calls[choice.index]
        sharing = Counter(call.index for call in calls if call.shares_index)
        for call in calls:
            # Some models call a function without parameters with nothing.
            if not call.arguments.strip() or is_object(call.arguments) or _of_another_type(call):
                continue
            # The arguments of all calls under one index are joined: index-distinct reports them.
            if sharing[call.index] and len(values_in_row(call.arguments)) == sharing[call.index]:
                continue
            said, advice = _astray(call, calls) or _told(call, choice)
            yield Problem(said, place(call.fragments[-1], "/function/arguments"), advice)


def _astray(call: JoinedCall, calls: Sequence[JoinedCall]) -> _Told | None:
    """Return the problem of two calls one of which has the end of the other's arguments."""
    pairs = [pair for other in calls if other is not call for pair in ((call, other), (other, call))]
    for longer, shorter in pairs:
        rest = beyond(longer.arguments)
        if rest and shorter.arguments.strip() and is_object(shorter.arguments + rest):
            return f"the arguments of one call have the end of another's: {rest}", _ASTRAY
    return None


def _of_another_type(call: JoinedCall) -> bool:
    """Return whether a fragment is neither a string nor null: tool_calls.arguments reports that."""
    pieces = (function_of(one).get("arguments") for one in call.fragments)
    return any(piece is not None and not isinstance(piece, str) for piece in pieces)


def _told(call: JoinedCall, choice: Choice) -> _Told:
    """Return what is wrong with arguments that are not a JSON object, and the advice."""
    text = call.arguments
    forms: tuple[Callable[[], _Told | None], ...] = (
        lambda: _in_a_row(text),
        lambda: ("a later piece repeats the arguments before it", _GROWING) if _growing(call) else None,
        lambda: ("each piece of the arguments comes twice", _DOUBLED) if _doubled(call) else None,
        lambda: ("each piece of the arguments holds its text twice", _HALVED) if _halved(call) else None,
        lambda: ("a piece of the arguments comes once more", _AGAIN) if _again(call) else None,
        lambda: (
            ("the arguments hold NaN or Infinity, which JSON does not allow", _NO_NUMBER) if _no_number(text) else None
        ),
        lambda: ("the arguments are JSON inside a JSON string", _ENCODED_TWICE) if _encoded_twice(text) else None,
        lambda: _other_json(text),
        lambda: ("a line break in the arguments is not escaped", _UNESCAPED) if _unescaped(text) else None,
        lambda: rewritten(text),
        lambda: _cut(text, choice),
    )
    told = (form() for form in forms)
    return next(filter(None, told), (f"the joined arguments are not a JSON object: {text[:_SHOWN]}", None))


def _in_a_row(text: str) -> _Told | None:
    """Return the problem of several objects instead of one."""
    row = values_in_row(text)
    if len(row) < 2 or not all(map(is_object, row)):  # noqa: PLR2004
        return None
    if all(json.loads(one) == json.loads(row[0]) for one in row):
        return f"the arguments come {len(row)} times over: {text[:_SHOWN]}", _TWICE
    if len(row) == 2 and "{}" in row:  # noqa: PLR2004
        return f"an extra empty object is beside the arguments: {text[:_SHOWN]}", _EMPTY_BESIDE
    return f"{len(row)} objects stand in the arguments of one call: {text[:_SHOWN]}", _TOGETHER


def _growing(call: JoinedCall) -> bool:
    """Return whether the last fragment is all of the arguments, and the earlier ones are its beginning."""
    pieces = call.pieces
    if len(pieces) == 1 or not is_object(pieces[-1]):
        return False
    return pieces[-1].startswith("".join(pieces[:-1])) or all(b.startswith(a) for a, b in pairwise(pieces))


def _doubled(call: JoinedCall) -> bool:
    """Return whether every second fragment repeats the one before, and the others are the arguments."""
    pieces = call.pieces
    return pieces[::2] == pieces[1::2] and is_object("".join(pieces[::2]))


def _halved(call: JoinedCall) -> bool:
    """Return whether every fragment is one text twice, and the halves join to the arguments."""
    halves = [piece[: len(piece) // 2] for piece in call.pieces]
    return all(piece == 2 * half for piece, half in zip(call.pieces, halves, strict=True)) and is_object(
        "".join(halves)
    )


def _again(call: JoinedCall) -> bool:
    """Return whether the fragments join to an object without one that repeats the one before it, or the first."""
    pieces = call.pieces
    same = [at for at in range(1, len(pieces)) if pieces[at] == pieces[at - 1]]
    return any(is_object("".join(pieces[:at] + pieces[at + 1 :])) for at in same[:_TRIED])


def _no_number(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict) and not is_object(text)
    except (ValueError, RecursionError):
        return False


def _encoded_twice(text: str) -> bool:
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(inner, str) and is_object(inner)


def _other_json(text: str) -> _Told | None:
    """Return the problem of complete JSON that is not an object: a list, a string, a number, true, false or null."""
    try:
        value = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return f"the arguments are an array that holds the object: {text[:_SHOWN]}", _LIST_OF_ONE
    kinds = {list: "a JSON array", str: "a JSON text", bool: "true or false", int: "a number", float: "a number"}
    return f"the arguments are {kinds.get(type(value), 'null')}, not an object: {text[:_SHOWN]}", _OTHER_JSON


def _unescaped(text: str) -> bool:
    """Return whether the arguments are an object except for unescaped control characters in its strings."""
    try:
        return isinstance(json.loads(text, strict=False, parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


def _cut(text: str, choice: Choice) -> _Told | None:
    if not is_open(text):
        return None
    reason = choice.finish_reasons[-1].value if choice.finish_reasons else None
    given = f"though finish_reason is {reason!r}" if reason else "and no finish_reason comes"
    return f"the arguments are cut short, {given}: …{text[-_SHOWN:]}", _CUT


_NUMBER = 2**53
_DUPLICATE = Advice(
    "One reader keeps the first of two equal keys, another the last: the arguments that were checked are not the ones that are run.",
    "Reject them: `json.loads(arguments, object_pairs_hook=unique)`, where unique raises ValueError on a repeated "
    "key, and send its message back as the tool's result.",
)
_LARGE = Advice(
    "JavaScript, and other readers that use doubles, read another number: an id loses its last digits.",
    "Read numbers exactly, `json.loads(arguments, parse_float=Decimal)`, and declare ids as strings in the schema.",
)
_NUL = Advice(
    "PostgreSQL rejects the text, and C programs end it there.",
    'Remove it before the text is stored or passed on: `text.replace("\\x00", "")`.',
)
_HALF = Advice(
    "Strict parsers reject the arguments; Python accepts them and raises UnicodeEncodeError when they are sent on.",
    'Replace it: `text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`.',
)


def _readable(exchange: Exchange) -> Reason | None:
    """A response with a tool call whose arguments can be parsed."""
    if "length" in finish_values(exchange):
        return "the answer was cut short, and says so"
    read = any(call.value is not None for call in all_calls(exchange))
    unread = NotApplicable("no arguments can be read", "blocked")
    return called(exchange) or (None if read else uncut(exchange) or unread)


@rule(
    "tool_calls.arguments-alike", SHOULD, "All JSON parsers read the same arguments.",
    sources.JSON_INTEROPERABLE, _readable,
    good=(TOOLS, TOOLS_BODY, TOOLS_PARALLEL),
    bad=(
        replace_in_body(TOOLS, '\\"Paris\\"}', '\\"Paris\\",\\"city\\":\\"Lyon\\"}'),
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', "1e999"),
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', "1234567890123456789"),
        replace_in_body(TOOLS_BODY, "Paris", "Par\\\\u0000is"),
        replace_in_body(TOOLS, "Paris", "Par\\\\ud83d"),
    ),
    depends_on=_READ,
)  # fmt: skip
def arguments_alike(exchange: Exchange) -> Iterator[Problem]:
    """
    The arguments shown or checked are not those that the function receives.

    Instead: Parse the arguments once, and pass on the parsed value, never the text.
    """
    for call in all_calls(exchange):
        for said, advice in _read_differently(call.arguments):
            yield Problem(said, place(call.fragments[-1], "/function/arguments"), advice)
            return


def _read_differently(arguments: str) -> Iterator[_Told]:
    """Yield what parsers read differently in ``arguments``; nothing if they are not an object."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.extend(key for key, count in Counter(key for key, _ in found).items() if count > 1)
        return dict(found)

    try:
        value = json.loads(arguments, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    if twice:
        yield f"the key {twice[0]!r} comes twice in one object of the arguments", _DUPLICATE
    yield from filter(None, map(_odd_leaf, leaves(value)))


def _odd_leaf(leaf: Any) -> _Told | None:
    """Return why parsers read a number or a string differently; None if they don't."""
    whole, text = type(leaf) is int, leaf if isinstance(leaf, str) else ""
    if (whole and abs(leaf) > _NUMBER) or (isinstance(leaf, float) and isinf(leaf)):
        return "a number in the arguments is larger than a double holds exactly", _LARGE
    if "\x00" in text:
        return "a string in the arguments holds a NUL", _NUL
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        return "a string in the arguments holds half a surrogate pair", _HALF
    return None
