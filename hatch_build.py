"""Packs the matrix into the wheel: providers.yaml and cassettes/, of which git keeps no copy."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACK = "harness/matrix/bundled.tar.xz"


def pack_matrix(root: Path) -> bytes:
    """Return the matrix at ``root`` packed: the same files give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as archive:
        for path in _files(root):
            content = path.read_bytes()
            member = tarfile.TarInfo(path.relative_to(root).as_posix())
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _files(root: Path) -> Iterator[Path]:
    yield root / "providers.yaml"
    yield from sorted(root.glob("cassettes/**/*.yaml"))


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
