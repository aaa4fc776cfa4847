"""
Finds the matrix that is bundled with harness: a folder with ``providers.yaml`` and ``cassettes/``, as in its
repository.

A wheel holds it packed, since two thousand similar small files take 0.5 MB together and 8 MB separately
(``hatch_build.py`` packs them), along with similar files of the package, which :func:`packed` finds.  It is
unpacked into the user's cache on first use, under the digest of the pack, so that each version has its own folder;
an incomplete one is never used.  A checkout uses itself.
"""

import atexit
import contextlib
import hashlib
import lzma
import shutil
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from harness.errors import Unwritable

FILE_NAME = "providers.yaml"
PACK = Path(__file__).with_name("bundled.xz")


@cache
def bundled() -> Path | None:
    """Return the folder of the bundled matrix; None if there is none."""
    if PACK.exists():
        return _unpacked()
    checkout = Path(__file__).parents[2]
    return checkout if (checkout / FILE_NAME).exists() and (checkout / "cassettes").is_dir() else None


def packed(*names: str) -> Path:
    """Return the path of a file or folder that a wheel holds in the pack, by its names below ``harness``."""
    home = _unpacked() if PACK.exists() else Path(__file__).parents[2]
    return home.joinpath("harness", *names)


@cache
def _unpacked() -> Path:
    return unpack(PACK, platformdirs.user_cache_path("llm-compat-harness", appauthor=False) / "matrix")


def unpack(pack: Path, cache_folder: Path) -> Path:
    """
    Return the folder below ``cache_folder`` with the content of ``pack``, unpacked if needed.

    If the cache is not writable, use a temporary folder that lasts as long as the process.
    """
    content = pack.read_bytes()
    folder = cache_folder / hashlib.sha256(content).hexdigest()[:12]
    if folder.exists():
        return folder
    try:
        cache_folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=cache_folder))
    except OSError:
        return _unpacked_for_now(pack)
    try:
        _extract(pack, part)
        part.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was first
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _unpacked_for_now(pack: Path) -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="llm-compat-harness-"))
    except OSError as error:
        raise Unwritable(
            f"{error.filename}: {error.strerror}; the recordings that come with harness need 8 MB"
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _extract(pack, folder)
    return folder


def _extract(pack: Path, folder: Path) -> None:
    """Write the files of a pack made by harness: names and contents only."""
    try:
        for file in lzma.decompress(pack.read_bytes()).split(b"\0"):
            name, _, content = file.partition(b"\n")
            path = folder / name.decode()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise Unwritable(f"{folder}: {error.strerror}; the recordings that come with harness need 8 MB") from None
