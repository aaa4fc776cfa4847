"""Faults and legal variants below client libraries: encodings, framing, waits and pauses; errors in custom forms."""

import gzip

from harness.simulate.chat.ideal import error
from harness.simulate.edits import (
    accepting,
    any_chunk,
    before_done,
    body,
    compose,
    has_finish_reason,
    header,
    insert,
    read_at,
    remove,
    status,
)
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_RETRY = "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3"
_GATEWAY = f"{_GITHUB}/agentgateway/agentgateway/issues"
_CHUNKS = "https://www.rfc-editor.org/rfc/rfc9112#section-7.1"
_NODE = f"{_GITHUB}/nodejs/node/issues/7136"
_POWERPROXY = f"{_GITHUB}/timoklimmer/powerproxy-aoai/issues/53"
_BIFROST = f"{_GITHUB}/maximhq/bifrost/issues/4542"
_ZENMUX = f"{_GITHUB}/ZenMux/zenmux-doc/issues/274"
_SECONDS, _MILLISECONDS = 1_000_000, 1_000


def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


# fmt: off
_ENCODINGS = (
    Fault("gzip-in-name-only", "A body that a gateway unpacked is still labelled gzip.", "chat.nonstream", f"{_GATEWAY}/1620",
          compose(header("content-encoding", "gzip"), read_at(9_000, 0)), "http.encoding"),
    Fault("br-in-name-only", "A plain body is labelled br.", "tools.nonstream", f"{_GATEWAY}/3040",
          compose(header("content-encoding", "br"), read_at(9_000, 0)), "http.encoding"),
    Fault("gzip-stream-in-name-only", "A plain stream is labelled gzip.", "chat.stream", f"{_GITHUB}/freelensapp/freelens-ai-extension/issues/272",
          compose(header("content-encoding", "gzip"), read_at(9_000, 9_000)), "http.encoding"),
    Fault("refusal-gzip-in-name-only", "A plain error response is labelled gzip.", "error.unknown-model", f"{_GATEWAY}/1620",
          compose(header("content-encoding", "gzip"), read_at(9_000, 0)), "http.encoding"),
    Fault("encoding-utf-8", "The charset of a body is in its content-encoding.", "chat.nonstream", f"{_GITHUB}/yhirose/cpp-httplib/issues/2518",
          header("content-encoding", "UTF-8"), "http.encoding-known"),
    Fault("encoding-utf-8-of-stream", "The charset of a stream is in its content-encoding.", "chat.stream", f"{_GITHUB}/apache/httpcomponents-client/pull/698",
          header("content-encoding", "utf-8"), "http.encoding-known"),
    Fault("encoding-none", "An error response has the content-encoding none.", "error.unknown-model", f"{_GITHUB}/dondai44423/donsetch/issues/290",
          header("content-encoding", "none"), "http.encoding-known"),
    Fault("gzip-not-accepted", "A body is compressed though plain bytes were requested.", "chat.nonstream", f"{_GITHUB}/Anionex/agent-vision-toolkit/pull/36",
          compose(accepting("identity"), body(_zipped), header("content-encoding", "gzip")), "http.encoding-accepted"),
    Fault("gzip-stream-not-accepted", "A stream is compressed though gzip was ruled out.", "chat.stream", f"{_GITHUB}/Anionex/agent-vision-toolkit/pull/36",
          compose(accepting("gzip;q=0, *;q=0"), body(_zipped), header("content-encoding", "gzip")), "http.encoding-accepted"),
)

_HEADS = (
    Fault("length-beside-chunks", "A stream has a content-length and is chunked too.", "chat.stream", _POWERPROXY,
          compose(read_at(9_000, 9_000), header("transfer-encoding", "chunked"), header("content-length", "120")), "http.framing"),
    Fault("length-beside-chunks-of-body", "A body has a content-length and is chunked too.", "chat.nonstream", _NODE,
          compose(read_at(9_000, 0), header("transfer-encoding", "chunked"), header("content-length", "498")), "http.framing"),
    Fault("lengths-differ", "A body has two lengths.", "tools.nonstream", "https://www.rfc-editor.org/rfc/rfc9112#section-6.3",
          compose(read_at(9_000, 0), header("content-length", "10, 12")), "http.framing"),
    Fault("retry-after-negative", "An error response asks to wait less than no time.", "error.too-long", f"{_GITHUB}/stuartleeks/aoai-simulated-api/issues/57", header("retry-after", "-43"), "http.retry-after-form"),
    Fault("retry-after-fraction", "An error response asks to wait a fraction of a second.", "error.unknown-model", f"{_GITHUB}/SpaceTradersAPI/api-docs/issues/24", header("retry-after", "0.493"), "http.retry-after-form"),
    Fault("retry-after-unit", "The seconds to wait have a unit.", "error.wrong-type", _RETRY, header("retry-after", "30s"), "http.retry-after-form"),
    Fault("retry-after-nan", "The seconds to wait are not a number.", "error.bad-key", f"{_GITHUB}/ebarti/JobCtrl/pull/231", header("retry-after", "NaN"), "http.retry-after-form"),
    Fault("retry-after-iso-date", "The date to wait for is written as ISO 8601.", "error.missing-messages", _RETRY, header("retry-after", "2026-10-21T07:28:00Z"), "http.retry-after-form"),
    Fault("charset-of-error-gbk", "An error response in UTF-8 is labelled GBK.", "error.unknown-model", "https://www.rfc-editor.org/rfc/rfc8259#section-8.1", header("content-type", "application/json; charset=gbk"), "error.content-type"),
)

