"""A claim, what tests it, and what a replay makes of it; the claims of ``claims.yaml``."""

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
"""Before a scenario: the answers of every provider to it."""


class Translated(Strict):
    """The same in both languages."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """Return it in one of them."""
        return self.en if language == "en" else self.zh


class ClaimTest(Strict):
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
    claim: Translated
    tests: tuple[ClaimTest, ...]
    instead: Translated

    @property
    def tier(self) -> int:
        """The highest tier of the environments that it is tried in."""
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
"""What a form of the wire is called, by form."""

FATES_IN_CHINESE = _FILE.fates
"""What a fate is called in Chinese, by fate."""


class ClaimOutcome(StrEnum):
    """What a replay makes of a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    IN_PART = "in part"
    UNTRIED = "not tried here"


@dataclass(frozen=True, slots=True)
class TriedAnswer:
    """What one answer showed: the fate of the code, or the form of the chunks, and whether the claim expects it."""

    test: ClaimTest
    trial: Trial
    result: str
    message: str
    holds: bool


@dataclass(frozen=True)
class ClaimVerdict:
    """What became of a claim, and what was seen."""

    claim: Claim
    seen: tuple[TriedAnswer, ...]

    @property
    def outcome(self) -> ClaimOutcome:
        """Confirmed where all that was seen bears it out, refuted where nothing does."""
        found = {one.holds for one in self.seen}
        if len(found) != 1:
            return ClaimOutcome.IN_PART if found else ClaimOutcome.UNTRIED
        return ClaimOutcome.CONFIRMED if found == {True} else ClaimOutcome.REFUTED

    @property
    def units(self) -> dict[str, bool]:
        """Whether it holds by provider, or by answer where it is not tried on every provider's."""
        everywhere = any(name.startswith(EVERY_PROVIDER) for test in self.claim.tests for name in test.answers)
        found: dict[str, bool] = {}
        for one in self.seen:
            name = one.trial.provider if everywhere else one.trial.id
            found[name] = found.get(name, True) and one.holds
        return found
