"""Probing: every scenario asked of one endpoint, judged as it comes."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from harness.checks import CHECKS
from harness.checks.registry import Check
from harness.errors import NotAsked, Unreachable
from harness.judging.runner import RECORDING, About, half_recorded, judge_exchanges
from harness.live.asking import Asked, Asker
from harness.live.capture import Limits
from harness.matrix.addresses import check_address
from harness.matrix.providers import Matrix, Thinking
from harness.matrix.scenarios import SCENARIOS, Scenario, in_order
from harness.recording.redact import Secrets
from harness.recording.scrub import scrub_url
from harness.results import Finding, Level, Outcome
from harness.wire.exchange import NO_ANSWER, OK, Exchange

FIRST = ("chat.nonstream", "chat.stream", "chat.stream-usage", "tools.auto")
"""Asked before the others: they tell whether anybody answers, and what need not be tried."""

_REFUSALS = frozenset({400, 404, 405, 422, 501})
_AT_ONCE = 4
_SHOWN = 160
_NOBODY = {
    401: "is the key right?",
    403: "is the key right?",
    404: "does the address end in /v1, as most do, and is the model's name right?",
    405: "does the address end in /v1, as most do?",
}
"""What to ask oneself where a plain question gets such a status."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a scenario is not judged: nothing to spend is left (``missing``), its capability was refused (``n/a``), or it can't be."""

    outcome: Outcome
    reason: str


@dataclass(slots=True)
class Budget:
    """What a probe may spend; ``spent`` and ``tokens_spent`` are what it has."""

    requests: int = 70
    tokens: int = 200_000
    spent: int = 0
    tokens_spent: int = 0

    def try_reserve(self, scenario: Scenario) -> "Skip | None":
        """Count what ``scenario`` takes as spent; return why it is not asked where that does not fit."""
        if self.tokens_spent >= self.tokens:
            return Skip(Outcome.MISSING, f"the budget of {self.tokens:,} tokens is spent")
        if self.spent + scenario.requests > self.requests:
            return Skip(Outcome.MISSING, f"the budget of {self.requests} requests is spent")
        self.spent += scenario.requests
        return None

    def count(self, exchanges: Iterable[Exchange]) -> None:
        """Count the tokens that answers say they took."""
        for exchange in exchanges:
            for usage in exchange.columns.usages[-1:]:
                total = usage.value.get("total_tokens")
                self.tokens_spent += total if isinstance(total, int) and total > 0 else 0


@dataclass(slots=True)
class Probed:
    """What one scenario gave: its exchanges, and the findings on them; ``refused`` where a capability was."""

    scenario: Scenario
    exchanges: list[Exchange] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    refused: bool = False


def probe_endpoint(  # noqa: PLR0913, PLR0917 - what a user says of a probe
    base_url: str,
    model: str,
    key: str | None,
    matrix: Matrix | None,
    scenarios: Iterable[Scenario],
    budget: Budget,
    limits: Limits,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    kept: Callable[[Scenario], str | None] = lambda _: None,
) -> Iterator[Probed]:
    """
    Ask the endpoint at ``base_url`` and yield what each scenario gave; ``kept`` says where its recording is to be.

    Raises:
        Unreachable: it is no address, nobody answers chats there, or the key is refused.
    """
    secrets = secrets.and_of(key, base_url)
    shown = scrub_url(base_url, secrets)
    host = check_address(base_url, shown).rpartition("@")[2]
    provider, thinking = _known(host, model, matrix)
    asker = Asker(Asked(base_url, key, model, thinking.enable or {}, thinking.disable or {}), limits, secrets=secrets)
    with contextlib.closing(asker):
        answered = False
        for one in probe(
            asker.ask,
            lambda scenario: About(provider, secrets.redact_text(model), scenario.id, kept(scenario)),
            scenarios,
            budget=budget,
        ):
            reason = None if answered else _unreachable(one)
            answered = answered or any(exchange.response.status == OK for exchange in one.exchanges)
            if reason:
                raise Unreachable(f"{shown}: {reason}")
            yield one


