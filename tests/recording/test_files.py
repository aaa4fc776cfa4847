"""Files of recordings are read row by row, in any encoding, within limits; a bad row affects no other."""

import codecs
import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from judging import OF_CHAT

from harness.cli import main
from harness.errors import BadArchive, BadCassette
from harness.recording.archives import read_archive
from harness.recording.cassette import load_yaml
from harness.recording.files import rows_of
from harness.wire import limits
from harness.wire.limits import Sizes
from harness.wire.sse import Parser

URL = "https://api.example.com/v1/chat/completions"
ROW = json.dumps({"request": {"url": URL}, "response": {"status": 200, "body_text": "data: [DONE]\n\n"}})


def audit(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["audit", str(path), "--format", "json", *options])


@pytest.mark.parametrize("bad", ["{", "[]", "\0\0", '{"request":1}', "NaN", '{"request":{},"response":{"status":"x"}}'])
def test_a_bad_row_is_told_with_its_line_and_the_others_are_judged(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{ROW}\n{bad}\n{ROW}\n")
    result = audit(path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"harness: {path}:2: ")
    assert len(result.stderr.splitlines()) == 2, "the row, and that the file was not read whole"
    assert len(result.stdout.splitlines()) == 2 * len(OF_CHAT)


def test_of_many_bad_rows_the_first_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{\n" * 1000)
    lines = audit(path).stderr.splitlines()
    assert len(lines) == 22
    assert lines[-2] == f"harness: {path}: 980 more lines that can't be read"


def test_a_row_beyond_the_limit_goes_by(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{ROW}\n{'x' * 9000}\n{ROW}")
    result = audit(path, "--max-row", "4000")
    assert "a.jsonl:2: a row of more than 4,000 bytes; leave it out, or raise --max-row" in result.stderr
    assert len(result.stdout.splitlines()) == 2 * len(OF_CHAT)
    assert limits.sizes() == Sizes(), "an option holds for its command"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_read_in_any_encoding(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "a.jsonl"
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    path.write_bytes(mark + f"{ROW}{end}{end}{end}{ROW}{end}".encode(encoding))
    assert [entry.origin for entry in read_archive(path)] == [f"{path}:1", f"{path}:4"]


def test_packed_rows_are_read_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 100_000))
    assert sum(1 for _ in rows_of(path)) < 100
    monkeypatch.setattr(limits, "_sizes", Sizes(unpacked=50_000))
    with pytest.raises(
        BadArchive, match=r"larger than 50,000 bytes when decompressed; decompress it, or raise --max-unpacked"
    ):
        list(rows_of(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x: " + "9" * 5000, r"a.yaml:1: not readable as YAML: a whole number of 5,000 characters; "),
        ("x: [" + "a," * 300_000 + "a]", "more than 250,000 YAML values; leave it out, or raise --max-values"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{chr(c)}: &{chr(c)} [{','.join([f'*{chr(c - 1)}'] * 9)}]\n" for c in range(98, 108)),
            "its aliases make more than 67,108,864 bytes of it; leave it out, or raise --max-file",
        ),
        (
            "a: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}\n" for n in range(1, 40)),
            "merge keys",
        ),
    ],
)
def test_yaml_that_is_too_much_is_told_in_a_line(content: str, said: str) -> None:
    with pytest.raises(BadCassette, match=said) as refused:
        load_yaml(content.encode(), Path("a.yaml"))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"data: 1\n\n" * 9, "more than 5 events"),
        (b":\n" * 9, "more than 5 events"),
        (b"data:1\r\r" * 9, "more than 5 events"),
        (b"data: " + b"x" * 50 + b"\n\n", "a line of more than 40 bytes"),
        (b"x" * 50, "a line of more than 40 bytes"),
        (b"data: " + b"x" * 30 + b"\ndata: " + b"x" * 30 + b"\n\n", "an event of more than 60 bytes"),
        (b"data: 1\n\n" * 5, None),
        (b"data: " + b"x" * 34 + b"\n\n", None),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_stream_is_read_to_its_limits_however_it_is_cut(body: bytes, said: str | None, piece: int) -> None:
    parser = Parser(Sizes(line=40, event=60, events=5))
    for at in range(0, len(body), piece):
        parser.feed(body[at : at + piece])
    parser.close()
    assert parser.too_large == said
