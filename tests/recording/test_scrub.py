"""A scrubbed exchange without secrets is still the same evidence."""

import base64
import dataclasses
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from planted import KEYS, MARKED, UNMARKED, forms, leaks

from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import dump_cassette, exchanges_of, load_yaml
from harness.recording.redact import Secrets
from harness.recording.scrub import scrub
from harness.simulate.chat import ideal
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_body, with_header, with_response
from harness.wire.exchange import Exchange, Headers, Reads, Source
from harness.wire.sse import parse

KEY, OTHER = KEYS["qianfan"], UNMARKED["mistral"]
KNOWN = Secrets.of([KEY, OTHER])


def requested(exchange: Exchange, url: str = "", **headers: str) -> Exchange:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    request = dataclasses.replace(exchange.request, url=url or exchange.request.url, headers=Headers(pairs))
    return dataclasses.replace(exchange, request=request)


def kept(exchange: Exchange, secrets: Secrets = KNOWN) -> Exchange:
    """Return the scrubbed exchange, which must round-trip through a cassette."""
    clean = scrub(exchange, secrets)
    (back,) = exchanges_of(load_yaml(dump_cassette([clean]), Path("x")), Path("x"))
    assert (back.response.body, back.request) == (clean.response.body, clean.request)
    return clean


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_exchange_without_secrets_stays_as_it_is(scenario: str) -> None:
    for exchange in ideal.recording(SCENARIOS[scenario]):
        clean = scrub(exchange, KNOWN)
        assert (clean.request, clean.response, clean.source) == (exchange.request, exchange.response, exchange.source)
        assert clean.response.headers.pairs == exchange.response.headers.pairs


@pytest.mark.parametrize(
    "name",
    [
        "x-request-id",
        "X-DS-Trace-ID",
        "x-log-id",
        "CF-Ray",
        "ratelimit-limit",
        "x-ratelimit-reset-tokens",
        "retry-after",
    ],
)
def test_headers_that_a_rule_reads_are_kept(name: str) -> None:
    assert scrub(with_header(BODY, name, "7")).response.headers[name] == "7"


@pytest.mark.parametrize(
    "name",
    [
        "set-cookie",
        "openai-organization",
        "openai-project",
        "x-databricks-org-id",
        "www-authenticate",
        "x-thing",
    ],
)
def test_headers_that_may_tell_who_asked_are_dropped(name: str) -> None:
    assert name not in scrub(with_header(BODY, name, "7")).response.headers


def test_where_a_redirect_leads_is_kept_without_what_tells_who_asked() -> None:
    headers = scrub(with_header(BODY, "Location", "https://me:pw@other.example/v1?key=abc")).response.headers
    assert headers["location"] == "https://REDAC@other.example/v1?key=RED"


def test_a_header_that_is_called_a_key_keeps_its_name_only() -> None:
    headers = scrub(with_header(BODY, "x-ratelimit-key", "some-account")).response.headers
    assert headers["x-ratelimit-key"] == "REDACTEDREDA"


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://me:pw@host:8000/v1/chat?x=1", "https://REDAC@host:8000/v1/chat?x=1"),
        (
            "https://host/v1?api-version=2024-10-21&api-key=abc#x",
            "https://host/v1?api-version=2024-10-21&api-key=RED#x",
        ),
        ("https://host/v1?key=abc&monkey=d&access_token=e", "https://host/v1?key=RED&monkey=R&access_token=R"),
        ("https://host/v1/" + "0a" * 16 + "/gateway/chat", "https://host/v1/" + "REDACTED" * 4 + "/gateway/chat"),
        ("https://host/v1/chat/completions?api-version=1", "https://host/v1/chat/completions?api-version=1"),
        ("", ""),
    ],
)
def test_addresses(url: str, left: str) -> None:
    exchange = dataclasses.replace(BODY, request=dataclasses.replace(BODY.request, url=url))
    assert kept(exchange).request.url == left


