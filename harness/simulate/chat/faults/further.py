"""Faults and legal variants from further reports of 2026: compression, waits in words, lists of models, counts."""

import gzip
from functools import partial

from harness.simulate.chat.faults.between import asked
from harness.simulate.edits import (
    any_chunk,
    body,
    chunks,
    compose,
    has_usage,
    header,
    replace_bytes,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_MODELS = "https://platform.openai.com/docs/api-reference/models/list"
_UNCOUNTED = f"{_GITHUB}/lm-sys/FastChat/pull/3843"
_TOO_LONG = f"{_GITHUB}/smg-project/smg/issues/2380"
_WAIT = f"{_GITHUB}/api7/aisix/issues/144"
_PACKED = f"{_GITHUB}/gadievron/raptor/pull/547"
_REMARK = f"{_GITHUB}/mnfst/llm-gateway/issues/2053"
_packed = partial(gzip.compress, mtime=0)
_ONE_TOKEN = f"{_GITHUB}/Arthur-Ficial/apfel/issues/100"
_NO_OBJECT = f"{_GITHUB}/mostlygeek/llama-swap/pull/154"
_LACKS = f"{_GITHUB}/dongri/openai-api-rs/issues/175"
_NONE_TYPE = f"{_GITHUB}/lexmount/browseruse-agent-bench/issues/84"
_INDEX = f"{_GITHUB}/vllm-project/tpu-inference/issues/3572"
_NONE = f"{_GITHUB}/BerriAI/litellm/pull/39037"
_SAYS_NOTHING = (
    "https://github.com/openai/openai-python/blob/e43b422412a9e96c9cc5192c61fffbe2d7e04836/src/openai/_exceptions.py"
)
_ALL = f"{_GITHUB}/raullenchai/Rapid-MLX/pull/453"
_LETTERS = f"{_GITHUB}/vertesia/llumiverse/issues/26"
_SIZE = f"{_GITHUB}/maximhq/bifrost/issues/1613"
_SSE = "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream"
_RESPONSES = f"{_GITHUB}/vllm-project/semantic-router/issues/2446"
_LINES = f"{_GITHUB}/ollama/ollama/issues/294"
_ENTITIES = _NONE_ID = _UNKNOWN = (
    "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
)
_TAKEN = f"{_GITHUB}/raullenchai/Rapid-MLX/pull/415"
_EMPTY_LOGPROBS = f"{_GITHUB}/ml-explore/mlx-lm/pull/342"
_QUESTION = [{"role": "user", "content": "Please tell me in one short sentence which city is the capital of France."}]


def _limited(words: str, code: int = 429) -> bytes:
    return f'{{"error":{{"message":"{words}","type":"rate_limit_error","param":null,"code":"{code}"}}}}'.encode()


def _refused(words: str) -> bytes:
    return f'{{"error":{{"message":"{words}","type":"server_error","param":null,"code":null}}}}'.encode()


def _twice(content: bytes) -> bytes:
    """Return a list of models with the first one repeated at its end."""
    start, end = content.find(b"["), content.rfind(b"]")
    return content if start < 0 else content[:end] + b"," + content[start + 1 : content.index(b"}") + 1] + content[end:]


# fmt: off
FAULTS = (
    Fault("counts-one-too-few", "usage counts one token less than logprobs lists.", "params.logprobs", _UNCOUNTED,
          chunks(has_usage, set_value("usage/completion_tokens", lambda count: count - 2), set_value("usage/total_tokens", lambda count: count - 2)), "usage.of-listed"),
    Fault("too-long-as-failed-worker", "A prompt that is too long is called a failure of the server.", "chat.nonstream", _TOO_LONG,
          status(500, b'{"error":{"message":"Prefill worker failed to start: The decoder prompt (length 375008) is longer than the maximum model length of 32768.","type":"server_error","param":null,"code":"prefill_worker_failed_to_start"}}'), "error.status"),
    Fault("wait-in-words-alone", "A limit says in words how long to wait, and in no header.", "error.no-tokens", _WAIT,
          status(429, _limited("Rate limit reached. Please try again in 30s.")), "http.retry-after-given"),
    Fault("wait-in-words-503", "A busy server says in words how long to wait, and in no header.", "error.no-tokens", _WAIT,
          status(503, _limited("The server is busy, retry after 20 seconds.", 503), "application/json"), "http.retry-after-given"),
    Fault("packed-unnamed", "The body is packed, and no header says so.", "chat.nonstream", _PACKED, body(_packed), "http.encoding"),
    Fault("packed-twice", "The body is packed twice, and the header says so once.", "chat.nonstream", _PACKED,
          compose(body(_packed), body(_packed), header("content-encoding", "gzip")), "http.encoding"),
    Fault("remark-as-data", "A comment is sent as data.", "chat.stream", _REMARK,
          body(lambda content: b"data: : PROCESSING\n\n" + content), "sse.json"),
    Fault("one-token-for-a-question", "A question of many words counts one token.", "chat.nonstream", _ONE_TOKEN,
          compose(asked(messages=_QUESTION), chunks(has_usage, set_value("usage/prompt_tokens", 1), set_value("usage/total_tokens", 5))), "usage.prompt-moves"),
    Fault("models-no-object", "The list of models does not say that it is one.", "models.list", _NO_OBJECT, replace_bytes(b'"object":"list",', b""), "models.keys"),
    Fault("model-without-created", "A model does not say when it was made.", "models.list", _LACKS, replace_bytes(b'"created":1760000000,', b""), "models.keys"),
    Fault("model-without-owner", "A model that is requested by its name does not say who owns it.", "models.one", _LACKS, replace_bytes(b'"owned_by":"system"', b'"owned_by":null'), "models.keys"),
    Fault("model-listed-twice", "A model is listed twice.", "models.list", _MODELS,
          body(_twice), "models.distinct"),
    Fault("exception-as-message", "The message of an error is an exception of the server's code.", "error.missing-messages", _NONE_TYPE,
          status(500, _refused("'>' not supported between instances of 'NoneType' and 'int'")), "error.own-words"),
    Fault("index-error-as-message", "The message of an error is an index that is out of range.", "error.wrong-type", _INDEX,
          status(500, _refused("list index out of range")), "error.own-words"),
    Fault("type-none-as-text", "The type of an error is the text None.", "error.unknown-model", _NONE,
          chunks(any_chunk, set_value("error/type", "None"), set_value("error/param", "None")), "error.type"),
    Fault("object-object", "The message of an error is what JavaScript prints of an object.", "error.bad-key", _SAYS_NOTHING,
          chunks(any_chunk, set_value("error/message", "[object Object]")), "error.message"),
    Fault("reasoning-is-all", "All completion tokens count as reasoning, and a text came.", "params.seed", _ALL,
          chunks(has_usage, set_value("usage/completion_tokens_details/reasoning_tokens", 4)), "usage.within-totals"),
    Fault("letters-counted", "As many tokens are counted as the text has letters.", "params.user", _LETTERS,
          compose(replace_bytes("你好! How can I help?".encode(), b"Hello there and how can I help you?"), chunks(has_usage, set_value("usage/completion_tokens", 35), set_value("usage/total_tokens", 44))), "usage.proportion"),
    Fault("size-in-the-body", "A size of chunked transfer is before an event.", "chat.stream", _SIZE,
          body(lambda content: b"217\r\n" + content), "sse.known-lines"),
    Fault("word-in-an-event", "An event has a line that is not a field.", "chat.stream", _SSE,
          replace_bytes(b"data: {", b"provider\ndata: {", 1), "sse.known-lines"),
    Fault("responses-events", "A stream has the events of the Responses API.", "chat.stream", _RESPONSES,
          body(lambda _: b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\nevent: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hi"}\n\n'), "chunk.present"),
    Fault("lines-without-data", "A stream is lines of JSON.", "chat.stream", _LINES,
          compose(replace_bytes(b"data: {", b"{"), replace_bytes(b"data: [DONE]\n\n", b""), replace_bytes(b"\n\n", b"\n")), "http.stream-asked"),
    Fault("fields-in-capitals", "The fields of a stream start with capital letters.", "chat.stream", _SSE, replace_bytes(b"data: ", b"Data: "), "http.stream-asked"),
    Fault("quotes-as-entities", "The quotes of the body are written as in HTML.", "chat.nonstream", _ENTITIES, replace_bytes(b'"', b"&quot;"), "http.body-asked"),
    Fault("id-none", "The id ends with None.", "params.seed", _NONE_ID, replace_bytes(b"chatcmpl-reference", b"chatcmpl-None"), "chunk.id-not-empty"),
    Fault("model-unknown", "The model is called unknown.", "chat.stream", _UNKNOWN, chunks(any_chunk, set_value("model", "unknown")), "identity.model-named"),
    Fault("top-p-2-taken", "A top_p of 2 is taken.", "params.store", _TAKEN, asked(top_p=2.0), "error.refused"),
    Fault("no-model-taken", "A request with an empty model is served.", "params.user", _TAKEN, asked(model=""), "error.refused"),
    Fault("logprobs-empty-object", "logprobs is an empty object.", "params.store", _EMPTY_LOGPROBS, replace_bytes(b'"logprobs":null', b'"logprobs":{}'), "chunk.logprobs"),
)

VARIANTS = (
    Variant("retry-and-comments", "A stream starts with a comment in one block with its first event.", "chat.stream", _SSE,
            body(lambda content: b": begun\n" + content)),
    Variant("models-with-more-keys", "Models have keys of their provider.", "models.list", _LACKS,
            replace_bytes(b'"owned_by"', b'"context_length":131072,"owned_by"')),
)
# fmt: on
