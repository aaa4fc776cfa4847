"""Pairs the streaming and the non-streaming response to one request, within one recording or archive."""

from harness.checks.applies import success_status
from harness.checks.registry import Reason
from harness.wire.exchange import Exchange
from harness.wire.siblings import Sibling


def other_answer(exchange: Exchange) -> Sibling | None:
    """Return the earlier exchange with the same request in the other mode; None if there is none."""
    return exchange.before.counterpart(exchange.facts)


def pair_answered(exchange: Exchange) -> Reason | None:
    """The request was sent in both modes, in this recording or archive, and both responses are complete."""
    found = success_status(exchange) or (None if other_answer(exchange) else "the same was not asked the other way")
    return found or (None if exchange.facts.answered else "one of the answers is empty")


def both_answers(exchange: Exchange) -> tuple[Sibling, Sibling]:
    """Return the facts of the streaming response, and of the other."""
    here, there = exchange.facts, other_answer(exchange) or exchange.facts
    return (here, there) if here.is_stream else (there, here)


def counts_alike(exchange: Exchange) -> bool:
    """Return whether both responses count equally many tokens, so that a difference in content is a loss."""
    streamed, whole = (one.completion_tokens for one in both_answers(exchange))
    return type(streamed) is int and streamed == whole > 0


def is_moved(one: Sibling, other: Sibling) -> bool:
    """Return whether reasoning and text together are equal in both, but split at another place."""
    return bool(one.all_letters) and one.all_letters == other.all_letters and one.letters != other.letters
