"""
Predicts how a client handles a response from how it handles each known trait of it alone.

A *fact* is a result of one check on a response that the reference response to the same request does not have.  A *known
trait* is a fault or legal variant of the catalogue, with the facts it shows; every client was tried with each.  Where all
facts of a trait are among those of a response, the response has the trait::

    n answers  ── checks ──▶ facts ──▶ known traits of each answer ─┐
                                                                    ├─▶ n × m predictions: the worst outcome counts
    m clients  ── run on the answer of each known trait ────────────┘

So n responses and m clients are measured once each, and the table of n × m is predicted.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from harness.checks import CHECKS
from harness.clients.due import due_of
from harness.clients.forecast_table import Fact, KnownTrait, table
from harness.clients.trials import Trial, deviation_trial, deviation_trials, reference_trials, transplant
from harness.judging.runner import Subject, judge_exchanges, problems_of
from harness.results import WORST_FATE_FIRST, ClientOutcome, Deviation, Finding, Level, Outcome
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT, FAULTS_OF
from harness.wire.dialect import DialectName
from harness.wire.exchange import Exchange
from harness.wire.messages.grammar import BLOCK_DELTA

Baseline = Mapping[str, ClientOutcome]
"""The outcomes of one client, by the ids of faults, variants and reference responses."""

_SAYS_NOTHING = frozenset(
    {"http.delivery", "http.transfer", "http.request-id", "identity.id-form", "chunk.fingerprint-form"}
)
"""Observations that no client code depends on: how the bytes arrived, and the form of ids."""

_WHAT = frozenset({"sse.comments", "sse.names"})
"""Observations of which only the presence counts, not the value."""

_LEVELS = {level: rank for rank, level in enumerate(Level)}

_PIECE = BLOCK_DELTA.encode()
_BLOCKS = "blocks"
"""Stands for a check of blocks, since there is none."""

_BESIDE_TEXT = ("audio", "refusal", "function_call")
_MESSAGE = "message"
"""Stands for a check of what a message has instead of text or beside it, since there is none."""

_NUMBER = re.compile(r"\d+")
_PARTS = re.compile(r", then | \| |, | \+ ")


def facts_of(trial: Trial) -> frozenset[Fact]:
    """Return the results of the checks on a response."""
    subject = Subject(trial.provider, trial.model, trial.scenario, None)
    findings = judge_exchanges([trial.exchange], subject, CHECKS.values())
    said = [fact for finding in findings for fact in _facts(finding)]
    return frozenset([*said, *_of_blocks(trial.exchange), *_of_message(trial.exchange)])


def _of_blocks(exchange: Exchange) -> Iterator[Fact]:
    """Yield facts of a response in blocks that no check reports, but readers depend on."""
    blocks, parser = exchange.message.blocks, exchange.reading.parser
    if not blocks:
        return
    yield _BLOCKS, f"the first is {blocks[0].kind}"
    stops = [block.stopped for block in blocks if block.stopped is not None]
    if stops != sorted(stops):
        yield _BLOCKS, "they stop in another order"
    if exchange.turn.counts.cached:
        yield _BLOCKS, "the prompt was cached"
    pieces = any(block.deltas for block in blocks)
    if parser and pieces and all(event.type != _PIECE for event in parser.events):
        yield _BLOCKS, "no piece has a name"


def _of_message(exchange: Exchange) -> Iterator[Fact]:
    """Yield the keys in which a chat message says something that is not text: no check reports what OpenAI defines."""
    columns = exchange.columns
    for key in _BESIDE_TEXT:
        if columns.kinds(columns.spelled(f"/choices/*/{{part}}/{key}")).keys() - {"missing", "null", '""'}:
            yield _MESSAGE, key


def _facts(finding: Finding) -> Iterator[Fact]:
    if finding.outcome is Outcome.FAIL:
        yield finding.check, _NUMBER.sub("#", finding.message)
    elif finding.outcome is Outcome.OBSERVED and finding.check not in _SAYS_NOTHING:
        for part in _PARTS.split(finding.value or ""):
            yield finding.check, "some" if finding.check in _WHAT and part != "none" else _NUMBER.sub("#", part)


def measured_traits() -> tuple[KnownTrait, ...]:
    """
    Return the faults and variants that the checks distinguish from the reference response; judges the whole
    catalogue.
    """
    plain = {trial.request_id: trial for trial in reference_trials()}
    usual = {name: facts_of(trial) for name, trial in plain.items()}
    made = [
        KnownTrait(trial.id, plain[trial.request_id].id, facts_of(trial) - usual[trial.request_id])
        for trial in deviation_trials()
    ]
    return tuple(trait for trait in made if trait.facts)


@cache
def known_traits() -> tuple[KnownTrait, ...]:
    """Return the faults and variants that the checks distinguish from the reference response."""
    return tuple(trait for trait in table().traits if trait.id in EVERY_FAULT or trait.id in EVERY_VARIANT)


def traits_in(trial: Trial) -> list[str]:
    """Return the faults and variants that a response has."""
    facts = facts_of(trial)
    return [atom.id for atom in known_traits() if atom.facts <= facts]


def like(trial: Trial) -> Trial | None:
    """Return the reference response most like a response: of its form, or else for its request; or None."""
    known = reference_trials()
    same = [one for one in known if one.form == trial.form]
    asked = [one for one in known if one.request_id == trial.request_id]
    return next((one for one in same if one.request_id == trial.request_id), next(iter([*same, *asked]), None))


@cache
def in_form(atom: str, form: tuple[object, ...]) -> Trial:
    """Return the trial of a fault or variant in a response of a form; the catalogue's own if it does not apply."""
    own = deviation_trial(atom)
    if own.form == form:
        return own
    plain = next((one for one in reference_trials() if one.form == form), None)
    return (transplant(own, plain) if plain else None) or own


