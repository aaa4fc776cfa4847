"""
Collects the catalogue of faults, one module per group, and of legal variants.

A module is imported on demand, so that one fault is shown without loading all others.
"""

from functools import cache
from importlib import import_module
from typing import Any

from harness.simulate.fault import Fault, Variant

GROUPS = (
    "wire", "chunk", "asked", "between", "answer", "texts", "calls", "counts", "json_text", "probabilities",
    "refusals", "transfer", "misplaced", "reported", "named", "written", "sdk", "uncounted", "told_otherwise",
    "relayed", "further", "foreign", "calls_as_text", "untold", "lost", "lost_pieces", "astray", "unformed", "misreported",
)  # fmt: skip
"""The modules with faults, in display order."""

_GROUPS_OF_VARIANTS = (
    "variants", "options", "text_variants", "legal_counts", "transfer", "misplaced", "reported", "named", "written",
    "sdk", "uncounted", "told_otherwise", "relayed", "further", "foreign", "calls_as_text", "untold", "lost", "lost_pieces", "astray", "unformed", "misreported",
)  # fmt: skip

FAULTS: dict[str, Fault]
"""Every fault by id."""

VARIANTS: dict[str, Variant]
"""Every legal variant by id."""


def __getattr__(name: str) -> Any:
    """Import all groups (PEP 562)."""
    if name == "FAULTS":
        return _all(name, GROUPS)
    if name == "VARIANTS":
        return _all(name, _GROUPS_OF_VARIANTS)
    raise AttributeError(name)


@cache
def _all(name: str, groups: tuple[str, ...]) -> dict[str, Any]:
    found = (getattr(import_module(f"{__name__}.{group}"), name) for group in groups)
    return {one.id: one for group in found for one in group}


__all__ = ["FAULTS", "GROUPS", "VARIANTS", "Fault", "Variant"]
