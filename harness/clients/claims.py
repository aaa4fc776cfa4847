"""
What articles on calling DeepSeek claim, each claim confirmed or refuted by a replay; and the pages that tell of it.

The claims stand in ``claims.yaml`` with what tests them.  No verdict stands anywhere: client code is run on the answers
that a claim names, or their chunks are looked at, and the claim is borne out where all are as it expects.

``python -m harness.clients.claims`` writes ``docs/claims.md`` and ``docs/claims.zh-CN.md``; what can't be tried, for want
of an environment, stays there as it stands.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.client import HERE, Client
from harness.clients.environments import Environment
from harness.clients.stage import Stage
from harness.clients.trials import Trial, deviation_trials, is_chat, reference_trials
from harness.clients.trying import Trier
from harness.errors import BadResults, UnknownName
from harness.matrix.checked_yaml import Strict, load_checked
from harness.matrix.providers import FILE_NAME, load_matrix
from harness.results import Fate
from harness.serve.shelf import REFERENCE, Shelf
from harness.simulate.reference import with_body
from harness.wire.exchange import Exchange

Language = Literal["en", "zh"]
Json = dict[str, Any]

PAGES: dict[Language, str] = {"en": "docs/claims.md", "zh": "docs/claims.zh-CN.md"}
"""The page of each language."""

_EVERY = "*/"  # before a scenario: the answers of every provider to it
_SHOWN = 100
_PAIR, _FEW = 2, 4
_DAY = 10  # characters of a date, without the time
_TOLD_WITH_MESSAGE = {Fate.CRASH, Fate.ENV, Fate.NONE, Fate.WRONG, Fate.MOJIBAKE}


class Words(Strict):
    """The same in both languages."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """Return it in one of them."""
        return self.en if language == "en" else self.zh


class Replay(Strict):
    """
    What a claim is tested with: ``client`` on ``answers``, or the ``fact`` of the wire that they show.

    The claim is borne out by those fates or forms that it ``expects``, where what is said of them begins as ``says``
    has it.  ``code`` stands in the place of the client's own, ``env`` of its environment; with ``first`` false the first
    event is left out.
    """

    answers: tuple[str, ...]
    expects: tuple[str, ...]
    client: str | None = None
    fact: str | None = None
    code: str | None = None
    env: str | None = None
    first: bool = True
    says: str = ""

    @property
    def environment(self) -> Environment:
        """Where it is tried."""
        return ENVIRONMENTS[self.env or (CLIENTS[self.client].env if self.client else "own")]


class Claim(Strict):
    """A claim in our own words, what tests it, and what to write instead."""

    id: str
    claim: Words
    tests: tuple[Replay, ...]
    instead: Words

    @property
    def tier(self) -> int:
        """The highest tier of the environments that it is tried in."""
        return max(test.environment.tier for test in self.tests)


class _File(Strict):
    claims: tuple[Claim, ...]
    forms: dict[str, Words]
    fates: dict[str, str]
    words: dict[str, Words]


_FILE = load_checked(HERE / "claims.yaml", _File, BadResults, "it belongs to the package")

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _FILE.claims}
"""Every claim by id."""


class Outcome(StrEnum):
    """What a replay makes of a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    IN_PART = "in part"
    UNTRIED = "not tried here"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one answer showed: the fate of the code, or the form of the chunks, and whether the claim expects it."""

    test: Replay
    trial: Trial
    told: str
    message: str
    holds: bool


@dataclass(frozen=True)
class Verdict:
    """What became of a claim, and what was seen."""

    claim: Claim
    seen: tuple[Seen, ...]

    @property
    def outcome(self) -> Outcome:
        """Confirmed where all that was seen bears it out, refuted where nothing does."""
        found = {one.holds for one in self.seen}
        if len(found) != 1:
            return Outcome.IN_PART if found else Outcome.UNTRIED
        return Outcome.CONFIRMED if found == {True} else Outcome.REFUTED

    @property
    def units(self) -> dict[str, bool]:
        """Whether it holds by provider, or by answer where it is not tried on every provider's."""
        everywhere = any(name.startswith(_EVERY) for test in self.claim.tests for name in test.answers)
        found: dict[str, bool] = {}
        for one in self.seen:
            name = one.trial.provider if everywhere else one.trial.id
            found[name] = found.get(name, True) and one.holds
        return found


