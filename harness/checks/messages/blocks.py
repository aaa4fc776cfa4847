"""Checks the blocks of a message: texts, tool calls, thinking."""

import json
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, uncut
from harness.checks.chat.repeated_text import told
from harness.checks.json_schema import schema_error
from harness.checks.marks import channel_words, special_token, think_tag
from harness.checks.messages.answers import (
    AGAIN,
    BEGUN,
    answer,
    known_request,
    of_kind,
    stream,
    whole,
    with_block,
    with_call,
    with_thinking,
    wrong_in,
)
from harness.checks.registry import Reason, Unread, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import chunks, drop, replace_bytes, set_value
from harness.simulate.messages.edits import added, dropped, swapped, typed, whole_at_start
from harness.simulate.messages.reference import (
    BODY,
    CAPPED,
    STREAM,
    THINKING,
    THINKING_BODY,
    TOOL,
    TOOL_BODY,
    TWO_TOOLS,
)
from harness.wire.exchange import Exchange
from harness.wire.json_faults import fault_of
from harness.wire.messages import grammar
from harness.wire.messages.columns import Block
from harness.wire.shapes import Json, as_object, objects_in

_CALL = typed("content_block_start", "tool_use")
_PIECE = typed("content_block_delta", "input_json_delta")
_THOUGHT = typed("content_block_start", "thinking")
_SIGNED = typed("content_block_delta", "signature_delta")
_TEXT = typed("content_block_delta", "text_delta")
_REPEATED = 8  # characters: a word alone may begin a text twice
_AGAIN = Advice(
    "Readers that start with the text of the block, as the SDK does, have it twice.",
    "Remove it if the deltas repeat it: `text.removeprefix(begun) if text.startswith(begun * 2) else text`.",
)
_SPOKEN = {"text": "text", "thinking": "thinking"}
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
_STARTED = (*BEGUN, "messages.event-keys", "messages.content-list")
_JOINED = (
    *_STARTED,
    "messages.event-type",
    "messages.block-started-once",
    "messages.delta-kind",
    "messages.delta-keys",
    "messages.delta-in-time",
)


def _any(_chunk: Json) -> bool:
    return True


def _text_came(exchange: Exchange) -> Reason | None:
    return with_block(exchange, "text")


def _head(block: Block, key: str) -> tuple[int, str]:
    return block.event, f"{block.pointer}/{key}"


def _last(block: Block) -> int:
    """The last event of a block."""
    return block.deltas[-1][0] if block.deltas else block.event