@pytest.mark.parametrize("header", ["Authorization", "api_key", "X_API_Key", "x_goog_api_key"])
def test_the_key_that_was_sent_is_secret_though_nobody_named_it(header: str) -> None:
    value = f"Bearer {OTHER}" if header == "Authorization" else OTHER
    told = with_body(BODY, json.dumps({"error": forms(OTHER)}).encode())
    clean = kept(requested(told, **{header: value}), Secrets())
    assert leaks(clean.response.body, [OTHER]) == []
    assert dict(clean.request.headers) == {}


@pytest.mark.parametrize(
    "header", ["openai-organization", "OpenAI-Project", "anthropic-organization-id", "x-databricks-org-id"]
)
def test_who_asked_is_secret_in_the_body_too(header: str) -> None:
    told = with_body(BODY, b'{"error":"acme-works-7 has no credit","id":"acme-works-8"}')
    for exchange in (with_header(told, header, "acme-works-7"), requested(told, **{header: "acme-works-7"})):
        assert kept(exchange, Secrets()).response.body == b'{"error":"REDACTEDREDA has no credit","id":"acme-works-8"}'


def test_what_is_sent_in_the_place_of_a_key_is_evidence() -> None:
    told = with_body(BODY, b'{"error":{"message":"Incorrect API key provided: not-a-key."}}')
    assert scrub(requested(told, Authorization="Bearer not-a-key")).response.body == told.response.body


def test_every_word_about_an_exchange_is_scrubbed() -> None:
    told = with_response(BODY, reason=f"No {KEY}", error=f"ReadError: {KEY}", http_version=KEY, eof=False)
    told = dataclasses.replace(told, source=Source("published", "2026", f"https://x/?k={KEY}", f"note {KEY}"))
    clean = kept(requested(with_header(told, "via", KEY), user_agent=KEY, accept=KEY))
    assert leaks(repr(clean).encode(), [KEY]) == []
    assert len(clean.response.reason) == len(told.response.reason)


def test_the_reads_stay_true() -> None:
    told = replace_in_body(STREAM, "你好", KEY)
    size = len(told.response.body)
    for at in range(1, size, 40):
        clean = kept(with_response(told, reads=Reads((at, size - at), (5, 6))))
        assert clean.response.reads == Reads((at, size - at), (5, 6))
        assert len(clean.response.body) == size
        assert starts(clean) == starts(told)


def starts(exchange: Exchange) -> list[int]:
    return [event.start for event in parse(exchange.response.content).events]


def in_gzip(body: bytes, encoding: str | None = "gzip") -> Exchange:
    exchange = with_response(BODY, body=body, reads=Reads((len(body),), (5,)))
    return with_header(exchange, "Content-Encoding", encoding)


def test_gzip_without_a_secret_stays_gzip() -> None:
    packed = in_gzip(gzip.compress(b'{"id":"1"}'))
    assert kept(packed).response == packed.response


def test_gzip_with_a_secret_is_unpacked() -> None:
    clean = kept(in_gzip(gzip.compress(b'{"key":"%b"}' % KEY.encode()))).response
    assert clean.body == clean.content == b'{"key":"' + (b"REDACTED" * 12)[: len(KEY)] + b'"}'
    assert "content-encoding" not in clean.headers
    assert (clean.reads, clean.eof, clean.error) == (None, True, None)


def test_what_was_wrong_with_the_compression_is_not_lost_with_it() -> None:
    clean = kept(in_gzip(gzip.compress(b'{"key":"%b"}' % KEY.encode())[:-6])).response
    assert (clean.eof, clean.error) == (False, "the compressed body is cut short")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate", None])
def test_what_nobody_can_look_into_is_not_kept_once_there_are_secrets(encoding: str | None) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = packer.compress(b'{"key":"%b"}' % KEY.encode()) + packer.flush()
    packed = in_gzip(gzip.compress(raw) if encoding in {None, "gzip, gzip"} else b"[\0" + raw, encoding)
    clean = kept(packed)
    assert len(clean.response.body) == len(packed.response.body)
    assert clean.response.body[3:] == (b"REDACTED" * 99)[: len(packed.response.body) - 3]
    assert clean.response.unsupported_encoding == packed.response.unsupported_encoding
    assert clean.reading.body_kind == packed.reading.body_kind
    assert scrub(packed).response.body == packed.response.body


