"""The catalogue of faults, one module a group, and of legal variants."""

from harness.simulate.chat.faults import (
    answer,
    asked,
    between,
    calls,
    chunk,
    counts,
    json_text,
    legal_counts,
    misplaced,
    named,
    options,
    probabilities,
    refusals,
    relayed,
    reported,
    sdk,
    text_variants,
    texts,
    told_otherwise,
    transfer,
    uncounted,
    variants,
    wire,
    written,
)
from harness.simulate.fault import Fault, Variant

FAULTS: dict[str, Fault] = {
    fault.id: fault
    for module in (
        wire,
        chunk,
        asked,
        between,
        answer,
        texts,
        calls,
        counts,
        json_text,
        probabilities,
        refusals,
        transfer,
        misplaced,
        reported,
        named,
        written,
        sdk,
        uncounted,
        told_otherwise,
        relayed,
    )
    for fault in module.FAULTS
}
"""Every fault by id."""

VARIANTS: dict[str, Variant] = {
    variant.id: variant
    for module in (
        variants,
        options,
        text_variants,
        legal_counts,
        transfer,
        misplaced,
        reported,
        named,
        written,
        sdk,
        uncounted,
        told_otherwise,
        relayed,
    )
    for variant in module.VARIANTS
}
"""Every legal variant by id."""

__all__ = ["FAULTS", "VARIANTS", "Fault", "Variant"]
