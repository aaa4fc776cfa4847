"""Faults and legal variants of values in another place or under another name: of events, statuses and counts."""

from harness.simulate.edits import (
    any_chunk,
    before_done,
    body,
    chunks,
    compose,
    has_content,
    header,
    insert,
    rename,
    replace_bytes,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_SPEC = "https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation"
_KEEP_ALIVE = f"{_GITHUB}/router-for-me/CLIProxyAPI/pull/4691"
_PING = f"{_GITHUB}/Wei-Shaw/sub2api/pull/1707"
_INDENTED = f"{_GITHUB}/BerriAI/litellm/pull/26569"
_JOINED = f"{_GITHUB}/ggml-org/llama.cpp/issues/14268"
_TRUE = f"{_GITHUB}/Ganesh-403/semantic-plagiarism-detector/issues/1166"
_PROTOCOL = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml#L33105"
_REPLACED = f"{_GITHUB}/QuantumNous/new-api/issues/7418"
_NO_ACCOUNT = f"{_GITHUB}/Wei-Shaw/sub2api/pull/1489"
_RETRIED = f"{_GITHUB}/QuantumNous/new-api/issues/3275"
_DETAIL = f"{_GITHUB}/mozilla-ai/otari/pull/978"
_ALL_NAMES = f"{_GITHUB}/BerriAI/litellm/issues/41067"
_DECODED = f"{_GITHUB}/abdulmominsakib/localmind/pull/11"
_BARE_COLON = f"{_GITHUB}/ggml-org/llama.cpp/pull/24013"


def _error(message: str, kind: str = "invalid_request_error") -> bytes:
    return f'{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":null}}}}'.encode()


# fmt: off
FAULTS = (
    Fault("keep-alive-as-data", "What keeps the connection open is data, and no chunk.", "chat.stream", _KEEP_ALIVE,
          insert(has_content, b'data: {"type":"keepalive","sequence_number":1}\n\n'), "chunk.every"),
    Fault("ping-event-as-data", "Events named ping contain an object that is not a chunk.", "chat.stream-usage", _PING,
          insert(has_content, b'event: ping\ndata: {"type":"ping"}\n\n'), "chunk.every"),
    Fault("end-as-object", "An object says that the stream is done, before the mark does.", "chat.stream", _KEEP_ALIVE,
          before_done({"done": True}), "chunk.every"),
    Fault("field-indented", "White space is before the name of a field.", "chat.stream", _INDENTED,
          insert(has_content, b'   data: {"type":"keepalive"}\n\n'), "sse.data-given"),
    Fault("all-events-joined", "Events are kept apart by one line end and no blank line.", "chat.stream-usage", _JOINED,
          body(lambda content: content.replace(b"\n\ndata:", b"\ndata:")), "sse.json"),
    Fault("error-is-true", "The error is true, and its message is beside it.", "error.missing-messages", _TRUE,
          status(400, b'{"error":true,"message":"messages is missing"}'), "error.envelope"),
    Fault("created-in-local-time", "created counts the seconds of a local time, eight hours ahead.", "chat.nonstream", _PROTOCOL,
          compose(header("date", "Thu, 09 Oct 2025 08:53:21 GMT"), chunks(any_chunk, set_value("created", 1_760_000_000 + 28_800))), "identity.created-near"),
    Fault("smaller-model", "A smaller model answers than was requested.", "chat.nonstream", _REPLACED,
          chunks(any_chunk, set_value("model", "gpt-4o-mini-nano-2024-07-18")), "identity.model-served"),
    Fault("details-in-camel-case", "A count of the details is written in camel case.", "chat.nonstream", _DECODED,
          chunks(any_chunk, rename("usage/prompt_tokens_details/cached_tokens", "cachedTokens")), "usage.detail-counts"),
    Fault("limit-as-400", "A limit of requests has the status of an invalid request.", "chat.nonstream", _RETRIED,
          status(400, _error("Rate limit reached for requests.", "rate_limit_error")), "error.status"),
    Fault("length-as-429", "A prompt that is too long has the status of a limit.", "chat.nonstream", _DETAIL,
          status(429, _error("This model's maximum context length is 8192 tokens.")), "error.status"),
    Fault("no-account-as-503", "A model that does not exist has the status of a server that is busy.", "chat.nonstream", _NO_ACCOUNT,
          status(503, _error("No accounts support the model gpt-nonexistent.", "api_error")), "error.status"),
    Fault("usage-named-as-in-messages", "Usage has the names of Messages.", "chat.nonstream", _ALL_NAMES,
          chunks(any_chunk, rename("usage/prompt_tokens", "input_tokens"), rename("usage/completion_tokens", "output_tokens")), "usage.integers"),
    Fault("usage-in-camel-case", "The counts of usage are written in camel case.", "chat.nonstream", _DECODED,
          chunks(any_chunk, rename("usage/prompt_tokens", "promptTokens"), rename("usage/completion_tokens", "completionTokens"),
                 rename("usage/total_tokens", "totalTokens")), "usage.integers"),
)

VARIANTS = (
    Variant("bare-colons", "Lines of a colon alone keep the connection open.", "chat.stream", _BARE_COLON, insert(has_content, b":\n\n", b":\n\n")),
    Variant("space-after-colons", "Two spaces are after the colon of data.", "chat.stream", _SPEC, replace_bytes(b"data: {", b"data:  {")),
)
# fmt: on
