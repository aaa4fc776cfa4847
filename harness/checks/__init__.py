"""The rules: one module a family, listed here in the order they are run and shown."""

from harness.checks import (
    chunk,
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
)
from harness.checks.registry import Check, declared

FAMILIES = tuple(
    module.__name__.rpartition(".")[2]
    for module in (
        http, sse, chunk, identity, completion, role, content, reasoning, finish_reason, tool_calls, tool_choice, structured,
        usage, params, multi_turn, parity, models, error, sdk,
    )
)  # fmt: skip

CHECKS: dict[str, Check] = {
    check.id: check for family in FAMILIES for check in declared().values() if check.family == family
}
"""Every check by id, by family in the order of ``FAMILIES``."""

__all__ = ["CHECKS", "FAMILIES", "Check"]
