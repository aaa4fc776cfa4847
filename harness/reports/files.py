"""The files of a report folder."""

import re
from dataclasses import replace
from pathlib import Path

from harness.errors import BadResults
from harness.recording.atomic import check_own, remove, write_atomically
from harness.reports import badge, page, table
from harness.results import Results, check_writable, read_results, write_results


def write_report(folder: Path, results: Results, *, force: bool = False) -> None:
    """
    Write ``results.jsonl``, ``compatibility.md``, ``index.html`` and ``badges/`` to a folder.

    A results file that would differ in nothing but its start is left alone, so that running again changes nothing.

    Raises:
        Unwritable: the place can't be written to, or holds files of these names that are others; these only ``force``
            replaces.  Then nothing was written.
    """
    path = folder / "results.jsonl"
    check_writable(path)
    for name, own in {"compatibility.md": table.OWN, "index.html": page.OWN}.items():
        check_own(folder / name, own, force=force)
    badges = badge.render(results)
    for provider in badges:
        check_own(folder / f"badges/{provider}.svg", badge.OWN, force=force)
    results = read_results(path) if _same(path, results) else write_results(path, results)
    texts = {"compatibility.md": f"# Compatibility\n\n{table.render(results)}", "index.html": page.render(results)}
    texts |= {f"badges/{provider}.svg": svg for provider, svg in badges.items()}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    for old in (folder / "badges").glob("*.svg"):
        if f"badges/{old.name}" not in texts and re.match(badge.OWN, old.read_text(encoding="utf-8", errors="replace")):
            remove(old)  # it tells of what is no longer known


def _same(path: Path, results: Results) -> bool:
    try:
        before = read_results(path)
    except BadResults:
        return False
    return before.findings == results.findings and replace(before.run, started=results.run.started) == results.run
