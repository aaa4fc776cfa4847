"""`harness mask` for users: its output, its messages, and what it does not overwrite."""

import gzip
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.recording.cassette import read_cassette, write_cassette
from harness.simulate.reference import BODY, STREAM, TOOLS

SECRET = "How can I help?"


def mask(*words: object) -> Result:
    return CliRunner().invoke(main, ["mask", *map(str, words)])


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    write_cassette(folder / "a/chat.yaml", [STREAM, TOOLS])
    write_cassette(folder / "b/chat.yaml", [BODY])
    return folder


def test_a_folder_becomes_a_folder_with_a_file_each(recordings: Path, tmp_path: Path) -> None:
    result = mask(recordings, "--into", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{tmp_path}/out/a/chat.yaml: 2 exchanges, texts replaced; the findings stay",
        f"{tmp_path}/out/b/chat.yaml: 1 exchange, texts replaced; the findings stay",
    ]
    made = read_cassette(tmp_path / "out/a/chat.yaml")
    assert [one.source.note for one in made] == ["reference form; texts: replaced"] * 2
    assert SECRET not in (tmp_path / "out/b/chat.yaml").read_text(encoding="utf-8")


def test_a_file_takes_all_of_it_and_what_is_equal_stays_equal(recordings: Path, tmp_path: Path) -> None:
    assert mask(recordings, "--into", tmp_path / "all.yaml").exit_code == 0
    texts = [one.completion.messages[0].content for one in read_cassette(tmp_path / "all.yaml")]
    assert texts[0] == texts[2] != "你好! How can I help?"


def test_a_seed_gives_the_same_again_and_none_another(recordings: Path, tmp_path: Path) -> None:
    def made(*options: str) -> bytes:
        assert mask(recordings / "b", "--into", tmp_path / "x.yaml", *options).exit_code == 0
        return (tmp_path / "x.yaml").read_bytes()

    assert made("--seed", "mine") == made("--seed", "mine") != made("--seed", "other")
    assert made() != made()


def test_files_of_others_and_what_is_read_are_not_written_over(recordings: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.yaml"
    other.write_text("mine: true\n", encoding="utf-8")
    result = mask(recordings, "--into", other)
    assert (result.exit_code, other.read_text(encoding="utf-8")) == (2, "mine: true\n")
    assert "was not written by harness; name another file, or add --force" in result.stderr
    assert mask(recordings, "--into", other, "--force").exit_code == 0
    before = (recordings / "b/chat.yaml").read_bytes()
    for place in (recordings, recordings / "b/chat.yaml"):
        result = mask(recordings, "--into", place, "--force")
        assert result.exit_code == 2
        assert "it is one of the recordings to mask; name another place" in result.stderr
    assert (recordings / "b/chat.yaml").read_bytes() == before


def test_what_can_not_be_read_is_told_and_the_rest_is_written(recordings: Path, tmp_path: Path) -> None:
    (recordings / "c.yaml").write_text("interactions:\n- request: [", encoding="utf-8")
    result = mask(recordings, "--into", tmp_path / "out")
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 2
    assert f"{recordings}/c.yaml" in result.stderr
    assert not (tmp_path / "out/c.yaml").exists()


def test_two_files_of_one_name_keep_their_endings(tmp_path: Path) -> None:
    row = orjson.dumps(
        {
            "request": {"url": "https://x.example/v1/chat/completions"},
            "response": {"status": 200, "body": BODY.response.body.decode()},
        }
    )
    (tmp_path / "log.jsonl").write_bytes(row)
    (tmp_path / "log.ndjson.gz").write_bytes(gzip.compress(row))
    result = mask(tmp_path / "log.jsonl", tmp_path / "log.ndjson.gz", "--into", tmp_path / "out")
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["log.jsonl.yaml", "log.ndjson.gz.yaml"]


def test_other_endpoints_are_counted_and_nothing_to_mask_is_said(tmp_path: Path) -> None:
    row = {"request": {"url": "https://x.example/v1/embeddings", "body": {}}, "response": {"status": 200, "body": {}}}
    (tmp_path / "log.jsonl").write_bytes(orjson.dumps(row))
    result = mask(tmp_path / "log.jsonl", "--into", tmp_path / "out")
    assert result.exit_code == 2
    assert "1 embeddings left out: only chat completions, Messages and legacy completions are masked" in result.stderr
    assert "no chat completion in 1 file" in result.stderr
