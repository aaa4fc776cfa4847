"""Compares the responses to the same request in chat completions and in Messages."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.messages.answers import answer
from harness.checks.registry import Reason, rule
from harness.matrix.messages import MESSAGES
from harness.results import Level, Problem
from harness.simulate.edits import replace_bytes
from harness.simulate.messages.ideal import recording
from harness.wire.exchange import Exchange
from harness.wire.siblings import Sibling, digest

_TEXT, _TOOL = (recording(MESSAGES[f"messages.{name}"])[-1] for name in ("both-dialects", "both-dialects-tool"))
_SILENT = {b"", digest(None), digest("")}


def _in_chat(exchange: Exchange) -> Sibling | None:
    """Return the response in chat completions to the same request; None if there is none."""
    if exchange.siblings is not None:
        return exchange.before.in_dialect(exchange.facts, "chat")
    asked = [one.facts for one in exchange.earlier if one.dialect == "chat"]
    return asked[-1] if asked and asked[-1].answered else None


def _pair(exchange: Exchange) -> Reason | None:
    """The same request was sent in chat completions before, and both responses are complete."""
    found = answer(exchange) or (None if _in_chat(exchange) else "the same was not answered in chat completions")
    return found or (None if exchange.facts.answered else "the answer is not whole")


@rule(
    "parity.dialects", Level.SHOULD,
    "Chat completions and Messages give the same kind of response to the same question: text, calls, prompt tokens.",
    sources.MESSAGES_REFERENCE, _pair,
    good=(_TEXT, _TOOL),
    bad=(
        replace_bytes(b'"input_tokens":', b'"input_tokens":9')(_TEXT),
        replace_bytes(b'"name":"get_weather"', b'"name":"get_time"')(_TOOL),
        replace_bytes(b'"type":"tool_use"', b'"type":"tool_note"')(_TOOL),
    ),
)  # fmt: skip
def dialects(exchange: Exchange) -> Iterator[Problem]:
    """
    An agent works in one dialect and calls nothing in the other, or is billed for another prompt.

    Instead: Use the dialect in which the endpoint answers completely, and count tokens with one tokenizer.
    """
    here, there = exchange.facts, _in_chat(exchange)
    if there is None:
        return
    begun = exchange.message.start
    place = ((begun.event if begun else 0, ""),)
    if set(here.tools) != set(there.tools) and (exchange.siblings is None or _says_nothing(here, there)):
        yield Problem(f"in chat: {_listed(there)}; in Messages: {_listed(here)}", place)
    elif not (here.tools or there.tools) and _silent(here) != _silent(there):
        yield Problem(f"a text came in {'chat' if _silent(here) else 'Messages'} only", place)
    altered = here.altered or there.altered
    if (
        type(here.prompt_tokens) is type(there.prompt_tokens) is int
        and here.prompt_tokens != there.prompt_tokens
        and not altered
    ):
        yield Problem(f"tokens of the prompt in chat: {there.prompt_tokens}; in Messages: {here.prompt_tokens}", place)


def _says_nothing(*answers: Sibling) -> bool:
    """Return whether one of two responses has neither a tool call nor text: a model does not choose that."""
    return any(not one.tools and _silent(one) for one in answers)


def _silent(one: Sibling) -> bool:
    return one.text in _SILENT


def _listed(one: Sibling) -> str:
    return f"calls {', '.join(one.tools)}" if one.tools else "no call"
