"""The files of a report folder."""

from pathlib import Path

from harness.recording.atomic import write_atomically
from harness.reports import table
from harness.results import Results, write_results


def write_report(folder: Path, results: Results) -> None:
    """Write ``results.jsonl`` and ``compatibility.md`` to a folder."""
    write_results(folder / "results.jsonl", results)
    write_atomically(folder / "compatibility.md", f"# Compatibility\n\n{table.render(results)}".encode())
