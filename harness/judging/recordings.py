"""
Judges one recording: for each check the worst verdict on any exchange, compared with the listed deviations.

How it works: the conditions of an exchange decide which checks run on it, and many checks share one.  So each
condition is evaluated once, and what does not apply is computed once for all exchanges with the same conditions: a
``_Plan``.  The quiet outcomes of a family become one group, shared by all recordings with the same outcomes; only
the others become findings.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from harness.checks import Check
from harness.checks.registry import SEPARATOR, Reason
from harness.judging.judgement import PASSED, Judgement, Verdict, crash, verdict_of
from harness.results import (
    WORST_FIRST,
    Deviation,
    Evidence,
    Finding,
    Outcome,
    Problem,
    QuietGroup,
    RecordingResult,
    gathered,
    is_quiet,
    judge,
)
from harness.wire.dialect import DialectName
from harness.wire.exchange import Exchange

_EVIDENCE_SHOWN = 3
_SETS, _PLANS, _GROUPS, _ENDS, _OF_PLAN = 64, 512, 10_000, 10_000, 1_000
"""Cache sizes: sets of checks, plans, groups, groups by outcomes, and groups of a plan."""

_Quiet = tuple[Outcome, str]
"""A quiet outcome and its text: the message, or the observed value."""


@dataclass(frozen=True, slots=True)
class Subject:
    """
    What a recording is of, and its path; None if it is not stored.

    File names may hold bytes that are not UTF-8; here they are escaped, so that a log can hold them.
    """

    provider: str
    model: str
    scenario: str
    cassette: str | None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            text = getattr(self, name)
            if text and not text.isascii():
                object.__setattr__(self, name, text.encode("utf-8", "backslashreplace").decode())


class _Groups:
    """
    The groups made so far, each once across plans; and the ids of the checks by family.

    Plans differ in a few families, and recordings in a few outcomes, so that groups of thousands of recordings take
    little memory.
    """

    def __init__(self, checks: tuple[Check, ...]) -> None:
        ids: dict[str, list[str]] = {}
        for check in checks:
            ids.setdefault(check.family, []).append(check.id)
        self.ids = {family: tuple(listed) for family, listed in ids.items()}
        self._groups: dict[QuietGroup, QuietGroup] = {}
        self._ids: dict[tuple[str, ...], tuple[str, ...]] = {}

    def one(self, family: str, ended: Iterable[_Quiet | None]) -> QuietGroup:
        """Return the group of a family, given the quiet outcome of each of its checks, or None for one that is not quiet."""
        alike: dict[_Quiet, list[str]] = {}
        for check, quiet in zip(self.ids[family], ended, strict=True):
            if quiet:
                alike.setdefault(quiet, []).append(check)
        if len(self._groups) > _GROUPS:
            self._groups, self._ids = {}, {}
        told = tuple((outcome, text, self._shared(ids)) for (outcome, text), ids in alike.items())
        group = QuietGroup(family, told)
        return self._groups.setdefault(group, group)

    def _shared(self, listed: list[str]) -> tuple[str, ...]:
        ids = tuple(listed)
        return self._ids.setdefault(ids, ids)


class _Plan:
    """The checks that run on exchanges with the same conditions, and the quiet outcomes of the others, by family."""

    def __init__(self, checks: tuple[Check, ...], reasons: dict[object, Reason | None], groups: _Groups) -> None:
        self.judging: list[Check] = []
        self._made = groups
        self._groups: dict[tuple[str, tuple[_Quiet | None, ...]], QuietGroup] = {}
        families: dict[str, list[_Quiet | int]] = {}
        for check in checks:
            settled = _settled(check, reasons[check.applies])
            families.setdefault(check.family, []).append(settled or len(self.judging))
            if settled is None:
                self.judging.append(check)
        self._families = {family: tuple(members) for family, members in families.items()}
        self._slices = {
            family: tuple(at for at in members if isinstance(at, int)) for family, members in families.items()
        }

    def groups(self, quiet: list[_Quiet | None]) -> Iterator[QuietGroup]:
        """Yield the groups of a recording, given the quiet outcome of each check that ran; None if it is not quiet."""
        for family, places in self._slices.items():
            key = (family, tuple([quiet[place] for place in places]))
            group = self._groups.get(key)
            if group is None:
                group = self._group(family, quiet)
            if group.told:
                yield group

    def _group(self, family: str, quiet: list[_Quiet | None]) -> QuietGroup:
        ended = [quiet[told] if isinstance(told, int) else told for told in self._families[family]]
        group = self._made.one(family, ended)
        if len(self._groups) > _OF_PLAN:
            self._groups.clear()
        places = self._slices[family]
        self._groups[family, tuple([_one_quiet(*end) if (end := quiet[place]) else None for place in places])] = group
        return group


@lru_cache(_ENDS)
def _one_quiet(outcome: Outcome, text: str) -> _Quiet:
    """Return an outcome and its text as one shared object."""
    return outcome, text


@lru_cache(_ENDS)
def _settled_as(reason: Reason) -> _Quiet | None:
    verdict = verdict_of(reason)
    return None if verdict.kind == "not-present" else _one_quiet(verdict.outcome, verdict.message)


def _settled(check: Check, reason: Reason | None) -> _Quiet | None:
    """Return the outcome that a condition alone decides for a check of completed chats; None if the check is to run."""
    if check.family == "models":
        return _one_quiet(Outcome.NA, "the request is not for models")
    return _settled_as(reason) if reason else None


class CheckSet:
    """Checks that are run together, in order, with the plans made for them."""

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self.checks = checks
        self.levels = {check.id: check.level for check in checks}
        self._conditions = tuple(dict.fromkeys(check.applies for check in checks))
        self._plans: dict[tuple[Reason | None, ...], _Plan] = {}
        self._groups = _Groups(checks)
        self._dialects: dict[frozenset[DialectName], CheckSet] = {}

    def spoken(self, dialects: Collection[DialectName]) -> "CheckSet":
        """Return the checks of any of some dialects."""
        key = frozenset(dialects)
        if key not in self._dialects:
            about = tuple(check for check in self.checks if not key.isdisjoint(check.dialects))
            self._dialects[key] = self if len(about) == len(self.checks) else CheckSet(about)
        return self._dialects[key]

    def plan(self, judgement: Judgement) -> _Plan | None:
        """Return the plan for an exchange; None if conditions do not decide what applies."""
        reasons = judgement.reasons(self._conditions) if judgement.plain else None
        if reasons is None:
            return None
        plan = self._plans.get(reasons)
        if plan is None:
            if len(self._plans) > _PLANS:
                self._plans.clear()
            plan = self._plans[reasons] = _Plan(
                self.checks, dict(zip(self._conditions, reasons, strict=True)), self._groups
            )
        return plan


_sets: dict[tuple[int, ...], CheckSet] = {}


def check_set(checks: Iterable[Check]) -> CheckSet:
    """Return the set of some checks, cached with its plans."""
    given = tuple(checks)
    key = tuple(map(id, given))  # a check is not hashable, since its examples aren't; a set keeps its checks alive
    if key not in _sets:
        if len(_sets) > _SETS:
            _sets.clear()
        _sets[key] = CheckSet(given)
    return _sets[key]


def judge_exchanges(
    exchanges: list[Exchange], subject: Subject, checks: Iterable[Check], deviations: tuple[Deviation, ...] = ()
) -> Iterator[Finding]:
    """Yield one finding per check on the exchanges of one recording: the worst outcome, with all problems."""
    chosen = check_set(checks)
    yield from judge_recording(exchanges, subject, chosen, deviations).all_findings(chosen.levels)


def judge_recording(
    exchanges: list[Exchange],
    subject: Subject,
    checks: CheckSet,
    deviations: tuple[Deviation, ...] = (),
    told: Callable[[Finding], Finding] = lambda finding: finding,
) -> RecordingResult:
    """Return the findings on the exchanges of one recording; ``told`` adds known facts to notable findings."""
    recording = _Recording(exchanges, subject, deviations)
    checks = checks.spoken({exchange.dialect for exchange in exchanges})
    plan = checks.plan(recording.judgements[0]) if len(exchanges) == 1 else None
    if plan is None:
        findings = [told(recording.finding(check, recording.verdicts(check))) for check in checks.checks]
        results = list(gathered(findings, checks.levels))
        return results[0] if results else recording.result([], ())
    quiet: list[_Quiet | None] = []
    telling: list[Finding] = []
    judgement = recording.judgements[0]
    for check, verdict in zip(plan.judging, judgement.planned(plan.judging), strict=True):
        if verdict is PASSED and not recording.listed:
            quiet.append(_PASSED)
            continue
        if verdict.outcome in _DECIDED and not (verdict.outcome is Outcome.PASS and check.id in recording.listed):
            quiet.append((verdict.outcome, verdict.message))
            continue
        finding = told(recording.finding(check, [verdict]))
        quiet.append((finding.outcome, finding.message) if is_quiet(finding) else None)
        if not is_quiet(finding):
            telling.append(finding)
    return recording.result(telling, tuple(plan.groups(quiet)))


_PASSED: _Quiet = (Outcome.PASS, "")
_DECIDED = frozenset({Outcome.PASS, Outcome.OBSERVED, Outcome.NA, Outcome.BLOCKED})
"""Verdicts that are quiet whatever is listed, except a pass."""


class _Recording:
    """The exchanges of one recording, the judgement of each, and the deviations listed for it."""

    def __init__(self, exchanges: list[Exchange], subject: Subject, deviations: tuple[Deviation, ...]) -> None:
        self.judgements = [Judgement(exchange) for exchange in exchanges]
        self.listed: dict[str, list[Deviation]] = {}
        for deviation in deviations:
            if deviation.covers(deviation.check, subject.scenario, subject.model):
                self.listed.setdefault(deviation.check, []).append(deviation)
        self._exchanges, self._subject = exchanges, subject
        self._provenance = exchanges[0].source.provenance
        self._recorded_at = max((exchange.source.at for exchange in exchanges if exchange.source.at), default=None)

    def result(self, findings: list[Finding], groups: tuple[QuietGroup, ...]) -> RecordingResult:
        """Return the result of the recording."""
        of = self._subject
        return RecordingResult(
            of.provider, of.model, of.scenario, of.cassette, self._provenance, self._recorded_at, findings, groups
        )

    def verdicts(self, check: Check) -> list[Verdict]:
        """Return the verdict of a check on each exchange."""
        return [judgement.verdict(check) for judgement in self.judgements]

    def finding(self, check: Check, verdicts: list[Verdict]) -> Finding:
        """Return the finding of a check: the worst outcome of any exchange, with all problems."""
        of = self._subject
        worst = verdicts[0] if len(verdicts) == 1 else min(verdicts, key=_rank)
        finding = Finding(
            of.provider, of.model, of.scenario, check.id, check.level, worst.outcome, worst.message,
            (), None, self._provenance, self._recorded_at, None, of.cassette,
        )  # fmt: skip
        if worst.outcome is Outcome.OBSERVED:
            finding.value = SEPARATOR.join(dict.fromkeys(v.message for v in verdicts if v.outcome is Outcome.OBSERVED))
            finding.message = ""
        elif worst.outcome is Outcome.FAIL or (worst.outcome is Outcome.PASS and check.id in self.listed):
            try:
                _apply_deviations(finding, check, verdicts, self.listed.get(check.id, []))
                finding.evidence = tuple(_evidence(self._exchanges, verdicts))
            except Exception as error:  # noqa: BLE001 - as in a check: our bug, and no reason to end the run
                finding.outcome, finding.message = Outcome.BROKEN, crash(error)
        return finding


def problems_of(exchanges: list[Exchange], check: Check) -> list[Problem]:
    """Return all problems that a check finds in the exchanges of one recording; none if it does not apply."""
    return [problem for exchange in exchanges for problem in Judgement(exchange).verdict(check).problems]


def _apply_deviations(finding: Finding, check: Check, verdicts: list["Verdict"], listed: list[Deviation]) -> None:
    problems = [problem for verdict in verdicts for problem in verdict.problems]
    finding.outcome, finding.message = judge(problems, listed)
    if problems:
        finding.source = listed[0].source if listed else check.source
        finding.advice = next((one.advice for one in problems if finding.message.startswith(one.message)), None)


def _evidence(exchanges: list[Exchange], verdicts: list["Verdict"]) -> Iterator[Evidence]:
    places = [(n, at) for n, verdict in enumerate(verdicts) for problem in verdict.problems for at in problem.at]
    for number, (event, at) in places[:_EVIDENCE_SHOWN]:
        exchange = exchanges[number]
        if isinstance(at, int):
            yield Evidence(number, event, at, None, exchange.excerpt(at))
        else:
            offset, excerpt = exchange.place(event, at)
            yield Evidence(number, event if exchange.reading.parser else None, offset, at, excerpt)


def _rank(verdict: Verdict) -> int:
    return WORST_FIRST[verdict.outcome]
