"""Measures whether listed deviations and recordings agree: which failures are listed, which entries are seen."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.checks import CHECKS
from harness.evidence.recordings import day_of, models_and_months, recordings_in
from harness.judging.deviations import folder_of, load_deviations
from harness.judging.runner import Subject, judge_exchanges, problems_of
from harness.markdown import cell, table
from harness.matrix.dialects import EVERY_SCENARIO, first_body
from harness.matrix.providers import Matrix, Provider
from harness.matrix.scenarios import Scenario
from harness.recording.archives import Entry
from harness.results import Deviation, Level, Outcome
from harness.wire.dialect import DIALECTS
from harness.wire.exchange import Exchange, include_usage

_Kept = TypeVar("_Kept")

_ERROR = 400
_RULES = tuple(check for check in CHECKS.values() if check.level is not Level.OBSERVE and "chat" in check.dialects)
_JUDGED = frozenset({Outcome.PASS, Outcome.FAIL})

Messages = dict[str, tuple[str, ...]]
"""The messages of the problems that each check found."""


class QuestionForm(NamedTuple):
    """What a recording tells of its request: whether it was refused, and its ``form``, None if the body is unknown."""

    dialect: str
    refused: bool
    streams: bool
    form: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class JudgedRecording:
    """
    The results of the rules on one recording: those that it passed, and the messages of those that it failed.

    Of thousands of recordings most have these in common, so that they are kept once (``_Shared``).
    """

    provider: str
    model: str
    day: str | None
    question: QuestionForm
    passed: frozenset[str]
    failed: Messages

    def judged(self, check: str) -> bool:
        """Return whether a check was judged on it."""
        return check in self.passed or check in self.failed


@dataclass(slots=True)
class FailedCheck:
    """A provider × check that recordings fail; ``unlisted`` are those without an entry for their time."""

    check: str
    recordings: list[JudgedRecording] = field(default_factory=list)
    unlisted: list[JudgedRecording] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry listed as present: the number of recordings that could show it, and that do."""

    deviation: Deviation
    could: tuple[JudgedRecording, ...]
    seen: int


@dataclass(frozen=True, slots=True)
class ProviderCoverage:
    """The coverage of one provider's list."""

    provider: str
    recordings: int
    faults: tuple[FailedCheck, ...]
    present: tuple[ListedEntry, ...]

    @property
    def listed(self) -> int:
        """The number of its failures that are listed for all recordings that show them."""
        return sum(not fault.unlisted for fault in self.faults)

    @property
    def seen(self) -> int:
        """The number of entries that recordings show."""
        return sum(bool(one.seen) for one in self.present)

    @property
    def unseen(self) -> tuple[ListedEntry, ...]:
        """The entries that no recording shows, though some could."""
        return tuple(one for one in self.present if one.could and not one.seen)


def measure(paths: Iterable[Path], matrix: Matrix, root: Path) -> list[ProviderCoverage]:
    """
    Return the coverage of each provider by its recordings in ``paths``; providers without a list or recordings are
    left out.

    Raises:
        HarnessError: a file or a list can't be read.
    """
    recordings: dict[str, list[JudgedRecording]] = defaultdict(list)
    shared = _Shared()
    for provider, entry in recordings_in(paths, matrix, DIALECTS):
        recordings[provider.id].append(_judged_recording(provider, entry, shared))
    found = []
    for provider in matrix.providers:
        listed = load_deviations(folder_of(provider, root))
        if recordings[provider.id] or (listed and provider in matrix.own):
            found.append(_coverage(provider, recordings[provider.id], listed))
    return found


class _Shared:
    """Equal parts of recordings, each once."""

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def one(self, value: _Kept, key: Hashable) -> _Kept:
        """Return the first value with this key."""
        kept: _Kept = self._kept.setdefault((type(value), key), value)
        return kept


def _judged_recording(provider: Provider, entry: Entry, shared: _Shared) -> JudgedRecording:
    exchange = entry.exchange
    model = exchange.model or "unknown"
    subject = Subject(provider.id, model, "audit", None)
    judged = [finding for finding in judge_exchanges([exchange], subject, _RULES) if finding.outcome in _JUDGED]
    passed = frozenset(one.check for one in judged if one.outcome is Outcome.PASS)
    failed = {
        one.check: tuple(problem.message for problem in problems_of([exchange], CHECKS[one.check]))
        for one in judged
        if one.outcome is Outcome.FAIL
    }
    day, asked = day_of(exchange), _question(exchange)
    about = shared.one(model, model), shared.one(day, day), shared.one(asked, repr(asked))
    return JudgedRecording(provider.id, *about, shared.one(passed, passed), shared.one(failed, tuple(failed.items())))


def _coverage(provider: Provider, recordings: list[JudgedRecording], listed: tuple[Deviation, ...]) -> ProviderCoverage:
    faults: dict[str, FailedCheck] = {}
    for seen in recordings:
        for check in seen.failed:
            fault = faults.setdefault(check, FailedCheck(check))
            fault.recordings.append(seen)
            if not any(one.check == check and _of_its_time(one, seen.day) for one in listed):
                fault.unlisted.append(seen)
    ordered = tuple(faults[check] for check in CHECKS if check in faults)
    present = tuple(_listed_entry(provider, one, recordings) for one in listed if not one.until)
    return ProviderCoverage(provider.id, len(recordings), ordered, present)


def _of_its_time(deviation: Deviation, day: str | None) -> bool:
    """
    Return whether a recording of ``day`` is within the time of an entry; one without a day may be.

    One before ``first_seen`` is too: that is the date of the oldest source, not the beginning.
    """
    return day is None or deviation.until is None or not _before(deviation.until, day)


