"""Shares code between commands that send requests: limits, signals, and exit codes."""

import contextlib
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

import click
from click.core import ParameterSource

from harness.cli.outlet import say
from harness.errors import HarnessError
from harness.results import Outcome

if TYPE_CHECKING:
    from harness.judging.runner import Skip

_DAY = 86_400


class _Seconds(click.FloatRange):
    """Seconds of a limit: positive, and within what a socket accepts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return float(seconds)


SECONDS = _Seconds(0, 365 * _DAY, min_open=True)
TIMEOUT = click.option(
    "--timeout", type=SECONDS, default=60.0, show_default=True, help="Time limit of one request, in seconds."
)
MAX_SECONDS = click.option(
    "--max-seconds",
    type=SECONDS,
    default=300.0,
    show_default=True,
    help="Time limit of the whole run, in seconds; after it no request is sent.",
)
MAX_REQUESTS = click.option(
    "--max-requests", type=click.IntRange(0), default=70, show_default=True,
    help="Maximum number of requests. GET requests cost nothing and are always sent.",
)  # fmt: skip
MAX_TOKENS = click.option(
    "--max-tokens", type=click.IntRange(0), default=200_000, show_default=True,
    help="Maximum number of tokens: prompts are estimated, responses count as their limit, or as 2,000 without one.",
)  # fmt: skip
LONG = click.option("--long", is_flag=True, help="Also send error.too-long, last: a prompt of about 150,000 tokens.")


@dataclass(frozen=True, slots=True)
class Scale:
    """The limits of a run as a whole: requests, tokens, and seconds."""

    requests: int
    tokens: int
    seconds: float


def scaled(limits: Scale, times: int, pauses: float = 0) -> Scale:
    """Return limits for ``times`` rounds, with ``pauses`` (seconds): limits that were not given grow with it."""
    given = click.get_current_context().get_parameter_source
    by_default = {
        name for name in ("max_requests", "max_tokens", "max_seconds") if given(name) is ParameterSource.DEFAULT
    }
    return Scale(
        limits.requests * (times if "max_requests" in by_default else 1),
        limits.tokens * (times if "max_tokens" in by_default else 1),
        limits.seconds * times + pauses if "max_seconds" in by_default else limits.seconds,
    )


class Stoppable(Protocol):
    """Something that stops once ``over`` is set to the reason."""

    over: "Skip | None"


@contextlib.contextmanager
def stopping(course: Stoppable) -> Iterator[list[int]]:
    """
    Let the first SIGINT or SIGTERM stop ``course``, so that results are still reported; the second ends the
    program.

    Yields the list that receives the signal's number.
    """
    from harness.judging.runner import Skip

    came: list[int] = []

    def told(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        course.over = course.over or Skip(Outcome.INCONCLUSIVE, f"stopped by {signal.Signals(number).name}")
        for one in before:
            signal.signal(one, signal.SIG_DFL)

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():  # set here alone
        before = {one: signal.signal(one, told) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def try_all(*steps: Callable[[], object]) -> list[str]:
    """Run each step, whatever happened to earlier ones; return a line for each failure."""
    failed = []
    for step in steps:
        try:
            step()
        except HarnessError as error:
            failed.append(str(error))
    return failed


def end(came: list[int], failed: list[str], nothing: str | None, unexpected: bool) -> None:  # noqa: FBT001 - the last of four reasons
    """
    Exit with the code of a command: 0, 1 if ``unexpected``, 2 if something ``failed`` or ``nothing`` was judged, or
    128 and the signal.

    Each error is printed as a line.
    """
    for line in failed:
        say(f"harness: {line}", err=True)
    if nothing:
        say(f"harness: nothing was checked: {nothing}", err=True)
    if came:
        say(f"harness: stopped by {signal.Signals(came[0]).name}; what was judged before stands", err=True)
        sys.exit(128 + came[0])
    sys.exit(2 if failed or nothing else 1 if unexpected else 0)
