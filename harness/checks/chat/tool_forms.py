"""Observes forms of tool calls that the rules leave open, in the family tool_calls."""

from itertools import groupby, pairwise

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, finish_values, success_status, uncut
from harness.checks.chat.tool_fragments import LISTS, all_calls, called, fragments_of, streamed_call
from harness.checks.kinds import form_of_id
from harness.checks.registry import Reason, observation
from harness.simulate.reference import BODY, STREAM, TOOLS, TOOLS_BODY, replace_in_body, with_body
from harness.wire.chat.calls import function_of, id_in
from harness.wire.chat.chunks import ToolFragment
from harness.wire.exchange import Exchange

_READ = ("chunk.present",)
_PARTS = TOOLS.response.body.split(b"\n\n")
_FIRST = _PARTS[0].replace(b'"arguments":""', b'"arguments":"{}"')
_IN_ONE = with_body(TOOLS, b"\n\n".join([_FIRST, *_PARTS[3:]]))


@observation(
    "tool_calls.pieces", "Whether the arguments of a tool call come whole or in fragments.",
    sources.TOOL_FRAGMENT, all_of(streamed_call, uncut),
    good=(TOOLS,),
    bad=(_IN_ONE,),
    depends_on=_READ,
)  # fmt: skip
def pieces(exchange: Exchange) -> str:
    """
    Clients that show arguments as they grow show nothing until the end if they come whole.

    Instead: Join the fragments with `+=` and call `json.loads` once, after the stream; this also handles a single
    fragment.
    """
    sizes = [len(call.fragments) for call in all_calls(exchange)]
    return "in pieces" if max(sizes) > 1 else "whole"


@observation(
    "tool_calls.id-form", "The form of a tool call's id.",
    sources.TOOL_CALL, called,
    good=(TOOLS, TOOLS_BODY),
    bad=(replace_in_body(TOOLS, '"call_1"', '"get_weather:0"'), replace_in_body(TOOLS_BODY, '"call_1"', '"0b5c3e1e-5c0f-4c0f-9c4e-2f6f3b7f0a11"')),
    depends_on=_READ,
)  # fmt: skip
def id_form(exchange: Exchange) -> str:
    """
    A gateway or an app that checks for `call_`, or for a length, refuses its own provider's ids.

    Instead: Treat the id as an opaque string, and send it back unchanged.
    """
    ids = filter(None, map(id_in, fragments_of(exchange)))
    return " | ".join(dict.fromkeys(map(form_of_id, ids))) or "none"


@observation(
    "tool_calls.first", "What the first fragment of a tool call contains.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS,),
    bad=(_IN_ONE, replace_in_body(TOOLS, '"type":"function",', "")),
    depends_on=_READ,
    harmful=lambda value: not value.endswith("no arguments yet"),
)  # fmt: skip
def first(exchange: Exchange) -> str:
    """
    Code that takes name and id from the first fragment and arguments from later ones loses data when they are mixed.

    Instead: In every fragment, take whichever fields are present, and join arguments with `+=`.
    """
    return " | ".join(dict.fromkeys(_brought(call.fragments[0]) for call in all_calls(exchange)))


def _brought(fragment: ToolFragment) -> str:
    function = function_of(fragment)
    keys = [key for key in ("id", "type") if fragment.value.get(key)] + [key for key in ("name",) if function.get(key)]
    begun = "arguments" if function.get("arguments") else "no arguments yet"
    return ", ".join([*keys, begun])


@observation(
    "tool_calls.repeated", "What later fragments of a tool call repeat.",
    sources.TOOL_FRAGMENT, streamed_call,
    good=(TOOLS,),
    bad=(replace_in_body(TOOLS, '{"index":0,"function":{"arguments"', '{"index":0,"type":"function","function":{"arguments"'),),
    depends_on=_READ,
    harmful=lambda value: value != "nothing",
)  # fmt: skip
def repeated(exchange: Exchange) -> str:
    """
    Code that takes a `type` or an `id` as the start of a call makes a call of every fragment.

    Instead: Tell calls apart by `index`.
    """
    later = [one for call in all_calls(exchange) for one in call.fragments[1:]]
    found = [key for key in ("id", "type") if any(key in one.value for one in later)]
    found += ["name"] if any("name" in function_of(one) for one in later) else []
    return ", ".join(found) or "nothing"


