"""Compares the findings on a recording before and after its texts were replaced."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.checks import CHECKS
from harness.judging.runner import Subject, judge_exchanges
from harness.wire.exchange import Exchange
from harness.wire.siblings import Siblings

_SUBJECT = Subject("provider", "model", "mask", "")
_LETTERS = ((re.compile(r"[^\x00-\x7f]"), "u"), (re.compile(r"[a-z]"), "a"), (re.compile(r"[A-Z]"), "A"), (re.compile(r"\d"), "0"))  # fmt: skip

Told = tuple[str, str, str]
"""Outcome, message and value of a finding."""


class Difference(NamedTuple):
    """A finding on exchange number ``exchange`` that differs before and after."""

    exchange: int
    check: str
    before: Told
    after: Told

    @property
    def only_quoted(self) -> bool:
        """Whether the two differ only in the letters of a text that they quote."""
        return self.before[0] == self.after[0] and list(map(_form, self.before)) == list(map(_form, self.after))


def differences(originals: Sequence[Exchange], made: Sequence[Exchange]) -> Iterator[Difference]:
    """Yield the findings on the exchanges of a file that differ, each exchange judged with those before it."""
    before: dict[str, Siblings] = defaultdict(Siblings)
    after: dict[str, Siblings] = defaultdict(Siblings)
    for number, (original, other) in enumerate(zip(originals, made, strict=True)):
        host = original.request.host
        pairs = zip(_told(original, before[host]), _told(other, after[host]), strict=True)
        for (check, one), (_, two) in pairs:
            if one != two:
                yield Difference(number, check, one, two)


def _told(exchange: Exchange, before: Siblings) -> list[tuple[str, Told]]:
    beside = exchange if exchange.earlier else replace(exchange, siblings=before)
    found = [
        (finding.check, (str(finding.outcome), finding.message, str(finding.value)))
        for finding in judge_exchanges([beside], _SUBJECT, CHECKS.values())
    ]
    if not beside.too_large and not beside.is_models_request:
        before.add(beside.facts)
    return found


def _form(text: str) -> str:
    for letters, sign in _LETTERS:
        text = letters.sub(sign, text)
    return text
