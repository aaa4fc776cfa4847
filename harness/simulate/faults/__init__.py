"""The catalogue of faults, one module a group, and of legal variants."""

from harness.simulate.faults import answer, asked, calls, chunk, counts, refusals, sdk, transfer, variants, wire
from harness.simulate.faults.fault import Fault, Variant

FAULTS: dict[str, Fault] = {
    fault.id: fault
    for module in (wire, chunk, asked, answer, calls, counts, refusals, transfer, sdk)
    for fault in module.FAULTS
}
"""Every fault by id."""

VARIANTS: dict[str, Variant] = {variant.id: variant for variant in (*variants.VARIANTS, *transfer.VARIANTS)}
"""Every legal variant by id."""

__all__ = ["FAULTS", "VARIANTS", "Fault", "Variant"]