def _called_whole(exchange: Exchange) -> Reason | None:
    """A response with a tool call that was not truncated."""
    cut = "the answer was cut short, and says so" if "length" in finish_values(exchange) else None
    return called(exchange) or complete_answer(exchange) or uncut(exchange) or cut


@observation(
    "tool_calls.no-arguments", "What is sent as the arguments of a tool call without any.",
    sources.TOOL_CALL, _called_whole,
    good=(TOOLS, TOOLS_BODY, replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', "{}")),
    bad=(replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', ""), replace_in_body(TOOLS_BODY, '{\\"city\\":\\"Paris\\"}', " ")),
    depends_on=(*_READ, "sse.no-error", "http.complete", "tool_calls.name", "tool_calls.arguments", "tool_calls.index-constant"),
    harmful=lambda value: value == "an empty text",
)  # fmt: skip
def no_arguments(exchange: Exchange) -> str:
    """
    OpenAI sends {}, which is JSON; `json.loads("")` raises: the call is never made, and some servers reject it when sent back.

    Instead: Treat it as no arguments: `json.loads(call.function.arguments or "{}")`, and send {} back.
    """
    given = [call.arguments.strip() for call in all_calls(exchange)]
    return "an empty text" if "" in given else "{}" if "{}" in given else "each call has arguments"


@observation(
    "tool_calls.empty-list", "Whether an empty `tool_calls` array is sent.",
    sources.DELTA, success_status,
    good=(STREAM, BODY, TOOLS),
    bad=(
        replace_in_body(BODY, '"refusal":null', '"refusal":null,"tool_calls":[]'),
        replace_in_body(STREAM, '"delta":{"content"', '"delta":{"tool_calls":[],"content"'),
        replace_in_body(TOOLS, '"delta":{}', '"delta":{"tool_calls":[]}'),
    ),
    depends_on=_READ,
    harmful=lambda value: value != "none",
)  # fmt: skip
def empty_list(exchange: Exchange) -> str:
    """
    Code that tests `tool_calls is not None`, which works with OpenAI, treats the answer as a call: it drops the
    text, loops forever, or raises IndexError. Some servers reject it in the history.

    Instead: Test for a call, not for the field: `if message.tool_calls:`; and omit the field from what you send back.
    """
    if "[]" not in exchange.columns.kinds(LISTS.replace("{part}", exchange.columns.message_key)):
        return "none"
    return (
        "beside calls" if any(choice.tools for choice in exchange.columns.choices.values()) else "in an answer of text"
    )


@observation(
    "tool_calls.order", "How the pieces of several calls follow each other.",
    sources.TOOL_CALL, all_of(streamed_call, uncut),
    good=(TOOLS,),
    bad=(replace_in_body(TOOLS, '"arguments":""}}]', '"arguments":""}},{"index":1,"id":"call_2","type":"function","function":{"name":"get_weather","arguments":"{}"}}]'),),
    depends_on=_READ,
    harmful=lambda value: value in {"in turn", "in one chunk"},
)  # fmt: skip
def order(exchange: Exchange) -> str:
    """
    Legal; clients that take the first call of a chunk, or add each piece to the last call, join the arguments of two.

    Instead: Go by the index, for each piece of a chunk: `for piece in delta.tool_calls: calls[piece.index] += piece`.
    """
    for choice in exchange.columns.choices.values():
        indices = [(fragment.chunk, fragment.value.get("index")) for fragment in choice.tools]
        if any(one[0] == other[0] and one[1] != other[1] for one, other in pairwise(indices)):
            return "in one chunk"
        runs = [index for index, _ in groupby(index for _, index in indices)]
        if len(runs) > len({*map(str, runs)}):
            return "in turn"
    return "one after the other" if len(list(all_calls(exchange))) > 1 else "one call"
