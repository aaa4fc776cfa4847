"""Faults of errors that report a wrong cause or a wrong wait, and related legal variants."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.ideal import error
from harness.simulate.edits import (
    Change,
    any_chunk,
    body,
    chunks,
    compose,
    has_content,
    has_finish_reason,
    header,
    insert,
    remove,
    replace_bytes,
    response,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_WAIT = f"{_GITHUB}/router-for-me/CLIProxyAPI/pull/5536"
_LIMITS = "https://platform.openai.com/docs/guides/rate-limits"
_READ_TWICE = f"{_GITHUB}/orangeboyChen/codebuddy2api/pull/150"
_INFINITE = f"{_GITHUB}/sgl-project/sglang/issues/2955"
_PARAM = f"{_GITHUB}/docker/model-runner/issues/403"
_UNNAMED = f"{_GITHUB}/Gitlawb/openclaude/issues/1638"
_SAID = f"{_GITHUB}/QwenLM/qwen-code/issues/8920"
_EMPTY = f"{_GITHUB}/maximhq/bifrost/pull/5963"
_RFC = "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3"
_IMAGES = "https://openrouter.ai/docs/features/multimodal/image-generation"
_LIMITED = error(429, "Rate limit reached for requests. Please try again in 30s.", code="rate_limit_exceeded").body
_PIXEL = "data:image/png;base64,iVBORw0KGgo="


def _limited(wait: str, content: bytes = _LIMITED) -> Change:
    return compose(status(429, content), header("retry-after", wait))


def _failed(message: str, code: int = 500) -> Change:
    return status(code, error(code, message).body)


# fmt: off
FAULTS = (
    Fault("retry-after-of-years", "A refusal asks to wait for 292 years.", "error.too-long", _WAIT, header("retry-after", "9223372036"), "http.retry-after-form"),
    Fault("retry-after-past", "A refusal asks to wait until a date long past.", "error.unknown-model", _RFC,
          compose(header("date", "Wed, 21 Oct 2026 07:28:00 GMT"), header("retry-after", "Tue, 20 Oct 2026 07:28:00 GMT")), "http.retry-after-form"),
    Fault("retry-after-milliseconds", "The header tells the milliseconds to wait, and the text the seconds.", "error.no-tokens", f"{_GITHUB}/tinyhumansai/openhuman/issues/6504", _limited("30000"), "http.retry-after-given"),
    Fault("retry-after-shorter", "The header asks to wait a second, and the text half a minute.", "error.no-tokens", _LIMITS, _limited("1"), "http.retry-after-given"),
    Fault("error-body-read-twice", "An error is the exception of a gateway that read a body twice.", "error.wrong-type", _READ_TWICE, _failed("Body is unusable: Body has already been read"), "error.own-words"),
    Fault("error-of-infinity", "An error is the exception of a server that cannot write infinity.", "error.wrong-type", _INFINITE, _failed("Out of range float values are not JSON compliant: -inf"), "error.own-words"),
    Fault("error-of-parser", "An error is that of a parser which met a page of HTML.", "error.unknown-model", f"{_GITHUB}/QuantumNous/new-api/issues/5221", _failed("invalid character '<' looking for beginning of value", 502), "error.own-words"),
    Fault("parameter-500", "A parameter that is not supported is called a failure of the server.", "chat.nonstream", _PARAM, compose(asked(suffix="x"), _failed("Unsupported param: suffix")), "error.status"),
    Fault("overload-400", "An overload is called a mistake of the request.", "chat.nonstream", f"{_GITHUB}/QuantumNous/new-api/issues/7399", _failed("The model is currently overloaded. Please try again later.", 400), "error.status"),
    Fault("param-null-though-named", "The message names a parameter, and param is null.", "chat.nonstream", _UNNAMED,
          compose(asked(reasoning_effort="high"), status(400, error(400, "Unsupported parameter: 'reasoning_effort' is not supported.", code="unsupported_parameter").body)), "error.param"),
    Fault("error-key-twice", "The message stands twice in an error.", "error.unknown-model", None, body(lambda it: it.replace(b'"param":', b'"message":"","param":', 1)), "error.json"),
    Fault("failure-in-brackets", "The text is the failure of a client in brackets.", "chat.nonstream", _SAID, chunks(any_chunk, set_value("choices/0/message/content", "[API Error: 401 status code (no body)]")), "content.unwrapped"),
    Fault("every-field-empty", "A completion has all its keys and nothing in them.", "chat.nonstream", _EMPTY, status(200, b'{"id":"","object":"","created":0,"model":"","choices":null,"usage":null}'), "http.no-error"),
    Fault("sizes-of-chunks-in-body", "The sizes of chunked transfer stand around the JSON of a body.", "chat.nonstream", None, body(lambda it: b"%x\r\n%s\r\n0\r\n\r\n" % (len(it), it)), "http.body-asked"),
    Fault("infinity-in-body", "A number in a body is -Infinity.", "chat.nonstream", _INFINITE, body(lambda it: it.replace(b'"logprobs":null', b'"logprobs":-Infinity', 1)), "http.body-asked"),
    Fault("error-after-body", "An error follows the completion in one body.", "chat.nonstream", None, body(lambda it: it + b'{"error":{"message":"usage was not written","type":"server_error"}}'), "http.body-asked"),
    Fault("image-twice", "An image comes twice in a stream.", "chat.stream", _IMAGES, chunks(has_content, set_value("choices/*/delta/images", [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]), only=slice(0, 2)), "content.images"),
    Fault("error-message-beside-choices", "An event with empty choices has an error_message.", "chat.stream", None, insert(any_chunk, b'data: {"id":"1","object":"chat.completion.chunk","choices":[],"error_message":"connection lost"}\n\n'), "sse.no-error"),
    Fault("server-error-401", "The type of an error blames the server for a wrong key.", "error.bad-key", f"{_GITHUB}/anomalyco/opencode/pull/49195", chunks(any_chunk, set_value("error/type", "server_error")), "error.type"),
    Fault("error-garbled", "The message of an error is UTF-8 that was read as another encoding.", "error.unknown-model", None, chunks(any_chunk, set_value("error/message", "æ¨¡åž‹ no-such-model")), "error.message"),
    Fault("chunked-twice", "Chunked stands twice in the transfer-encoding.", "chat.stream", None, compose(response(http_version="HTTP/1.1"), header("transfer-encoding", "chunked, chunked")), "http.framing"),
    Fault("length-of-more", "The content-length is more than the bytes that come.", "chat.nonstream", f"{_GITHUB}/BerriAI/litellm/issues/25624", compose(response(http_version="HTTP/1.1"), header("content-length", "99999")), "http.framing"),
    Fault("image-of-other-type", "The URL of an image names another type than its data has.", "parity.chat", _IMAGES, chunks(any_chunk, set_value("choices/0/message/images", [{"type": "image_url", "image_url": {"url": _PIXEL.replace("png", "jpeg")}}])), "content.images"),
    Fault("model-made-in-milliseconds", "A model tells in milliseconds when it was made.", "models.list", None, body(lambda it: it.replace(b'"created":1760000000,', b'"created":1760000000000,', 1)), "models.keys"),
    Fault("json-escape-unknown", "A backslash in a body escapes an apostrophe.", "chat.nonstream", None, replace_bytes("你好".encode(), b"It\\'s nine."), "http.body-asked"),
    Fault("body-utf-16", "A body is UTF-16.", "chat.nonstream", None, body(lambda it: it.decode("utf-8", "replace").encode("utf-16")), "http.body-asked"),
    Fault("text-out-of-memory", "The text is the failure of an engine without memory.", "chat.nonstream", f"{_GITHUB}/exo-explore/exo/pull/1758", chunks(any_chunk, set_value("choices/0/message/content", "Error: out of memory on node 2 while running inference")), "content.unwrapped"),
    Fault("error-flat-in-event", "An error without an object around it ends a stream.", "chat.stop", f"{_GITHUB}/ENTERPILOT/GoModel/pull/1048", compose(insert(has_finish_reason, b'event: error\ndata: {"type":"stream_incomplete","message":"The stream was idle for 60 s."}\n\n'), remove(has_finish_reason)), "sse.no-error"),
    Fault("error-holds-a-page", "The message of an error is a page of HTML.", "error.unknown-model", f"{_GITHUB}/kortix-ai/suna/pull/5986", _failed("<html><head><title>502 Bad Gateway</title></head></html>", 502), "error.own-words"),
    Fault("audio-left-out", "Audio is asked for, and only text comes.", "chat.nonstream", f"{_GITHUB}/api7/aisix/issues/518", asked(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}), "content.audio"),
    Fault("alternatives-above-one", "The probabilities of the alternatives to a token add up to more than 1.", "params.top-logprobs", None, body(lambda it: it.replace(b'"logprob":-2.25', b'"logprob":-0.25')), "logprobs.top-distinct"),
    Fault("image-url-alone", "An image has its URL where an object with it belongs.", "parity.chat", _IMAGES, chunks(any_chunk, set_value("choices/0/message/images", [{"type": "image_url", "image_url": _PIXEL}])), "content.images"),
)

VARIANTS = (
    Variant("retry-after-a-day", "A refusal asks to wait a day.", "error.too-long", _LIMITS, header("retry-after", "86400")),
)
# fmt: on
