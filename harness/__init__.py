"""A compatibility test harness for OpenAI-compatible chat APIs."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what judges tables on first use (PEP 562): it needs pyarrow, of the extra ``scale``."""
    if name != "judge_batch":
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    try:
        from harness.scale import judge_batch
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        told = "harness.judge_batch needs pyarrow; install it with: pip install 'llm-compat-harness[scale]'"
        raise ModuleNotFoundError(told, name=error.name) from error
    return judge_batch
