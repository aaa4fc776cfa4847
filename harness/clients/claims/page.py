"""Writes the page of claims in each language."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from harness.clients.claims.model import (
    CLAIMS,
    EVERY_PROVIDER,
    FATES_IN_CHINESE,
    FORM_NAMES,
    WORDS,
    ClaimOutcome,
    ClaimTest,
    ClaimVerdict,
    Language,
    TriedAnswer,
)
from harness.results import ClientOutcome
from harness.serve.recording_index import REFERENCE

PAGES: dict[Language, str] = {"en": "docs/claims.md", "zh": "docs/claims.zh-CN.md"}
"""The page of each language."""

_PAIR, _FEW = 2, 4
_DAY = 10  # characters of a date, without the time
_RESULTS_WITH_MESSAGE = {
    ClientOutcome.CRASH,
    ClientOutcome.ENV,
    ClientOutcome.NONE,
    ClientOutcome.WRONG,
    ClientOutcome.MOJIBAKE,
}


class ClaimPage:
    """Renders the results in a language."""

    def __init__(self, language: Language) -> None:
        self._language: Language = language

    def say(self, name: str) -> str:
        """Return a text of the pages."""
        return WORDS[name].of(self._language)

    def outcome_of(self, cell: str) -> ClaimOutcome:
        """Return the outcome at the beginning of a cell of an earlier page, the only record of an earlier run."""
        return next((one for one in ClaimOutcome if cell.startswith(self.say(one.value))), ClaimOutcome.UNTRIED)

    def row(self, verdict: ClaimVerdict) -> str:
        """Return a claim's row of the table."""
        shown = self.say("then").join(self._brief(group) for group in _groups(verdict.seen))
        return f"| [{verdict.claim.claim.of(self._language)}](#{verdict.claim.id}) | {self._verdict(verdict)} | {shown or '-'} |"

    def part(self, verdict: ClaimVerdict) -> str:
        """Return the section of a claim below the table."""
        claim, say = verdict.claim, self.say
        groups = [f"- {self._long(group)}" for group in _groups(verdict.seen)]
        lines = (
            f"### {claim.id}", claim.claim.of(self._language), f"{say('verdict')}{self._verdict(verdict)}",
            f"{say('by')}{say('then').join(dict.fromkeys(map(self._client, claim.tests)))}", *([f"{say('answers')}{self._basis(verdict)}"] if groups else []),
            "\n".join(groups), f"{say('instead')}{claim.instead.of(self._language)}",
        )  # fmt: skip
        return "\n\n".join(line for line in lines if line)

    def _verdict(self, verdict: ClaimVerdict) -> str:
        said = self.say(verdict.outcome.value)
        if verdict.outcome is not ClaimOutcome.IN_PART:
            return said
        good = [name for name, holds in verdict.units.items() if holds]
        bad = [name for name, holds in verdict.units.items() if not holds]
        if len(good) + len(bad) <= _FEW:
            names = [self.say("and").join(f"`{name}`" for name in group) for group in (good, bad)]
            return said + self.say("of_few").format(good=names[0], bad=names[1])
        among = self.say("among" if "deepseek" in good else "not_among")
        return said + self.say("of_many").format(good=len(good), all=len(good) + len(bad), among=among)

    def _result(self, group: list[TriedAnswer]) -> str:
        """Return an outcome or form, and its message."""
        seen = group[0]
        if seen.test.fact:
            return FORM_NAMES[seen.result].of(self._language)
        message = f"`{seen.message.replace(' instead of ', self.say('instead_of'))}`"
        if seen.result == ClientOutcome.ENV.value:
            return message
        fate = seen.result if self._language == "en" else FATES_IN_CHINESE[seen.result]
        if not seen.message or seen.result not in _RESULTS_WITH_MESSAGE:
            return fate
        return f"{fate}{self.say('colon' if len({one.message for one in group}) == 1 else 'such_as')}{message}"

    def _brief(self, group: list[TriedAnswer]) -> str:
        providers = {one.trial.provider for one in group}
        listed = self.say("and").join(self._answer(one) for one in group)
        where = listed if len(group) <= _PAIR or len(providers) == 1 else self.say("at").format(count=len(providers))
        return f"{self._result(group)}{self.say('open')}{where}{self.say('close')}"

    def _long(self, group: list[TriedAnswer]) -> str:
        test = group[0].test
        who = f"`{test.client}`{self.say('colon')}" if test.client and not test.code else ""
        listed = self.say("then").join(self._answer(one, basis=True) for one in group)
        where = listed if len(group) <= _FEW else self.say("and").join(sorted({one.trial.provider for one in group}))
        return f"{who}{self._result(group)}{self.say('open')}{where}{self.say('close')}"

    def _answer(self, seen: TriedAnswer, *, basis: bool = False) -> str:
        trial = seen.trial
        name = f"`{trial.id}`{'' if seen.test.first else self.say('headless')}"
        source = trial.exchange.source
        made = self.say("made" if trial.fault else "reference")
        own = f"{self.say(source.provenance)} {(source.at or '')[:_DAY]}".strip()
        return f"{name}{self.say('and')}{made if trial.provider == REFERENCE else own}" if basis else name

    def _client(self, test: ClaimTest) -> str:
        name = f"`{test.code.splitlines()[0]}`" if test.code else f"`harness explain {test.client}`"
        name = self.say("in").format(client=test.client, env=test.env) if test.env else name
        versions = ", ".join(f"{package} {version}" for package, version in test.environment.versions.items())
        named = f"{name}{self.say('with').format(versions=versions)}" if test.environment.tier else name
        return named if test.client else self.say("looked")

    def _basis(self, verdict: ClaimVerdict) -> str:
        """Return how many responses it rests on, and of which provenance."""
        trials = {one.trial.id: one.trial for one in verdict.seen}.values()
        counts = Counter(one.exchange.source.provenance for one in trials if one.provider != REFERENCE)
        made = sum(1 for one in trials if one.provider == REFERENCE)
        words = [(counts[name], name) for name in ("recorded", "published", "reconstructed")] + [(made, "made")]
        said = [self.say("count").format(count=count, what=self.say(word)) for count, word in words if count]
        names = dict.fromkeys(
            name for test in verdict.claim.tests for name in test.answers if name.startswith(EVERY_PROVIDER)
        )
        scenarios = self.say("and").join(f"`{name.removeprefix(EVERY_PROVIDER)}`" for name in names)
        of = self.say("of_providers").format(names=scenarios, count=len({one.provider for one in trials}))
        return f"{of}{self.say('then')}{self.say('and').join(said)}" if names else self.say("and").join(said)


