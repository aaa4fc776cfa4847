"""Defines a page, and the common parts of all kinds of pages."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from harness.checks import CHECKS
from harness.matrix.naming import names_of
from harness.reports.start_table import Language, word_in
from harness.results import ClientOutcome, Finding, Outcome
from harness.site.facts import Facts, letters, newest
from harness.site.markup import environment, prose, safe
from harness.site.questions import IN_FULL, MEANINGS
from harness.site.suffering import rule_of, title_of
from harness.words import translated
from harness.words.problems import translated_problem
from harness.words.values import translated_outcome, translated_value

MAIN = ("deepseek", "siliconflow", "bailian", "qianfan", "volcengine")
"""The providers that the start page shows by default."""

_BAD = frozenset({Outcome.FAIL, Outcome.CHANGED, Outcome.BROKEN})


@dataclass(frozen=True, slots=True)
class SitePage:
    """A page: its path below the start page without slashes at its ends, its title, and its Markdown."""

    path: str
    title: str
    text: str

    @property
    def source(self) -> str:
        """The file, with its title at its head."""
        return f"---\ntitle: {json.dumps(self.title, ensure_ascii=False)}\nhide: [navigation]\n---\n\n{self.text}"


@dataclass
class Writer:
    """Writes pages from facts in one language."""

    facts: Facts
    language: Language
    site_url: str | None = None

    def said(self, text: str, **fills: Any) -> str:
        """Return a text of harness in the language of the pages, with its placeholders filled."""
        told = translated(text, self.language)
        return told.format(**fills) if fills else told

    def page(self, path: str, title: str, template: str, **more: Any) -> SitePage:
        """Return a page rendered from a template."""
        up = "../" * (path.count("/") + 1) if path else ""
        return SitePage(path, title, self._templates.get_template(template).render(title=title, up=up, **more))

    @cached_property
    def _templates(self) -> Environment:
        return environment(
            t=self.said,
            lang=self.language,
            known=self.known,
            name_of=self.name_of,
            mark_of=mark_of,
            outcome_words=self.outcome_word,
            letters=letters,
            newest=newest,
            fate_word=self.fate_word,
            meanings=MEANINGS,
            breaches=self.facts.breach,
            word=self.word,
            titles={check.id: check.title for check in CHECKS.values()},
            rule_of=rule_of,
            kind_words=KINDS,
            problem=self.problem,
            found=self.found,
            foreign=self.foreign,
            outcome=self.outcome,
            seen_as=self.seen_as,
            names_of=names_of,
            site_url=(self.site_url or "").rstrip("/"),
            **_PUNCTUATION[self.language],
            title_of=title_of,
        )

    def problem(self, message: str) -> Markup:
        """Return a problem's message in the language of the pages."""
        told = translated_problem(message, self.language)
        return self._foreign(safe(told), english=told == message)

    def found(self, finding: Finding) -> Markup:
        """Return the text of a finding: a rule's problem, or an observed value."""
        if finding.message:
            return self.problem(finding.message)
        return safe(translated_value(finding.value or "none", self.language))

    def seen_as(self, said: str) -> Markup:
        """Return a check's result on a response: the message of a problem, or the observed value."""
        told = translated_problem(said, self.language)
        return safe(told if told != said else translated_value(said, self.language))

    def outcome(self, message: str) -> Markup:
        """Return the outcome of a client for a response."""
        told = translated_outcome(message, self.language)
        return self._foreign(safe(told), english=told == message)

    def foreign(self, text: str) -> Markup:
        """Return a text that accompanies data: in the language of the pages, if translated."""
        told = translated(text, self.language)
        return self._foreign(prose(told), english=told == text)

    def _foreign(self, told: Markup, *, english: bool) -> Markup:
        """Return a text with its language, if that is not the one of the page."""
        return Markup('<span lang="en">{}</span>').format(told) if english and self.language != "en" else told

    def word(self, word: str) -> str:
        """Return the word that answers a question in the language of the pages."""
        return IN_FULL.get(word, word) if self.language == "en" else word_in(word, self.language)

    def known(self, kind: str, name: str) -> bool:
        """Return whether there is a page with that name."""
        return name in self._names[kind]

    def name_of(self, provider: str) -> str:
        """Return the name of a provider in the language of the pages; its id if it is not in the matrix."""
        return self.said(self._called.get(provider, provider))

    @cached_property
    def _called(self) -> dict[str, str]:
        return {one.id: one.name for one in self.facts.providers}

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        clients = self.facts.clients.clients if self.facts.clients else {}
        return {"rules": set(CHECKS), "clients": set(clients), "providers": {one.id for one in self.facts.providers}}

    def outcome_word(self, findings: Iterable[Finding]) -> str:
        """Return the outcome of a rule for a provider, in words."""
        outcomes = {one.outcome for one in findings}
        if outcomes & _BAD:
            return self.said("not passed")
        if Outcome.KNOWN in outcomes:
            return self.said("known deviation")
        return self.said("legal, but breaks clients" if outcomes else "described, not recorded")

    def fate_word(self, fate: ClientOutcome) -> str:
        """Return the outcome of a client, in words."""
        return self.said(FATES[fate])


_PUNCTUATION: dict[Language, dict[str, str]] = {
    "en": {"colon": ": ", "comma": ", ", "pause": ", ", "stop": ".", "opening": " (", "closing": ")", "gap": " "},
    "zh": {"colon": "：", "comma": "、", "pause": "，", "stop": "。", "opening": "（", "closing": "）", "gap": ""},
}

KINDS = {
    "R": "recorded from the provider",
    "P": "published by a user of it",
    "C": "reconstructed from cited facts",
}
"""What the letters of the evidence mean."""

FATES = {
    ClientOutcome.SILENT: "fails silently",
    ClientOutcome.HANG: "hangs",
    ClientOutcome.CRASH: "raises an exception",
    ClientOutcome.WRONG_CALLS: "wrong tool calls",
    ClientOutcome.WRONG: "wrong text",
    ClientOutcome.MOJIBAKE: "garbled text",
    ClientOutcome.EMPTY: "shows nothing",
    ClientOutcome.NONE: "prints None",
    ClientOutcome.TAGS: "shows think tags as text",
    ClientOutcome.LOST_REASONING: "loses the reasoning",
    ClientOutcome.LOST_USAGE: "loses usage",
    ClientOutcome.LOST_FINISH: "loses `finish_reason`",
    ClientOutcome.OK: "works",
    ClientOutcome.NA: "does not read such answers",
    ClientOutcome.ENV: "could not be run",
}
"""The outcomes of clients, in plain words."""


def mark_of(findings: Iterable[Finding]) -> str:
    """Return the symbol of the outcome of a rule for a provider."""
    outcomes = {one.outcome for one in findings}
    return "✗" if outcomes & _BAD else "~" if Outcome.KNOWN in outcomes else "!" if outcomes else "·"