@rule(
    "messages.block-keys", Level.MUST, "A block starts with the fields of its type: `text`; or `id`, `name` and `input`.",
    sources.MESSAGES_API, answer,
    good=(STREAM, BODY, TOOL, TOOL_BODY),
    bad=(
        chunks(_CALL, drop("content_block/input"))(TOOL),
        chunks(_CALL, drop("content_block/id"))(TOOL),
        chunks(_any, set_value("content/1/name", ""))(TOOL_BODY),
        chunks(typed("content_block_start"), drop("content_block/text"))(STREAM),
        chunks(_any, set_value("content/1/input", "{}"))(TOOL_BODY),
    ),
    depends_on=_STARTED,
)  # fmt: skip
def block_keys(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the block, and the turn with it; a call without an id can't be answered.

    Instead: Create blocks with defaults: `{"text": "", "input": {}} | block`, and reject a call without id or name.
    """
    for kind, keys in grammar.BLOCK_KEYS.items():
        if kind == "thinking":
            continue
        found = [
            list(wrong_in(one.event, one.pointer, one.head, keys, f"a block of {kind}"))
            for one in of_kind(exchange, kind)
        ]
        for problems in [one for one in found if one][:1]:
            yield from problems


@rule(
    "messages.input-empty", Level.MUST, "A streamed tool call starts with an empty `input`.",
    sources.MESSAGES_STREAM, all_of(stream, with_call),
    good=(TOOL, TWO_TOOLS),
    bad=(chunks(_CALL, set_value("content_block/input", {"city": "Paris"}))(TOOL),),
    depends_on=_STARTED,
)  # fmt: skip
def input_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers ignore it: they take input from the deltas, and run the tool with `{}` if there are none.

    Instead: Keep it if no delta comes: `json.loads(pieces) if pieces else block.input`.
    """
    for block in of_kind(exchange, *_CALLS):
        if block.head.get("input"):
            yield Problem("input is not {} where the block begins", (_head(block, "input"),))
            return
    raise Unread("messages.block-keys")


@rule(
    "messages.begins-empty", Level.SHOULD, "A text or thinking block starts empty; its text comes in deltas.",
    sources.MESSAGES_STREAM, all_of(stream, lambda exchange: with_block(exchange, *_SPOKEN)),
    good=(STREAM, THINKING),
    bad=(
        whole_at_start("text")(STREAM),
        whole_at_start("thinking")(THINKING),
        chunks(typed("content_block_start", "text"), set_value("content_block/text", "你好 there! 👋"))(STREAM),
    ),
    depends_on=_STARTED,
)  # fmt: skip
def begins_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    Readers that use only the deltas lose it; a message with missing reasoning is rejected when it is sent back.

    Instead: Start with the text of the block, and append the deltas: `text = block.text or ""`, `text += delta.text`.
    """
    for block in of_kind(exchange, *_SPOKEN):
        key = _SPOKEN[block.kind]
        begun, added = block.head.get(key), block.joined(f"{key}_delta")
        if not isinstance(begun, str) or not begun.strip():
            continue
        if not added.strip():
            yield Problem(f"{key} is complete in content_block_start, and no delta sends it", (_head(block, key),))
            return
        if added.startswith(begun) and len(begun) >= _REPEATED:
            yield Problem(
                f"{key} is in content_block_start, and its deltas send it again", (_head(block, key),), _AGAIN
            )
            return
    if any(not isinstance(block.head.get(_SPOKEN[block.kind]), str) for block in of_kind(exchange, *_SPOKEN)):
        raise Unread("messages.block-keys")
    raise Unread("messages.delta-keys", "messages.delta-kind")


@rule(
    "messages.input-json", Level.MUST, "The fragments of a tool call join to a JSON object.",
    sources.MESSAGES_STREAM, all_of(all_of(whole, stream), with_call),
    good=(TOOL, TWO_TOOLS, CAPPED),
    bad=(
        chunks(_PIECE, set_value("delta/partial_json", lambda text: text.replace("}", "")))(TOOL),
        chunks(_PIECE, set_value("delta/partial_json", lambda text: text.replace("{", "[").replace('": "', '", "').replace("}", "]")))(TOOL),
        swapped(lambda chunk: _PIECE(chunk) and "{" in chunk["delta"]["partial_json"])(TOOL),
    ),
    depends_on=_JOINED,
)  # fmt: skip
def input_json(exchange: Exchange) -> Iterator[Problem]:
    """
    `json.loads` raises in the middle of an agent's turn, or the tool gets a list instead of named arguments.

    Instead: Reply to such a call with an error as its tool_result, so that the model calls again.
    """
    if exchange.turn.stop in {"max_tokens", "model_context_window_exceeded"}:
        return
    for block in of_kind(exchange, "tool_use"):
        pieces = list(block.texts.get("input_json_delta", ()))
        said = _not_an_object(block.joined("input_json_delta")) if any(pieces) else None
        if said:
            again = told(pieces, "input")
            why, advice = (f": {again[2]}", AGAIN) if again else ("", None)
            place = ((_last(block), "/delta/partial_json"),)
            yield Problem(f"the input of {block.head.get('name')} {said}{why}", place, advice)
            return


_TOLD = {"cut", "several", "python", "quote", "comma", "key", "control", "constant"}


def _not_an_object(text: str) -> str | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = fault_of(text.encode("utf-8", "surrogatepass"), str(error))
        return f"is not JSON: {fault.said}" if fault.form in _TOLD else "is not JSON"
    return None if isinstance(value, dict) else "is not a JSON object"


@rule(
    "messages.tool-id-unique", Level.MUST, "Each tool call of a message has its own id.",
    sources.MESSAGES_TOOLS, with_call,
    good=(TWO_TOOLS, TOOL_BODY),
    bad=(replace_bytes(b"toolu_reference2", b"toolu_reference1")(TWO_TOOLS),),
    depends_on=(*_STARTED, "messages.block-started-once"),
)  # fmt: skip
def tool_id_unique(exchange: Exchange) -> Iterator[Problem]:
    """
    Results are matched by id: one goes to both calls, or the next request is rejected.

    Instead: Give the second call your own id, both in the message sent back and in its result.
    """
    seen: set[Any] = set()
    for block in of_kind(exchange, *_CALLS):
        name = block.head.get("id")
        if isinstance(name, str) and name in seen:
            yield Problem("two calls have one id", (_head(block, "id"),))
            return
        seen.add(name if isinstance(name, str) else None)
    if None in seen:
        raise Unread("messages.block-keys")


def _offered(exchange: Exchange) -> dict[str, Json]:
    """Return the offered tools by name; server tools are not identified by name alone."""
    tools = objects_in(exchange.request.get("tools"))
    return {str(tool.get("name")): tool for tool in tools}


def _tools_known(exchange: Exchange) -> Reason | None:
    """A call, in a response to a request that offers client tools only."""
    found = objects_in(exchange.request.get("tools"))
    elsewhere = bool(exchange.request.get("mcp_servers")) or any(
        str(one.get("type", "")).startswith("tool_search") for one in found
    )
    reason = "the request offers tools that are not listed in it" if elsewhere else None
    return with_call(exchange) or known_request(exchange) or reason


@rule(
    "messages.tool-offered", Level.SHOULD, "A message calls only tools of the request.",
    sources.MESSAGES_TOOLS, _tools_known,
    good=(TOOL, TWO_TOOLS, TOOL_BODY),
    bad=(chunks(_CALL, set_value("content_block/name", "functions.get_weather"))(TOOL), chunks(_any, set_value("content/1/name", "weather"))(TOOL_BODY)),
    depends_on=_STARTED,
)  # fmt: skip
def tool_offered(exchange: Exchange) -> Iterator[Problem]:
    """
    `TOOLS[block.name]` raises KeyError.

    Instead: Reply with an error as tool_result, so that the model calls a tool that exists.
    """
    offered = _offered(exchange)
    for block in of_kind(exchange, "tool_use"):
        name = block.head.get("name")
        if not isinstance(name, str):
            raise Unread("messages.block-keys")
        if name not in offered:
            yield Problem(f"{name!r} was not offered", (_head(block, "name"),))
            return


@rule(
    "messages.tool-fits", Level.SHOULD, "The input of a tool call matches the schema of its tool.",
    sources.MESSAGES_TOOLS, all_of(whole, _tools_known),
    good=(TOOL, TWO_TOOLS, TOOL_BODY),
    bad=(
        chunks(_PIECE, set_value("delta/partial_json", lambda text: text.replace("city", "town")))(TOOL),
        chunks(_any, set_value("content/1/input", {"city": 7}))(TOOL_BODY),
        dropped(lambda chunk: _PIECE(chunk) and "ris" in chunk["delta"]["partial_json"])(dropped(lambda chunk: _PIECE(chunk) and "city" in chunk["delta"]["partial_json"])(TOOL)),
    ),
    depends_on=("messages.input-json", "messages.tool-offered"),
)  # fmt: skip
def tool_fits(exchange: Exchange) -> Iterator[Problem]:
    """
    The tool raises on a missing argument or a wrong type, or does something else.

    Instead: Validate the input before you run the tool (`jsonschema.validate`), and reply to an invalid one with an error.
    """
    if exchange.turn.stop in {"max_tokens", "model_context_window_exceeded"}:
        return
    offered = _offered(exchange)
    for block in of_kind(exchange, "tool_use"):
        if not block.texts.get("input_json_delta") and not isinstance(block.head.get("input"), dict):
            raise Unread("messages.block-keys")
        schema = as_object(offered.get(str(block.head.get("name")))).get("input_schema")
        wrong = schema_error(json.loads(block.arguments or "{}"), schema) if isinstance(schema, dict) else None
        if wrong:
            at = (_last(block), "/delta/partial_json") if block.deltas else _head(block, "input")
            yield Problem(f"{block.head.get('name')}: {wrong}", (at,))
            return


@rule(
    "messages.text-not-empty", Level.SHOULD, "No text block is empty.",
    sources.MESSAGES_API, all_of(whole, _text_came),
    good=(STREAM, BODY, TOOL),
    bad=(
        chunks(_any, set_value("content/0/text", ""))(TOOL_BODY),
        added(typed("content_block_stop"), {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}, {"type": "content_block_stop", "index": 1})(STREAM),
    ),
    depends_on=_JOINED,
)  # fmt: skip
def text_not_empty(exchange: Exchange) -> Iterator[Problem]:
    """
    Sent back in the history, it is rejected: "text content blocks must be non-empty".

    Instead: Omit such blocks from what you send: `[b for b in content if b.type != "text" or b.text]`.
    """
    empty = [block for block in of_kind(exchange, "text") if not block.text]
    for block in empty[:1]:
        yield Problem(f"{len(empty)} of {len(exchange.message.blocks)} blocks are empty text", (_head(block, "text"),))


_SHOWN = Advice(
    "The user reads the reasoning, and it goes back in the history as if the model had said it.",
    "Remove it before you show or store the text: `re.sub(r'^\\s*<think>.*?</think>\\s*', '', text, flags=re.S)`.",
)


@rule(
    "messages.text-clean", Level.SHOULD, "Text contains no markup of the model's template.",
    "convention: the server removes the markers of a model's template", all_of(answer, _text_came),
    good=(STREAM, BODY),
    bad=(
        chunks(_TEXT, set_value("delta/text", lambda text: f"<think>{text}" if "你好" in text else text))(STREAM),
        chunks(_any, set_value("content/0/text", "Sure.<|im_end|>"))(BODY),
    ),
    depends_on=_JOINED,
)  # fmt: skip
def text_clean(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads the model's internal tokens, and code that parses the text fails on them.

    Instead: Truncate the text at the first such token: `text.split("<|", 1)[0]`.
    """
    for block in of_kind(exchange, "text"):
        # Claude writes <thinking> tags in a text if told to, or with tools: no template does.
        thought = think_tag(block.text.replace("<thinking>", "").replace("</thinking>", ""))
        mark = thought or special_token(block.text) or channel_words(block.text)
        if mark and mark not in (exchange.request.body or b"").decode("utf-8", "replace"):
            at = (_last(block), "/delta/text") if block.deltas else _head(block, "text")
            yield Problem(f"{mark!r} is in the text", (at,), _SHOWN if thought else None)
            return


@rule(
    "messages.thinking-keys", Level.SHOULD, "A thinking block starts with the fields `thinking` and `signature`.",
    sources.MESSAGES_THINKING, with_thinking,
    good=(THINKING, THINKING_BODY),
    bad=(
        chunks(_THOUGHT, drop("content_block/signature"))(THINKING),
        chunks(_any, drop("content/0/signature"))(THINKING_BODY),
        chunks(_THOUGHT, drop("content_block/thinking"))(THINKING),
    ),
    depends_on=_STARTED,
)  # fmt: skip
def thinking_keys(exchange: Exchange) -> Iterator[Problem]:
    """
    `block.signature` raises AttributeError, and typed clients fail to decode the block.

    Instead: Read with a default, and send it back unchanged: `block.get("signature", "")`.
    """
    keys: grammar.Keys = {"/thinking": ("text", '""'), "/signature": ("text", '""')}
    for block in of_kind(exchange, "thinking")[:1]:
        yield from wrong_in(block.event, block.pointer, block.head, keys, "a block of thinking")


@rule(
    "messages.signed", Level.SHOULD, "A thinking block has a signature.",
    sources.MESSAGES_THINKING, all_of(whole, with_thinking),
    good=(THINKING, THINKING_BODY),
    bad=(
        dropped(_SIGNED)(THINKING),
        chunks(_SIGNED, set_value("delta/signature", ""))(THINKING),
        chunks(_any, set_value("content/0/signature", ""))(THINKING_BODY),
    ),
    depends_on=_JOINED,
)  # fmt: skip
def signed(exchange: Exchange) -> Iterator[Problem]:
    """
    Anthropic, and gateways that check signatures, reject the history: "Invalid signature in thinking block".

    Instead: Record which provider made a thinking block, and remove unsigned ones before the history goes to
    another provider.
    """
    unsigned = [block for block in of_kind(exchange, "thinking") if not block.signature]
    for block in unsigned[:1]:
        said = f"{len(unsigned)} thinking blocks have" if len(unsigned) > 1 else "the thinking block has"
        yield Problem(
            f"{said} no signature", ((_last(block), "/delta") if block.deltas else _head(block, "signature"),)
        )


@rule(
    "messages.signed-last", Level.SHOULD, "The signature of a thinking block is sent once, whole, in its last delta.",
    sources.MESSAGES_STREAM, all_of(all_of(stream, uncut), with_thinking),
    good=(THINKING,),
    bad=(
        swapped(lambda chunk: chunk.get("delta", {}).get("thinking", "").startswith(" so"))(THINKING),
        added(_SIGNED, {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqoB"}})(THINKING),
        added(typed("content_block_start", "thinking"), {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "EqoB"}})(THINKING),
    ),
    depends_on=(*_JOINED, "messages.signed"),
)  # fmt: skip
def signed_last(exchange: Exchange) -> Iterator[Problem]:
    """
    The SDK keeps only the last part, `block.signature = delta.signature`: the signature is incomplete.

    Instead: Send back what you have; if it is rejected, ask again without the thinking block.
    """
    for block in of_kind(exchange, "thinking"):
        at = [n for n, (_, kind) in enumerate(block.deltas) if kind == "signature_delta"]
        if len(at) > 1:
            yield Problem(f"a signature comes in {len(at)} deltas", ((block.deltas[at[1]][0], "/delta/type"),))
        elif at and at[0] != len(block.deltas) - 1:
            yield Problem("the thinking continues after its signature", ((block.deltas[at[0] + 1][0], "/delta/type"),))


@observation(
    "messages.block-kinds", "Types of block that Anthropic does not document.",
    sources.MESSAGES_API, answer,
    good=(STREAM, TOOL),
    bad=(chunks(typed("content_block_start"), set_value("content_block/type", "note"))(STREAM), chunks(_any, set_value("content/0/type", "output_text"))(BODY)),
    depends_on=_STARTED,
)  # fmt: skip
def block_kinds(exchange: Exchange) -> str:
    """
    Legal: Anthropic adds types. Clients drop types they do not know.

    Instead: Show the text of unknown blocks: `getattr(block, "text", "")`.
    """
    kinds = {block.kind for block in exchange.message.blocks}
    other = {kind for kind in kinds if kind not in grammar.DELTAS_OF and not kind.endswith("_tool_result")}
    return ", ".join(sorted(other)[:8]) or "none"
