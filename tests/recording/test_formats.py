"""Each form of recording is detected by its content, and gives the original bytes, or their fidelity."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadArchive, HarnessError
from harness.recording.archives import Entry, archives_in, read_archive
from harness.recording.archives.documents import DOCUMENT_FORMS

URL = "https://api.example.com/v1/chat/completions"
ASKED = {"model": "small", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
ASKED_TEXT = json.dumps(ASKED)


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1780000000, "model": "small", "choices": [choice]}


CHUNKS = [_chunk({"role": "assistant", "content": "Hi — ok"}, None), _chunk({}, "stop")]
STREAM = "".join(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n\n"
BYTES = STREAM.encode()
BODY = {"id": "c", "object": "chat.completion", "created": 1780000000, "model": "small", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": None}, "logprobs": None, "finish_reason": "stop"}
]}  # fmt: skip
MIME = {"content-type": "text/event-stream"}
BASE64 = base64.b64encode(BYTES).decode()
CUT = BYTES.index("—".encode()) + 1
"""Within a character of several bytes."""


def http(body: str) -> str:
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{body}"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def httprr() -> bytes:
    asked = f"POST /v1/chat/completions HTTP/1.1\r\nHost: api.example.com\r\n\r\n{ASKED_TEXT}".encode()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = head + chunked(BYTES[:CUT], BYTES[CUT:])
    return b"httprr trace v1\n%d %d\n" % (len(asked), len(answer)) + asked + answer


def har(content: dict[str, Any], **entry: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": URL, "headers": [], "postData": {"text": ASKED_TEXT}}
    response = {
        "status": 200,
        "statusText": "OK",
        "headers": [{"name": "content-type", "value": "x"}],
        "content": content,
    }
    return {"log": {"entries": [{"request": request, "response": response, **entry}]}}


def ruby(body: dict[str, Any], status: Any) -> dict[str, Any]:
    request = {"method": "post", "uri": URL, "body": {"encoding": "UTF-8", "string": ASKED_TEXT}, "headers": {}}
    answer = {"status": status, "headers": {"Content-Type": ["text/event-stream"]}, "body": body}
    return {
        "http_interactions": [{"request": request, "response": answer, "recorded_at": "Wed, 01 Jul 2026 10:00:00 GMT"}]
    }


def interaction(request: dict[str, Any], response: dict[str, Any], **document: Any) -> dict[str, Any]:
    request = {"method": "POST", "headers": {}, "body": ASKED_TEXT} | request
    return {**document, "interactions": [{"request": request, "response": {"headers": MIME} | response}]}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue" if key.endswith("code") else "stringValue": one}}
        for key, one in values.items()
    ]


STATUS = {"code": 200, "message": "OK"}
WHOLE: dict[str, tuple[str, Any]] = {
    "opencassette": ("a.json", interaction({"uri": URL}, {"status": STATUS, "body": {"string": STREAM}}, meta={"vendor": "x"})),
    "go-vcr 2": ("a.json", interaction({"url": URL}, {"status": "200 OK", "code": 200, "body": STREAM}, version=2)),
    "symfony": ("a.json", interaction({"url": URL}, {"status": 200, "body_format": "text", "body": STREAM})),
    "vcrpy with older httpx": ("a.json", interaction({"uri": URL}, {"status_code": 200, "content": STREAM}, version=1)),
    "no extension": ("test_it", interaction({"uri": URL}, {"status": STATUS, "body": {"string": STREAM}}, version=1)),
    "Ruby VCR": ("a.json", ruby({"encoding": "UTF-8", "string": STREAM}, STATUS)),
    "Ruby VCR, base64": ("a.json", ruby({"encoding": "ASCII-8BIT", "base64_string": BASE64}, STATUS)),
    "R vcr": ("a.json", ruby({"string": STREAM}, 200)),
    "R vcr before 2": ("a.json", ruby({"string": STREAM}, {"status_code": 200, "reason": "OK"})),
    "betamax, packed": ("a.json", ruby({"base64_string": base64.b64encode(gzip.compress(BYTES)).decode()}, STATUS)),
    "HAR": ("a.har", har({"text": STREAM})),
    "HAR, base64": ("a.har", har({"text": BASE64, "encoding": "base64"})),
    "Polly, pieces": ("a.har", har({"encoding": "base64", "text": json.dumps([base64.b64encode(one).decode() for one in (BYTES[:CUT], BYTES[CUT:])])})),
    "Polly, hex pieces": ("a.har", har({"text": json.dumps([BYTES[:CUT].hex(), BYTES[CUT:].hex()])})),
    "ddapm-test-agent": ("a.json", {"request": {"method": "POST", "url": URL, "headers": {}, "body": ASKED_TEXT}, "response": {"status": STATUS, "headers": MIME, "body": STREAM}}),
    "req_llm": ("a.json", {"request": {"url": URL, "canonical_json": ASKED}, "response": {"status": 200, "headers": {}, "body": None}, "chunks": [{"b64": base64.b64encode(one).decode()} for one in (BYTES[:CUT], BYTES[CUT:])]}),
    "ExVCR": ("a.json", [{"request": {"body": "", "method": "post", "request_body": ASKED_TEXT, "url": URL}, "response": {"body": STREAM, "headers": {}, "status_code": 200}}]),
    "ExVCR, the body by its other name": ("a.json", [{"request": {"body": ASKED_TEXT, "method": "post", "request_body": "", "url": URL}, "response": {"body": STREAM, "headers": {}, "status_code": 200}}]),
    "Azure SDK's test proxy": ("a.json", {"Entries": [{"RequestUri": URL, "RequestMethod": "POST", "RequestHeaders": {"Accept": "x"}, "RequestBody": ASKED, "StatusCode": 200, "ResponseHeaders": MIME, "ResponseBody": [f"{event}\n\n" for event in STREAM.split("\n\n")[:-1]]}], "Variables": {}}),
    "Charles": ("a.chlsj", [{"method": "POST", "scheme": "https", "host": "api.example.com", "path": "/v1/chat/completions", "request": {"header": {"headers": [{"name": "A", "value": "b"}]}, "body": {"text": ASKED_TEXT, "charset": "UTF-8"}}, "response": {"status": 200, "header": {"headers": []}, "body": {"text": STREAM, "charset": "UTF-8"}}}]),
    "Mastra's recorder": ("a.json", {"meta": {}, "recordings": [{"request": {"url": URL, "method": "POST", "body": ASKED}, "response": {"status": 200, "headers": MIME, "chunks": [STREAM[:30], STREAM[30:]], "chunkTimings": [1, 2]}}]}),
    "Pact 4": ("a.json", {"consumer": {"name": "a"}, "interactions": [{"request": {"method": "POST", "path": URL, "body": {"content": ASKED, "contentType": "application/json", "encoded": False}}, "response": {"status": 200, "body": {"content": STREAM, "contentType": "text/event-stream", "encoded": False}}}]}),
    "Hoverfly, in base64": ("a.json", {"data": {"pairs": [{"request": {key: [{"matcher": "exact", "value": value}] for key, value in {"scheme": "https", "destination": "api.example.com", "path": "/v1/chat/completions", "body": ASKED_TEXT}.items()}, "response": {"status": 200, "body": BASE64, "encodedBody": True}}]}}),
    "talkback": ("a.json5", f"{{\n  meta: {{\n    host: 'https://api.example.com',\n    reqHumanReadable: true,\n    resHumanReadable: false,\n  }},\n  req: {{\n    url: '/v1/chat/completions',\n    method: 'POST',\n    body: {ASKED_TEXT},\n  }},\n  res: {{\n    status: 200,\n    headers: {{\n      'content-type': [\n        'text/event-stream',\n      ],\n    }},\n    body: '{BASE64}',\n  }},\n}}"),
    "OkReplay": ("a.yaml", f"!tape\nname: chat\ninteractions:\n- recorded: 2026-08-01T08:01:40.000Z\n  request:\n    method: POST\n    uri: {URL}\n    body: '{ASKED_TEXT}'\n  response:\n    status: 200\n    body: {json.dumps(STREAM)}\n"),
    "node's replay": ("chat", f"POST {URL}\naccept: */*\nbody: {ASKED_TEXT.replace(chr(34), chr(92) + chr(34))}\n\nHTTP/1.1 200 OK\ncontent-type: text/event-stream\n\n{STREAM}"),
    "HAR as YAML": ("a.har.yaml", f"log:\n  entries:\n  - request: {{method: POST, url: '{URL}', postData: {{textJSON: {ASKED_TEXT}}}}}\n    response: {{status: 200, content: {{text: {json.dumps(STREAM)}}}}}\n"),
    "a gateway's own address": ("a.jsonl", {"request": {"method": "POST", "url": "https://api.example.com/ask", "body": ASKED}, "response": {"status": 200, "body": STREAM}}),
    "OTLP in a document": ("a.json", {"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": attributes({"url.full": URL, "http.response.status_code": "200", "http.request.body": ASKED_TEXT, "http.response.body": STREAM})}]}]}]}),
    "nock": ("a.json", [{"scope": "https://api.example.com:443", "method": "POST", "path": "/v1/chat/completions", "body": ASKED, "status": 200, "response": STREAM, "rawHeaders": ["Content-Type", "text/event-stream"]}]),
    "nock, hex": ("a.json", [{"scope": "https://api.example.com", "method": "POST", "path": "/v1/chat/completions", "body": ASKED, "status": 200, "response": [gzip.compress(BYTES).hex()], "rawHeaders": ["Content-Encoding", "gzip"]}]),
    "MSW by hand": ("a.json", [{"method": "POST", "url": URL, "requestBody": ASKED, "response": {"status": 200, "headers": MIME, "body": STREAM}}]),
    "Hoverfly": ("a.json", {"data": {"pairs": [{"request": {key: [{"matcher": "exact", "value": value}] for key, value in {"scheme": "https", "destination": "api.example.com", "path": "/v1/chat/completions", "body": ASKED_TEXT}.items()}, "response": {"status": 200, "body": STREAM}}]}}),
    "Postman": ("a.json", {"item": [{"request": {"url": {"raw": URL}}, "response": [{"originalRequest": {"method": "POST", "body": {"mode": "raw", "raw": ASKED_TEXT}, "url": {"raw": URL}}, "status": "OK", "code": 200, "header": [{"key": "A", "value": "b"}], "body": STREAM}]}]}),
    "Scotch": ("a.json", [{"Request": {"Method": "POST", "Uri": URL, "Body": ASKED_TEXT}, "Response": {"Status": {"Code": 200}, "ResponseHeaders": {}, "Body": STREAM}}]),
    "httprr": ("a.httprr", httprr()),
    "messages": ("a.txt", f"POST {URL} HTTP/1.1\r\nHost: api.example.com\r\n\r\n{ASKED_TEXT}\r\n\r\n{http(STREAM)}"),
    "curl -v": ("a.txt", f"*   Trying 192.0.2.1:443...\n> POST /v1/chat/completions HTTP/2\n> Host: api.example.com\n> \n}} [90 bytes data]\n< HTTP/2 200 \n< \n{{ [5 bytes data]\n{STREAM}* Connection #0 left intact\n"),
    "log of a gateway": ("a.jsonl", {"path": URL, "response_code": 200, "request_body": ASKED_TEXT, "response_body": STREAM}),
    "log with texts": ("a.jsonl", {"url": URL, "status_code": 200, "request": ASKED_TEXT, "response": STREAM}),
    "OTLP": ("a.jsonl", {"name": "POST", "attributes": attributes({"http.url": URL, "http.status_code": "200", "http.request.body": ASKED_TEXT, "http.response.body": STREAM})}),
    "attributes by name": ("a.jsonl", {"attributes": {"url.full": URL, "http.response.status_code": 200, "http.request.body.content": ASKED_TEXT, "http.response.body.content": STREAM}}),
    "Kong": ("a.jsonl", {"request": {"url": URL, "method": "POST"}, "response": {"status": 200}, "ai": {"proxy": {"payload": {"request": ASKED_TEXT, "response": STREAM}}}}),
}  # fmt: skip
"""Forms that keep the bytes, and the URL and body of the request."""

ALONE: dict[str, tuple[str, Any]] = {
    "a stream": ("a.sse", STREAM),
    "a stream as text": ("a.txt", STREAM),
    "a stream that begins with a comment": ("a.sse", f": keep-alive\n\n{STREAM}"),
    "curl -i": ("a.txt", http(STREAM)),
    "curl -i with a preliminary head": ("a.txt", f"HTTP/1.1 100 Continue\r\n\r\n{http(STREAM)}"),
    "an answer alone": ("a.json", {"status": 200, "headers": MIME, "body": STREAM}),
}
"""Forms that keep the bytes of the response, and nothing of the request."""

PARTS: dict[str, tuple[str, Any, str]] = {
    "lines without blank ones": ("a.txt", STREAM.replace("\n\n", "\n"), "lines"),
    "a list of lines": ("a.json", {"request": {"url": URL}, "response": {"status": 200, "body": STREAM.split("\n")}}, "lines"),
    "rows of chunks": ("a.jsonl", "".join(f"{json.dumps(chunk)}\n" for chunk in CHUNKS), "chunks"),
    "rows of chunks, with an end": ("a.chunks.txt", "".join(f"{json.dumps(chunk)}\n" for chunk in CHUNKS) + "[DONE]", "chunks"),
    "rows of events": ("a.jsonl", "".join(json.dumps({"LastEventID": "", "Type": "", "Data": data}) + "\n" for data in (*map(json.dumps, CHUNKS), "[DONE]")), "chunks"),
    "a list of chunks": ("a.json", CHUNKS, "chunks"),
    "talkcody": ("a.json", {"version": 1, "request": {"url": URL, "body": ASKED}, "response": {"type": "stream", "status": 200, "sse_events": [{"event": None, "data": json.dumps(chunk)} for chunk in CHUNKS]}}, "chunks"),
    "objects of an SDK": ("a.json", {"request": {"url": URL, "body": ASKED}, "response": {"body": [{"__type__": "x", "__data__": {**chunk, "usage": None}} for chunk in CHUNKS]}}, "chunks"),
}  # fmt: skip
"""Forms of a stream that do not keep its bytes."""

PARSED: dict[str, tuple[str, Any]] = {
    "parsed": ("a.json", {"request": {"url": URL}, "response": {"status": 200, "body": BODY}}),
    "WireMock": ("a.json", {"request": {"urlPath": "/v1/chat/completions"}, "response": {"status": 200, "jsonBody": BODY}}),
    "WireMock, many": ("a.json", {"mappings": [{"request": {"urlPath": "/v1/chat/completions"}, "response": {"jsonBody": BODY}}]}),
    "WireMock.Net": ("a.json", {"Request": {"Path": {"Matchers": []}, "Methods": ["POST"]}, "Response": {"StatusCode": 200, "BodyAsJson": BODY}}),
    "LiteLLM, one": ("a.json", {"call_type": "acompletion", "model": "small", "messages": ASKED["messages"], "response": BODY}),
    "OpenInference": ("a.jsonl", {"name": "x", "attributes": {"input.value": ASKED_TEXT, "output.value": json.dumps(BODY)}}),
    "Pact 2": ("a.json", {"interactions": [{"request": {"path": "/v1/chat/completions"}, "response": {"status": 200, "body": BODY}}], "metadata": {}}),
    "a completion": ("a.json", json.dumps(BODY, indent=2)),
    "a list of completions": ("a.json", [BODY]),
    "OpenAI's batches": ("a.jsonl", {"custom_id": "x", "response": {"status_code": 200, "request_id": "r", "body": BODY}}),
    "LiteLLM": ("a.jsonl", {"call_type": "acompletion", "model": "small", "messages": ASKED["messages"], "model_parameters": {"stream": True}, "response": BODY}),
    "bodies alone": ("a.jsonl", {"request": ASKED, "response": BODY, "response_status": 200, "request_path": URL}),
}  # fmt: skip
"""Forms of a response that was parsed and serialized again."""


MOCKS: dict[str, Any] = {
    "mountebank": {"imposters": [{"port": 4545, "stubs": [{"predicates": [{"equals": {"method": "POST", "path": "/v1/chat/completions"}}], "responses": [{"is": {"statusCode": "200", "headers": MIME, "body": STREAM}}]}]}]},
    "Mockoon": {"routes": [{"method": "post", "endpoint": "v1/chat/completions", "responses": [{"body": STREAM, "statusCode": 200, "headers": [{"key": "Content-Type", "value": "text/event-stream"}]}]}]},
    "the Azure SDK before its test proxy": {"networkCallRecords": [{"Method": "POST", "Uri": "/v1/chat/completions", "Headers": {"Accept": "x"}, "Response": {"StatusCode": "200", "Content-Type": "text/event-stream", "retry-after": "0", "Body": STREAM}, "Exception": None}], "variables": []},
}  # fmt: skip
"""Forms that keep the bytes, without the body of the request or the host."""


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    text = content if isinstance(content, str | bytes) else json.dumps(content, ensure_ascii=False)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def only(path: Path) -> Entry:
    (entry,) = read_archive(path)
    return entry


@pytest.mark.parametrize("name", WHOLE)
def test_the_bytes_and_the_request_are_kept(tmp_path: Path, name: str) -> None:
    exchange = only(written(tmp_path, *WHOLE[name])).exchange
    assert exchange.response.content == BYTES
    assert (exchange.response.status, exchange.source.fidelity) == (200, "wire")
    assert (exchange.request.host, exchange.request.method) == ("api.example.com", "POST")
    assert exchange.request.json == (None if name == "curl -v" else ASKED)


@pytest.mark.parametrize("name", ALONE)
def test_an_answer_without_its_request(tmp_path: Path, name: str) -> None:
    exchange = only(written(tmp_path, *ALONE[name])).exchange
    sent = b": keep-alive\n\n" + BYTES if "comment" in name else BYTES
    assert exchange.response.content == sent
    assert (exchange.is_stream, exchange.source.fidelity, exchange.request.body) == (True, "wire", None)


@pytest.mark.parametrize("name", PARTS)
def test_what_is_framed_again_is_known_as_that(tmp_path: Path, name: str) -> None:
    file, content, fidelity = PARTS[name]
    exchange = only(written(tmp_path, file, content)).exchange
    assert exchange.completion.messages[0].content == "Hi — ok"
    assert (exchange.columns.last, exchange.source.fidelity) == (1, fidelity)


def test_the_nulls_that_an_sdk_puts_in_are_not_the_providers(tmp_path: Path) -> None:
    file, content, _ = PARTS["objects of an SDK"]
    sent = only(written(tmp_path, file, content)).exchange.response.content
    assert b'"usage"' not in sent
    assert b'"finish_reason": null' in sent, "which the API itself gives"


@pytest.mark.parametrize("name", PARSED)
def test_what_was_parsed_is_known_as_written_again(tmp_path: Path, name: str) -> None:
    exchange = only(written(tmp_path, *PARSED[name])).exchange
    assert json.loads(exchange.response.content) == BODY
    assert (exchange.source.fidelity, exchange.is_stream) == ("reserialized", False)


@pytest.mark.parametrize("name", MOCKS)
def test_the_answers_of_a_mock(tmp_path: Path, name: str) -> None:
    exchange = only(written(tmp_path, "a.json", MOCKS[name])).exchange
    assert (exchange.response.content, exchange.source.fidelity) == (BYTES, "wire")
    assert (exchange.request.method, exchange.request.url) == ("POST", "/v1/chat/completions")
    assert exchange.response.headers["content-type"] == "text/event-stream"


@pytest.mark.parametrize(
    "told",
    [
        {"recorded_at": "2026-07-02T10:00:00Z"}, {"metadata": {"recordedAt": "2026-07-02T10:00:00.498Z"}},
        {"meta": {"timeExported": "2026-07-02"}}, {"timestamp": 1782986400}, {"timestamp": 1782986400123},
    ],
)  # fmt: skip
def test_the_day_of_a_recording_is_what_it_or_its_document_tells(tmp_path: Path, told: dict[str, Any]) -> None:
    answer = {"status": 200, "body": STREAM}
    own = {"request": {"url": URL}, "response": answer, **told}
    assert only(written(tmp_path, "a.json", own)).exchange.source.at == "2026-07-02"
    within = {"interactions": [{"request": {"url": URL}, "response": answer}], **told}
    assert only(written(tmp_path, "b.json", within)).exchange.source.at == "2026-07-02"


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_what_asks_for_no_completion_is_not_judged_as_one(tmp_path: Path, method: str) -> None:
    told: list[str] = []
    pair = {"request": {"method": method, "url": URL}, "response": {"status": 204, "body": ""}}
    assert list(read_archive(written(tmp_path, "a.json", pair), passed_over=told.append)) == []
    assert told == ["other requests"]


def test_a_log_that_put_a_stream_together_is_not_taken_for_an_answer_without_one(tmp_path: Path) -> None:
    exchange = only(written(tmp_path, *PARSED["bodies alone"])).exchange
    assert exchange.request.json == {key: value for key, value in ASKED.items() if key != "stream"}


@pytest.mark.parametrize("read", ["httprr", "req_llm", "Polly, pieces", "Polly, hex pieces"])
def test_reads_are_kept_where_a_form_has_them(tmp_path: Path, read: str) -> None:
    reads = only(written(tmp_path, *WHOLE[read])).exchange.response.reads
    assert reads is not None
    assert reads.sizes == (CUT, len(BYTES) - CUT)


def test_a_har_file_with_its_bodies_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "answer.txt", STREAM)
    assert only(written(tmp_path, "a.har", har({"_file": "answer.txt"}))).exchange.response.content == BYTES
    with pytest.raises(BadArchive, match=r"no file .other\.txt."):
        only(written(tmp_path, "b.har", har({"_file": "other.txt"})))


def test_a_har_file_without_its_bodies_is_no_empty_answer(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="log/entries/0/response/content/text: the body was not saved"):
        only(written(tmp_path, "a.har", har({"size": 300})))


def test_a_stub_with_its_body_in_a_file(tmp_path: Path) -> None:
    for folder in ("mappings", "__files"):
        (tmp_path / folder).mkdir()
    written(tmp_path / "__files", "answer.txt", STREAM)
    stub: dict[str, Any] = {
        "request": {"urlPath": "/v1/chat/completions"},
        "response": {"status": 200, "bodyFileName": "answer.txt"},
    }
    assert only(written(tmp_path / "mappings", "a.json", stub)).exchange.response.content == BYTES
    stub["response"]["bodyFileName"] = "../a.json"
    with pytest.raises(BadArchive, match=r"bodyFileName: no file '../a.json'"):
        only(written(tmp_path / "mappings", "b.json", stub))


def test_several_documents_in_a_file_are_several_exchanges(tmp_path: Path) -> None:
    mock = f"when:\n  path: /v1/chat/completions\n  method: POST\n  body: '{ASKED_TEXT}'\nthen:\n  status: 200\n  body: {json.dumps(STREAM)}\n"
    entries = list(read_archive(written(tmp_path, "a.yaml", f"---\n{mock}---\n{mock}")))
    assert [entry.origin[-2:] for entry in entries] == ["#0", "#1"]
    assert {entry.exchange.response.content for entry in entries} == {BYTES}


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:multidict._multidict.istr [Accept]", "!!python/object/apply:os.system [touch x]"]
)
def test_a_tag_of_another_language_makes_no_object(tmp_path: Path, tag: str) -> None:
    body = json.dumps(STREAM)
    text = (
        f"interactions:\n- request: {{method: POST, uri: '{URL}', headers: {{? {tag} : ['*/*']}}}}\n"
        f"  response: {{status: {{code: 200}}, headers: {{}}, body: {{string: {body}}}}}\nversion: 1\n"
    )
    headers = only(written(tmp_path, "a.yaml", text)).exchange.request.headers
    assert list(headers.values()) == ["*/*"]
    assert not (tmp_path / "x").exists()


def test_rubys_short_tag_for_bytes(tmp_path: Path) -> None:
    text = (
        f"http_interactions:\n- request: {{method: post, uri: '{URL}'}}\n"
        f"  response: {{status: {{code: 200}}, body: {{string: !binary '{BASE64}'}}}}\nrecorded_with: VCR 6.0\n"
    )
    assert only(written(tmp_path, "a.yml", text)).exchange.response.content == BYTES


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("httprr trace v1\n5 900\nPOST", "no two lengths that fit it at byte 16"),
        ("HTTP/1.1 200 OK", "the headers have no end"),
        ("POST / HTTP/1.1\n\n{}", "a request without a response"),
        ('{"hello": 1}', "not a recording in a format that harness reads"),
        ("a: [", "not a recording in a format that harness reads"),
        ("Once upon a time", "not a recording in a format that harness reads"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:8a\nsize 9\n", "run `git lfs pull`"),
        ("251:9:websocket;0:~8:response;189:6:reason,2:OK,", "write them as HAR"),
        ("PK\x03\x04\x14\x00\x08\x08raw/1_c.txt", "export the session as HAR"),
        (
            '{"method": "POST", "path": "/v1/chat/completions", "response_code": 200}\n' * 2,
            "there is no response in it; leave it out",
        ),
        ("POST https://api.example.com/v1/chat/completions\n\n{}", "a request without a response"),
    ],
)
def test_what_is_of_no_known_form_is_refused_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(HarnessError) as refused:
        list(read_archive(written(tmp_path, "a.txt", content)))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("pair", [{}, {"body": None}])
def test_an_exchange_that_can_not_be_read_costs_only_itself(tmp_path: Path, pair: dict[str, Any]) -> None:
    document = WHOLE["symfony"][1]
    items = [{"request": {"url": URL}, "response": {"status": "x", **pair}}, *document["interactions"]]
    unread: list[HarnessError] = []
    assert len(list(read_archive(written(tmp_path, "a.json", {"interactions": items}), unread.append))) == 1
    assert len(unread) == 1
    assert "a.json: interactions/0" in str(unread[0])


@pytest.mark.parametrize(
    ("url", "answer", "dialect"),
    [
        ("https://api.example.com/v1/messages", STREAM, "Anthropic Messages"),
        ("", 'event: message_start\ndata: {"type":"message_start"}\n\n', "Anthropic Messages"),
        ("", 'data: {"type":"response.created"}\n\n', "Responses"),
        ("", '{"object": "text_completion", "choices": []}', "legacy Completions"),
        ("https://api.example.com/v1/embeddings", "{}", "embeddings"),
    ],
)
def test_what_is_no_chat_is_told_by_its_name(tmp_path: Path, url: str, answer: str, dialect: str) -> None:
    told: list[str] = []
    pair = {"request": {"url": url}, "response": {"status": 200, "body": answer}}
    assert list(read_archive(written(tmp_path, "a.json", pair), passed_over=told.append)) == []
    assert told == [dialect]


def test_a_folder_gives_what_begins_as_a_recording_and_not_what_we_wrote(tmp_path: Path) -> None:
    for name, content in (
        ("cassette", "interactions:\n- request: {}\n"), ("a.txt", STREAM), ("b.txt", http(STREAM)), ("note.txt", "Hello"),
        ("picture.png", b"\x89PNG"), ("providers.yaml", "providers: []"), ("results.jsonl", '{"kind":"run","schema":3}'),
    ):  # fmt: skip
        written(tmp_path, name, content)
    assert [path.name for path in archives_in(tmp_path)] == ["a.txt", "b.txt", "cassette"]


def test_the_page_names_every_form() -> None:
    page = (Path(__file__).parents[2] / "docs/formats.md").read_text(encoding="utf-8")
    assert [form.title for form in DOCUMENT_FORMS if f"| {form.title} |" not in page] == []


def test_the_page_is_told_by_the_same_marks_in_both_languages() -> None:
    pages = [
        (Path(__file__).parents[2] / "docs" / name).read_text("utf-8") for name in ("formats.md", "formats.zh-CN.md")
    ]
    tables = [
        [sorted(re.findall(r"`[^`]+`", row)) for row in re.findall(r"^\|.*", page, re.MULTILINE)] for page in pages
    ]
    assert len(tables[0]) > len(DOCUMENT_FORMS)
    assert tables[0] == tables[1]


PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "formats"


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published recordings in other formats are not here")
def test_every_published_file_is_read_or_named() -> None:
    files = [path for path in archives_in(PUBLISHED) if path.name != "SOURCES.json"]
    told: list[str] = []
    entries = [entry for path in files for entry in read_archive(path, passed_over=told.append)]
    assert len(files) >= 72
    assert (len(entries), len(told)) == (51, 25)
    assert "other requests" not in told
