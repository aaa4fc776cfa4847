"""Defines the command that probes one endpoint: sends requests within limits, judges, compares, reports."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.common import matrix_of, one_line_errors, progress, started
from harness.cli.outlet import say
from harness.cli.probe_options import Pace, ProbeOptions, probe_options
from harness.cli.probe_outputs import KeptRecordings, check_places, write_outputs
from harness.cli.spending import end, stopping
from harness.errors import HarnessError, Unreachable
from harness.judging.runner import RECORDING
from harness.matrix.addresses import check_address
from harness.matrix.dialects import SCENARIOS_OF
from harness.matrix.scenarios import Scenario
from harness.reports.failures import counted
from harness.results import Finding, Outcome, ProbeSummary, Results
from harness.words import translated
from harness.words.problems import translated_problem

if TYPE_CHECKING:
    from harness.clients.forecasting import Forecaster
    from harness.judging.baseline import Baseline, Judge
    from harness.live.budget import Budget
    from harness.live.measuring import Meter
    from harness.live.probe import Course, Probed
    from harness.matrix.providers import Matrix
    from harness.recording.redact import Secrets

_SHOWN = 5


@click.command()
@probe_options
@one_line_errors
def probe(**given: Any) -> None:
    """
    Send every scenario to an endpoint and report which checks pass and fail, with the bytes as evidence.

    Exit code 0: no rule of the level --fail-on fails that --baseline does not list, and no entry of it is stale. 1: one
    fails, or is stale. 2: the probe could not run, no chat request was answered, nothing was checked, or a file could not
    be written. 130 or 143: stopped by SIGINT or SIGTERM; results so far are printed and written.
    """
    options = ProbeOptions(**given)
    wanted = options.asked_scenarios()
    check_places(options, wanted)
    probing = _prepared(options, wanted)
    results = Results(started("live"))
    with stopping(probing.course) as came:
        results.findings = probing.findings()
        results.probe = probing.summary(results)
        failed = probing.kept.failed + write_outputs(options, results)
        failed += probing.write_baseline(results.probe)
    if probing.course.over:
        say(f"harness: {_left(results, probing.course.over.reason)}", err=True)
    end(came, failed, probing.kept.no_chat or results.nothing_judged, results.probe.fails)


@dataclass
class _Probing:
    """One probe, from its options to its findings."""

    options: ProbeOptions
    wanted: list[Scenario]
    key: str | None = field(repr=False)
    matrix: "Matrix"
    secrets: "Secrets"
    budget: "Budget"
    course: "Course"
    shown_address: str
    baseline: "Baseline | None"
    kept: KeptRecordings
    meter: "Meter"
    forecaster: "Forecaster"

    def findings(self) -> list[Finding]:
        """Probe the given number of times, and return the findings in the order of the scenarios."""
        from harness.judging.rounds import merged

        rounds, again = [], self.wanted
        for number in range(1, self.options.repeat + 1):
            found = list(self._round(number, again)) if again and not self.course.over else []
            rounds.append([finding for one in found for finding in one.findings])
            again = [one.scenario for one in found if one.answered and not one.scenario.costly]
        findings = merged(rounds)
        order = list(SCENARIOS_OF[self.options.dialect])
        return sorted(findings, key=lambda finding: order.index(finding.scenario))

    def _round(self, number: int, wanted: list[Scenario]) -> Iterator["Probed"]:
        from harness.live.capture import Limits
        from harness.live.probe import probe_endpoint

        options = self.options
        probed = probe_endpoint(
            options.base_url, options.model, self.key, self.matrix, wanted, self.budget, Limits.within(options.timeout),
            self.course, self.secrets, partial(self.kept.place, number), self._judge(), options.chosen_checks(),
            options.extra_headers(), Pace(options.delay).wait,
        )  # fmt: skip
        what = translated("probing") + (f" {number}/{options.repeat}" if options.repeat > 1 else "")
        try:
            for found in progress(probed, len(wanted), what):
                self.kept.take(number, found, self.course)
                self.meter.add(found.exchanges)
                self.forecaster.add(found.scenario.id, found.exchanges)
                yield found
        except Unreachable as error:
            if number == 1:
                raise
            say(f"harness: the repetition {number} ended: {error}", err=True)  # earlier results are kept

    def _judge(self) -> "Judge":
        from harness.judging.baseline import judged_alone
        from harness.judging.deviations import KnownProblems
        from harness.judging.runner import judge_beside

        if self.baseline:
            return self.baseline.judge
        return partial(judge_beside, known=KnownProblems(self.options.root)) if self.options.known else judged_alone

    def summary(self, results: Results) -> ProbeSummary:
        """Return the summary of the probe."""
        options, levels = self.options, self.options.failing_levels()
        told = self.baseline.summary(results.findings) if self.baseline else None
        new = [one for one in results.unexpected if one.outcome is not Outcome.FIXED and one.level in levels]
        stale = told.of("stale") if told and options.fail_on != "never" else []
        fails = bool(new or stale) and not options.write_baseline
        return ProbeSummary(
            self.shown_address, self.secrets.redact_text(options.model), fails, results.outcomes,
            replace(told, path=_in_repository(told.path)) if told else None, self.meter.cost, self.meter.speed,
            self.forecaster.forecasts(),
        )  # fmt: skip

    def write_baseline(self, summary: ProbeSummary) -> list[str]:
        """Write the baseline if requested, and print what is left to do; return what went wrong."""
        path = self.options.write_baseline
        if not path or not self.baseline or not summary.baseline or self.kept.no_chat:
            return []
        try:
            without = self.baseline.write(summary.baseline)
        except HarnessError as error:
            return [str(error)]
        left = translated("entries without a reason: {count}; write it for each").format(count=without)
        done = translated("every entry has its reason")
        say(f"harness: {path}: {left if without else done}", err=True)
        return []


def _prepared(options: ProbeOptions, wanted: list[Scenario]) -> _Probing:
    """Return the requested probe, and print its limits; raise HarnessError if it can't run."""
    # The network modules are slow to import.
    from harness.clients.forecasting import Forecaster
    from harness.judging.baseline import Baseline
    from harness.live.budget import Budget
    from harness.live.measuring import Meter
    from harness.live.probe import Course
    from harness.live.record import environment_of
    from harness.recording.redact import Secrets, configured
    from harness.recording.scrub import scrub_url

    options.chosen_checks()  # an unknown name is reported before anything is read
    own = options.write_baseline or options.baseline
    baseline = Baseline(own, options.model, drafting=bool(options.write_baseline)) if own else None
    matrix, environment = matrix_of(options.root), environment_of(options.root)
    key = environment.get(options.key_env)
    names = {options.key_env, *(provider.key_env for provider in matrix.providers)}
    secrets = Secrets.of([*configured(environment, names).values, *options.extra_headers().values()])
    limits = options.scaled(sum(one.requests for one in wanted))
    budget = Budget(limits.requests, limits.tokens, long=options.long)
    address = scrub_url(options.base_url, secrets.and_of(key, options.base_url))
    check_address(options.base_url, address)
    told = translated("{budget}, within {seconds:g} s, to {address}").format(
        budget=budget.told(wanted * options.repeat), seconds=limits.seconds, address=address
    )
    keyless = translated(", without a key: {variable} is not set").format(variable=options.key_env)
    say(f"harness: {told}{'' if key else keyless}", err=True)
    kept = KeptRecordings(options.folder)
    return _Probing(
        options,
        wanted,
        key,
        matrix,
        secrets,
        budget,
        Course(limits.seconds),
        address,
        baseline,
        kept,
        Meter(),
        Forecaster(options.model),
    )


def _in_repository(path: str) -> str:
    """Return the path of a file as GitHub expects it: relative to the top of its repository; else as given."""
    top = os.environ.get("GITHUB_WORKSPACE") or Path.cwd()
    with contextlib.suppress(ValueError):
        return Path(path).resolve().relative_to(Path(top).resolve()).as_posix()
    return path


def _left(results: Results, reason: str) -> str:
    """Return a line with what was not sent since a probe stopped early."""
    left = [one.scenario for one in results.findings if one.check == RECORDING and reason in one.message]
    more = translated("and {count} more").format(count=len(left) - _SHOWN)
    shown = ", ".join(left[:_SHOWN]) + (f" {more}" if len(left) > _SHOWN else "")
    said = translated("{reason}: {scenarios} not sent").format(
        reason=translated_problem(reason), scenarios=counted(len(left), "live")
    )
    return f"{said}{f' ({shown})' if left else ''}"