class Bench:
    """Where claims are tried, while the block runs."""

    def __init__(self, root: Path) -> None:
        self._shelf = Shelf(load_matrix(root / FILE_NAME), root)
        self._stack = ExitStack()
        self._triers: dict[str, Trier] = {}

    def __enter__(self) -> Self:
        self._stage = self._stack.enter_context(Stage())
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-claims-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def verdict(self, claim: Claim) -> Verdict:
        """
        Return what a replay makes of a claim; untried where an environment is not installed.

        Raises:
            UnknownName: it names an answer that there is not.
        """
        if not all(test.environment.installed for test in claim.tests):
            return Verdict(claim, ())
        return Verdict(claim, tuple(seen for test in claim.tests for seen in self._seen(test)))

    def _seen(self, test: Replay) -> Iterator[Seen]:
        client = self._client(test)
        for trial in (found for name in test.answers for found in self._answers(name)):
            one = trial if test.first else _headless(trial)
            if client is None:
                told, message = FACTS[test.fact or ""](one.exchange), ""
            else:
                finding = self._trier(test.environment).attempt(client, one).finding
                told, message = finding.fate.value, cleaned(finding.message)
            if told != Fate.NA.value:
                holds = told in test.expects and bool(re.search(test.says, message))
                yield Seen(test, one, told, message, holds)

    def _client(self, test: Replay) -> Client | None:
        client = replace(CLIENTS[test.client], env=test.environment.name) if test.client else None
        if client is None or not test.code:
            return client
        path = self._folder / f"claim_{len(list(self._folder.iterdir()))}.py"
        path.write_text(test.code, encoding="utf-8")
        return replace(client, path=path)

    def _trier(self, environment: Environment) -> Trier:
        if environment.name not in self._triers:
            self._triers[environment.name] = self._stack.enter_context(Trier(self._stage, environment))
        return self._triers[environment.name]

    def _answers(self, name: str) -> list[Trial]:
        if name.startswith(_EVERY):
            every = [one for one in self._shelf.providers if one != REFERENCE]
            found = [one for provider in every for one in self._of_provider(provider)]
            return [one for one in found if one.asked == name.removeprefix(_EVERY)]
        known = self._of_provider(name.partition("/")[0]) if "/" in name else deviation_trials()
        answers = [one for one in known if one.id == name][:1]
        if not answers:
            raise UnknownName(f"{name}: no such answer; harness explain names those that there are")
        return answers

    def _of_provider(self, provider: str) -> list[Trial]:
        if provider == REFERENCE:
            return list(reference_trials())
        held = [one for one in self._shelf.held(provider) if is_chat(one.exchange)]
        return [Trial(provider, one.target.partition("/")[2], one.scenario.id, one.exchange) for one in held]


def _headless(trial: Trial) -> Trial:
    parser = trial.exchange.reading.parser
    assert parser is not None  # noqa: S101 - only streams are cut
    return replace(trial, exchange=with_body(trial.exchange, trial.exchange.response.content[parser.events[0].end :]))


def cleaned(message: str) -> str:
    """Return a message without the places that differ from one machine, or release, to another."""
    bare = re.sub(r" @ \S+:\d+$", "", re.sub(r" \(/[^)]*\)", "", message)).replace("|", "\\|").replace("`", "'")
    return bare if len(bare) <= _SHOWN else f"{bare[:_SHOWN]}…"


def _steps(exchange: Exchange) -> list[tuple[Json, Json]]:
    """Return the first choice and its delta of each chunk that has them."""
    parser = exchange.reading.parser
    chunks = [exchange.chunk(number) for number in range(len(parser.events) if parser else 0)]
    choices = [(one.get("choices") or [None])[0] for one in chunks if isinstance(one, dict)]
    return [(one, one["delta"]) for one in choices if isinstance(one, dict) and isinstance(one.get("delta"), dict)]


def _kind(thing: Json, key: str) -> str:
    if key not in thing:
        return "missing"
    value = thing[key]
    return "null" if value is None else ("text" if value else "empty") if isinstance(value, str) else "other"


def _role(exchange: Exchange) -> str:
    first, *later = [bool(delta.get("role")) for _, delta in _steps(exchange)]
    if not first:
        return "later-only" if any(later) else "never"
    return "first-only" if not any(later) else "every" if all(later) else "several"


def _content_first(exchange: Exchange) -> str:
    return _kind(_steps(exchange)[0][1], "content")


def _reasoning_first(exchange: Exchange) -> str:
    given = _content_of_thought(exchange) != Fate.NA.value
    return _kind(_steps(exchange)[0][1], "reasoning_content") if given else Fate.NA.value


def _content_last(exchange: Exchange) -> str:
    steps = _steps(exchange)
    return _kind(next((delta for choice, delta in reversed(steps) if choice.get("finish_reason")), {}), "content")


