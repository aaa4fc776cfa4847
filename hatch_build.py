"""
Packs into one file of the wheel what is many small files that are much alike, or data that is long.

These are the matrix, providers.yaml and cassettes/, and of the package the code of clients, what their environments
install and the forecast's table.  git keeps no copy of the pack.
"""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACK = "harness/matrix/bundled.xz"
_OF_THE_PACKAGE = ("idioms/*", "real/*", "pins/**/*", "forecast.json")
_FILTERS = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 24, "lc": 4, "lp": 0, "pb": 0}
]
"""As for text: what a byte is hangs on the byte before it, and on no place in a word of four."""


def pack_matrix(root: Path) -> bytes:
    """Return the matrix at ``root`` packed: a line of JSON, [[path, bytes], ...], then the files; always the same bytes."""
    contents = {path.relative_to(root).as_posix(): path.read_bytes() for path in _files(root)}
    index = json.dumps([[name, len(content)] for name, content in contents.items()], separators=(",", ":"))
    return lzma.compress(b"\n".join([index.encode(), b"".join(contents.values())]), filters=_FILTERS)


def _files(root: Path) -> Iterator[Path]:
    yield root / "providers.yaml"
    yield from sorted(root.glob("cassettes/**/*.yaml"), key=lambda path: ("published" in path.parts, path))
    for pattern in _OF_THE_PACKAGE:
        found = sorted((root / "harness/clients").glob(pattern))
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")


class MatrixPacker(BuildHookInterface):
    """Adds the pack to a wheel; an editable install reads the checkout itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the pack beside the wheel, and say where it goes."""
        if version != "editable":
            self._pack.parent.mkdir(parents=True, exist_ok=True)
            self._pack.write_bytes(pack_matrix(Path(self.root)))
            build_data["force_include"][str(self._pack)] = _PACK

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's signature
        """Remove it."""
        self._pack.unlink(missing_ok=True)

    @property
    def _pack(self) -> Path:
        return Path(self.directory) / Path(_PACK).name
