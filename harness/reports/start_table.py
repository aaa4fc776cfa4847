"""Renders the table at the top of a README: plain questions × a few providers, one mark and one word per cell."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from harness.markdown import cell, padded_table
from harness.reports.summary import MADE, MADE_KNOWN, PROVENANCES, SYMBOLS, by_provider, recorded
from harness.results import VERDICTS, Finding, Level, Outcome, Results
from harness.results.basis import EVIDENCE
from harness.words.values import translated_value

Language = Literal["en", "zh"]

BLOCK = re.compile(r"(<!-- start table: begin(?: (zh))? -->\n)(.*?)(<!-- start table: end -->)", re.DOTALL)
"""The markers, the language that the first may name, and the text between them."""

_BAD = frozenset({Outcome.BROKEN, Outcome.FAIL, Outcome.CHANGED})
_LISTED = frozenset({Outcome.KNOWN, Outcome.BLOCKED})  # what is blocked has a cause, which is listed


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the observation that answers it, and the rules about the same."""

    titles: dict[Language, str]
    observation: str
    rules: tuple[str, ...]
    """Ids of rules, or of families."""
    word: Callable[[str], str]
    """Reduces an observed value to one word; empty if the value answers nothing."""

    def judges(self, check: str) -> bool:
        """Return whether a check is one of the rules."""
        return check in self.rules or check.partition(".")[0] in self.rules


def _usage(value: str) -> str:
    place, of_request, _ = value.partition(" (")  # not requested, or unknown
    return "" if of_request and place == "none" else place.removesuffix(" chunk")


def _role(value: str) -> str:
    place = value.partition(",")[0]
    return {"first + some": "some", "single delta": "first"}.get(place, place)


def _place(value: str) -> str:
    return "" if value == "none" else value  # a model that does not think says nothing about the place


QUESTIONS = (
    Question(
        {"en": "usage in", "zh": "用量在"},
        "usage.place",
        ("usage.given", "usage.own-chunk", "usage.not-unasked", "usage.once"),
        _usage,
    ),
    Question(
        {"en": "ends with", "zh": "流的结尾"},
        "sse.end",
        ("sse.done", "sse.done-last", "sse.final-blank-line", "finish_reason.given"),
        str,
    ),
    Question({"en": "reasoning in", "zh": "思维链在"}, "reasoning.place", ("reasoning",), _place),
    Question({"en": "role in", "zh": "role 在"}, "role.pattern", ("role",), _role),
    Question(
        {"en": "tool calls", "zh": "工具调用"},
        "tool_calls.pieces",
        ("tool_calls",),
        lambda value: value.removeprefix("in "),
    ),
    Question({"en": "errors", "zh": "错误"}, "error.shape", ("error",), str),
)

_CHINESE = {
    "own": "独立块",
    "finish": "结束块",
    "every": "每块",
    "none": "无",
    "first": "首块",
    "some": "部分块",
    "never": "无",
    "pieces": "分片",
    "whole": "整体",
    "nested": "嵌套",
    "flat": "扁平",
    "varies": "不一",
    "no [DONE]": "无",
    "once": "一次",
    "beside choices": "非空块",
    "inside a choice": "choice 内",
    "text under error": "字符串",
    "parts of content": "content 分段",
}


def start_table(results: Results, named: Collection[str] = (), language: Language = "en") -> str:
    """Return the table for the ``named`` providers, by default for all recorded ones."""
    standing = by_provider(results)
    rows = [
        [cell(provider), *(_answer(standing[provider], question, language) for question in QUESTIONS)]
        for provider in recorded(results)
        if not named or provider in named
    ]
    header = {"en": "provider", "zh": "服务商"}[language]
    return padded_table([header, *(question.titles[language] for question in QUESTIONS)], rows)


def _answer(findings: Iterable[Finding], question: Question, language: Language) -> str:
    """Return mark, word and evidence; a dash if no recording answers the question."""
    answer = answer_of(findings, question)
    if answer is None:
        return "–"
    text = f"{answer.mark} {cell(word_in(answer.word, language))}".replace(" ", "\u00a0")
    text = f"{text}<sup>{answer.evidence}</sup>" if answer.evidence else text
    return f"{text}\u00a0{_CLAIMED}" if answer.claimed else text


_CLAIMED = f"{MADE_KNOWN}<sup>{PROVENANCES['reconstructed']}</sup>"


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """
    The answer of a provider's recordings to a question, in a word, and its basis.

    ``said`` are the observations behind it, with the word of each; ``judged`` the findings of the question's rules
    on the same recordings.  A reconstruction is not used if evidence answers; ``claimed`` are then the findings of
    listed deviations that only it shows.
    """

    word: str
    mark: str
    evidence: str
    said: tuple[tuple[str, Finding], ...]
    judged: tuple[Finding, ...]
    claimed: tuple[Finding, ...]


def word_in(word: str, language: Language) -> str:
    """Return the word of an answer in a language; data stay unchanged."""
    return _CHINESE.get(word) or translated_value(word, language) if language == "zh" else word


def answer_of(findings: Iterable[Finding], question: Question) -> StartAnswer | None:
    """Return the answer of one provider's findings to a question; None if no recording answers it."""
    findings = [
        finding
        for finding in findings
        if (finding.check == question.observation or question.judges(finding.check)) and finding.dialect == "chat"
    ]
    said = {
        (finding.model, finding.scenario): (word, finding)
        for finding in findings
        if finding.check == question.observation
        and finding.outcome is Outcome.OBSERVED
        and (word := question.word(finding.value or "none"))
    }
    if not said:
        return None
    shown = {about: told for about, told in said.items() if told[1].provenance in EVIDENCE}
    said = shown or said
    judged = [one for one in findings if (one.model, one.scenario) in said and question.judges(one.check)]
    rests = [one for one in judged if one.level is not Level.OBSERVE] or [one for _, one in said.values()]
    kinds = {one.provenance for one in rests if one.outcome in VERDICTS}
    evidence = "".join(letter for name, letter in PROVENANCES.items() if name in kinds)
    words = {word for word, _ in said.values()}
    word = words.pop() if len(words) == 1 else "varies"
    claims = (one for one in findings if shown and one.provenance == "reconstructed" and question.judges(one.check))
    claimed = tuple(one for one in claims if one.outcome in _LISTED)
    return StartAnswer(word, _mark(rests, evidence), evidence, tuple(said.values()), tuple(judged), claimed)


def _mark(rests: list[Finding], evidence: str) -> str:
    """Return the mark; an answer only from a reconstruction (C) has its own, unless it is bad."""
    outcomes = {one.outcome for one in rests}
    if outcomes & _BAD:
        return SYMBOLS[Outcome.FAIL]
    made = not set(evidence) & {"R", "P"}
    if outcomes & _LISTED:
        return MADE_KNOWN if made else SYMBOLS[Outcome.KNOWN]
    return MADE if made else SYMBOLS[Outcome.PASS]


def with_start_tables(text: str, results: Results, named: Collection[str] = ()) -> str | None:
    """Return ``text`` with the table between each pair of markers in the language they name; None without markers."""
    filled, found = BLOCK.subn(
        lambda block: f"{block[1]}{start_table(results, named, 'zh' if block[2] else 'en')}\n{block[4]}", text
    )
    return filled if found else None