def _content_of_thought(exchange: Exchange) -> str:
    thoughts = [delta for _, delta in _steps(exchange) if delta.get("reasoning_content") or delta.get("reasoning")]
    kinds = {_kind(delta, "content") for delta in thoughts} or {Fate.NA.value}
    return kinds.pop() if len(kinds) == 1 else "other"


def _finish(exchange: Exchange) -> str:
    kinds = [_kind(choice, "finish_reason") for choice, _ in _steps(exchange)]
    if "text" not in kinds:
        return "no-reason"
    before, after = set(kinds[: kinds.index("text")]), kinds[kinds.index("text") + 1 :]
    if "empty" in before:
        return "empty-then-reason"
    if after:
        return "reason-not-last"
    name = {(): "null", ("null",): "null", ("missing",): "missing"}.get(tuple(sorted(before)), "mixed")
    return f"{name}-then-reason"


def _usage(exchange: Exchange) -> str:
    usages = [one for one in exchange.columns.usages if one.pointer == "/usage"]
    if not usages:
        return "in-choice" if exchange.columns.usages else "none"
    if len(usages) > 1 and len(usages) >= exchange.columns.objects - 1:
        return "every"
    return {"[]": "own-chunk", "finish": "beside-finish"}.get(usages[-1].beside, "other")


FACTS: dict[str, Callable[[Exchange], str]] = {
    "role": _role, "content-first": _content_first, "content-last": _content_last, "finish": _finish, "usage": _usage,
    "content-of-thought": _content_of_thought, "reasoning-first": _reasoning_first,
}  # fmt: skip
"""What the wire is looked at for: each returns the form that an answer has, n/a where it has no such thing."""


def render(found: Iterable[Verdict], language: Language, before: str = "") -> str:
    """Return the page of a language; of what was not tried it keeps what stands in ``before``."""
    by_id = {verdict.claim.id: verdict for verdict in found}
    told = [by_id.get(claim.id) or Verdict(claim, ()) for claim in CLAIMS.values()]
    teller = Teller(language)
    rows = [
        teller.row(one) if one.seen else _kept(before, rf"^[^\n]*\]\(#{one.claim.id}\) \|[^\n]*") or teller.row(one)
        for one in told
    ]
    parts = [
        teller.part(one) if one.seen else _kept(before, rf"^### {one.claim.id}\n.*?(?=^### |\Z)") or teller.part(one)
        for one in told
    ]
    say = teller.say
    counts = Counter(one for row in rows for one in Outcome if f"| {say(one.value)}" in row)
    by_outcome = {one.name.lower(): counts[one] for one in Outcome}
    head = [f"# {say('title')}", say("other"), say("intro"), say("counts").format(all=len(rows), **by_outcome)]
    table = "\n".join([say("head"), "|---|---|---|", *rows])
    return "\n\n".join([*head, table, f"## {say('parts')}", *parts]) + "\n"


def _kept(page: str, pattern: str) -> str | None:
    found = re.search(pattern, page, re.MULTILINE | re.DOTALL)
    return found[0].strip() if found else None