def traits_listed(listed: Iterable[Deviation]) -> dict[DialectName, list[str]]:
    """Return the faults by dialect that match a provider's listed deviations: same check, and the expected message."""
    present = [one for one in listed if one.until is None]
    found = [atom.id for atom in known_traits() if any(_is_of(deviation, atom) for deviation in present)]
    return {dialect: [name for name in found if name in faults] for dialect, faults in FAULTS_OF.items()}


@cache
def _messages(fault: str) -> tuple[str, ...]:
    return tuple(
        problem.message for problem in problems_of([EVERY_FAULT[fault].apply()], CHECKS[EVERY_FAULT[fault].rule])
    )


def _is_of(deviation: Deviation, atom: KnownTrait) -> bool:
    fault = EVERY_FAULT.get(atom.id)
    return fault is not None and fault.rule == deviation.check and any(map(deviation.expects, _messages(atom.id)))


Alone = tuple[str, ClientOutcome, ClientOutcome]
"""A fault or variant, and the outcomes of a client without it and with it, in a response with nothing else."""


class Prediction(NamedTuple):
    """The predicted outcome of a client, and its cause: the id of a fault or variant; None for the form itself."""

    fate: ClientOutcome
    cause: str | None = None


def predict(tolerance: Baseline, trial: Trial, held: Iterable[str]) -> Prediction:
    """
    Return the predicted outcome of a client for a response with these faults and variants.

    It is the worst outcome of those that harm the client more than the reference response does; without one that of
    the reference, unless a trait repairs what the client fails on there.
    """
    return predict_from(tolerance, trial, _alone(tolerance, trial.form, held))


def predict_from(tolerance: Baseline, trial: Trial, held_alone: Iterable[Alone]) -> Prediction:
    """Return the same, given the client's outcomes for each trait alone."""
    plain = like(trial)
    expected = tolerance.get(plain.id, ClientOutcome.NA) if plain else ClientOutcome.NA
    alone = list(held_alone)
    impossible = _impossible(trial.exchange)
    harms = [
        Prediction(fate, name)
        for name, before, fate in alone
        if fate.bad and fate is not before and fate not in impossible
    ]
    if harms:
        return min(harms, key=lambda one: WORST_FATE_FIRST[one.fate])
    repair = next((name for name, before, fate in alone if before.bad and not fate.bad), None)
    return Prediction(ClientOutcome.OK, repair) if expected.bad and repair else Prediction(expected)


def _impossible(exchange: Exchange) -> set[ClientOutcome]:
    """Return the outcomes that a response rules out: ASCII text can't be garbled, and no tokens can't be lost."""
    found = {ClientOutcome.MOJIBAKE} if exchange.response.content.isascii() else set[ClientOutcome]()
    return found if due_of(exchange).total else found | {ClientOutcome.LOST_USAGE}


def predict_listed(tolerance: Baseline, listed: Iterable[str]) -> Prediction:
    """Return the predicted outcome of a client for a provider known only by deviations, as faults."""
    harms = [
        Prediction(fate, name)
        for name, before, fate in _alone(tolerance, None, listed)
        if fate.bad and fate is not before
    ]
    return min(harms, key=lambda one: WORST_FATE_FIRST[one.fate], default=Prediction(ClientOutcome.OK))


def _alone(tolerance: Baseline, form: tuple[object, ...] | None, held: Iterable[str]) -> Iterator[Alone]:
    """Yield each fault or variant, and the client's outcome without and with it, in ``form`` or its own."""
    for name in held:
        tried = deviation_trial(name) if form is None else in_form(name, form)
        if tried.id in tolerance:
            before = tolerance.get(replace(tried, fault=None, transplanted=False).id, ClientOutcome.NA)
            yield name, before, tolerance[tried.id]


def beyond(trial: Trial, held: Iterable[str], suffered: Collection[str] = ()) -> list[str]:
    """
    Return the checks' results on a response that neither the reference nor any of its traits has.

    The most likely to break a client come first: checks in ``suffered``, then rules by level, then observations of
    the body, then those of headers, which client code hardly ever reads.
    """
    plain, known = like(trial), {atom.id: atom.facts for atom in known_traits()}
    covered = (facts_of(plain) if plain else frozenset()).union(*(known[name] for name in held))
    more = sorted(facts_of(trial) - covered, key=lambda fact: (fact[0] not in suffered, _rank(fact[0]), fact))
    return [f"{check}: {said}" for check, said in more]


def _rank(check: str) -> int:
    """Return how unlikely it is that client code depends on a result."""
    known = CHECKS.get(check)
    level = _LEVELS[known.level if known else Level.OBSERVE]
    return level + (level == _LEVELS[Level.OBSERVE] and check.startswith("http."))


def suffered(tolerance: Baseline) -> frozenset[str]:
    """Return the checks that report what breaks a client alone, by the rules of faults and the reports of variants."""
    tried = [name for name in tolerance if name in EVERY_FAULT or name in EVERY_VARIANT]
    harmful = {name for name, before, fate in _alone(tolerance, None, tried) if fate.bad and fate is not before}
    rules = {EVERY_FAULT[name].rule for name in harmful if name in EVERY_FAULT}
    legal = [atom.facts for atom in known_traits() if atom.id in harmful and atom.id not in EVERY_FAULT]
    return frozenset(rules).union(check for facts in legal for check, _ in facts)
