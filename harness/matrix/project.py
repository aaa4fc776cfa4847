"""
The matrix of a project: that of its folder, over the one that comes with the program.

A project adds its providers in a ``providers.yaml`` of its own, and copies nothing: where one of ours is named, ours is
found.  Where nothing is named the project's own are meant, if it has any.  What is recorded or made is written into the
project's folder, never to where the program is.
"""

from pathlib import Path

from harness.errors import BadProviders
from harness.matrix.bundled import FILE_NAME, bundled
from harness.matrix.providers import Matrix, load_matrix
from harness.matrix.recognising import looks_like_ours


def project_matrix(root: Path) -> Matrix:
    """
    Return the matrix of the project at ``root``; of one that has none of its own, the one that comes with the program.

    Raises:
        BadProviders: one line that names file, line, key and the fix.
    """
    own, home = own_matrix(root), bundled()
    if own:
        return over_bundled(own, root)
    return load_matrix(home / FILE_NAME).bundled_in(home) if home else load_matrix(root / FILE_NAME)


def over_bundled(own: Matrix, root: Path) -> Matrix:
    """Return the matrix of the project at ``root`` with, after its own providers, those that come with the program."""
    home = bundled()
    if home is None or _same(home, root):
        return own
    return own.over(load_matrix(home / FILE_NAME).bundled_in(home))


def own_matrix(root: Path) -> Matrix | None:
    """Return what the ``providers.yaml`` at ``root`` says; None where there is none, or another program's."""
    path = root / FILE_NAME
    if not root.exists():
        raise BadProviders(f"{path}: no such folder; name another with --root")
    return load_matrix(path) if path.exists() and looks_like_ours(path) else None


def foreign_matrix(root: Path) -> Path | None:
    """Return the ``providers.yaml`` at ``root`` that is another program's, if one is there."""
    path = root / FILE_NAME
    return path if path.exists() and not looks_like_ours(path) else None


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
