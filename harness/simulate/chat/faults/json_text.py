"""Faults of invalid JSON, or of JSON that parsers read differently."""

from collections.abc import Callable

import orjson

from harness.simulate.edits import body, replace_bytes
from harness.simulate.fault import Fault

_SERDE = "https://github.com/tinyhumansai/openhuman/issues/4204"
_DUPLICATES = "https://github.com/fmind-ai/fgentic/issues/1409"
_NUL = "https://github.com/plastic-labs/honcho/pull/1095"
_NUL_STORED = "https://github.com/BerriAI/litellm/pull/24314"
_SURROGATES = "https://github.com/elizaOS/eliza/issues/30904"
_PYTHON = "https://github.com/Osmantic/ODS/pull/3809"
_QUOTES = "https://github.com/sysid/sse-starlette/issues/21"
_TWICE = "https://github.com/apache/servicecomb-java-chassis/pull/5125"
_NO_BLANK_LINE = "https://github.com/anomalyco/opencode/issues/27365"
_GLUED = "https://github.com/Wei-Shaw/sub2api/issues/1471"
_INFINITE = "https://github.com/sgl-project/sglang/issues/4097"
_JSON = "https://www.rfc-editor.org/rfc/rfc8259"

_HELLO = '"你好"'.encode()
_FIRST_END = b'"finish_reason":null}]}'


def _with_each(content: bytes, write: Callable[[bytes], bytes]) -> bytes:
    """Return a stream whose chunks are serialized again; what another change made invalid stays."""
    lines = []
    for line in content.split(b"\n\n"):
        try:
            lines.append(b"data: " + write(line[6:]) if line.startswith(b"data: {") else line)
        except ValueError:
            lines.append(line)
    return b"\n\n".join(lines)


def _each(content: bytes) -> bytes:
    """Write each chunk of a stream as a JSON text."""
    return _with_each(content, lambda data: orjson.dumps(data.decode()))


def _printed(content: bytes) -> bytes:
    """Write each chunk as Python's repr."""
    return _with_each(content, lambda data: repr(orjson.loads(data)).encode())


def _first_in_single_quotes(content: bytes) -> bytes:
    """Write the first event with single quotes."""
    first, blank, rest = content.partition(b"\n\n")
    return first.replace(b'"', b"'") + blank + rest


def _breaks_off(content: bytes) -> bytes:
    """Truncate a stream within a chunk, and write an error on the next line."""
    begins, found, _ = content.rpartition(b'"finish_reason":"stop"')
    error = {"error": {"message": "stream read error", "type": "upstream_error"}}
    return begins + b"\ndata: " + orjson.dumps(error) + b"\n\n" if found else content


