"""Answers the six questions from a provider's recordings: the word, where it was seen, the bytes."""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from harness.reports.start_table import QUESTIONS, Question, StartAnswer, answer_of
from harness.reports.summary import PROVENANCES
from harness.results import Finding, Outcome
from harness.site.facts import Breach, Facts, letters, newest
from harness.site.markup import BytesShown, bytes_around


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the pages: its anchor, its words, and how its answer is found in the bytes."""

    anchor: str
    title: str
    short: str
    question: Question
    pattern: re.Pattern[bytes]


_WORDS = {
    "usage.place": ("usage", "Where is usage?", "usage", rb'"usage":\s*\{[^{}]{0,90}'),
    "sse.end": ("end", "How does a stream end?", "end of stream", rb"data: ?\[DONE\]"),
    "reasoning.place": (
        "reasoning",
        "Where is the reasoning?",
        "reasoning",
        rb'"reasoning(_content|_details)?":\s*"[^"]{0,60}|<think>',
    ),
    "role.pattern": ("role", "Where is role?", "role", rb'"role":\s*"[a-z]*"'),
    "tool_calls.pieces": ("tools", "How do tool calls arrive?", "tool calls", rb'"tool_calls":\s*\[[^\]]{0,160}'),
    "error.shape": (
        "errors",
        "What does an error look like?",
        "errors",
        rb'"error":\s*[{"][^}]{0,160}|"(message|code)":[^,}]{0,120}',
    ),
}
ASKED = tuple(
    Asked(anchor, title, short, question, re.compile(pattern))
    for question in QUESTIONS
    for anchor, title, short, pattern in (_WORDS[question.observation],)
)
"""The questions in order."""

MEANINGS = {
    ("usage", "own"): "in its own chunk after the last text, with empty `choices`, as OpenAI does",
    ("usage", "finish"): "in the chunk with the `finish_reason`, not in its own chunk",
    ("usage", "beside choices"): "in a chunk whose `choices` is not empty",
    ("usage", "inside a choice"): "inside `choices[0]`, instead of beside `choices`",
    ("usage", "none"): "not sent, though the request asks for it",
    ("end", "[DONE]"): "with `data: [DONE]`, as OpenAI does",
    ("end", "no [DONE]"): "without `data: [DONE]`",
    ("reasoning", "reasoning_content"): "in `delta.reasoning_content`, beside `content`",
    ("reasoning", "reasoning"): "in `delta.reasoning`, beside `content`",
    ("reasoning", "parts of content"): "as parts of `content`, which is a list",
    ("reasoning", "<think> in content"): "inside `content`, between `<think>` and `</think>`",
    ("role", "first"): "in the first chunk only, as OpenAI does",
    ("role", "some"): "in the first chunk and in some others",
    ("role", "never"): "in no chunk",
    ("tools", "pieces"): "the arguments arrive in several pieces, as with OpenAI",
    ("tools", "whole"): "each call arrives whole, in one chunk",
    ("errors", "nested"): "an object under `error`, as OpenAI does",
    ("errors", "text under error"): "a string under `error`",
    ("errors", "detail"): "under `detail`, without `error`",
    ("errors", "flat"): "`code` and `message` at the top, without `error`",
}
"""The meaning of a word, by the anchor of its question; other words are self-explanatory."""

IN_FULL = {
    "own": "own chunk",
    "finish": "finish chunk",
    "every": "every chunk",
    "first": "first chunk",
    "some": "some chunks",
    "pieces": "in pieces",
}
"""English words of answers that are unclear without their question; the Chinese ones are complete."""

_TAIL = 160
_BEST_FIRST = {kind: rank for rank, kind in enumerate(PROVENANCES)}
_NOT_PASSED = frozenset({Outcome.FAIL, Outcome.CHANGED, Outcome.KNOWN})


@dataclass(frozen=True, slots=True)
class ValueSaid:
    """One word that answers a question, and where it was seen."""

    word: str
    models: tuple[str, ...]
    kinds: str
    newest: str


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """A provider's answers to a question; ``answer`` is None if no recording answers it."""

    asked: Asked
    answer: StartAnswer | None
    said: tuple[ValueSaid, ...] = ()
    shown: BytesShown | None = None
    shown_of: Finding | None = None
    breaches: tuple[Breach, ...] = ()

    @property
    def newest(self) -> str:
        """The month of the newest recording that the answer rests on."""
        return newest(finding for _, finding in self.answer.said) if self.answer else ""


@lru_cache(256)  # the start page and the provider's own ask for them, in each language
def answers(facts: Facts, provider: str) -> list[QuestionAnswered]:
    """Return the answers of a provider's recordings to each question."""
    return [_told(facts, provider, asked) for asked in ASKED]


def _told(facts: Facts, provider: str, asked: Asked) -> QuestionAnswered:
    answer = answer_of(facts.findings[provider], asked.question)
    if answer is None:
        return QuestionAnswered(asked, None)
    against = [*answer.judged, *answer.claimed]
    checks = dict.fromkeys(one.check for one in against if one.outcome in _NOT_PASSED)
    breaches = tuple(one for check in checks if (one := facts.breach(provider, check)))
    finding = _best([one for one in answer.judged if one.outcome in _NOT_PASSED and one.evidence])
    shown = facts.shown(finding) if finding else None
    if shown is None:
        finding, shown = _found(facts, answer, asked)
    return QuestionAnswered(asked, answer, tuple(_values(answer)), shown, finding, breaches)


def _found(facts: Facts, answer: StartAnswer, asked: Asked) -> tuple[Finding | None, BytesShown | None]:
    """Return the bytes that answer a question, found by a pattern, and their recording."""
    finding = _best([one for _, one in answer.said])
    body = facts.body(finding) if finding else None
    if not body:
        return None, None
    found = asked.pattern.search(body)
    if found:
        return finding, bytes_around(body, found.start(), len(found[0]))
    return finding, bytes_around(body, max(0, len(body.rstrip()) - _TAIL), 0)


def _best(findings: list[Finding]) -> Finding | None:
    return min(findings, key=lambda one: _BEST_FIRST.get(one.provenance or "", 9), default=None)


def _values(answer: StartAnswer) -> list[ValueSaid]:
    by_word: dict[str, list[Finding]] = defaultdict(list)
    for word, finding in answer.said:
        by_word[word].append(finding)
    return [
        ValueSaid(word, tuple(dict.fromkeys(one.model for one in found)), letters(found), newest(found))
        for word, found in by_word.items()
    ]
