"""A compatibility test harness for OpenAI-compatible chat APIs."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what judges tables when it is first asked for (PEP 562): it needs pyarrow, of the extra ``scale``."""
    if name != "judge_batch":
        raise AttributeError(name)
    from harness.scale import judge_batch

    return judge_batch