# fmt: off
FAULTS = (
    Fault("keys-twice-and-null", "A message has reasoning_content twice, the second time null.", "reasoning.nonstream", _SERDE,
          replace_bytes(b'"refusal":null', b'"reasoning_content":null,"refusal":null'), "chunk.keys-once"),
    Fault("keys-twice-the-same", "A delta has the same content twice.", "chat.stream", _SERDE, replace_bytes(b'{"content":"! How can I"', b'{"content":"! How can I","content":"! How can I"'), "chunk.keys-once"),
    Fault("keys-twice-another-text", "The last delta with text has two.", "chat.stream", _DUPLICATES, replace_bytes(b'{"content":" help?"', b'{"content":" not help?","content":" help?"'), "chunk.keys-once"),
    Fault("keys-twice-usage", "The usage chunk has usage twice, first null.", "chat.stream-usage", _DUPLICATES, replace_bytes(b'"choices":[],', b'"choices":[],"usage":null,'), "chunk.keys-once"),
    Fault("keys-twice-in-call", "A tool call has its name twice.", "tools.nonstream", _DUPLICATES, replace_bytes(b'"function":{"name":', b'"function":{"name":"f","name":', 1), "chunk.keys-once"),
    Fault("nul-in-text", "The text contains NUL.", "chat.stream", _NUL_STORED, replace_bytes(_HELLO, '"你\\u0000好"'.encode()), "chunk.no-nul"),
    Fault("nul-in-body", "The text of a body contains NUL instead of a byte of a character.", "chat.nonstream", "https://github.com/opensanctions/poliloom/issues/138",
          replace_bytes("你好".encode(), b"K\\u0000f2rsou"), "chunk.no-nul"),
    Fault("nul-in-arguments", "The arguments of a tool call contain NUL.", "tools.nonstream", _NUL, replace_bytes(b'\\"}"', b'\\\\u0000\\"}"', 1), "chunk.no-nul"),
    Fault("surrogates-split", "A character is in two chunks, half in each.", "chat.stream", _SURROGATES,
          body(lambda it: it.replace(_HELLO, b'"\\ud83d"').replace(b'"! How can I"', b'"\\ude00! How can I"')), "chunk.whole-characters"),
    Fault("surrogate-alone-in-body", "Half of a surrogate pair is in the text of a body.", "chat.nonstream", "https://github.com/CherryHQ/cherry-studio/pull/20614",
          replace_bytes("你好".encode(), b"\\ude00"), "chunk.whole-characters"),
    Fault("json-python-throughout", "Every chunk is a printed Python dict.", "chat.stream", _PYTHON, body(_printed), "sse.json"),
    Fault("json-single-quotes", "A chunk has single quotes.", "chat.stream", _QUOTES, body(_first_in_single_quotes), "sse.json"),
    Fault("json-encoded-twice", "Every chunk is a JSON text with JSON in it.", "chat.stream", _TWICE, body(_each), "sse.object"),
    Fault("json-body-encoded-twice", "A body is a JSON text with JSON in it.", "chat.nonstream", _TWICE, body(lambda it: orjson.dumps(it.decode("utf-8", "replace"))), "http.body-asked"),
    Fault("json-without-blank-line", "No blank line is between two chunks.", "chat.stop", _NO_BLANK_LINE, replace_bytes(_FIRST_END + b"\n\n", _FIRST_END + b"\n", 1), "sse.json"),
    Fault("json-unclosed", "A chunk breaks off, and an error follows with no blank line between them.", "chat.stream", _GLUED, body(_breaks_off), "sse.json"),
    Fault("json-glued", "An error is written on the line of a chunk.", "tools.auto", _GLUED, replace_bytes(_FIRST_END, _FIRST_END + b'{"type":"error"}', 1), "sse.json"),
    Fault("json-infinity", "A logprob is -Infinity.", "chat.logprobs", _INFINITE, replace_bytes(b'"logprob":-0.25', b'"logprob":-Infinity', 1), "sse.json"),
    Fault("json-beyond-a-double", "A number is too large for a double.", "chat.logprobs", _INFINITE, replace_bytes(b'"logprob":-0.25', b'"logprob":-1e999', 1), "sse.json"),
    Fault("json-closing-comma", "A comma is before a closing bracket.", "chat.stream", _JSON, replace_bytes(_FIRST_END, b'"finish_reason":null,}]}', 1), "sse.json"),
    Fault("json-marked", "A byte order mark is before each chunk.", "chat.stream", f"{_JSON}#section-8.1", replace_bytes(b"data: {", b"data: \xef\xbb\xbf{"), "sse.json"),
    Fault("json-field-twice", "The name of the field occurs twice on each line.", "chat.stream", "https://html.spec.whatwg.org/multipage/server-sent-events.html", replace_bytes(b"data: {", b"data: data: {"), "sse.json"),
    Fault("json-commented", "A chunk contains a comment.", "chat.stream", _JSON, replace_bytes(_FIRST_END, _FIRST_END + b"/* 1 */", 1), "sse.json"),
    Fault("json-body-marked", "A byte order mark is before a body.", "chat.nonstream", f"{_JSON}#section-8.1", body(lambda it: b"\xef\xbb\xbf" + it), "chunk.no-bom"),
    Fault("json-body-with-log", "A line of a log follows the body.", "chat.nonstream", _GLUED, body(lambda it: it + b"\nINFO: done"), "http.body-asked"),
)
