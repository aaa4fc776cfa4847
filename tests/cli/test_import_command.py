"""`harness import` for the maintainer of a project."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.matrix.completions import COMPLETIONS
from harness.recording.cassette import read_cassette
from harness.simulate.completions.ideal import recording
from harness.simulate.reference import BODY, STREAM
from harness.wire.exchange import Exchange


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, words)])


def row(exchange: Exchange, number: int = 0) -> bytes:
    asked = {"method": "POST", "url": "https://api.deepseek.com/chat/completions", "body": exchange.request.json}
    headers = {
        "content-type": exchange.response.headers["content-type"],
        "date": f"Mon, 0{1 + number} Jun 2026 00:00:00 GMT",
    }
    created = str(1_780_272_000 + number * 86_400)
    body = exchange.response.body.decode().replace("1760000000", created)
    answer = {"status": 200, "headers": headers, "body_text": body}
    source = {"repo": "acme/tests", "path": "a.yaml", "commit": "0123abc"}
    return orjson.dumps({"provider": "deepseek", "request": asked, "response": answer, "source": source})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join([row(BODY), row(STREAM), row(BODY, 3)]))
    return path


def test_one_of_each_form_is_written_the_newest(log: Path, tmp_path: Path) -> None:
    result = run(log, "--root", tmp_path)
    assert result.exit_code == 0, result.output
    first, second = sorted((tmp_path / "cassettes/deepseek/published/gpt-4o-mini").iterdir())
    assert (first.name, second.name) == ("2026-06-01-stream.yaml", "2026-06-04-body.yaml")
    kept = read_cassette(second)[0]
    assert (kept.source.provenance, kept.source.note) == ("published", "texts: replaced")
    assert kept.source.url == "https://github.com/acme/tests/blob/0123abc/a.yaml"
    assert "How can I help" not in second.read_text(encoding="utf-8")
    assert result.stdout.splitlines()[0] == "deepseek: 2, the newest of 2026-06-04"
    assert result.stdout.splitlines()[-1] == "left out: 1 of a form that is kept already, 0 larger than 49,152 bytes"


def test_recordings_of_legacy_completions_are_kept_by_their_form(tmp_path: Path) -> None:
    asked = {"url": "https://api.deepseek.com/beta/completions", "method": "POST"}
    rows = []
    for number, name in enumerate(("stream", "stream", "nonstream")):
        (told,) = recording(COMPLETIONS[f"completions.{name}"])
        line = orjson.loads(row(told, number))
        line["request"] |= asked | {"body": told.request.json}
        rows.append(orjson.dumps(line))
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(rows))
    result = run(tmp_path / "log.jsonl", "--root", tmp_path)
    assert result.exit_code == 0, result.output
    kept = {path.stem: read_cassette(path)[0] for path in (tmp_path / "cassettes").rglob("*.yaml")}
    assert sorted(kept) == ["2026-06-02-completions-stream", "2026-06-03-completions-body"]
    assert {one.dialect for one in kept.values()} == {"completions"}
    assert not any("a bird" in str(one.response.body) for one in kept.values())
    judged = CliRunner().invoke(main, ["audit", str(tmp_path / "cassettes")])
    assert "not judged" not in judged.output
    assert "completions." in CliRunner().invoke(main, ["audit", str(tmp_path / "cassettes"), "--format", "json"]).output


def test_a_second_time_nothing_is_new(log: Path, tmp_path: Path) -> None:
    run(log, "--root", tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "cassettes").rglob("*.yaml")}
    result = run(log, "--root", tmp_path)
    assert result.stdout.splitlines()[-2:] == [
        "written: 0 recordings of 0 providers, 0 bytes", "left out: 3 of a form that is kept already, 0 larger than 49,152 bytes",
    ]  # fmt: skip
    assert {path: path.read_bytes() for path in (tmp_path / "cassettes").rglob("*.yaml")} == before


def test_a_limit_leaves_out_what_is_larger_and_a_dry_run_writes_nothing(log: Path, tmp_path: Path) -> None:
    result = run(log, "--root", tmp_path, "--limit", 100)
    assert "left out: 1 of a form that is kept already, 2 larger than 100 bytes" in result.stdout
    result = run(log, "--root", tmp_path, "--dry-run")
    assert "would be written: 2 recordings of 1 provider," in result.stdout
    assert not (tmp_path / "cassettes").exists()


def test_what_is_no_evidence_is_left_out_and_counted(log: Path, tmp_path: Path) -> None:
    told = orjson.loads(row(STREAM))
    del told["source"]
    log.write_bytes(orjson.dumps(told))
    result = run(log, "--root", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].endswith("0 larger than 49,152 bytes, 1 without a public address")
    assert not (tmp_path / "cassettes").exists()


@pytest.mark.parametrize("given", ["file", "folder"])
def test_the_address_of_a_file_or_a_folder_that_does_not_tell_it(log: Path, tmp_path: Path, given: str) -> None:
    whole = given == "folder"
    told = orjson.loads(row(STREAM))
    del told["source"]
    log.write_bytes(orjson.dumps(told))
    result = run(log, "--root", tmp_path)
    assert "--source URL names the public address" in result.stderr
    (tmp_path / "in").mkdir()
    within = log.rename(tmp_path / "in" / "log of june.jsonl")
    base = "https://github.com/acme/tests"
    address = f"{base}/blob/0123abc/log.jsonl" if not whole else f"{base}/tree/0123abc/recordings"
    result = run(tmp_path / "in" if whole else within, "--source", address, "--root", tmp_path)
    assert result.exit_code == 0, result.output
    (kept,) = (tmp_path / "cassettes/deepseek/published").rglob("*.yaml")
    expected = f"{base}/blob/0123abc/recordings/log%20of%20june.jsonl" if whole else address
    assert read_cassette(kept)[0].source.url == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--source", "https://github.com/acme/tests"], "no address that stays"), (["b", "--source", "https://x.example/a"], "of one PATH")],
)  # fmt: skip
def test_an_address_that_can_not_be_is_refused_in_one_line(
    log: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    (tmp_path / "b").write_bytes(log.read_bytes())
    words = [str(tmp_path / "b") if word == "b" else word for word in words]
    result = run(log, *words, "--root", tmp_path)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_what_can_not_be_read_is_told(log: Path, tmp_path: Path) -> None:
    log.write_bytes(log.read_bytes() + b"\nno json\n")
    result = run(log, "--root", tmp_path)
    assert result.exit_code == 2
    assert "not JSON" in result.stderr
    assert "written: 2 recordings" in result.stdout
