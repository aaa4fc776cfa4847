"""A row whose body is cut out as it is read holds the same exchange as one that is parsed whole."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.recording import files, large_rows
from harness.recording.archives import read_archive
from harness.wire.exchange import Exchange
from harness.wire.limits import set_sizes, sizes

URL = "https://api.example.com/v1/chat/completions"
TEXT = 'data: {"choices":[{"index":0,"delta":{"content":"你好 \\"\\\\ \\ud83d\\ude00 / 🙂"}}]}\n\n' * 3
ASKED = {"url": URL, "body": {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi " * 30}]}}
PACKED = base64.b64encode(TEXT.encode()).decode()


def row(**answer: Any) -> dict[str, Any]:
    return {"request": ASKED, "response": {"status": 200, "headers": {}} | answer}


ROWS: dict[str, Any] = {
    "base64": row(body_b64=PACKED),
    "base64 under another name": row(base64Body=PACKED),
    "base64 with lines": row(body_b64="\n".join(PACKED[at : at + 60] for at in range(0, len(PACKED), 60))),
    "no base64": row(body_b64=f"{PACKED[:80]}!{PACKED[80:]}"),
    "two of base64": row(body_b64="aGVsbG8=" + PACKED),
    "text": row(body_text=TEXT),
    "text under another name": row(body=TEXT),
    "an empty text": row(body_text=""),
    "a text before its status": {"request": ASKED, "response": {"body": TEXT, "status": 200}},
    "what is called encoded": row(body=PACKED, encodedBody=True),
    "the request last": dict(reversed(row(body_text=TEXT).items())),
    "an object": row(body={"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}}]}),
    "an object of a text": row(body={"string": TEXT}),
    "a large request": {
        "request": ASKED | {"body": {"model": "m", "messages": [{"role": "user", "content": TEXT}]}},
        "response": {"status": 200, "body_text": "{}"},
    },
    "the mark as a body": row(body_text=large_rows.MARK.decode() + TEXT),
    "another mark": row(note=large_rows.MARK.decode(), body_text=TEXT),
    "no request": {"url": URL, "response": {"status": 200, "body_text": TEXT}},
    "a batch": {"custom_id": "1", "response": {"status_code": 200, "body": {"choices": [], "content": TEXT}}},
}


def told(path: Path) -> list[Exchange | str]:
    found: list[Exchange | str] = []
    try:
        found += (entry.exchange for entry in read_archive(path, lambda error: found.append(str(error))))
    except HarnessError as error:
        found.append(str(error))
    return found


def cut(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(large_rows, "PIECE", size)
    monkeypatch.setattr(files, "PIECE", size)


@pytest.mark.parametrize("indent", ["", " "])
@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("given", ROWS.values(), ids=ROWS)
def test_it_is_the_same_however_it_is_cut(
    given: Any, *, escaped: bool, indent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    line = json.dumps(given, ensure_ascii=escaped, separators=("," + indent, ":" + indent))
    path.write_bytes(f"{line}\n{line}\n{line}".encode())
    expected = told(path)
    assert len(expected) == 3
    for size in (1, 2, 5, 33, 64, 150, 333):
        with monkeypatch.context() as patched:
            cut(patched, size)
            assert told(path) == expected, size


@pytest.mark.parametrize(
    "line", [b'"\xff' + b"a, " * 50 + b'"', b'"\\ud83d' + b"a, " * 50 + b'"', b'"\\x' + b"a, " * 50, b'"' + b"a, " * 50]
)
def test_what_is_no_json_is_refused_alike(line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"request":{},"response":{"status":200,"body_text":' + line + b"}}\n")
    [expected] = told(path)
    cut(monkeypatch, 16)
    [found] = told(path)
    assert str(found)[: len(str(path)) + 12] == str(expected)[: len(str(path)) + 12]
    assert "not JSON" in str(found)


def test_the_body_is_cut_out_and_counts_to_the_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    line = json.dumps(ROWS["base64"]).encode()
    path.write_bytes(line + b"\n" + line)
    cut(monkeypatch, 256)
    rows = [found for _, found in files.rows_of(path) if isinstance(found, large_rows.Row)]
    assert [found.size for found in rows] == [len(line) + 1, len(line)]
    assert all(len(found) < len(line) - len(PACKED) + 100 for found in rows)
    assert rows[0].parsed()["response"]["body_b64"] == TEXT.encode()
    before = sizes()
    try:
        set_sizes(row=len(line))
        assert [found is None for _, found in files.rows_of(path)] == [True, False]
    finally:
        set_sizes(row=before.row)
