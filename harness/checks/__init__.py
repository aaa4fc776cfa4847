"""
Lists the rules by family, in the order they are run and shown.

A family is one module or several, shown in turn.  A module is imported when its family, or ``CHECKS``, is first
used, so that one rule is shown without loading all others.
"""

from functools import cache
from importlib import import_module
from typing import Any

from harness.checks.registry import Check, declared
from harness.results import Advice, Finding, Outcome, Told

_MODULES: dict[str, tuple[str, ...]] = {
    "http": ("http", "http_transfer", "http_waiting"),
    "sse": ("sse", "sse_legal"),
    "chunk": (
        "chat.chunk",
        "chat.chunk_choices",
        "chat.chunk_names",
        "chat.chunk_places",
        "chat.chunk_optional",
        "chat.chunk_text",
    ),
    "identity": ("chat.identity", "chat.identity_model"),
    "completion": ("chat.completion",),
    "role": ("chat.role",),
    "content": (
        "chat.content",
        "chat.content_marks",
        "chat.content_foreign",
        "chat.content_loop",
        "chat.content_media",
        "chat.content_once",
        "chat.content_spaces",
        "chat.content_writing",
    ),
    "reasoning": ("chat.reasoning", "chat.reasoning_text"),
    "finish_reason": ("chat.finish_reason", "chat.finish_limits"),
    "tool_calls": (
        "chat.tool_arguments",
        "chat.tool_calls",
        "chat.tool_forms",
        "chat.tool_heads",
        "chat.tool_legacy",
        "chat.tool_names",
        "chat.tool_text",
    ),
    "tool_choice": ("chat.tool_choice",),
    "structured": ("chat.structured",),
    "usage": (
        "chat.usage",
        "chat.usage_choices",
        "chat.usage_counts",
        "chat.usage_enough",
        "chat.usage_prompt",
        "chat.usage_totals",
    ),
    "logprobs": ("chat.logprobs", "chat.logprobs_alternatives"),
    "params": ("chat.params",),
    "multi_turn": ("chat.multi_turn",),
    "parity": ("chat.parity", "chat.parity_ends", "messages.parity"),
    "models": ("models",),
    "error": ("error", "error_fields", "error_wrapped"),
    "sdk": ("chat.sdk",),
    "messages": (
        "messages.order",
        "messages.events",
        "messages.message",
        "messages.blocks",
        "messages.texts",
        "messages.choosing",
        "messages.answering",
        "messages.usage",
        "messages.usage_cached",
        "messages.errors",
        "messages.counting",
        "messages.sdk",
    ),
    "completions": ("completions.text", "completions.probabilities", "completions.sdk"),
}
"""The modules of each family, in the order in which their checks are shown."""

FAMILIES = tuple(_MODULES)

CHECKS: dict[str, Check]
"""Every check by id, by family in the order of ``FAMILIES``."""


def __getattr__(name: str) -> Any:
    """Import all checks (PEP 562)."""
    if name != "CHECKS":
        raise AttributeError(name)
    return _all()


@cache
def _all() -> dict[str, Check]:
    return {check.id: check for family in FAMILIES for check in family_of(family)}


def family_of(name: str) -> list[Check]:
    """Return the checks of a family, imported if needed; none for an unknown one."""
    for module in _MODULES.get(name, ()):
        import_module(f"harness.checks.{module}")
    return [check for check in declared().values() if check.family == name]


def check_named(name: str) -> Check | None:
    """Return a check, importing no more of its family than needed; None if there is none with that name."""
    for module in _MODULES.get(name.partition(".")[0], ()):
        import_module(f"harness.checks.{module}")
        if name in declared():
            return declared()[name]
    return None


def advice_on(finding: Finding) -> Advice:
    """Return the impact of a finding and the workaround: that of its form, else its check's own."""
    check = _all()[finding.check]
    return finding.advice or Advice(check.impact, check.workaround)


def told_of(finding: Finding) -> Told | None:
    """Return the texts beside a finding's message: for a failure or a legal value that breaks clients; else None."""
    check = _all().get(finding.check)
    if check is None:
        return None
    advice = advice_on(finding) if finding.outcome in {Outcome.FAIL, Outcome.CHANGED, Outcome.KNOWN} else None
    if finding.outcome is Outcome.OBSERVED:
        advice = check.harm_of(finding.value)
    return Told(check.title, advice) if advice else None


__all__ = ["CHECKS", "FAMILIES", "Check", "advice_on", "check_named", "family_of", "told_of"]
