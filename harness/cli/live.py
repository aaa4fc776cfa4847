"""Defines the command that sends the matrix, and records the responses."""

import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.common import (
    DIALECT,
    ROOT,
    matrix_of,
    one_line_errors,
    progress,
    refuse,
)
from harness.cli.outlet import say, say_block
from harness.cli.spending import LONG, TIMEOUT, stopping
from harness.errors import HarnessError
from harness.judging.runner import Selection, plan
from harness.matrix.addresses import check_address
from harness.matrix.providers import Matrix, Provider
from harness.results import told_most
from harness.wire.dialect import DialectName
from harness.words import translated

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@click.option("--model", "models", multiple=True, help="Record only this model. Repeatable, like the next.")
@click.option("--scenario", "scenarios", multiple=True, help="Record only this scenario.")
@DIALECT
@click.option("--base-url", help="Base URL to use for the named provider, for example of your own server.")
@click.option("--again", is_flag=True, help="Record scenarios again that have a recording.")
@click.option("--dry-run", is_flag=True, help="Print the planned requests without sending them.")
@click.option(
    "--per-minute", default=0.0, help="Maximum number of requests per minute to one provider  [default: no limit]."
)
@TIMEOUT
@LONG
@ROOT
@one_line_errors
def record(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    models: tuple[str, ...],
    scenarios: tuple[str, ...],
    dialects: tuple[DialectName, ...],
    base_url: str | None,
    again: bool,  # noqa: FBT001 - a flag of the command line
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    per_minute: float,
    timeout: float,
    long: bool,  # noqa: FBT001 - a flag of the command line
    root: Path,
) -> None:
    """
    Send the scenarios that have no recording yet to each provider, and save the responses.

    API keys come from the environment or .env. Exit code 0: recorded. 2: nothing was recorded. 130 or 143: stopped by
    SIGINT or SIGTERM; recordings so far are kept.
    """
    from harness.live.capture import Limits
    from harness.live.record import (
        RecordingRun,
        RecordOptions,
        cases_to_record,
        environment_of,
        estimate,
        missing_credentials,
    )

    matrix = matrix_of(root)
    if base_url:
        matrix = _moved(matrix, names, base_url)
    cases = cases_to_record(
        plan(matrix, root, Selection(names, models, scenarios, dialects=dialects)), again=again, long=long
    )
    environment = environment_of(root)
    asked = [case for case in cases if missing_credentials(case, environment, names) is None]
    say(f"harness: {estimate(asked)}", err=True)
    if dry_run:
        _tell_unsendable([missing_credentials(case, environment, names) for case in cases])
        say_block("\n".join(case.id for case in cases))
        return
    counts, reasons = Counter[str](), Counter[str]()
    missing: dict[tuple[str, str], list[str]] = {}
    manner = RecordOptions("all" if again else "missing", per_minute, names, reuse=True, limits=Limits.within(timeout))
    with RecordingRun(cases, environment, manner) as asking, stopping(asking) as came:
        for one in progress(asking, len(cases), translated("recording")):
            counts[one.state] += 1
            reasons.update([one.reason] if one.reason else [])
            if one.state == "missing":
                missing.setdefault((one.case.target.id, one.reason), []).append(one.case.id)
            else:
                say(f"{one.state:12} {one.case.id}{f': {one.reason}' if one.reason else ''}")
    for (target, reason), cases_left in missing.items():
        name = cases_left[0] if len(cases_left) == 1 else f"{target} ({len(cases_left)} scenarios)"
        say(f"{'missing':12} {name}: {reason}")
    summary = " · ".join(f"{count} {state}" for state, count in counts.items()) or "nothing to record"
    say(f"harness: {summary}", err=True)
    if came:
        kept = f"{counts['recorded']} recorded are kept, run it again for the rest"
        say(f"harness: stopped by {signal.Signals(came[0]).name}; {kept}", err=True)
        sys.exit(128 + came[0])
    if reasons and not counts["recorded"]:
        refuse(f"nothing was recorded: {told_most(reasons)}")


def _tell_unsendable(reasons: list[str | None]) -> None:
    left = Counter(filter(None, reasons))
    if left:
        say(f"harness: {left.total():,} of these scenarios would not be sent: {told_most(left)}", err=True)


def _moved(matrix: Matrix, names: tuple[str, ...], base_url: str) -> Matrix:
    """Return the matrix with another URL for the one provider in ``names``."""
    if len(names) != 1:
        raise HarnessError(
            "--base-url is the URL of one provider; name the provider, as in harness record vllm --base-url …"
        )
    check_address(base_url)
    moved = [_at(one, base_url) if one.id in names else one for one in matrix.providers]
    return matrix.model_copy(update={"providers": tuple(moved)})


def _at(provider: Provider, base_url: str) -> Provider:
    models = tuple(model.model_copy(update={"base_url": None}) for model in provider.models)
    moved = {"base_url": base_url, "fills": {}, "models": models, "dialects": provider.dialects.moved_to(base_url)}
    return provider.model_copy(update=moved)
