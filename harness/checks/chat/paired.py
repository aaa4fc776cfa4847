"""The two answers to one question that was asked streamed and in one body, of one recording or one archive."""

from harness.checks.applies import success_status
from harness.checks.registry import Reason
from harness.wire.exchange import Exchange
from harness.wire.siblings import Sibling


def other_answer(exchange: Exchange) -> Sibling | None:
    """Return the earlier exchange that asked the same in the other way; None if there is none."""
    return exchange.before.counterpart(exchange.facts)


def pair_answered(exchange: Exchange) -> Reason | None:
    """The same was asked streamed and in one body, in this recording or this archive, and both answers are whole."""
    found = success_status(exchange) or (None if other_answer(exchange) else "the same was not asked the other way")
    return found or (None if exchange.facts.answered else "one of the answers is empty")


def both_answers(exchange: Exchange) -> tuple[Sibling, Sibling]:
    """Return what is known of the answer that was streamed, and of the one in the body."""
    here, there = exchange.facts, other_answer(exchange) or exchange.facts
    return (here, there) if here.is_stream else (there, here)


def counts_alike(exchange: Exchange) -> bool:
    """Tell whether both answers count as many tokens, and so said the same where one says more than the other."""
    streamed, whole = (one.completion_tokens for one in both_answers(exchange))
    return type(streamed) is int and streamed == whole > 0


def is_moved(one: Sibling, other: Sibling) -> bool:
    """Tell whether thought and text together are the same in both, and the thought ends at another place."""
    return bool(one.all_letters) and one.all_letters == other.all_letters and one.letters != other.letters
