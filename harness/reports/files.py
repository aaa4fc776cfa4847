"""Writes the files of a report folder."""

import re
from dataclasses import replace
from pathlib import Path

from harness.errors import BadResults
from harness.recording.atomic import check_own, remove, write_atomically
from harness.reports import badge, page, table
from harness.results import (
    DIGEST,
    Digest,
    Results,
    check_writable,
    digest_of,
    read_digest,
    write_digest,
    write_results,
)


def write_report(folder: Path, results: Results, *, force: bool = False) -> None:
    """
    Write ``results.jsonl``, ``digest.jsonl``, ``compatibility.md``, ``index.html`` and ``badges/`` to a folder.

    If the digest differs only in its start time, the old one stays, so that running again changes nothing.

    Raises:
        Unwritable: the place can't be written to, or holds files of these names that are others; these only ``force``
            replaces.  Then nothing was written.
    """
    for name in ("results.jsonl", DIGEST):
        check_writable(folder / name)
    for name, own in {"compatibility.md": table.OWN, "index.html": page.OWN}.items():
        check_own(folder / name, own, force=force)
    badges = badge.render(results)
    for provider in badges:
        check_own(folder / f"badges/{provider}.svg", badge.OWN, force=force)
    digest = _begun_before(folder / DIGEST, digest_of(results))
    begun = replace(results, run=digest.run)
    results = write_results(folder / "results.jsonl", begun)
    write_digest(folder / DIGEST, digest if results is begun else digest_of(results))
    texts = {"compatibility.md": f"# Compatibility\n\n{table.render(results)}", "index.html": page.render(results)}
    texts |= {f"badges/{provider}.svg": svg for provider, svg in badges.items()}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    for old in (folder / "badges").glob("*.svg"):
        if f"badges/{old.name}" not in texts and re.match(badge.OWN, old.read_text(encoding="utf-8", errors="replace")):
            remove(old)  # it describes a provider that is no longer known


def _begun_before(path: Path, digest: Digest) -> Digest:
    """Return a digest with the start time of the one at ``path``, if they differ in nothing else."""
    try:
        before = read_digest(path)
    except BadResults:
        return digest
    return before if digest.same_as(before) else digest
