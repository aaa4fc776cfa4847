"""What a run yields: problems judged into findings, what became of client code, and the logs that every report renders."""

from harness.results.clients import (
    WORST_FATE_FIRST,
    ClientFinding,
    ClientResults,
    Fate,
    Foreseen,
    LoopFinding,
    is_client_log,
    read_client_results,
    write_client_results,
    written_client_results,
)
from harness.results.finding import RED, WORST_FIRST, Deviation, Evidence, Finding, Level, Outcome, Problem, judge
from harness.results.log import SCHEMA, Results, Run, check_writable, dump, read_results, told_most, write_results

__all__ = [
    "RED", "SCHEMA", "WORST_FATE_FIRST", "WORST_FIRST", "ClientFinding", "ClientResults", "Deviation", "Evidence", "Fate", "Finding", "Foreseen", "Level",
    "LoopFinding", "Outcome", "Problem", "Results", "Run", "check_writable", "dump", "is_client_log", "judge", "read_client_results",
    "read_results", "told_most", "write_client_results", "write_results", "written_client_results",
]  # fmt: skip
