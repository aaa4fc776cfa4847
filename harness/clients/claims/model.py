"""Defines a claim, its test and its verdict, and loads the claims of ``claims.yaml``."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.environments import Environment
from harness.clients.trials import Trial
from harness.errors import BadResults
from harness.matrix.checked_yaml import Strict, load_checked

Language = Literal["en", "zh"]

EVERY_PROVIDER = "*/"
"""Prefix of a scenario: the responses of every provider to it."""


class Translated(Strict):
    """A text in both languages."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """Return it in one of them."""
        return self.en if language == "en" else self.zh


class ClaimTest(Strict):
    """
    The test of a claim: ``client`` on ``answers``, or the ``fact`` of the wire that they show.

    The claim is confirmed by the outcomes or forms that it ``expects``, if their messages begin as ``says``.
    ``code`` replaces the client's own, ``env`` its environment; with ``first`` false the first event is left out.
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
        """The environment of the test."""
        return ENVIRONMENTS[self.env or (CLIENTS[self.client].env if self.client else "own")]


class Claim(Strict):
    """A claim in our own words, its test, and what to write instead."""

    id: str
    claim: Translated
    tests: tuple[ClaimTest, ...]
    instead: Translated

    @property
    def tier(self) -> int:
        """The highest tier of its environments."""
        return max(test.environment.tier for test in self.tests)


class _ClaimsFile(Strict):
    claims: tuple[Claim, ...]
    forms: dict[str, Translated]
    fates: dict[str, str]
    words: dict[str, Translated]


_FILE = load_checked(Path(__file__).with_name("claims.yaml"), _ClaimsFile, BadResults, "it belongs to the package")

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _FILE.claims}
"""Every claim by id."""

WORDS = _FILE.words
"""The words of the pages, by name."""

FORM_NAMES = _FILE.forms
"""The name of each form of the wire."""

FATES_IN_CHINESE = _FILE.fates
"""The Chinese name of each outcome."""


class ClaimOutcome(StrEnum):
    """The result of a replay for a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    IN_PART = "in part"
    UNTRIED = "not tried here"


@dataclass(frozen=True, slots=True)
class TriedAnswer:
    """The result for one response: the outcome of the code, or the chunks' form, and whether the claim expects it."""

    test: ClaimTest
    trial: Trial
    result: str
    message: str
    holds: bool


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on a claim, and its results."""

    claim: Claim
    seen: tuple[TriedAnswer, ...]

    @property
    def outcome(self) -> ClaimOutcome:
        """Confirmed if all results support it, refuted if none does."""
        found = {one.holds for one in self.seen}
        if len(found) != 1:
            return ClaimOutcome.IN_PART if found else ClaimOutcome.UNTRIED
        return ClaimOutcome.CONFIRMED if found == {True} else ClaimOutcome.REFUTED

    @property
    def units(self) -> dict[str, bool]:
        """Whether it holds by provider, or by response if it is not tested on every provider's."""
        everywhere = any(name.startswith(EVERY_PROVIDER) for test in self.claim.tests for name in test.answers)
        found: dict[str, bool] = {}
        for one in self.seen:
            name = one.trial.provider if everywhere else one.trial.id
            found[name] = found.get(name, True) and one.holds
        return found
