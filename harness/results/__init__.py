"""
Defines the results of a run: problems judged into findings, outcomes of client code, and the logs that every report
renders.

The logs are imported on first use: showing a rule needs none.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.results.finding import (
    EXPECTED,
    UNEXPECTED,
    VERDICTS,
    WORST_FIRST,
    Advice,
    Deviation,
    Evidence,
    Finding,
    Level,
    Outcome,
    Problem,
    Told,
    first_message,
    judge,
)

if TYPE_CHECKING:
    from harness.results.client_lines import (
        is_client_log,
        read_client_results,
        write_client_results,
        written_client_results,
    )
    from harness.results.clients import (
        WORST_FATE_FIRST,
        ClientFinding,
        ClientOutcome,
        ClientResults,
        LoopFinding,
        ProviderPrediction,
    )
    from harness.results.digest import DIGEST, Digest, digest_of, read_digest, write_digest
    from harness.results.frame import SCHEMA, Run, check_writable, dump, first_line
    from harness.results.judged import QuietGroup, RecordingResult, gathered, is_quiet
    from harness.results.log import (
        Log,
        LogWriter,
        Results,
        in_order,
        json_schema,
        read_results,
        told_most,
        write_results,
    )
    from harness.results.probing import (
        BaselineEntry,
        BaselineSummary,
        ClientForecast,
        Cost,
        EntryState,
        ProbeSummary,
        Speed,
    )

__all__ = [
    "DIGEST",
    "EXPECTED",
    "SCHEMA",
    "UNEXPECTED",
    "VERDICTS",
    "WORST_FATE_FIRST",
    "WORST_FIRST",
    "Advice",
    "BaselineEntry",
    "BaselineSummary",
    "ClientFinding",
    "ClientForecast",
    "ClientOutcome",
    "ClientResults",
    "Cost",
    "Deviation",
    "Digest",
    "EntryState",
    "Evidence",
    "Finding",
    "Level",
    "Log",
    "LogWriter",
    "LoopFinding",
    "Outcome",
    "ProbeSummary",
    "Problem",
    "ProviderPrediction",
    "QuietGroup",
    "RecordingResult",
    "Results",
    "Run",
    "Speed",
    "Told",
    "check_writable",
    "digest_of",
    "dump",
    "first_line",
    "first_message",
    "gathered",
    "in_order",
    "is_client_log",
    "is_quiet",
    "json_schema",
    "judge",
    "read_client_results",
    "read_digest",
    "read_results",
    "told_most",
    "write_client_results",
    "write_digest",
    "write_results",
    "written_client_results",
]  # fmt: skip

_HOME = {
    "client_lines": ("is_client_log", "read_client_results", "write_client_results", "written_client_results"),
    "digest": ("DIGEST", "Digest", "digest_of", "read_digest", "write_digest"),
    "frame": ("SCHEMA", "Run", "check_writable", "dump", "first_line"),
    "judged": ("RecordingResult", "QuietGroup", "gathered", "is_quiet"),
    "log": ("Log", "LogWriter", "Results", "in_order", "json_schema", "read_results", "told_most", "write_results"),
    "probing": ("BaselineEntry", "BaselineSummary", "ClientForecast", "Cost", "EntryState", "ProbeSummary", "Speed"),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of a log (PEP 562)."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"harness.results.{_MODULES.get(name, 'clients')}"), name)
