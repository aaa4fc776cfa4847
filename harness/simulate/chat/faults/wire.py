"""Faults of the envelope (status, headers, body as a whole) and of the framing of a stream."""

import gzip
import zlib

from harness.matrix.scenarios import SCENARIOS
from harness.simulate.chat.ideal import recording
from harness.simulate.edits import (
    any_chunk,
    before_done,
    body,
    chunks,
    compose,
    has_content,
    has_finish_reason,
    has_tool_calls,
    has_usage,
    header,
    insert,
    only_if,
    remove,
    replace_bytes,
    response,
    set_value,
    status,
)
from harness.simulate.fault import Fault
from harness.wire.exchange import Exchange

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_REQUEST, _CHUNK, _OPTIONS = f"{_OPENAPI}#L33105", f"{_OPENAPI}#L33665", f"{_OPENAPI}#L31765"
_STATUS, _ENCODING = (
    "https://www.rfc-editor.org/rfc/rfc9110#section-15",
    "https://www.rfc-editor.org/rfc/rfc9110#section-8.4",
)
_JSON_UTF8 = "https://www.rfc-editor.org/rfc/rfc8259#section-8.1"
_INCOMPLETE = "https://www.rfc-editor.org/rfc/rfc9112#section-8"
_LENGTH = "https://www.rfc-editor.org/rfc/rfc9110#section-17.5"
_SSE = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
_SSE_TYPE, _SSE_FORMAT, _SSE_EVENTS = (
    f"{_SSE}#text/event-stream",
    f"{_SSE}#parsing-an-event-stream",
    f"{_SSE}#event-stream-interpretation",
)
_PYDANTIC = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)
_REQ_LLM = "https://github.com/neilberkman/req_llm/blob/1c985d8a8ba0b3f291cae9ceff6d8369fd6342b7/test/support/fixtures"
_RUBY_LLM = (
    "https://github.com/crmne/ruby_llm/blob/fb5a49bf04da78d3e74496431ad1c99df5e7e5f0/spec/fixtures/vcr_cassettes"
)
_QIANFAN = "https://github.com/baidubce/bce-qianfan-sdk/blob/6cacf6002140a3249c1c8d557def462c29c129c5/python/qianfan"
_ARK = "https://github.com/volcengine/volcengine-python-sdk/blob/b5be43b5e6b3a2e618a8b27848b2e2bc2d1b64b0/volcenginesdkarkruntime"
_GROQ_ERROR = f"{_PYDANTIC}/test_groq/test_tool_use_failed_error_streaming.yaml"
_LLAMACPP = "https://github.com/coddy-project/coddy-agent/pull/106"
_UNCLOSED = "https://github.com/darshi1337/apogee/pull/139"
_ROUTER = "https://github.com/decolua/9router/issues/3492"
_ABORTED = "https://github.com/tetsuo-ai/agenc-core/pull/2492"
_KEEP_ALIVE = "https://github.com/Routstr/routstr-core/pull/543"

_BODY = recording(SCENARIOS["chat.nonstream"])[0].response.body
_STREAM = recording(SCENARIOS["chat.stream"])[0].response.body
_HTML = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
_REFUSED = b'{"error":{"message":"This model serves streams only.","type":"invalid_request_error","param":null,"code":"invalid_value"}}'
_BUSY = b'{"error":{"message":"The service is busy.","type":"server_error","param":null,"code":"internal_error"}}'
_ERROR = {"message": "The upstream failed.", "type": "server_error", "param": None, "code": "502"}
_HELLO = "你好".encode()
_DONE = b"data: [DONE]\n\n"
_CUT = compose(remove(any_chunk, only=slice(3, None)), replace_bytes(_DONE, b""))


def _closed(exchange: Exchange) -> bool:
    """Return whether a blank line closes the last event, so that an addition is a separate one."""
    return exchange.response.body.endswith(b"\n\n")


