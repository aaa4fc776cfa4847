"""When a check applies: each condition returns None if it does, else the reason why not."""

from functools import cache
from typing import Any

from harness.checks.registry import Applies
from harness.wire.exchange import OK, Exchange

_REDIRECT, _ERROR = 300, 400


class Lost(str):
    """A reason that is a fault by itself, such as a refusal where an answer was due: it blocks the rule."""

    __slots__ = ()


class NotSeen(str):
    """A reason found in the content: it blocks the rule where a check that the rule needs failed, and is n/a else."""

    __slots__ = ()


def answered(exchange: Exchange) -> str | None:
    """The status is one of success: there is an answer to judge."""
    status = exchange.response.status
    if OK <= status < _REDIRECT:
        return None
    reason = f"status {status} is no answer; the error rules judge it"
    return Lost(reason) if exchange.expected.answer else reason


def failed(exchange: Exchange) -> str | None:
    """The status is one of the error classes, 4xx and 5xx."""
    status = exchange.response.status
    if status >= _ERROR:
        return None
    reason = f"status {status} is no error"
    return Lost(reason) if exchange.expected.refusal else reason


def any_exchange(_exchange: Exchange) -> str | None:
    """Always."""
    return None


def stream(exchange: Exchange) -> str | None:
    """A stream was asked for and answered."""
    return answered(exchange) or (None if exchange.streams else "no stream was asked for")


def body(exchange: Exchange) -> str | None:
    """An answer in one body was asked for and given."""
    return answered(exchange) or ("a stream was asked for" if exchange.streams else None)


def headed(exchange: Exchange) -> str | None:
    """There is an answer, and the recorder kept its headers."""
    return answered(exchange) or (None if exchange.response.headers else "the recording has no headers")


def framed(exchange: Exchange) -> str | None:
    """A stream whose bytes are the wire's own, blank lines included."""
    if exchange.source.fidelity == "lines":
        return "the blank lines of this recording are not the wire's own"
    return lined(exchange)


def lined(exchange: Exchange) -> str | None:
    """A stream whose lines are the wire's own."""
    if exchange.source.fidelity in {"chunks", "transcript"}:
        return "the framing of this recording was rebuilt"
    return stream(exchange)


def entire(exchange: Exchange) -> str | None:
    """An answer that was not shortened by whoever published it."""
    if exchange.source.fidelity == "transcript":
        return "this transcript may be shortened"
    return answered(exchange)


@cache
def both(first: Applies, second: Applies) -> Applies:
    """Return the condition that both hold."""
    return lambda exchange: first(exchange) or second(exchange)


def usage_asked(exchange: Exchange) -> str | None:
    """A stream with ``stream_options.include_usage``."""
    return stream(exchange) or (None if exchange.request.include_usage else "usage was not asked for")


def usage_not_asked(exchange: Exchange) -> str | None:
    """A stream known to have been asked for without ``stream_options.include_usage``."""
    return (
        stream(exchange)
        or request_known(exchange)
        or ("usage was asked for" if exchange.request.include_usage else None)
    )


def request_known(exchange: Exchange) -> str | None:
    """An answer to a request that was recorded with its body."""
    return answered(exchange) or (None if exchange.request.json is not None else "the recording has no request")


def texts(exchange: Exchange) -> list[str]:
    """Return the whole text of each choice."""
    return [choice.fragments("content").text for choice in exchange.columns.choices.values()]


def cap_of(exchange: Exchange) -> Any:
    """Return the cap on completion tokens that was sent; None where there was none, or one that means none."""
    sent = [exchange.request.get(name) for name in ("max_completion_tokens", "max_tokens")]
    return next((cap for cap in sent if type(cap) is int and cap > 0), None)


def finishes(exchange: Exchange) -> set[object]:
    """Return the finish_reasons that were given."""
    return {finish.value for choice in exchange.columns.choices.values() for finish in choice.reasons}


def timed(exchange: Exchange) -> str | None:
    """A stream whose reads were recorded with their times."""
    reads = exchange.response.reads
    return stream(exchange) or (None if reads and reads.dt_us else "the recording has no times of reads")


def reasoned(exchange: Exchange) -> str | None:
    """An answer with reasoning text in a field of its own."""
    has = any(choice.reasoning for choice in exchange.columns.choices.values())
    return answered(exchange) or (None if has else NotSeen("no reasoning text came"))