def test_a_damaged_body_stays_damaged() -> None:
    packed = in_gzip(gzip.compress(KEY.encode())[:10] + b"\xff" * 40)
    assert packed.response.undecodable
    assert "damaged" in str(kept(packed).response.undecodable)


def test_text_that_is_called_compressed_is_text() -> None:
    told = with_header(replace_in_body(BODY, "你好", KEY), "Content-Encoding", "br")
    assert b'"content":"REDACTEDREDACTED' in kept(told).response.body


def streamed(*deltas: dict[str, Any], index: int | None = 0) -> Exchange:
    choices = [
        [{"delta": delta, "finish_reason": None} | ({} if index is None else {"index": index})] for delta in deltas
    ]
    events = [b"data: %b\n\n" % json.dumps({"id": "chatcmpl-1", "choices": one}).encode() for one in choices]
    return with_body(STREAM, b"".join(events) + b"data: [DONE]\n\n")


@pytest.mark.parametrize("size", [1, 2, 5, 11])
@pytest.mark.parametrize("index", [0, 1, None])
def test_a_secret_that_comes_in_pieces_goes(size: int, index: int | None) -> None:
    text = f"It is {KEY}, good bye"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    told = streamed(*({"content": piece, "role": "assistant"} for piece in pieces), index=index)
    clean = kept(told)
    assert KEY in str(told.completion.messages[0].content)
    said = str(clean.completion.messages[0].content)
    assert leaks(said.encode(), [KEY]) == []
    assert (said[:3], said[-8:]) == ("It ", "good bye")
    assert len(clean.response.body) == len(told.response.body)
    assert clean.reading.not_json == []


def test_pieces_of_arguments_and_of_several_choices_go() -> None:
    def call(index: int, text: str) -> dict[str, Any]:
        return {"index": index, "id": "c", "type": "function", "function": {"name": "f", "arguments": text}}

    spelled = list(zip(KEY, reversed(OTHER + " " * (len(KEY) - len(OTHER))), strict=True))
    told = streamed(*({"tool_calls": [call(0, one), call(1, other)]} for one, other in spelled))
    first, second = kept(told).completion.messages[0].tool_calls
    assert set(first.arguments) <= set("REDACT9")
    assert set(second.arguments.strip()) <= set("REDACT9"), "backwards it is a secret as well"


@pytest.mark.parametrize("name", MARKED)
def test_a_key_that_nobody_named_goes_though_the_model_says_it_in_pieces(name: str) -> None:
    key = MARKED[name]
    pieces = [f"It is {key}."[at : at + 3] for at in range(0, len(key) + 7, 3)]
    for told in (
        streamed(*({"content": piece} for piece in pieces)),
        streamed(*({"reasoning_content": piece} for piece in pieces)),
        streamed(*({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces)),
    ):
        assert leaks(repr(told.completion).encode(), [key])
        assert leaks(repr(kept(told, Secrets()).completion).encode(), [key]) == []


def test_the_password_of_basic_authentication_is_secret() -> None:
    told = with_body(BODY, json.dumps({"error": f"{OTHER} is no user"}).encode())
    packed = base64.b64encode(f"me:{OTHER}".encode()).decode()
    assert leaks(kept(requested(told, Authorization=f"Basic {packed}"), Secrets()).response.body, [OTHER]) == []


def test_pieces_that_join_to_nothing_stay() -> None:
    assert kept(STREAM).response == STREAM.response


def test_a_stream_of_pieces_in_gzip_is_unpacked() -> None:
    told = streamed(*({"content": one} for one in KEY))
    packed = with_header(with_body(told, gzip.compress(told.response.body)), "Content-Encoding", "gzip")
    clean = kept(packed)
    assert set(str(clean.completion.messages[0].content)) <= set("REDACT9")
    assert "content-encoding" not in clean.response.headers