class _PageEntry(NamedTuple):
    """The entry of one claim: its outcome, its row of the table and its section below."""

    outcome: ClaimOutcome
    row: str
    part: str


def render(found: Iterable[ClaimVerdict], language: Language, before: str = "") -> str:
    """Return the page of a language; claims that were not tested keep their entries in ``before``."""
    verdicts = {verdict.claim.id: verdict for verdict in found}
    page = ClaimPage(language)
    entries = [_entry(page, verdicts.get(claim.id) or ClaimVerdict(claim, ()), before) for claim in CLAIMS.values()]
    counts = Counter(entry.outcome for entry in entries)
    by_outcome = {outcome.name.lower(): counts[outcome] for outcome in ClaimOutcome}
    say = page.say
    head = [f"# {say('title')}", say("other"), say("intro"), say("counts").format(all=len(entries), **by_outcome)]
    table = "\n".join([say("head"), "|---|---|---|", *(entry.row for entry in entries)])
    return "\n\n".join([*head, table, f"## {say('parts')}", *(entry.part for entry in entries)]) + "\n"


def _entry(page: ClaimPage, verdict: ClaimVerdict, before: str) -> _PageEntry:
    """Return the entry of a claim: if it was not tested, the one in ``before``."""
    made = _PageEntry(verdict.outcome, page.row(verdict), page.part(verdict))
    if verdict.seen:
        return made
    claim = re.escape(verdict.claim.id)
    row = re.search(rf"^\| \[[^\n]*\]\(#{claim}\) \| ([^\n]*)", before, re.MULTILINE)
    part = re.search(rf"^### {claim}\n.*?(?=^### |\Z)", before, re.MULTILINE | re.DOTALL)
    return _PageEntry(
        page.outcome_of(row[1]) if row else made.outcome,
        row[0].strip() if row else made.row,
        part[0].strip() if part else made.part,
    )


def _groups(seen: Iterable[TriedAnswer]) -> list[list[TriedAnswer]]:
    """Return the results, grouped by code, by outcome or form, and by the message of a failure."""
    found: dict[tuple[object, ...], list[TriedAnswer]] = {}
    for one in seen:
        said = one.message if one.result in {ClientOutcome.CRASH, ClientOutcome.ENV} else ""
        found.setdefault((one.test.client, one.test.fact, one.test.first, one.result, said), []).append(one)
    return list(found.values())
