"""The files of a report folder."""

from dataclasses import replace
from pathlib import Path

from harness.errors import BadResults
from harness.recording.atomic import remove, write_atomically
from harness.reports import badge, page, table
from harness.results import Results, read_results, write_results


def write_report(folder: Path, results: Results) -> None:
    """
    Write ``results.jsonl``, ``compatibility.md``, ``index.html`` and ``badges/`` to a folder.

    A results file that would differ in nothing but its start is left alone, so that running again changes nothing.
    """
    path = folder / "results.jsonl"
    results = read_results(path) if _same(path, results) else write_results(path, results)
    texts = {"compatibility.md": f"# Compatibility\n\n{table.render(results)}", "index.html": page.render(results)}
    texts |= {f"badges/{provider}.svg": svg for provider, svg in badge.render(results).items()}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    for old in (folder / "badges").glob("*.svg"):
        if f"badges/{old.name}" not in texts:
            remove(old)  # it tells of what is no longer known


def _same(path: Path, results: Results) -> bool:
    try:
        before = read_results(path)
    except BadResults:
        return False
    return before.findings == results.findings and replace(before.run, started=results.run.started) == results.run