class Teller:
    """Says in a language what was seen."""

    def __init__(self, language: Language) -> None:
        self._language: Language = language

    def say(self, name: str) -> str:
        """Return a word of the pages."""
        return _FILE.words[name].of(self._language)

    def row(self, verdict: Verdict) -> str:
        """Return a claim's row of the table."""
        shown = self.say("then").join(self._brief(group) for group in _groups(verdict.seen))
        return f"| [{verdict.claim.claim.of(self._language)}](#{verdict.claim.id}) | {self._verdict(verdict)} | {shown or '-'} |"

    def part(self, verdict: Verdict) -> str:
        """Return what is said of a claim below the table."""
        claim, say = verdict.claim, self.say
        groups = [f"- {self._long(group)}" for group in _groups(verdict.seen)]
        lines = (
            f"### {claim.id}", claim.claim.of(self._language), f"{say('verdict')}{self._verdict(verdict)}",
            f"{say('by')}{say('then').join(dict.fromkeys(map(self._client, claim.tests)))}", *([f"{say('answers')}{self._basis(verdict)}"] if groups else []),
            "\n".join(groups), f"{say('instead')}{claim.instead.of(self._language)}",
        )  # fmt: skip
        return "\n\n".join(line for line in lines if line)

    def _verdict(self, verdict: Verdict) -> str:
        said = self.say(verdict.outcome.value)
        if verdict.outcome is not Outcome.IN_PART:
            return said
        good = [name for name, holds in verdict.units.items() if holds]
        bad = [name for name, holds in verdict.units.items() if not holds]
        if len(good) + len(bad) <= _FEW:
            names = [self.say("and").join(f"`{name}`" for name in group) for group in (good, bad)]
            return said + self.say("of_few").format(good=names[0], bad=names[1])
        among = self.say("among" if "deepseek" in good else "not_among")
        return said + self.say("of_many").format(good=len(good), all=len(good) + len(bad), among=among)

    def _told(self, group: list[Seen]) -> str:
        """Return a fate or form, and what was said of it."""
        seen = group[0]
        if seen.test.fact:
            return _FILE.forms[seen.told].of(self._language)
        message = f"`{seen.message.replace(' instead of ', self.say('instead_of'))}`"
        if seen.told == Fate.ENV.value:
            return message
        fate = seen.told if self._language == "en" else _FILE.fates[seen.told]
        if not seen.message or seen.told not in _TOLD_WITH_MESSAGE:
            return fate
        return f"{fate}{self.say('colon' if len({one.message for one in group}) == 1 else 'such_as')}{message}"

    def _brief(self, group: list[Seen]) -> str:
        providers = {one.trial.provider for one in group}
        listed = self.say("and").join(self._answer(one) for one in group)
        where = listed if len(group) <= _PAIR or len(providers) == 1 else self.say("at").format(count=len(providers))
        return f"{self._told(group)}{self.say('open')}{where}{self.say('close')}"

    def _long(self, group: list[Seen]) -> str:
        test = group[0].test
        who = f"`{test.client}`{self.say('colon')}" if test.client and not test.code else ""
        listed = self.say("then").join(self._answer(one, basis=True) for one in group)
        where = listed if len(group) <= _FEW else self.say("and").join(sorted({one.trial.provider for one in group}))
        return f"{who}{self._told(group)}{self.say('open')}{where}{self.say('close')}"

    def _answer(self, seen: Seen, *, basis: bool = False) -> str:
        trial = seen.trial
        name = f"`{trial.id}`{'' if seen.test.first else self.say('headless')}"
        source = trial.exchange.source
        made = self.say("made" if trial.fault else "reference")
        own = f"{self.say(source.provenance)} {(source.at or '')[:_DAY]}".strip()
        return f"{name}{self.say('and')}{made if trial.provider == REFERENCE else own}" if basis else name

    def _client(self, test: Replay) -> str:
        name = f"`{test.code.splitlines()[0]}`" if test.code else f"`harness explain {test.client}`"
        name = self.say("in").format(client=test.client, env=test.env) if test.env else name
        told = ", ".join(f"{package} {version}" for package, version in test.environment.versions.items())
        named = f"{name}{self.say('with').format(versions=told)}" if test.environment.tier else name
        return named if test.client else self.say("looked")

    def _basis(self, verdict: Verdict) -> str:
        """Return how many answers it rests on, and of which provenance."""
        trials = {one.trial.id: one.trial for one in verdict.seen}.values()
        counts = Counter(one.exchange.source.provenance for one in trials if one.provider != REFERENCE)
        made = sum(1 for one in trials if one.provider == REFERENCE)
        words = [(counts[name], name) for name in ("recorded", "published", "reconstructed")] + [(made, "made")]
        said = [self.say("count").format(count=count, what=self.say(word)) for count, word in words if count]
        names = dict.fromkeys(name for test in verdict.claim.tests for name in test.answers if name.startswith(_EVERY))
        scenarios = self.say("and").join(f"`{name.removeprefix(_EVERY)}`" for name in names)
        of = self.say("of_providers").format(names=scenarios, count=len({one.provider for one in trials}))
        return f"{of}{self.say('then')}{self.say('and').join(said)}" if names else self.say("and").join(said)


def _groups(seen: Iterable[Seen]) -> list[list[Seen]]:
    """Return what was seen, the like together: by code, by fate or form, and by what was said of a failure."""
    found: dict[tuple[object, ...], list[Seen]] = {}
    for one in seen:
        said = one.message if one.told in {Fate.CRASH, Fate.ENV} else ""
        found.setdefault((one.test.client, one.test.fact, one.test.first, one.told, said), []).append(one)
    return list(found.values())


def main(root: Path = Path()) -> None:
    """Try every claim and write the pages."""
    with Bench(root) as bench:
        found = [bench.verdict(claim) for claim in CLAIMS.values()]
    for language, name in PAGES.items():
        before = (root / name).read_text(encoding="utf-8") if (root / name).exists() else ""
        (root / name).write_text(render(found, language, before), encoding="utf-8")


if __name__ == "__main__":
    main()
