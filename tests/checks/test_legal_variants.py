"""Other legal forms of the same answer raise no alarm, and say the same."""

import pytest
from judging import alarms, findings

from harness.results import Level
from harness.simulate.reference import BODY, REASONING, STREAM, STREAM_USAGE, swap, swap_last, with_body, with_header
from harness.wire.exchange import Exchange

BYTES = STREAM_USAGE.response.body
MODERATION = 'data: {"id":"chatcmpl-reference","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"moderation":{}}\n\ndata: [DONE]'
VARIANTS = {
    "CRLF": swap(STREAM_USAGE, "\n", "\r\n"),
    "CR": swap(STREAM_USAGE, "\n", "\r"),
    "comments": with_body(STREAM_USAGE, b": OPEN\n\n" + BYTES.replace(b"\n\n", b"\n\n: keep-alive\n\n")),
    "comment inside an event": swap(STREAM_USAGE, "data: {", ": hi\ndata: {"),
    "no space": swap(STREAM_USAGE, "data: ", "data:"),
    "BOM": with_body(STREAM_USAGE, b"\xef\xbb\xbf" + BYTES),
    "multi-line data": swap(STREAM_USAGE, ',"choices":', ',\ndata: "choices":'),
    "blank lines more": swap(STREAM_USAGE, "\n\n", "\n\n\n\n"),
    "unknown field": swap(STREAM_USAGE, "data: {", "trace: 7\ndata: {"),
    "event and id": swap(STREAM_USAGE, "data: {", "event: message\nid: 7\ndata: {"),
    "spaces in JSON": swap(STREAM_USAGE, ',"', ' , "'),
    "extra keys": swap(swap(STREAM_USAGE, '"id":', '"x_vendor":[{}],"id":'), '"index":0,', '"index":0,"flag":{"a":[1]},'),
    "obfuscation": swap(STREAM_USAGE, '"usage":null', '"usage":null,"obfuscation":"aB3"'),
    "empty first choices": with_body(STREAM_USAGE, BYTES.split(b"\n\n")[0].replace(BYTES[BYTES.index(b'"choices"') : BYTES.index(b',"usage"')], b'"choices":[]') + b"\n\n" + BYTES),
    "moderation after usage": swap(STREAM_USAGE, "data: [DONE]", MODERATION),
    "fingerprint null": swap(STREAM_USAGE, '"fp_reference"', "null"),
    "escaped text": swap(STREAM_USAGE, "你好", "\\u4f60\\u597d"),
    "no charset": with_header(STREAM_USAGE, "content-type", "text/event-stream"),
    "charset in capitals": with_header(STREAM_USAGE, "Content-Type", "Text/Event-Stream; Charset=UTF-8"),
    "role in every delta": swap(STREAM_USAGE, '"delta":{"content"', '"delta":{"role":"assistant","content"'),
    "content filter": swap(STREAM, '"finish_reason":"stop"', '"finish_reason":"content_filter"'),
    "cut at the limit": swap(STREAM, '"finish_reason":"stop"', '"finish_reason":"length"'),
    "refusal": swap(swap(BODY, '"refusal":null', '"refusal":"I can\'t."'), '"content":"你好! How can I help?"', '"content":null'),
    "thinking only, cut": swap(swap(REASONING, '"content":"你好"', '"content":null'), '"finish_reason":"stop"', '"finish_reason":"length"'),
    "blank lines before a body": with_body(BODY, b"\n\n\n" + BODY.response.body),
    "indented body": swap(swap(BODY, '{"id"', '{\n  "id"'), ',"choices"', ',\n  "choices"'),
    "no usage details": swap(BODY, ',"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}', ""),
    "error null": swap(BODY, '"id":', '"error":null,"id":'),
    "text says error": swap(STREAM, "你好", "error: <b>think</b> [DONE] data: {}"),
    "one delta": with_body(STREAM, BYTES.split(b"\n\n")[0].replace(b',"usage":null', b"").replace(b'"finish_reason":null', b'"finish_reason":"stop"').replace(b'"content":""', b'"content":"hi"') + b"\n\ndata: [DONE]\n\n"),
    "done with spaces after": swap_last(STREAM, "[DONE]\n\n", "[DONE]\n\n: bye\n\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_a_legal_variant_raises_no_alarm(name: str) -> None:
    assert alarms(VARIANTS[name]) == []


@pytest.mark.parametrize(
    "name", [name for name, variant in VARIANTS.items() if variant.request is STREAM_USAGE.request]
)
def test_a_variant_of_the_stream_says_the_same(name: str) -> None:
    expected, found = STREAM_USAGE.completion, VARIANTS[name].completion
    assert (found.messages, found.usage) == (expected.messages, expected.usage)


def test_every_cut_short_stream_is_noticed() -> None:
    """A stream cut after any byte before its last event ends is caught by a rule, never passed off as whole."""
    body = STREAM.response.body
    for length in range(1, len(body)):
        cut: Exchange = with_body(STREAM, body[:length])
        caught = [f for f in findings(cut).values() if f.level is not Level.OBSERVE and f.outcome == "fail"]
        assert caught, f"a stream of {length} of {len(body)} bytes raised no alarm"