# fmt: off
_ENVELOPE = (
    Fault("status-created", "An answer has status 201.", "chat.nonstream", _STATUS, status(201), "http.status"),
    Fault("status-accepted", "A stream has status 202.", "chat.stream", _STATUS, status(202), "http.status"),
    Fault("status-no-content", "A request is answered with 204 and nothing else.", "chat.stream", _STATUS, status(204, b""), "http.status"),
    Fault("status-moved", "A request is answered with a redirection.", "chat.nonstream", _STATUS, compose(status(307, b""), header("location", "/v2/")), "http.status"),
    Fault("status-stream-only", "A request for a body is rejected by a model that only streams.", "chat.nonstream", "https://github.com/infiniflow/ragflow/issues/5912",
          status(400, _REFUSED), "http.status"),
    Fault("status-no-stream", "A request for a stream with tools is rejected.", "tools.auto", "https://github.com/lobehub/lobehub/pull/7663",
          status(400, _REFUSED.replace(b"streams", b"bodies"), "application/json"), "http.status"),

    Fault("media-type-json-for-stream", "A stream is labelled application/json.", "chat.stream", None,
          header("content-type", "application/json; charset=utf-8"), "http.content-type"),
    Fault("media-type-plain-for-stream", "A stream is labelled text/plain.", "tools.auto", _SSE_TYPE,
          header("content-type", "text/plain; charset=utf-8"), "http.content-type"),
    Fault("media-type-none-for-stream", "A stream has no content-type.", "chat.stream-usage", _SSE_TYPE, header("content-type", None), "http.content-type"),
    Fault("media-type-stream-for-body", "A body is labelled text/event-stream.", "chat.nonstream", _ROUTER,
          header("content-type", "text/event-stream"), "http.content-type"),
    Fault("media-type-octets-for-body", "A body is labelled application/octet-stream.", "tools.nonstream", None,
          header("content-type", "application/octet-stream"), "http.content-type"),
    Fault("media-type-none-for-body", "A body has no content-type.", "chat.nonstream", _REQUEST, header("content-type", None), "http.content-type"),
    Fault("charset-latin-1", "A UTF-8 stream is labelled ISO-8859-1.", "chat.unicode", _SSE_TYPE,
          header("content-type", "text/event-stream; charset=ISO-8859-1"), "http.charset"),
    Fault("charset-gbk", "A UTF-8 body is labelled GBK.", "chat.nonstream", _SSE_TYPE, header("content-type", 'application/json; charset="gbk"'), "http.charset"),

    Fault("empty-stream", "A stream ends before its first byte.", "chat.stream", None, body(lambda _: b""), "http.not-empty"),
    Fault("empty-body", "A body has no bytes.", "chat.nonstream", "https://github.com/deepseek-ai/DeepSeek-R1/issues/91", body(lambda _: b""), "http.not-empty"),
    Fault("blank-body", "A body is blank lines and nothing else.", "chat.nonstream", "https://github.com/deepseek-ai/DeepSeek-V3/issues/599",
          body(lambda _: b"\n\n\n\n"), "http.not-empty"),
    Fault("gzip-damaged", "A gzip body is damaged.", "chat.nonstream", _ENCODING,
          compose(body(lambda it: b"\x1f\x8b\x08\x00" + it), header("content-encoding", "gzip")), "http.encoding"),
    Fault("gzip-cut", "A gzip stream lacks its end.", "chat.stream", _ENCODING,
          compose(body(lambda it: gzip.compress(it, mtime=0)[:-40]), header("content-encoding", "gzip")), "http.encoding"),
    Fault("deflate-damaged", "A deflate body is damaged.", "tools.nonstream", _ENCODING,
          compose(body(lambda it: zlib.compress(it)[:20] + b"\xff" * 40), header("content-encoding", "deflate")), "http.encoding"),
    Fault("line-without-end", "A line of a stream does not end.", "chat.stream", _LENGTH,
          compose(_CUT, response(eof=False, error="LimitReached: a line of more than 8,388,608 bytes")), "http.too-large"),
    Fault("transfer-unfinished", "The connection breaks after the last event, before the transfer ends.", "chat.stream", _INCOMPLETE,
          response(eof=False, error="RemoteProtocolError: incomplete chunked read"), "http.complete"),
    Fault("transfer-cut-stream", "The connection breaks in the middle of a stream.", "reasoning.stream", None,
          compose(_CUT, response(eof=False, error="ReadError: connection reset")), "http.complete"),
    Fault("transfer-cut-body", "The connection breaks in the middle of a body.", "chat.nonstream", _INCOMPLETE,
          compose(body(lambda it: it[: len(it) // 2]), response(eof=False, error="RemoteProtocolError: peer closed connection")), "http.complete"),
    Fault("html-for-stream", "A gateway's page is sent instead of a stream, with status 200.", "chat.stream", _REQUEST,
          compose(body(lambda _: _HTML), header("content-type", "text/html")), "http.not-html"),
    Fault("html-for-body", "A gateway's page is sent instead of a body, with status 200.", "chat.nonstream", _REQUEST,
          compose(body(lambda _: _HTML), header("content-type", "text/html")), "http.not-html"),
)

_KIND = (
    Fault("body-for-stream", "A stream is requested, and one JSON body is sent.", "chat.stream", "https://github.com/tinyhumansai/tinyagents/pull/56",
          compose(body(lambda _: _BODY), header("content-type", "application/json")), "http.stream-asked"),
    Fault("body-and-mark-for-stream", "A stream is requested and a JSON body with a final [DONE] is sent.", "chat.stream", _ROUTER,
          body(lambda _: _BODY + _DONE), "http.stream-asked"),
    Fault("plain-text-for-stream", "A stream is requested and a line of plain text is sent.", "chat.stream", None,
          body(lambda _: b"upstream unavailable\n"), "http.stream-asked"),
    Fault("stream-for-body", "A body is requested and a stream is sent.", "chat.nonstream", "https://github.com/sgl-project/mini-sglang/issues/51",
          compose(body(lambda _: _STREAM), header("content-type", "text/event-stream")), "http.body-asked"),
    Fault("body-with-mark", "[DONE] follows a body.", "chat.nonstream", _ROUTER, body(lambda it: it + _DONE), "http.body-asked"),
    Fault("body-cut", "A body's JSON ends in the middle, and the transfer in good order.", "tools.nonstream", _REQUEST, body(lambda it: it[:-50]), "http.body-asked"),
    Fault("body-plain-text", "A body is plain text.", "chat.nonstream", f"{_PYDANTIC}/test_openai/test_text_response.yaml",
          compose(body(lambda _: b"Hello! How can I help?"), header("content-type", "text/plain")), "http.body-asked"),
    Fault("body-nan", "A body contains NaN.", "chat.nonstream", _REQUEST, replace_bytes(b'"logprobs":null', b'"logprobs":NaN'), "http.body-asked"),
    Fault("body-twice", "A body is sent twice.", "chat.nonstream", _REQUEST, body(lambda it: it + it), "http.body-asked"),

    Fault("body-gbk", "A body is sent as GBK.", "chat.nonstream", _JSON_UTF8, replace_bytes(_HELLO, "你好".encode("gbk")), "http.utf8"),
    Fault("body-utf8-half", "A character of a body lacks its last byte.", "multi_turn.history", None, replace_bytes(_HELLO, _HELLO[:-1]), "http.utf8"),
    Fault("body-utf8-stray-byte", "The arguments of a tool call in a body are sent as Latin-1.", "tools.nonstream", _JSON_UTF8, replace_bytes(b"Paris", b"Orl\xe9ans"), "http.utf8"),

    Fault("error-for-body", "An error object is sent instead of a body, with status 200.", "chat.nonstream", f"{_QIANFAN}/tests/utils/mock_server.py",
          body(lambda _: _BUSY), "http.no-error"),
    Fault("error-for-stream", "A JSON error is sent instead of a stream, with status 200.", "chat.stream", "https://github.com/moyangzhan/langchain4j-aideepin/issues/27",
          compose(body(lambda _: _BUSY), header("content-type", "application/json")), "http.no-error"),
    Fault("error-beside-nulls", "An error has status 200, id and choices being null.", "chat.nonstream", "https://github.com/pydantic/pydantic-ai/issues/2323",
          body(lambda _: b'{"id":null,"choices":null,"error":{"message":"No credit is left.","code":402},"user_id":"org_1"}'), "http.no-error"),
    Fault("error-flat-code", "A code and a message are sent instead of a body, with status 200.", "chat.nonstream", None,
          body(lambda _: b'{"code":20015,"message":"A parameter is not supported.","data":null}'), "http.no-error"),
    Fault("base-resp-for-body", "choices is null, and base_resp says why, with status 200.", "chat.nonstream", None,
          chunks(any_chunk, set_value("choices", None), set_value("base_resp", {"status_code": 1004, "status_msg": "not authorized"})), "http.no-error"),
    Fault("error-in-choice-of-body", "A choice of a body contains an error.", "chat.nonstream", None,
          chunks(any_chunk, set_value("choices/*/error", _ERROR)), "http.no-error"),
    Fault("error-beside-body", "An error is beside the choices of a body.", "tools.nonstream", None,
          chunks(any_chunk, set_value("error", _ERROR)), "http.no-error"),
)

_DATA = (
    Fault("utf8-gbk", "The text is sent as GBK.", "chat.unicode", _SSE_FORMAT, replace_bytes(_HELLO, "你好".encode("gbk")), "sse.utf8"),
    Fault("utf8-half", "A character lacks its last byte.", "chat.stream", None, replace_bytes(_HELLO, _HELLO[:-1]), "sse.utf8"),
    Fault("utf8-across-events", "A character starts in one event and ends in the next.", "chat.unicode", None,
          compose(replace_bytes(_HELLO, _HELLO[:-1]), replace_bytes(b'"! How', _HELLO[-1:].join((b'"', b"! How")))), "sse.utf8"),
    Fault("utf8-stray-byte", "A stray byte is in the text.", "json.object-stream", _SSE_FORMAT, replace_bytes(b"Lyon", b"Lyon\xff"), "sse.utf8"),

    Fault("json-cut", "The JSON of an event ends in the middle.", "chat.stream", "https://github.com/zai-org/GLM-5/issues/66",
          replace_bytes(b'"content":" help?"},"logprobs":null,"finish_reason":null}]}', b'"cont'), "sse.json"),
    Fault("json-comment", "A keep-alive comment is sent as data.", "chat.stream", _KEEP_ALIVE, insert(has_content, b"data: : OPENROUTER PROCESSING\n\n"), "sse.json"),
    Fault("json-word", "A word is sent as data.", "tools.auto", None, insert(has_tool_calls, b"data: ping\n\n"), "sse.json"),
    Fault("json-python", "An event contains a printed Python dict.", "chat.stream", _CHUNK, insert(has_finish_reason, b"data: {'choices': [], 'usage': None}\n\n"), "sse.json"),
    Fault("json-nan", "A chunk contains NaN.", "chat.logprobs", _CHUNK, replace_bytes(b'"logprob":-0.25', b'"logprob":NaN', 1), "sse.json"),
    Fault("json-two-objects", "One event contains two objects.", "chat.stream", _CHUNK, insert(has_finish_reason, b'data: {"choices":[]}{"choices":[]}\n\n'), "sse.json"),
    Fault("json-mark-lower-case", "The mark at the end is [done].", "chat.stream", _OPTIONS, replace_bytes(b"[DONE]", b"[done]"), "sse.json"),
    Fault("json-one-line-feed", "A single line feed is between the last chunk and the mark.", "chat.stream", _SSE_EVENTS,
          only_if(lambda x: x.response.body.count(_DONE) == 1, replace_bytes(b"\n\n" + _DONE, b"\n" + _DONE)), "sse.json"),
    Fault("object-list", "An event contains a list.", "chat.stream", _CHUNK, insert(has_content, b"data: []\n\n"), "sse.object"),
    Fault("object-text", "An event contains a JSON string.", "chat.stream-usage", _CHUNK, before_done(b'data: "ping"\n\n'), "sse.object"),
    Fault("object-null", "An event contains null.", "tools.auto", _CHUNK, insert(has_tool_calls, b"data: null\n\n"), "sse.object"),
    Fault("object-number", "An event contains a number.", "reasoning.stream", _CHUNK, insert(has_finish_reason, b"data: 7\n\n"), "sse.object"),

    Fault("data-empty", "An event's data is empty.", "chat.stream", _LLAMACPP, insert(has_content, b"data:\n\n"), "sse.data-not-empty"),
    Fault("data-empty-named", "A ping event has empty data.", "tools.auto", _LLAMACPP, insert(has_tool_calls, b"event: ping\ndata: \n\n"), "sse.data-not-empty"),
    Fault("data-bare", "The word data is alone on a line.", "reasoning.stream", _SSE_EVENTS, insert(has_finish_reason, b"data\n\n"), "sse.data-not-empty"),
    Fault("block-error-field", "An error is sent in its own field instead of data.", "chat.stream", _LLAMACPP,
          before_done(b'error: {"code":400,"message":"The context is full.","type":"invalid_request_error"}\n\n'), "sse.no-error"),
    Fault("block-plain-text", "A line of plain text follows the stream.", "chat.stream", _ABORTED,
          only_if(_closed, body(lambda it: it + b"upstream error: read ECONNRESET\n\n")), "sse.data-given"),
)

_ERRORS = (
    Fault("error-event", "An error event ends the stream.", "tools.auto", _GROQ_ERROR,
          compose(remove(has_finish_reason),
               replace_bytes(_DONE, b'event: error\ndata: {"error":{"message":"The call is not valid.","type":"invalid_request_error","status_code":400}}\n\n')), "sse.no-error"),
    Fault("error-event-without-key", "An event of the type error has a message and no error key.", "chat.stream", None,
          insert(has_finish_reason, b'event: error\ndata: {"message":"The model is overloaded.","choices":[]}\n\n'), "sse.no-error"),
    Fault("error-event-mid-stream", "An error is sent between two chunks.", "chat.stream", f"{_ARK}/_streaming.py", insert(has_finish_reason, {"error": _ERROR}), "sse.no-error"),
    Fault("error-moderation", "Moderation ends the stream with an error in the middle of the text.", "chat.stream-usage",
          "https://github.com/666ghj/BettaFish/issues/572",
          compose(remove(any_chunk, only=slice(2, None)),
               before_done({"error": {"code": "data_inspection_failed", "message": "The output may be unsafe.", "param": None,
                    "type": "data_inspection_failed"}})), "sse.no-error"),
    Fault("error-beside-choices", "An error is beside the choices of the last chunk.", "chat.stream", None,
          chunks(has_finish_reason, set_value("error", _ERROR)), "sse.no-error"),
    Fault("error-as-finish", "An error is beside choices, and the finish_reason is error.", "chat.stream", "https://github.com/damianvtran/local-operator/pull/223",
          chunks(has_finish_reason, set_value("error", _ERROR), set_value("choices/*/finish_reason", "error")), "sse.no-error"),
    Fault("error-beside-empty-choices", "An error is beside choices that are empty.", "chat.stream-usage", "https://github.com/diegosouzapw/OmniRoute/pull/8210",
          chunks(has_usage, set_value("error", _ERROR)), "sse.no-error"),
    Fault("error-in-choice", "A choice contains an error.", "reasoning.stream", None,
          chunks(has_finish_reason, set_value("choices/*/error", _ERROR)), "sse.no-error"),
    Fault("error-as-text", "An error is a text, not an object.", "chat.stream", "https://github.com/sambanova/ai-starter-kit/pull/212",
          insert(has_finish_reason, {"error": "The model is overloaded.", "status_code": 200}), "sse.no-error"),
    Fault("error-for-whole-stream", "A stream contains an error and nothing else.", "chat.stream", f"{_ARK}/_streaming.py",
          compose(remove(any_chunk), before_done({"error": _ERROR})), "sse.no-error"),
)

_END = (
    Fault("mark-missing", "The stream ends without a mark.", "chat.stream", "https://github.com/huggingface/text-generation-inference/pull/2221",
          replace_bytes(_DONE, b""), "sse.done"),
    Fault("mark-missing-after-usage", "The usage chunk is the last event.", "chat.stream-usage", f"{_REQ_LLM}/cerebras/gpt_oss_120b/streaming.json",
          replace_bytes(_DONE, b""), "sse.done"),
    Fault("mark-missing-after-call", "The stream ends after a tool call without a mark.", "tools.parallel",
          f"{_RUBY_LLM}/chat_streaming_responses_perplexity_sonar_supports_streaming_responses.yml", replace_bytes(_DONE, b""), "sse.done"),
    Fault("mark-quoted", "The mark is a JSON string.", "chat.stream", _OPTIONS, replace_bytes(b"[DONE]", b'"[DONE]"'), "sse.done"),
    Fault("mark-in-comment", "The mark is a comment.", "chat.stream", _OPTIONS, replace_bytes(_DONE, b": [DONE]\n\n"), "sse.done"),
    Fault("stream-cut", "The stream ends in good order after three chunks.", "chat.stream", _ABORTED, _CUT, "sse.done"),
    Fault("stream-cut-with-plain-text", "The stream breaks off with a line that is not an event.", "reasoning.stream", _ABORTED,
          compose(_CUT, body(lambda it: it + b"upstream error: read ECONNRESET\n")), "sse.done"),
    Fault("mark-twice", "The mark is sent twice.", "chat.stream", _OPTIONS, replace_bytes(_DONE, _DONE * 2), "sse.done-last"),
    Fault("mark-before-last-chunk", "An empty chunk follows the mark.", "chat.stream", _OPTIONS, only_if(_closed, body(lambda it: it + b'data: {"choices":[]}\n\n')), "sse.done-last"),
    Fault("mark-before-usage", "The mark is sent before the usage.", "chat.stream-usage", _OPTIONS,
          body(lambda it: _moved_behind(it, it.rindex(b'data: {"id"'))), "sse.done-last"),
    Fault("mark-not-closed", "No line feed follows the mark.", "chat.stream", _UNCLOSED, replace_bytes(_DONE, b"data: [DONE]"), "sse.final-blank-line"),
    Fault("mark-half-closed", "One line feed follows the mark.", "tools.auto", _UNCLOSED, replace_bytes(_DONE, b"data: [DONE]\n"), "sse.final-blank-line"),
    Fault("last-chunk-not-closed", "The last chunk is not closed, and no mark follows.", "chat.stream", _SSE_EVENTS, replace_bytes(b"\n\n" + _DONE, b""), "sse.final-blank-line"),
)
# fmt: on


def _moved_behind(content: bytes, start: int) -> bytes:
    """Return a stream whose last chunk, which begins at ``start``, comes after the end mark."""
    return content[:start] + _DONE + content[start:].removesuffix(_DONE)


FAULTS = (*_ENVELOPE, *_KIND, *_DATA, *_ERRORS, *_END)
