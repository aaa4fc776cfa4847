"""Faults and legal variants after further reports of 2026: packed bodies, waits told in words, lists of models, counts."""

import gzip
from functools import partial

from harness.simulate.chat.faults.between import asked
from harness.simulate.edits import (
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
_QUESTION = [{"role": "user", "content": "Please tell me in one short sentence which city is the capital of France."}]


def _limited(words: str, code: int = 429) -> bytes:
    return f'{{"error":{{"message":"{words}","type":"rate_limit_error","param":null,"code":"{code}"}}}}'.encode()


# fmt: off
FAULTS = (
    Fault("counts-one-too-few", "usage counts one token less than logprobs lists.", "params.logprobs", _UNCOUNTED,
          chunks(has_usage, set_value("usage/completion_tokens", lambda count: count - 2), set_value("usage/total_tokens", lambda count: count - 2)), "usage.of-listed"),
    Fault("too-long-as-failed-worker", "A prompt that is too long is called a failure of the server.", "chat.nonstream", _TOO_LONG,
          status(500, b'{"error":{"message":"Prefill worker failed to start: The decoder prompt (length 375008) is longer than the maximum model length of 32768.","type":"server_error","param":null,"code":"prefill_worker_failed_to_start"}}'), "error.status"),
    Fault("wait-in-words-alone", "A limit says in words how long to wait, and in no header.", "chat.nonstream", _WAIT,
          status(429, _limited("Rate limit reached. Please try again in 30s.")), "http.retry-after-given"),
    Fault("wait-in-words-503", "A busy server says in words how long to wait, and in no header.", "chat.stream", _WAIT,
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
    Fault("model-without-owner", "A model that is asked for by its name does not say who owns it.", "models.one", _LACKS, replace_bytes(b'"owned_by":"system"', b'"owned_by":null'), "models.keys"),
    Fault("model-listed-twice", "A model is listed twice.", "models.list", _MODELS,
          body(lambda content: content.replace(b"]}", b"," + content[content.index(b"[") + 1 : content.rindex(b"]")] + b"]}")), "models.distinct"),
)

VARIANTS = (
    Variant("wait-in-milliseconds", "A limit says how long to wait in words and in milliseconds.", "chat.nonstream", _WAIT,
            compose(status(429, _limited("Rate limit reached. Please try again in 250ms.")), header("retry-after-ms", "250"))),
    Variant("wait-in-a-reset", "A limit says when it is reset.", "chat.nonstream", _WAIT,
            compose(status(429, _limited("Rate limit reached. Please try again in 30s.")), header("x-ratelimit-reset-requests", "30s"))),
    Variant("models-with-more-keys", "Models have keys of their provider.", "models.list", _LACKS,
            replace_bytes(b'"owned_by"', b'"context_length":131072,"owned_by"')),
)
# fmt: on
