"""
The rules, listed here by family in the order they are run and shown.

A family is a module, or several whose names begin alike: their checks are shown one module after the other.
"""

from harness.checks import (
    chunk,
    chunk_choices,  # noqa: F401 - declares checks of the family chunk
    chunk_optional,  # noqa: F401 - likewise
    completion,
    content,
    error,
    finish_reason,
    http,
    identity,
    models,
    multi_turn,
    params,
    parity,
    reasoning,
    role,
    sdk,
    sse,
    structured,
    tool_calls,
    tool_choice,
    tool_forms,  # noqa: F401 - declares the observations of the family tool_calls
    usage,
    usage_counts,  # noqa: F401 - declares checks of the family usage
)
from harness.checks.registry import Check, declared
from harness.results import Advice, Finding

FAMILIES = tuple(
    module.__name__.rpartition(".")[2]
    for module in (
        http, sse, chunk, identity, completion, role, content, reasoning, finish_reason, tool_calls, tool_choice, structured,
        usage, params, multi_turn, parity, models, error, sdk,
    )
)  # fmt: skip

CHECKS: dict[str, Check] = {
    check.id: check for check in sorted(declared().values(), key=lambda check: FAMILIES.index(check.family))
}
"""Every check by id, by family in the order of ``FAMILIES``."""


def advice_on(finding: Finding) -> Advice:
    """Return what a finding breaks and what to do instead: as told of its form, else as its check says."""
    check = CHECKS[finding.check]
    return finding.advice or Advice(check.impact, check.workaround)


__all__ = ["CHECKS", "FAMILIES", "Check", "advice_on"]
