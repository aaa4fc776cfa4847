"""
What a run yields: problems judged into findings, what became of client code, and the logs that every report renders.

The logs are imported when something of them is first asked for: a rule is shown without them.
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
    from harness.results.clients import (
        WORST_FATE_FIRST,
        ClientFinding,
        ClientOutcome,
        ClientResults,
        LoopFinding,
        ProviderPrediction,
        is_client_log,
        read_client_results,
        write_client_results,
        written_client_results,
    )
    from harness.results.log import SCHEMA, Results, Run, check_writable, dump, read_results, told_most, write_results
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
    "EntryState",
    "Evidence",
    "Finding",
    "Level",
    "LoopFinding",
    "Outcome",
    "ProbeSummary",
    "Problem",
    "ProviderPrediction",
    "Results",
    "Run",
    "Speed",
    "Told",
    "check_writable",
    "dump",
    "first_message",
    "is_client_log",
    "judge",
    "read_client_results",
    "read_results",
    "told_most",
    "write_client_results",
    "write_results",
    "written_client_results",
]  # fmt: skip

_PROBING = frozenset(
    {"BaselineEntry", "BaselineSummary", "ClientForecast", "Cost", "EntryState", "ProbeSummary", "Speed"}
)
_LOG = frozenset({"SCHEMA", "Results", "Run", "check_writable", "dump", "read_results", "told_most", "write_results"})


def __getattr__(name: str) -> Any:
    """Import what stands in a log (PEP 562)."""
    if name not in __all__:
        raise AttributeError(name)
    module = "log" if name in _LOG else "probing" if name in _PROBING else "clients"
    return getattr(import_module(f"harness.results.{module}"), name)
