"""
The rules, listed here by family in the order they are run and shown.

A family is a module, or several whose names begin alike: their checks are shown one module after the other.
"""

from harness.checks import (
    chunk,
    chunk_choices,  # noqa: F401 - declares checks of the family chunk
    chunk_optional,  # noqa: F401 - likewise
    chunk_text,  # noqa: F401 - likewise
    completion,
    content,
    content_media,  # noqa: F401 - declares checks of the family content
    content_once,  # noqa: F401 - likewise
    error,
    finish_reason,
    http,
    http_transfer,  # noqa: F401 - declares checks of the family http
    identity,
    identity_model,  # noqa: F401 - declares a check of the family identity
    logprobs,
    logprobs_alternatives,  # noqa: F401 - declares checks of the family logprobs
    models,
    multi_turn,
    params,
    parity,
    reasoning,
    reasoning_text,  # noqa: F401 - declares checks of the family reasoning
    role,
    sdk,
    sse,
    sse_legal,  # noqa: F401 - declares observations of the family sse
    structured,
    tool_arguments,  # noqa: F401 - declares checks of the family tool_calls
    tool_calls,
    tool_choice,
    tool_forms,  # noqa: F401 - declares the observations of the family tool_calls
    tool_heads,  # noqa: F401 - declares checks of the family tool_calls
    tool_names,  # noqa: F401 - likewise
    usage,
    usage_choices,  # noqa: F401 - declares checks of the family usage
    usage_counts,  # noqa: F401 - declares checks of the family usage
    usage_prompt,  # noqa: F401 - likewise
    usage_totals,  # noqa: F401 - likewise
)
from harness.checks.registry import Check, declared
from harness.results import Advice, Finding, Outcome, Told

FAMILIES = tuple(
    module.__name__.rpartition(".")[2]
    for module in (
        http, sse, chunk, identity, completion, role, content, reasoning, finish_reason, tool_calls, tool_choice, structured,
        usage, logprobs, params, multi_turn, parity, models, error, sdk,
    )
)  # fmt: skip

CHECKS: dict[str, Check] = {
    check.id: check for family in FAMILIES for check in declared().values() if check.family == family
}
"""Every check by id, by family in the order of ``FAMILIES``."""


def advice_on(finding: Finding) -> Advice:
    """Return what a finding breaks and what to do instead: as told of its form, else as its check says."""
    check = CHECKS[finding.check]
    return finding.advice or Advice(check.impact, check.workaround)


def told_of(finding: Finding) -> Told | None:
    """Return what is told of a finding beside its message: of a failure, and of what is legal but breaks clients; else None."""
    check = CHECKS.get(finding.check)
    if check is None:
        return None
    advice = advice_on(finding) if finding.outcome in {Outcome.FAIL, Outcome.CHANGED, Outcome.KNOWN} else None
    if finding.outcome is Outcome.OBSERVED:
        advice = check.harm_of(finding.value)
    return Told(check.title, advice) if advice else None


__all__ = ["CHECKS", "FAMILIES", "Check", "advice_on", "told_of"]
