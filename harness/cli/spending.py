"""What the commands that ask an endpoint share: how far they go, how they are stopped, and with what code they end."""

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
    """Seconds of a limit: more than none, and no more than a socket takes."""

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
    """Return limits for so many ``times`` as much, with ``pauses`` (seconds): those that were not given grow with it."""
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
    """What ends where ``over`` is set to why."""

    over: "Skip | None"


@contextlib.contextmanager
def stopping(course: Stoppable) -> Iterator[list[int]]:
    """
    Let the first SIGINT or SIGTERM end ``course``, so that what was judged is still told; the second ends the program.

    Yields the list that the signal's number comes into.
    """
    from harness.judging.runner import Skip

    came: list[int] = []

    def told(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        course.over = course.over or Skip(Outcome.INCONCLUSIVE, f"stopped by {signal.Signals(number).name}")
        for one in before:
            signal.signal(one, signal.SIG_DFL)

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():  # nobody else may set them
        before = {one: signal.signal(one, told) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def try_all(*steps: Callable[[], object]) -> list[str]:
    """Do each step, whatever became of those before it; return in a line each what could not be done."""
    failed = []
    for step in steps:
        try:
            step()
        except HarnessError as error:
            failed.append(str(error))
    return failed


def end(came: list[int], failed: list[str], nothing: str | None, unexpected: bool) -> None:  # noqa: FBT001 - the last of four reasons
    """
    End with the code of a command: 0, 1 where ``unexpected``, 2 where something ``failed`` or ``nothing`` was judged, or
    128 and the signal.

    What is wrong is said in a line each.
    """
    for line in failed:
        say(f"harness: {line}", err=True)
    if nothing:
        say(f"harness: nothing was checked: {nothing}", err=True)
    if came:
        say(f"harness: stopped by {signal.Signals(came[0]).name}; what was judged before stands", err=True)
        sys.exit(128 + came[0])
    sys.exit(2 if failed or nothing else 1 if unexpected else 0)
