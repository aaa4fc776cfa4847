"""Whether a recording whose texts were replaced is judged as the recording itself is."""

import re
from typing import NamedTuple

from harness.checks import CHECKS
from harness.judging.runner import Subject, judge_exchanges
from harness.results import Finding
from harness.wire.exchange import Exchange

_SUBJECT = Subject("provider", "model", "mask", "")
_LETTERS = ((re.compile(r"[^\x00-\x7f]"), "u"), (re.compile(r"[a-z]"), "a"), (re.compile(r"[A-Z]"), "A"), (re.compile(r"\d"), "0"))  # fmt: skip


class Difference(NamedTuple):
    """A finding that is not the same: ``before`` and ``after`` are outcome, message and value."""

    check: str
    before: tuple[str, str, str]
    after: tuple[str, str, str]

    @property
    def only_quoted(self) -> bool:
        """Whether the two say the same but for the letters of a text that they quote."""
        return self.before[0] == self.after[0] and list(map(_form, self.before)) == list(map(_form, self.after))


def differences(original: Exchange, made: Exchange) -> list[Difference]:
    """Return where the findings of the two are not the same."""
    pairs = zip(_findings(original), _findings(made), strict=True)
    return [Difference(one.check, _told(one), _told(two)) for one, two in pairs if _told(one) != _told(two)]


def _findings(exchange: Exchange) -> list[Finding]:
    return list(judge_exchanges([exchange], _SUBJECT, CHECKS.values()))


def _told(finding: Finding) -> tuple[str, str, str]:
    return str(finding.outcome), finding.message, str(finding.value)


def _form(text: str) -> str:
    for letters, sign in _LETTERS:
        text = letters.sub(sign, text)
    return text
