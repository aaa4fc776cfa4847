"""Files are written atomically, even if the process is killed or the disk fails."""

import errno
import os
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from forks import Forks

from harness.errors import Unwritable
from harness.recording.atomic import remove, write_atomically

BEFORE, SIZE = b"what was there", 300_000


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "kept.yaml"
    place.write_bytes(BEFORE)
    return place


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


def test_a_file_takes_the_place_of_another_and_its_mode(place: Path) -> None:
    place.chmod(0o600)
    write_atomically(place, b"new")
    write_atomically(place.parent / "sub" / "first.yaml", b"first")
    assert place.read_bytes() == b"new"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE((place.parent / "sub/first.yaml").stat().st_mode) == 0o644
    assert files(place.parent) == ["kept.yaml", "sub"]


def test_what_is_on_the_disk_is_named_and_the_name_is_on_the_disk_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bytes]] = []

    def sync(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        synced.append((kind, place.read_bytes()))

    monkeypatch.setattr(os, "fsync", sync)
    write_atomically(place, b"new")
    assert synced == [("file", BEFORE), ("folder", b"new")]


FAILURES = [(tempfile, "mkstemp"), (os, "fdopen"), (os, "fsync"), (Path, "chmod"), (Path, "replace"), (Path, "mkdir")]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize(("owner", "name"), FAILURES, ids=[name for _, name in FAILURES])
def test_what_the_disk_refuses_is_a_line_and_loses_nothing(
    owner: object, name: str, number: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, refuse)
        with pytest.raises(Unwritable) as told:
            write_atomically(place, b"new")
    assert str(told.value) == f"{place}: {os.strerror(number)}; choose a place that you can write to"
    assert place.read_bytes() == BEFORE
    assert files(place.parent) == ["kept.yaml"], "nothing half is left"


def test_a_folder_that_cannot_be_synced_is_no_failure(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def sync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    write_atomically(place, b"new")
    assert place.read_bytes() == b"new"


def test_where_nobody_may_write_it_says_so(as_nobody: Path) -> None:
    place = as_nobody / "kept.yaml"
    with pytest.raises(Unwritable, match=r"kept\.yaml: Permission denied; choose a place"):
        write_atomically(place, b"new")
    with pytest.raises(Unwritable, match=r"new\.yaml: Permission denied"):
        write_atomically(as_nobody / "sub" / "new.yaml", b"new")
    with pytest.raises(Unwritable, match=r"kept\.yaml: Permission denied; choose a place"):
        remove(place)
    assert (place.read_bytes(), files(as_nobody)) == (BEFORE, ["kept.yaml"])


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A read-only folder, for a user subject to permissions, which root is not."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kept.yaml").write_bytes(BEFORE)
        folder.chmod(0o555)
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


def test_a_file_stands_where_a_folder_should(place: Path) -> None:
    with pytest.raises(Unwritable, match=r"inner\.yaml: .*; choose a place"):
        write_atomically(place / "inner.yaml", b"new")
    with pytest.raises(Unwritable, match=r"it is not a regular file; name a"):
        write_atomically(place.parent, b"new")
    assert place.read_bytes() == BEFORE


def test_a_disk_that_fills_up_in_the_middle_loses_nothing(place: Path, forks: Forks) -> None:
    assert forks.do("write", path=str(place), size=SIZE, end=SIZE // 2, refuse=True) == 0
    assert (place.read_bytes(), files(place.parent)) == (BEFORE, ["kept.yaml"])


@pytest.mark.parametrize("end", [0, 1, 4096, SIZE // 2, SIZE - 1])
def test_a_writer_killed_inside_its_bytes_leaves_what_was_there(end: int, place: Path, forks: Forks) -> None:
    assert forks.do("write", path=str(place), size=SIZE, end=end) == -signal.SIGXFSZ
    assert place.read_bytes() == BEFORE
    (left,) = [path for path in place.parent.iterdir() if path != place]
    assert left.stat().st_size == end, "the kernel killed it at this very byte"
    assert left.name.startswith(".")
    assert left.suffix != ".yaml"
    write_atomically(place.parent / "another.yaml", b"new")
    assert files(place.parent) == ["another.yaml", "kept.yaml"], "the next writer removes what is left"


def test_a_writer_killed_before_any_of_its_steps_leaves_one_file_or_the_other(place: Path, forks: Forks) -> None:
    whole, seen = b"x" * SIZE, set[tuple[bool, bool]]()
    for step in range(200):
        how = forks.do("write", path=str(place), size=SIZE, step=step)
        if how == 0:
            break
        assert how == -signal.SIGKILL
        content = place.read_bytes()
        assert content in {BEFORE, whole}
        seen.add((content == whole, len(files(place.parent)) > 1))
        place.write_bytes(BEFORE)
    else:
        pytest.fail("it never came to its end")
    assert seen == {(False, False), (False, True), (True, False)}, "killed before, inside and after the write"
    write_atomically(place, b"new")
    assert files(place.parent) == ["kept.yaml"]


def test_what_others_write_is_no_leftover(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = {name: threading.Event() for name in ("one.yaml", "two.yaml")}
    go_on = {name: threading.Event() for name in inside}
    replace = Path.replace

    def slowly(self: Path, target: Path) -> Path:
        if target.name in inside:
            inside[target.name].set()
            go_on[target.name].wait(5)
        return replace(self, target)

    def begin(name: str) -> threading.Thread:
        writer = threading.Thread(target=write_atomically, args=(place.parent / name, b"slow"))
        writer.start()
        assert inside[name].wait(5)
        return writer

    monkeypatch.setattr(Path, "replace", slowly)
    writers = {name: begin(name) for name in inside}
    for name, writer in writers.items():
        write_atomically(place, b"new")
        go_on[name].set()
        writer.join()
        assert (place.parent / name).read_bytes() == b"slow"
    assert files(place.parent) == ["kept.yaml", "one.yaml", "two.yaml"]


@pytest.mark.thorough
def test_the_files_of_others_are_left_alone(place: Path) -> None:
    others = [".kept.yaml.swp", ".kept.yaml.part", "kept.yaml.harness-part", ".kept.yaml.x1y2.bak"]
    for name in others:
        (place.parent / name).write_bytes(b"theirs")
    write_atomically(place, b"new")
    assert files(place.parent) == sorted([*others, "kept.yaml"])