def _known(host: str, model: str, matrix: Matrix | None) -> tuple[str, Thinking]:
    """Return what a provider is called and how its model switches thinking; its host, and no switch, if it is unknown."""
    provider = matrix.provider_of(host) if matrix else None
    models = {one.name or one.id: one for one in provider.models} if provider else {}
    switch = models[model].thinking if model in models else Thinking(enable={}, disable={})
    return provider.id if provider else host, switch


def probe(
    ask: Callable[[Scenario], list[Exchange]],
    about: Callable[[Scenario], About],
    scenarios: Iterable[Scenario] = SCENARIOS.values(),
    checks: Iterable[Check] = CHECKS.values(),
    budget: Budget | None = None,
) -> Iterator[Probed]:
    """
    Yield what each scenario gave, in the order in which they end.

    A capability that is refused is n/a with the refusal, and what else needs it is not asked.
    """
    budget = budget or Budget()
    chosen, checks = list(scenarios), tuple(checks)
    refused, served = dict[str, Skip](), set[str]()
    waves = ([one for one in chosen if one.id in FIRST], [one for one in chosen if one.id not in FIRST])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for wave in waves:
            for scenario, exchanges, skip in _asked(pool, wave, ask, budget, refused):
                found = Probed(scenario, in_order(exchanges, scenario))
                budget.count(found.exchanges)
                refusal = None if skip else _refusal(found)
                if refusal:
                    refused |= dict.fromkeys((need for need in scenario.needs if need not in served), refusal)
                absent = skip or refusal
                if absent:
                    found.refused = absent.outcome is Outcome.NA
                    found.findings = [_absent(about(scenario), absent)]
                else:
                    served.update(scenario.needs)
                    found.findings = list(judge_exchanges(found.exchanges, about(scenario), checks))
                    found.findings += half_recorded(found.exchanges, scenario, about(scenario))
                yield found


def _asked(
    pool: ThreadPoolExecutor,
    wave: list[Scenario],
    ask: Callable[[Scenario], list[Exchange]],
    budget: Budget,
    refused: dict[str, Skip],
) -> Iterator[tuple[Scenario, list[Exchange], Skip | None]]:
    """Yield each scenario with its exchanges, or with the reason why it was not asked."""
    left, running = list(wave), dict[Future[list[Exchange]], Scenario]()
    while left or running:
        while left and len(running) < _AT_ONCE:
            scenario = left.pop(0)
            skip = next((refused[need] for need in scenario.needs if need in refused), None)
            skip = skip or budget.try_reserve(scenario)
            if skip:
                yield scenario, [], skip
            else:
                running[pool.submit(ask, scenario)] = scenario
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            yield running.pop(future), *_asked_for(future)


def _asked_for(future: Future[list[Exchange]]) -> tuple[list[Exchange], Skip | None]:
    """Return the exchanges, or why there are none: what keeps one scenario from being asked ends not the others."""
    try:
        return future.result(), None
    except NotAsked as error:
        return [], Skip(Outcome.INCONCLUSIVE, str(error))


def _refusal(found: Probed) -> Skip | None:
    """Return a skip with the provider's words where it plainly refused a capability; None where it did not."""
    last = found.exchanges[-1]
    status = last.response.status
    if not found.scenario.needs or status not in _REFUSALS or status in found.scenario.statuses:
        return None
    said = last.columns.errors[0].text if last.columns.errors else last.excerpt(0)[:_SHOWN]
    return Skip(Outcome.NA, f"{', '.join(found.scenario.needs)} refused with {status}: {said}")


def _absent(about: About, skip: Skip) -> Finding:
    return Finding(about.provider, about.model, about.scenario, RECORDING, Level.MUST, skip.outcome, skip.reason)


def _unreachable(found: Probed) -> str | None:
    """Return why a probe need not go on: nobody answers, or the key is refused; None if it may."""
    for exchange in found.exchanges:
        status = exchange.response.status
        if status == NO_ANSWER:
            return f"{exchange.response.error or 'no answer'}; is it up?"
        if status in _NOBODY and found.scenario.statuses == (OK,) and not found.scenario.needs:
            return f"status {status}: {exchange.excerpt(0)[:_SHOWN]}; {_NOBODY[status]}"
    return None
