"""Checks how long a rejected client should wait, by headers and by words."""

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from harness.checks import sources
from harness.checks.applies import has_headers
from harness.checks.error_causes import error_text
from harness.checks.registry import Reason, observation, rule
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import error
from harness.simulate.reference import BODY, with_body, with_expected_status, with_header, with_response
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_BUSY = with_expected_status(with_response(BODY, status=429, body=error(429, "Too many requests.").body), 429)
_WAITING = with_body(_BUSY, error(429, "Rate limit reached for requests. Please try again in 30s.").body)
_DATED = with_header(_BUSY, "date", "Wed, 21 Oct 2026 07:28:00 GMT")
_SHOWN = 60
_LIMITED, _UNAVAILABLE, _OVERLOADED = 429, 503, 529
_YEAR = 366 * 24 * 3600
_CLOCKS_APART = 60
"""Seconds by which the clocks of a server and its gateway may differ."""
_OTHERWISE = 5
"""Factor from which two waits differ: words are rounded, and a header may be of another limit that ends soon after."""

ANOTHER_WAIT = Advice(
    "A client that obeys the header waits minutes or hours for a limit that ends in seconds, or asks again far too soon and is "
    "refused until it gives up.",
    "Take the shorter one but no less than a second, and back off exponentially if the limit is met again: "
    "`wait = max(1, min(header, said))`.",
)
"""The impact of a header with another wait than the words."""


