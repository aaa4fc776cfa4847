"""Finds a fault by its id, without loading the whole catalogue."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from harness.simulate.chat.faults import GROUPS
from harness.simulate.fault import Fault

_MODULES = (
    *(f"harness.simulate.chat.faults.{group}" for group in GROUPS),
    "harness.simulate.messages.faults",
    "harness.simulate.completions.faults",
)


def fault_named(name: str) -> Fault | None:
    """
    Return a fault of any dialect; None if there is none with that id.

    The modules whose source contains the id are imported first, then the others, which compose ids.
    """
    for module in sorted(_MODULES, key=lambda one: not _has_text(one, f'"{name}"')):
        faults: tuple[Fault, ...] | dict[str, Fault] = import_module(module).FAULTS
        for fault in faults.values() if isinstance(faults, dict) else faults:
            if fault.id == name:
                return fault
    return None


def _has_text(module: str, text: str) -> bool:
    """Return whether the source of a module contains a text; False if there is no source."""
    spec = find_spec(module)
    file = Path(spec.origin) if spec and spec.origin else None
    return file is not None and file.is_file() and text.encode() in file.read_bytes()
