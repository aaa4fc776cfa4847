"""
Packs into one file of the wheel what is many small files that are much alike, or data that is long.

These are the matrix, providers.yaml and cassettes/, and of the package the code of clients, what their environments
install and the forecast's table.  git keeps no copy of the pack.
"""

import bz2
import lzma
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACK = "harness/matrix/bundled.xz"
_OF_THE_PACKAGE = ("idioms/*", "real/*", "pins/**/*", "forecast.json")
_WORDS = "harness/words/words.bz2"
_FILTERS = [
    {
        "id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 24, "lc": 4, "lp": 0, "pb": 0,
        "nice_len": 273, "mf": lzma.MF_BT4, "depth": 1000,
    }
]  # fmt: skip
"""
As for text: what a byte is hangs on the byte before it, and on no place in a word of four.  Of all that came before as much
is looked at as there is a use for.
"""


def pack_matrix(root: Path) -> bytes:
    """Return the matrix at ``root`` packed: each file after its name, a NUL between two; always the same bytes."""
    files = (f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes() for path in _files(root))
    return lzma.compress(b"\0".join(files), filters=_FILTERS)


def pack_words(root: Path) -> bytes:
    """
    Return all translations at ``root`` packed, each file after its name, without the comments for translators.

    Those that are looked up whole are one part for each language, by the keys of their English texts.
    """
    words = _words(root)
    files = sorted((root / "harness/words").glob("*.po"))
    parts = [(file.name, _bare(file)) for file in files if not _is_keyed(words, file)]
    parts += [
        (f"{language}.{words.KEYED}", f"{words.for_pack(words.texts(language))}\n".encode())
        for language in words.LANGUAGES[1:]
    ]
    return bz2.compress(b"".join(f"# {name}\n".encode() + content for name, content in parts))


def _words(root: Path) -> SimpleNamespace:
    """Return what the module has that reads translations, which needs nothing installed."""
    return SimpleNamespace(**runpy.run_path(str(root / "harness/words/__init__.py")))


def _is_keyed(words: SimpleNamespace, file: Path) -> bool:
    return file in {words.file_of(language, kind) for language in words.LANGUAGES for kind in words.FILES}


def _bare(file: Path) -> bytes:
    lines = file.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if line.strip() and not line.startswith(b"#"))


def _files(root: Path) -> Iterator[Path]:
    yield root / "providers.yaml"
    found = root.glob("cassettes/**/*.yaml")  # what is alike is side by side
    yield from sorted(found, key=lambda path: (path.name == "deviations.yaml", "published" in path.parts, path))
    for pattern in _OF_THE_PACKAGE:
        found = sorted((root / "harness/clients").glob(pattern))
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")


class MatrixPacker(BuildHookInterface):
    """Adds the pack and the translations to a wheel; an editable install reads the checkout itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write what is packed beside the wheel, and say where it goes."""
        if version != "editable":
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            for name, content in self._packed():
                made = self._made(name)
                made.write_bytes(content)
                build_data["force_include"][str(made)] = name

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's signature
        """Remove them."""
        for name in (_PACK, _WORDS):
            self._made(name).unlink(missing_ok=True)

    def _packed(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is packed, each with its name in the wheel."""
        yield _PACK, pack_matrix(Path(self.root))
        yield _WORDS, pack_words(Path(self.root))

    def _made(self, name: str) -> Path:
        return Path(self.directory) / Path(name).name