def _before(one: str, other: str) -> bool:
    """Return whether a date is before another, as far as known: 2026 is not before 2026-05."""
    known = min(len(one), len(other))
    return one[:known] < other[:known]


def _listed_entry(provider: Provider, deviation: Deviation, recordings: list[JudgedRecording]) -> ListedEntry:
    names = {
        name
        for model in provider.models
        if model.id in deviation.models
        for name in (model.id, model.name, *model.aliases)
    }
    of_models = [one for one in recordings if (not names or one.model in names) and _of_its_time(deviation, one.day)]
    judged = [one for one in of_models if one.judged(deviation.check)]
    shows = [one for one in judged if any(map(deviation.expects, one.failed.get(deviation.check, ())))]
    asked = [EVERY_SCENARIO[name] for name in deviation.scenarios]
    could = [one for one in judged if one in shows or not asked or any(_like(one.question, it) for it in asked)]
    return ListedEntry(deviation, tuple(could), len(shows))


def _question(exchange: Exchange) -> QuestionForm:
    asked = exchange.request.json
    form = None if asked is None else _form(asked)
    return QuestionForm(exchange.dialect, exchange.response.is_error, exchange.is_stream, form)


def _like(question: QuestionForm, scenario: Scenario) -> bool:
    """Return whether a recording's request is like that of a scenario, as far as it is known."""
    refusals = {status >= _ERROR for status in scenario.statuses}
    if question.dialect != scenario.dialect or question.refused not in refusals:
        return False
    asked = first_body(scenario, "")
    if question.form is None:
        return question.streams == bool(asked.get("stream"))
    return question.form == _form(asked)


def _form(body: dict[str, Any]) -> tuple[Any, ...]:
    """Return the parameters of a request that determine the form of its response."""
    wanted = body.get("response_format")
    return (
        bool(body.get("stream")),
        include_usage(body),
        bool(body.get("tools")),
        body.get("n") or 1,
        bool(body.get("logprobs")),
        wanted.get("type") if isinstance(wanted, dict) else None,
    )


_ABOUT = """\
# Listed deviations and recordings 已列偏差与录制

How the lists in `cassettes/<provider>/deviations.yaml` compare with the published recordings. First: how many of the MUST and SHOULD
rules that the recordings fail are listed? A rule counts as listed if no recording that fails it is later than the `until` of its
entry. Second: how many of the present entries (without `until`) do recordings show, with the expected message? Entries
that no recording can show, because none has their period, models and scenarios, are counted separately.

`cassettes/<provider>/deviations.yaml` 与公开录制的比较。第一，录制违反的 MUST 与 SHOULD 规则中，有多少已列出？违反规则的录制都不晚于条目的 `until`，才算已列出。
第二，现存条目（没有 `until`）中，有多少能在录制中看到，且消息相符？没有同期、同模型、同场景的录制，因而无法看到的条目，另外计数。
"""
_FIGURES = (
    "provider 服务商", "recordings 录制", "rules failed 违反的规则", "listed 已列出", "entries present 现存条目", "seen 看得到",
    "no recording 无录制", "not seen 看不到",
)  # fmt: skip
_UNLISTED = (
    "provider 服务商",
    "rule 规则",
    "level 级别",
    "recordings 录制",
    "models and months 模型与月份",
    "first says 首条",
)
_UNSEEN = (
    "provider 服务商",
    "rule 规则",
    "listed as 条目",
    "seen 见于",
    "known by 依据",
    "recordings that could 可显示的录制",
)


OWN = "# Listed deviations and recordings "
"""Pattern of the beginning of a file of these figures."""


def render(standings: Iterable[ProviderCoverage]) -> str:
    """Return the figures as a Markdown page, with what is not listed or not seen."""
    found = sorted(standings, key=lambda one: one.provider)
    rows = [_figures(one) for one in found]
    total = ("all 合计", *(str(sum(int(row[column]) for row in rows)) for column in range(1, len(_FIGURES))))
    parts = [_ABOUT, table(_FIGURES, [*rows, total] if rows else [], numbers=_FIGURES[1:])]
    unlisted = [[*map(cell, row)] for one in found for row in _unlisted(one)]
    unseen = [[*map(cell, row)] for one in found for row in _unseen(one)]
    if unlisted:
        parts += ["", "## Not listed 未列出", "", table(_UNLISTED, unlisted)]
    if unseen:
        parts += ["", "## Listed and not seen 已列出而看不到", "", table(_UNSEEN, unseen)]
    return "\n".join(parts) + "\n"


def _figures(one: ProviderCoverage) -> tuple[str, ...]:
    without = len(one.present) - one.seen - len(one.unseen)
    counts = (one.recordings, len(one.faults), one.listed, len(one.present), one.seen, without, len(one.unseen))
    return (one.provider, *map(str, counts))


def _unlisted(one: ProviderCoverage) -> Iterator[tuple[str, ...]]:
    for fault in one.faults:
        if fault.unlisted:
            count = f"{len(fault.unlisted)} of {len(fault.recordings)}"
            says = _in_short(fault.unlisted[0].failed[fault.check][0])
            yield (
                one.provider,
                fault.check,
                CHECKS[fault.check].level.value,
                count,
                models_and_months(fault.unlisted),
                says,
            )


def _in_short(message: str) -> str:
    """Return a problem's message without text from the recording."""
    return re.sub(r"'[^']*'", "'…'", message.partition(": ")[0])


def _unseen(one: ProviderCoverage) -> Iterator[tuple[str, ...]]:
    for entry in one.unseen:
        listed = entry.deviation
        known = ", ".join(filter(None, (listed.kind, listed.fault, "sometimes" if listed.sometimes else None)))
        could = f"{len(entry.could)}: {models_and_months(entry.could)}"
        yield one.provider, listed.check, listed.message, listed.seen, known, could
