"""A fixed set of a hundred fuzz cases passes; and the fuzzer finds a planted bug and minimizes it."""

import time
from itertools import takewhile
from pathlib import Path

import pytest

from fuzz import __main__ as command
from fuzz import files, running
from fuzz.corpus import SHARED, Corpus
from fuzz.running import Crash, Fuzzer, smaller, write
from harness.wire.dialect import DialectName
from harness.wire.reading import Reading, read

OWN, OTHERS, LONGEST = 60, 40, 5.0  # a slow machine has not the time for all of them
SEED = 20261129


def crashes(fuzzer: Fuzzer, count: int, keep: Path) -> list[str]:
    end = time.monotonic() + LONGEST
    tried = takewhile(lambda _: time.monotonic() < end, fuzzer.run(range(count)))
    return [f"{crash.what}: see {write(crash, keep)}" for crash in tried if crash]


def test_nothing_breaks_on_the_projects_own_recordings_and_files_changed(tmp_path: Path) -> None:
    assert crashes(Fuzzer(Corpus(), SEED, tmp_path / "scratch"), OWN, tmp_path / "found") == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded exchanges are not beside this repository")
def test_nothing_breaks_on_the_recordings_of_others_changed(tmp_path: Path) -> None:
    corpus = Corpus([SHARED / "corpus"])
    assert crashes(Fuzzer(corpus, SEED + 1, tmp_path / "scratch"), OTHERS, tmp_path / "found") == []


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Break the parsing of every non-empty body, except while the input files are made."""
    (tmp_path / "before").mkdir()
    log = files.made_log(tmp_path / "before", Corpus().own)
    monkeypatch.setattr(files, "made_log", lambda _folder, _own: log)

    def breaking(content: bytes, dialect: DialectName) -> Reading:
        if content:
            raise ZeroDivisionError("planted")
        return read(content, dialect)

    monkeypatch.setattr("harness.wire.exchange.read", breaking)
    monkeypatch.setattr(running, "TRIES", 40)


def first_crash(tmp_path: Path) -> Crash:
    return next(filter(None, Fuzzer(Corpus(), 1, tmp_path).run(range(50))))


@pytest.mark.usefixtures("planted")
@pytest.mark.thorough
def test_what_breaks_is_found_again_by_its_seed_and_made_small(tmp_path: Path) -> None:
    found = first_crash(tmp_path)
    assert "ZeroDivisionError" in found.error
    again = next(filter(None, Fuzzer(Corpus(), 1, tmp_path).run([found.number])))
    assert (again.trail, again.content) == (found.trail, found.content)
    path = write(found, tmp_path / "found")
    *_, smallest = path.read_bytes().splitlines()
    assert len(smallest) < len(found.content) / 2
    assert path.with_suffix(".txt").read_text().startswith(f"seed 1, case {found.number}: ")


@pytest.mark.usefixtures("planted")
def test_the_command_ends_with_1_and_names_seed_case_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    number = first_crash(tmp_path).number
    words = [
        "fuzz",
        "--seconds",
        "0",
        "--seed",
        "1",
        "--case",
        str(number),
        "--keep",
        str(tmp_path),
        "--corpus",
        "none",
    ]
    monkeypatch.setattr("sys.argv", words)
    assert command.main() == 1
    said = capsys.readouterr().err
    assert "fuzz: none is not there" in said
    assert f"fuzz: seed 1 case {number}: " in said
    assert str(tmp_path / f"crash-1-{number}") in said
    assert "1 cases, 1 broke" in said


def test_the_command_ends_with_0_where_nothing_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["fuzz", "--seconds", "0", "--seed", "1", "--corpus"])
    monkeypatch.setattr(Fuzzer, "run", lambda *_: iter([None]))
    assert command.main() == 0


def test_what_takes_too_long_is_broken() -> None:
    broke = running.broken_by(lambda: time.sleep(30), limit=1)
    assert broke
    assert "Hung: it takes longer than 1 s" in broke.error


def test_as_little_is_left_as_still_breaks() -> None:
    assert smaller(b"x" * 500 + b"needle" + b"y" * 500, lambda content: b"needle" in content) == b"needle"
    assert smaller(b"aXbXc", lambda content: content.count(b"X") == 2) == b"XX"
    assert smaller(b"abc", lambda _: False) == b"abc"
    assert smaller(b"abc", lambda _: True) == b""


def test_an_error_is_another_where_it_comes_from_another_place() -> None:
    def divide(by: int) -> float:
        return 1 / by

    one, other = running.broken_by(lambda: divide(0)), running.broken_by(lambda: int("x"))
    assert one == running.broken_by(lambda: divide(0))
    assert one != other
    assert running.broken_by(lambda: divide(1)) is None
