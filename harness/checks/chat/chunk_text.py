"""Checks the JSON of chunks and bodies for valid text that parsers read differently."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import body, success_status
from harness.checks.kinds import n_of_m
from harness.checks.registry import Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, TOOLS, replace_in_body, with_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.repeated_keys import values_of
from harness.wire.sse import BOM

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "chunk.present")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_NUL_IN_ARGUMENTS = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

_SAME_TWICE = Advice(
    "Parsers that reject duplicate keys, such as serde in Rust, reject the chunk; all others read the same.",
    "Let a strict parser accept duplicate keys: `json.loads(data)` in Python does.",
)


@rule(
    "chunk.keys-once", SHOULD, "No object has the same key twice.",
    sources.JSON_OBJECTS, success_status,
    good=(STREAM, BODY, replace_in_body(STREAM, '"你好"', '"a \\": b \\\\"'), replace_in_body(BODY, '"id":', '"id" :')),
    bad=(
        replace_in_body(STREAM, '{"content":"你好"}', '{"content":"你好","content":null}'),
        replace_in_body(BODY, '"finish_reason":"stop"', '"finish_reason":"stop","finish_reason":"stop"'),
        replace_in_body(STREAM, '"choices":[{"index":0,"delta":{"content":" help?"', '"choices":[],"choices":[{"index":0,"delta":{"content":" help?"'),
    ),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def keys_once(exchange: Exchange) -> Iterator[Problem]:
    """
    Python and JavaScript keep the last one, some parsers the first, Rust's refuse the chunk: two clients read two texts.

    Instead: Keep the last that is not null: `json.loads(data, object_pairs_hook=lambda pairs: dict(sorted(pairs, key=lambda pair: pair[1] is not None)))`.
    """
    found = exchange.columns.repeated_keys.found
    if not found:
        return
    number, pointer = found[0]
    parser = exchange.reading.parser
    values = values_of(
        parser.events.data[number] if parser else exchange.response.content[exchange.reading.start :], pointer
    )
    same = all(value == values[0] for value in values)
    where = "" if parser is None else f", in {n_of_m(len({n for n, _ in found}), exchange.columns.count, 'chunk')}"
    how = "the same value" if same else "different values"
    yield Problem(
        f"{pointer} occurs {len(values)} times, with {how}{where}", ((number, pointer),), _SAME_TWICE if same else None
    )


@rule(
    "chunk.no-nul", SHOULD, "No string contains NUL.",
    sources.JSON_STRINGS, success_status,
    good=(STREAM, BODY, TOOLS, replace_in_body(STREAM, '"你好"', '"\\\\u0000"')),
    bad=(replace_in_body(STREAM, '"你好"', '"你\\u0000好"'), replace_in_body(BODY, "你好", "\\u0000")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_nul(exchange: Exchange) -> Iterator[Problem]:
    r"""
    Legal JSON; PostgreSQL refuses the text, C libraries end it there, terminals and logs show nothing.

    Instead: Remove it before you store it: `text.replace("\x00", "")`.
    """
    content = exchange.response.content
    if b"\\u0000" not in content:
        return
    parser = exchange.reading.parser
    events = parser.events.data if parser else [content]
    holding = [number for number, data in enumerate(events) if _NUL.search(data)]
    if holding:
        where = f" in {n_of_m(len(holding), len(events), 'event')}" if parser else ""
        yield Problem(f"a text holds NUL{where}", ((holding[0], ""),))
        return
    for choice in exchange.columns.choices.values():
        for message in exchange.completion.messages:
            called = (call for call in message.tool_calls if _NUL_IN_ARGUMENTS.search(call.arguments))
            if message.index == choice.index and any(called):
                fragment = choice.tools[0]
                yield Problem("the arguments of a call hold NUL", ((fragment.chunk, fragment.pointer),))
                return
    raise Unread("chunk.choices", "chunk.names", "tool_calls.arguments-clean")


@rule(
    "chunk.whole-characters", SHOULD, "Escaped surrogates come in pairs.",
    sources.JSON_CHARACTERS, success_status,
    good=(STREAM, BODY, replace_in_body(STREAM, '"你好"', '"\\ud83d\\ude00"'), replace_in_body(STREAM, '"你好"', '"\\\\ud83d"')),
    bad=(replace_in_body(STREAM, '"你好"', '"\\ud83d"'), replace_in_body(BODY, "你好", "\\ude00 \\ud83d")),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def whole_characters(exchange: Exchange) -> Iterator[Problem]:
    """
    The server cut a character in two: `text.encode()` raises UnicodeEncodeError, and orjson, Go and Rust refuse it.

    Instead: Join all pieces first, then `text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`: two
    halves become one character again.
    """
    halves = exchange.reading.half_characters
    if halves:
        split = len(halves) > 1 and halves[1] - halves[0] == 1
        how = "its other half in the next" if split else "the other half missing"
        where = n_of_m(len(halves), exchange.columns.count, "chunk") if exchange.reading.parser else "the body"
        yield Problem(f"half of a surrogate pair is in {where}, {how}", ((halves[0], ""),))


@rule(
    "chunk.no-bom", MUST, "No byte order mark precedes a body.",
    sources.JSON_UTF8, body,
    good=(BODY,),
    bad=(with_body(BODY, BOM + BODY.response.body),),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def no_bom(exchange: Exchange) -> Iterator[Problem]:
    """
    Go, Java and `json.loads(text)` in Python fail on the first character; the OpenAI SDK and browsers skip it.

    Instead: Decode with `utf-8-sig` where you parse the body yourself.
    """
    if exchange.response.content.lstrip().startswith(BOM):
        yield Problem("the body starts with a byte order mark", ((None, 0),))