@rule(
    "http.retry-after-form", SHOULD, "`retry-after` is an integer number of seconds, or a date.",
    sources.HTTP_RETRY_AFTER, lambda x: None if "retry-after" in x.response.headers else "there is no retry-after",
    good=(with_header(_BUSY, "retry-after", "20"), with_header(_DATED, "retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"), with_header(_DATED, "retry-after", "Wed, 21 Oct 2026 07:27:30 GMT"), with_header(_BUSY, "retry-after", "0"), with_header(_BUSY, "retry-after", "86400")),
    bad=(
        *(with_header(_BUSY, "retry-after", value) for value in ("-1", "30s", "0.493", "soon", "", "1 minute", "nan", "2026-10-21T07:28:00Z")),
        with_header(_BUSY, "retry-after", "9223372037"),
        with_header(_BUSY, "retry-after", "1792567710"),
        with_header(_DATED, "retry-after", "Mon, 19 Oct 2026 07:28:00 GMT"),
    ),
)  # fmt: skip
def retry_after_form(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that passes the number to `sleep` fails on a negative one or NaN; urllib3 raises InvalidHeader on a
    fraction; others wait for their own interval, not the requested one.

    Instead: Parse it inside `try`, accept 0 to 60 seconds, and back off exponentially otherwise.
    """
    sent = exchange.response.headers["retry-after"].strip()
    what = _wrong(sent, exchange.response.date)
    if what:
        yield Problem(f"retry-after is {sent[:_SHOWN] or 'empty'}: {what}", ((None, 0),))


def _wrong(sent: str, date: int) -> str | None:
    """Return what is wrong with a wait in a response of ``date``; None if nothing."""
    if sent.isascii() and sent.isdigit():
        near = date and abs(int(sent[:_DIGITS]) - date) < _YEAR
        return (
            "a time, not a number of seconds" if near else "more than a year" if int(sent[:_DIGITS]) > _YEAR else None
        )
    until = _seconds_of(sent)
    if until is None:
        return "negative" if sent.startswith("-") else "neither an integer number of seconds nor a date"
    return "a date before that of the response" if date and until < date - _CLOCKS_APART else None


def seconds_to_wait(exchange: Exchange) -> float | None:
    """Return the seconds in ``retry-after``; None if there are none."""
    sent = exchange.response.headers.get("retry-after", "").strip()
    if sent.isascii() and sent.isdigit():
        return int(sent[:_DIGITS])
    until, date = _seconds_of(sent), exchange.response.date
    return max(0.0, until - date) if until is not None and date else None


_DIGITS = 20


_WAIT = re.compile(
    r"\b(?:try again|retry(?:ing)?|wait|available|resets?)\b[^.\n]{0,40}?\b(?:in|after|for|within)\s+(?:about\s+|approximately\s+)?"
    r"(\d[\d.]*\s*(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b)"
    r"|(?<=请在)\s*(\d+\s*(?:秒|分钟))|(\d+\s*(?:秒|分钟))(?=后(?:再|重)试)",
    re.IGNORECASE,
)
"""A waiting time in words."""


def _told_wait(exchange: Exchange) -> str | None:
    """Return the waiting time in the words of an error; None if there is none."""
    found = _WAIT.search(error_text(exchange))
    return next(filter(None, found.groups())) if found else None


def _limited(exchange: Exchange) -> Reason | None:
    limited = exchange.response.status in {_LIMITED, _UNAVAILABLE, _OVERLOADED}
    return has_headers(exchange) or (None if limited and _told_wait(exchange) else "no refusal tells how long to wait")


@rule(
    "http.retry-after-given", SHOULD, "An error whose text says how long to wait also says so in a header.",
    sources.HTTP_RETRY_AFTER, _limited,
    good=(with_header(_WAITING, "retry-after", "30"), with_header(_WAITING, "retry-after-ms", "30000"), with_header(with_body(_WAITING, error(429, "Try again in 20ms.").body), "retry-after", "1"), with_header(with_body(_WAITING, error(429, "Please try again in 6m0s.").body), "retry-after", "360"), with_header(_WAITING, "x-ratelimit-reset-requests", "30s")),
    bad=(
        _WAITING,
        with_body(_WAITING, error(429, "Rate limit exceeded, retry after 2.5 seconds.").body),
        with_response(with_body(_WAITING, error(503, "服务繁忙，请在 30 秒后重试。").body), status=503),
        with_header(_WAITING, "retry-after", "30000"),
        with_header(_WAITING, "retry-after", "1"),
    ),
)  # fmt: skip
def retry_after_given(exchange: Exchange) -> Iterator[Problem]:
    r"""
    The SDK reads only the header: it retries twice, after 0.5 to 8 seconds, meets the limit again and gives up.

    Instead: If there is no header, read the text: `found = re.search(r"(\d+(?:\.\d+)?)\s*s", str(error))`, and wait
    `float(found[1]) if found else 10`.
    """
    names = {name.lower() for name, _ in exchange.response.headers.pairs}
    if not any(name.startswith("retry-after") or ("ratelimit" in name and "reset" in name) for name in names):
        said = _told_wait(exchange)
        yield Problem(f"the error text says to wait {said}, and no header does", ((None, 0),))
        return
    due, told = _said_seconds(exchange), seconds_to_wait(exchange)
    if due is not None and told is not None and _is_other(due, told):
        said = _told_wait(exchange)
        sent = exchange.response.headers["retry-after"].strip()
        yield Problem(
            f"retry-after is {sent[:_SHOWN]}, and the error text says to wait {said}", ((None, 0),), ANOTHER_WAIT
        )


def _is_other(due: float, told: float) -> bool:
    """Return whether two waits, in seconds, differ by more than rounding; no header gives less than a second."""
    return told > _OTHERWISE * max(due, _OTHERWISE) or due > _OTHERWISE * max(told, 1)


_UNITS = {"s": 1, "m": 60, "h": 3600, "秒": 1, "分": 60}


def _said_seconds(exchange: Exchange) -> float | None:
    """Return the waiting time in the words of an error, in seconds; None if there is no number."""
    found = re.match(r"(\d+(?:\.\d+)?)\s*(\D+)", _told_wait(exchange) or "")
    if not found:
        return None
    unit = found[2].strip().lower()
    scale = 1e-3 if unit.startswith(("ms", "milli")) else _UNITS[unit[0]]
    return float(found[1]) * scale


def _seconds_of(text: str) -> float | None:
    """Return an HTTP date in seconds; None if the text is not one."""
    try:
        return parsedate_to_datetime(text).timestamp() if "," in text else None
    except (ValueError, OverflowError, OSError):
        return None


@observation(
    "http.retry-after", "The `retry-after` header of a rejected request, and its form.",
    sources.HTTP_RETRY_AFTER, lambda x: None if x.response.status in {429, 500, 502, 503, 529} else "no refusal to wait for",
    good=(_BUSY,),
    bad=(with_header(_BUSY, "retry-after", "20"), with_header(_BUSY, "retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")),
)  # fmt: skip
def retry_after(exchange: Exchange) -> str:
    """
    Without it the SDK waits 0.5 to 8 seconds and retries twice.

    Instead: Support both seconds and HTTP dates, and back off exponentially when there is none.
    """
    sent = exchange.response.headers.get("retry-after")
    return "none" if sent is None else "seconds" if sent.strip().isdigit() else "a date" if "," in sent else "other"
