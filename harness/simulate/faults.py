"""Collects the catalogue of faults and of legal variants, by dialect."""

from harness.simulate.chat import faults as chat
from harness.simulate.completions import faults as completions
from harness.simulate.fault import Fault, Variant
from harness.simulate.messages import faults as messages
from harness.wire.dialect import DialectName

FAULTS: dict[str, Fault] = chat.FAULTS
"""Every fault of chat completions by id."""

VARIANTS: dict[str, Variant] = chat.VARIANTS
"""Every legal variant of chat completions by id."""

FAULTS_OF: dict[DialectName, dict[str, Fault]] = {
    "chat": FAULTS,
    "messages": messages.FAULTS,
    "completions": completions.FAULTS,
}
"""The faults of each dialect."""

VARIANTS_OF: dict[DialectName, dict[str, Variant]] = {
    "chat": VARIANTS,
    "messages": messages.VARIANTS,
    "completions": completions.VARIANTS,
}
"""The legal variants of each dialect."""

EVERY_FAULT: dict[str, Fault] = {name: fault for faults in FAULTS_OF.values() for name, fault in faults.items()}
"""Every fault of any dialect by id."""

EVERY_VARIANT: dict[str, Variant] = {name: one for variants in VARIANTS_OF.values() for name, one in variants.items()}
"""Every legal variant of any dialect by id."""

__all__ = ["EVERY_FAULT", "EVERY_VARIANT", "FAULTS", "FAULTS_OF", "VARIANTS", "VARIANTS_OF", "Fault", "Variant"]
