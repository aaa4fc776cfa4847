"""Recordings of other tools."""

import base64
import codecs
import gzip
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadArchive, HarnessError
from harness.recording.archives import Entry, archives_in, raised, read_archive
from harness.recording.cassette import write_cassette
from harness.simulate.reference import BODY, STREAM

URL = "https://api.example.com/v1/chat/completions"
TEXT = STREAM.response.body.decode()


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def only(path: Path) -> Entry:
    (entry,) = read_archive(path)
    return entry


def vcr_document(body: dict[str, Any], **response: Any) -> dict[str, Any]:
    request = {"method": "POST", "uri": URL, "body": '{"stream": true}', "headers": {"Accept": ["*/*"]}}
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {"Content-Type": ["text/event-stream"]}, **response}
    return {"version": 1, "interactions": [{"request": request, "response": {**answer, **body}}]}


def test_vcrpy_json(tmp_path: Path) -> None:
    entry = only(write(tmp_path / "a.json", vcr_document({"body": {"string": TEXT}})))
    assert entry.exchange.response.body == STREAM.response.body
    assert entry.exchange.response.headers["content-type"] == "text/event-stream"
    assert entry.origin == f"{tmp_path / 'a.json'}#0"


def test_vcrpy_base64_and_gzip(tmp_path: Path) -> None:
    packed = base64.b64encode(gzip.compress(STREAM.response.body)).decode()
    headers = {"Content-Encoding": ["gzip"]}
    entry = only(write(tmp_path / "a.json", vcr_document({"body": {"base64_string": packed}}, headers=headers)))
    assert entry.exchange.response.content == STREAM.response.body
    assert entry.exchange.completion == STREAM.completion


def test_vcrpy_with_a_parsed_body_is_known_as_reserialized(tmp_path: Path) -> None:
    entry = only(write(tmp_path / "a.json", vcr_document({"parsed_body": json.loads(BODY.response.body)})))
    assert entry.exchange.completion == BODY.completion
    assert entry.exchange.source.fidelity == "reserialized"


def test_our_own_cassette(tmp_path: Path) -> None:
    write_cassette(tmp_path / "a.yaml", [STREAM, BODY])
    assert [entry.exchange.source.provenance for entry in read_archive(tmp_path / "a.yaml")] == ["reconstructed"] * 2


