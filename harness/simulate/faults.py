"""The catalogue of faults and of legal variants, of all dialects."""

from harness.simulate.chat import faults as chat
from harness.simulate.fault import Fault, Variant

FAULTS: dict[str, Fault] = dict(chat.FAULTS)
"""Every fault by id."""

VARIANTS: dict[str, Variant] = dict(chat.VARIANTS)
"""Every legal variant by id."""

__all__ = ["FAULTS", "VARIANTS", "Fault", "Variant"]
