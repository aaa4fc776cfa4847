"""Arguments of a call that come twice."""

import json
from collections.abc import Iterator

import orjson

from harness.checks import sources
from harness.checks.registry import rule
from harness.checks.repeated_text import GROWS, Told, told
from harness.checks.tool_fragments import all_calls, function_of, place, streamed_call
from harness.results import Advice, Level, Problem
from harness.simulate.reference import TOOLS, TOOLS_PARALLEL, replace_in_body
from harness.wire.chunks import ToolFragment
from harness.wire.exchange import Exchange

WHOLE_AGAIN = Advice(
    "The call can't be made: json.loads raises on what follows the first object.",
    "Read the first object, and leave out what follows only where it is the same: `arguments, end = "
    "json.JSONDecoder().raw_decode(text)`.",
)
WHOLE_AT_END = Advice(
    "The call can't be made: what the fragments join to is no JSON.",
    "Replace what came before by a fragment that begins with it: `arguments = piece if arguments and "
    "piece.startswith(arguments) else arguments + piece`.",
)
_DECODER = json.JSONDecoder()
_LAST = '"arguments":"\\"Paris\\"}"'
_GROWING = replace_in_body(TOOLS, _LAST, '"arguments":"{\\"city\\":\\"Paris\\"}"')
_AGAIN = replace_in_body(
    TOOLS, '"tool_calls":[{"index":0,"function":{"arguments":"\\"Paris\\"}"}}]',
    '"tool_calls":[{"index":0,"function":{"arguments":"\\"Paris\\"}"}},{"index":0,"function":{"arguments":"{\\"city\\":\\"Paris\\"}"}}]',
)  # fmt: skip


@rule(
    "tool_calls.arguments-once", Level.SHOULD, "The arguments of a call come once.",
    sources.REFERENCE, streamed_call,
    good=(TOOLS, TOOLS_PARALLEL),
    bad=(_GROWING, _AGAIN),
    depends_on=("chunk.present", "tool_calls.type", "tool_calls.arguments"),
)  # fmt: skip
def arguments_once(exchange: Exchange) -> Iterator[Problem]:
    """
    The call can't be made: what the fragments join to is no JSON.

    Instead: Ask without `stream=True` where tools are offered.
    """
    for fragments in all_calls(exchange):
        bringing = [fragment for fragment in fragments if _arguments(fragment)]
        pieces = [_arguments(fragment) for fragment in bringing]
        text = "".join(pieces)
        if not bringing or _is_json(text):
            continue  # whatever repeats is part of what the model said
        if _is_same_again(text):
            yield Problem(
                "the arguments come twice: the fragments join to equal objects, one after the other",
                place(bringing[-1], "/function/arguments"),
                advice=WHOLE_AGAIN,
            )
            continue
        found = _last_is_whole(pieces) or told(pieces, "arguments")
        if found:
            _, piece, message, advice = found
            yield Problem(message, place(bringing[piece], "/function/arguments"), advice=advice)


def _arguments(fragment: ToolFragment) -> str:
    value = function_of(fragment).get("arguments")
    return value if isinstance(value, str) else ""


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _last_is_whole(pieces: list[str]) -> Told | None:
    """The last fragment is an object by itself, and those before it are its beginnings, each or joined."""
    *before, last = pieces
    if not (before and _is_json(last)):
        return None
    if all(last.startswith(piece) for piece in before) and len(before) > 1:
        return "grows", 1, "each fragment repeats the arguments before it", GROWS
    if last.startswith("".join(before)):
        message = f"the last fragment repeats all of the arguments so far, which {len(before)} fragments brought"
        return "so far", len(before), message, WHOLE_AT_END
    return None


def _is_same_again(text: str) -> bool:
    """Tell whether ``text`` is a JSON object and the same once or more again."""
    try:
        first, end = _DECODER.raw_decode(text.strip())
        rest = text.strip()[end:].strip()
        while rest:
            other, end = _DECODER.raw_decode(rest)
            if other != first:
                return False
            rest = rest[end:].strip()
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict)