def har(**content: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": URL, "headers": [], "postData": {"text": '{"stream":true}'}}
    headers = [{"name": "Content-Type", "value": "text/event-stream"}]
    response = {"status": 200, "statusText": "OK", "headers": headers, "content": content}
    return {"log": {"entries": [{"startedDateTime": "2026-01-02T03:04:05Z", "request": request, "response": response}]}}


@pytest.mark.parametrize("encoding", ["text", "base64"])
def test_har(tmp_path: Path, encoding: str) -> None:
    packed = {"text": base64.b64encode(STREAM.response.body).decode(), "encoding": "base64"}
    entry = only(write(tmp_path / "a.har", har(**(packed if encoding == "base64" else {"text": TEXT}))))
    assert entry.exchange.response.body == STREAM.response.body
    assert entry.exchange.source.at == "2026-01-02"
    assert entry.exchange.is_stream


def row(**changes: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": URL, "body": {"stream": True}}
    headers = {"date": "Mon, 08 Jun 2026 18:46:16 GMT"}
    return {
        "provider": "acme",
        "request": request,
        "response": {"status": 200, "headers": headers, "body_text": TEXT},
        **changes,
    }


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001
    lines = f"{json.dumps(row())}\n\n{json.dumps(row())}\n".encode()
    path = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    path.write_bytes(gzip.compress(lines) if packed else lines)
    entries = list(read_archive(path))
    assert [entry.origin for entry in entries] == [f"{path}:1", f"{path}:3"]
    assert entries[0].provider == "acme"
    assert entries[0].exchange.source.at == "2026-06-08"


def test_json_lines_in_base64_and_marked_transcript(tmp_path: Path) -> None:
    response = {"status": 200, "body_b64": base64.b64encode(b"data: \xff\n\n").decode()}
    marked = row(
        response=response, fidelity="transcript", authenticity="transcript", captured_at="2025-11-02T17:31:32Z"
    )
    source = only(write(tmp_path / "a.jsonl", json.dumps(marked))).exchange.source
    assert (source.fidelity, source.provenance, source.at) == ("transcript", "published", "2025-11-02")


def test_what_is_no_chat_completion_is_left_out(tmp_path: Path) -> None:
    other = row(request={"method": "GET", "url": "https://api.example.com/v1/models", "body": None})
    assert list(read_archive(write(tmp_path / "a.jsonl", json.dumps(other)))) == []


@pytest.mark.parametrize("kind", ["jsonl", "har", "vcr"])
def test_what_is_left_out_is_told_by_its_name(tmp_path: Path, kind: str) -> None:
    urls = [
        URL,
        URL.replace("chat/completions", "responses"),
        URL.replace("chat/", ""),
        "https://x.example/api/generate",
    ]
    answer = {"status": 200, "headers": {}, "body_text": TEXT}
    if kind == "jsonl":
        content: Any = "\n".join(json.dumps(row(request={"url": url}, response=answer)) for url in urls)
    elif kind == "har":
        came = {"status": 200, "headers": [], "content": {"text": TEXT}}
        content = {"log": {"entries": [{"request": {"url": url}, "response": came} for url in urls]}}
    else:
        (interaction,) = vcr_document({"body": {"string": TEXT}})["interactions"]
        requests = [{**interaction["request"], "uri": url} for url in urls]
        content = {"version": 1, "interactions": [{**interaction, "request": request} for request in requests]}
    told: list[str] = []
    path = write(tmp_path / f"a.{'jsonl' if kind == 'jsonl' else 'json'}", content)
    (entry,) = read_archive(path, raised, told.append)
    assert entry.exchange.request.url == URL
    assert told == ["Responses", "legacy Completions", "Ollama generate"]


def test_what_is_left_out_may_be_of_any_form(tmp_path: Path) -> None:
    document = vcr_document({"body": {"string": TEXT}})
    document["interactions"].insert(
        0, {"request": {"method": "GET", "uri": "https://x.example/v1/files"}, "response": None}
    )
    assert only(write(tmp_path / "a.json", document)).origin.endswith("#1")
    log = har(text=TEXT)
    log["log"]["entries"].insert(0, {"request": {"url": "https://x.example/"}, "response": {"status": 0}})
    assert only(write(tmp_path / "a.har", log)).origin.endswith("#1")


def test_an_empty_answer_of_another_recorder_is_judged(tmp_path: Path) -> None:
    entry = only(write(tmp_path / "a.json", vcr_document({"body": {"string": ""}})))
    assert entry.exchange.reading.body_kind == "empty"


@pytest.mark.parametrize("lengths", [5, ["a"], [True], [len(STREAM.response.body)]])
def test_read_lengths_are_kept_where_they_fit(tmp_path: Path, lengths: Any) -> None:
    response = {"status": 200, "body_text": TEXT, "transport_chunk_lengths": lengths}
    reads = only(write(tmp_path / "a.jsonl", json.dumps(row(response=response)))).exchange.response.reads
    assert (reads is not None) == (lengths == [len(STREAM.response.body)])


def test_a_folder_gives_its_archives_but_not_lists_of_deviations(tmp_path: Path) -> None:
    for name in ("b/c.jsonl.gz", "a.har", "deviations.yaml", "profile.yaml", "note.txt", ".hidden.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in archives_in(tmp_path)] == ["a.har", "c.jsonl.gz"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", "", "empty"),
        ("a.jsonl", "{", "a.jsonl:1: not JSON"),
        ("a.jsonl", "[]", "a.jsonl:1: not an object"),
        ("a.jsonl", "{}", "a.jsonl:1: there is no response in it"),
        (
            "a.jsonl",
            json.dumps(row(response={"status": "fine", "body_text": ""})),
            "response/status is 'fine', not a number",
        ),
        ("a.jsonl", json.dumps(row(response={"status": 200})), "neither body_text nor body_b64"),
        ("a.jsonl", json.dumps(row(response={"status": 200, "body_b64": "*"})), "response/body_b64: invalid base64"),
        ("a.json", "{", "not JSON"),
        ("a.json", "{}", "not a recording in a format that harness reads"),
        ("a.json", '{"interactions": [{}]}', "interactions/0: request is missing"),
        ("a.yaml", "interactions: []", "no version line"),
        ("a.har", json.dumps(har(text="*", encoding="base64")), "log/entries/0/response/content/text: invalid base64"),
        ("a.har", '{"log": {"entries": [1]}}', "log/entries/0: request is missing"),
        ("a.yaml", "http_interactions: 3", "not a recording in a format that harness reads"),
        ("a.txt", "Once upon a time", "not a recording in a format that harness reads"),
        ("a.json", json.dumps(vcr_document({"body": {"base64_string": "*"}})), "base64_string: invalid base64"),
    ],
)
def test_what_is_damaged_is_refused_in_one_line(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(HarnessError) as caught:
        list(read_archive(write(tmp_path / name, content)))
    assert said in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


ODD: tuple[Any, ...] = (None, 5, -1, 1.5, True, [], [None], ["x"], {}, {"a": 1}, "", "x")


def changed(value: Any, odd: Any) -> Iterator[Any]:
    yield odd
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        for other in changed(inner, odd):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = other
            yield copy


@pytest.mark.parametrize(
    ("name", "document"),
    [
        pytest.param("a.har", har(text=TEXT), id="HAR"),
        pytest.param("a.json", vcr_document({"body": {"string": TEXT}}), id="vcrpy"),
        pytest.param("a.jsonl", row(source={"repo": "a/b", "path": "c"}, captured_at="2026-01-01"), id="JSON lines"),
    ],
)
def test_any_odd_value_anywhere_is_refused_or_read(tmp_path: Path, name: str, document: Any) -> None:
    for odd in ODD:
        for other in changed(document, odd):
            with suppress(HarnessError):
                assert all(
                    entry.exchange.completion is not None
                    for entry in read_archive(write(tmp_path / name, json.dumps(other)))
                )


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{}")[:-4])
    with pytest.raises(BadArchive, match=r"a\.jsonl\.gz: "):
        list(read_archive(tmp_path / "a.jsonl.gz"))


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="no recordings in it"):
        archives_in(tmp_path)
    with pytest.raises(BadArchive, match="no such file"):
        archives_in(tmp_path / "nope")


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["bom", "utf-16-le", "utf-16-be", "crlf"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_json_lines_as_other_systems_write_them(
    tmp_path: Path, encode: Callable[[str], bytes], pack: Callable[[bytes], bytes]
) -> None:
    row = json.dumps({"request": {"url": URL}, "response": {"status": 200, "body_text": "{é}"}}, ensure_ascii=False)
    path = tmp_path / "a.jsonl"
    path.write_bytes(pack(encode(f"{row}\n{row}\n")))
    assert [entry.exchange.response.body for entry in read_archive(path)] == ["{é}".encode()] * 2


def test_a_document_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(codecs.BOM_UTF8 + json.dumps(vcr_document({"body": {"string": TEXT}})).encode())
    assert only(path).exchange.response.body == STREAM.response.body


@pytest.mark.parametrize("parsed", ["{a: !!set {x}}", "&x {a: *x}", "&x [*x]", "{2001-01-01: 3}", "{a: 2001-01-01}"])
@pytest.mark.parametrize("side", ["request", "response"])
def test_a_parsed_body_that_is_no_json_is_named(tmp_path: Path, parsed: str, side: str) -> None:
    sides = {"request": "", "response": "", side: f", parsed_body: {parsed}"}
    text = (
        f"interactions:\n- request: {{method: POST, uri: '{URL}'{sides['request']}}}\n"
        f"  response: {{status: {{code: 200}}, body: {{string: x}}{sides['response']}}}\nversion: 1\n"
    )
    path = write(tmp_path / "a.yaml", text)
    with pytest.raises(BadArchive, match=rf"a.yaml: interactions/0/{side}/parsed_body: cannot be JSON"):
        only(path)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    pipe, link = tmp_path / "a.jsonl", tmp_path / "b.yaml"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    assert archives_in(tmp_path) == [pipe, link]
    for path in (pipe, link):
        with pytest.raises(BadArchive, match=f"{path.name}: not a regular file"):
            list(read_archive(path))


def test_of_a_long_row_its_body_alone_is_held_once_it_is_read(tmp_path: Path) -> None:
    body = b"data: {}\n\n" * 200_000
    answer = {
        "status": 200,
        "headers": {"content-type": "text/event-stream"},
        "body_b64": base64.b64encode(body).decode(),
    }
    path = tmp_path / "long.jsonl"
    path.write_bytes(json.dumps({"request": {"url": URL}, "response": answer}).encode() + b"\n")
    del answer
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        entries = read_archive(path)
        entry = next(entries)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert entry.exchange.response.body == body
    assert held < 1.2 * len(body)
