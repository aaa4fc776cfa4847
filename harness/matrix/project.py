"""
Combines the matrix of a project's folder with the bundled one.

A project adds its providers in its own ``providers.yaml``, and need not copy the bundled ones: they are found by
name.  Without names, the project's own are selected, if it has any.  Output is written into the project's folder,
never to the installation.
"""

from pathlib import Path

from harness.errors import BadProviders
from harness.matrix.bundled import FILE_NAME, bundled
from harness.matrix.providers import Matrix, load_matrix
from harness.matrix.recognising import looks_like_ours


def project_matrix(root: Path) -> Matrix:
    """
    Return the matrix of the project at ``root``, or the bundled one if it has none.

    Raises:
        BadProviders: one line that names file, line, key and the fix.
    """
    own, home = own_matrix(root), bundled()
    if own:
        return over_bundled(own, root)
    return load_matrix(home / FILE_NAME).bundled_in(home) if home else load_matrix(root / FILE_NAME)


def over_bundled(own: Matrix, root: Path) -> Matrix:
    """Return the matrix of the project at ``root`` with the bundled providers after its own."""
    home = bundled()
    if home is None or _same(home, root):
        return own
    return own.over(load_matrix(home / FILE_NAME).bundled_in(home))


def own_matrix(root: Path) -> Matrix | None:
    """Return the ``providers.yaml`` at ``root``; None if there is none, or another program's."""
    path = root / FILE_NAME
    if not root.exists():
        raise BadProviders(f"{path}: no such folder; name another with --root")
    return load_matrix(path) if path.exists() and looks_like_ours(path) else None


def foreign_matrix(root: Path) -> Path | None:
    """Return the path of a ``providers.yaml`` at ``root`` that is another program's, if there is one."""
    path = root / FILE_NAME
    return path if path.exists() and not looks_like_ours(path) else None


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