_PAUSES = (
    Fault("held-back", "A stream is sent at once when all of it is made.", "chat.capped", _BIFROST, read_at(4 * _SECONDS, 0), "http.as-it-is-made"),
    Fault("held-back-for-long", "A stream is sent within a millisecond after half a minute.", "chat.capped", _ZENMUX, read_at(30 * _SECONDS, 20), "http.as-it-is-made"),
)

_ERRORS = (
    Fault("error-list-for-body", "A list with an error is sent instead of a body, with status 200.", "chat.nonstream", f"{_GITHUB}/azrtydxb/Fastllm-proxy/issues/28",
          body(lambda _: b'[{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}]'), "http.no-error"),
    Fault("error-msg-for-body", "A code and a msg are sent instead of a body, with status 200.", "chat.nonstream", f"{_GITHUB}/azrtydxb/Fastllm-proxy/issues/28",
          body(lambda _: b'{"code":500,"msg":"upstream failed","data":null}'), "http.no-error"),
    Fault("null-for-body", "null is sent instead of a body, with status 200.", "chat.nonstream", f"{_GITHUB}/open-webui/open-webui/issues/28938", body(lambda _: b"null"), "http.body-asked"),
    Fault("error-detail-in-stream", "An event has a detail and no choices.", "chat.stream", f"{_GITHUB}/nodetool-ai/nodetool/pull/5755",
          compose(remove(any_chunk), before_done({"detail": "Too many requests"})), "sse.no-error"),
    Fault("error-flat-in-stream", "A code and a message are sent instead of a chunk.", "chat.stream-usage", f"{_GITHUB}/nodetool-ai/nodetool/pull/5755",
          insert(has_finish_reason, {"code": 429, "message": "Slow down."}), "sse.no-error"),
    Fault("mark-then-json-error", "A JSON error follows the mark, as no event.", "chat.stream", "https://github.com/tetsuo-ai/agenc-core/pull/2492",
          body(lambda it: it + b'{"error":{"message":"aborted"}}'), "sse.done-last"),
    Fault("mark-then-chunk-size", "The size of a chunk follows the mark.", "chat.stream", _CHUNKS,
          body(lambda it: it + b"0\r\n"), "sse.done-last"),
    Fault("mark-then-nul", "Zero bytes follow the mark.", "tools.auto", "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream",
          body(lambda it: it + b"\0\0\0\0"), "sse.done-last"),
)

FAULTS = (*_ENCODINGS, *_HEADS, *_PAUSES, *_ERRORS)

VARIANTS = (
    Variant("gzip-accepted", "A body is compressed as was accepted.", "chat.nonstream", "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3",
            compose(accepting("br;q=1.0, gzip;q=0.5"), body(_zipped), header("content-encoding", "gzip"))),
    Variant("gzip-accepted-by-star", "A stream is compressed as any encoding was accepted.", "chat.stream", "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3",
            compose(accepting("*"), body(_zipped), header("content-encoding", "x-gzip"))),
    Variant("encoding-identity", "A body is labelled identity.", "chat.nonstream", "https://www.rfc-editor.org/rfc/rfc9110#section-8.4",
            compose(accepting("gzip"), header("content-encoding", "identity"), read_at(9_000, 0))),
    Variant("retry-after-date", "An error response has the date to wait for.", "error.too-long", _RETRY, header("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")),
    Variant("retry-after-zero", "An error response asks to wait no time.", "error.unknown-model", _RETRY, header("retry-after", "0")),
    Variant("thinks-then-says", "A stream begins after eight seconds, and is sent piece by piece.", "chat.capped", f"{_GITHUB}/feichai0017/orbitkv/pull/46", read_at(8 * _SECONDS, 12 * _MILLISECONDS)),
    Variant("fast-engine", "A stream waits its turn, and comes 500 events a second.", "chat.capped", _CHUNKS, read_at(2 * _SECONDS, _MILLISECONDS)),
    Variant("short-answer-at-once", "A short answer is sent in one piece after a queue.", "chat.stream", _CHUNKS, read_at(3 * _SECONDS, 0)),
    Variant("cached-answer-at-once", "A long answer that is cached is sent at once.", "chat.capped", _CHUNKS, read_at(80 * _MILLISECONDS, 0)),
    Variant("too-long-413", "A prompt that is too long is too large.", "error.too-long", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14", status(413, error(413, "The request exceeds the context window.", "messages", "context_length_exceeded").body)),
)
# fmt: on
