"""Renders a page per rule or observation, and the list of them."""

import difflib
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from markupsafe import Markup

from harness.checks import CHECKS, FAMILIES, Check
from harness.checks.registry import CannotJudge
from harness.results import WORST_FATE_FIRST, Finding, Level, Outcome
from harness.simulate.reference import REFERENCES
from harness.site.facts import letters
from harness.site.markup import safe_lines
from harness.site.pages import SitePage, Writer
from harness.site.suffering import faults_of, title_of
from harness.wire.exchange import Exchange
from harness.words.problems import translated_problem
from harness.words.values import translated_value

_LINES = 7
_CONTEXT = 1
_WIDTH = 420
_AROUND = 90
_VALUES = 12


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A good and a bad response, as HTML, where they differ; and the rule's messages on the bad one, or its value."""

    good: Markup
    bad: Markup
    messages: tuple[str, ...]
    value: str | None


def rule_pages(writer: Writer) -> Iterator[SitePage]:
    """Yield the list of rules, then a page for each."""
    facts = writer.facts
    families = [
        (name, [(one, _breaking(writer, one), len(facts.suffering.of_rule(one.id))) for one in CHECKS.values() if one.family == name])
        for name in FAMILIES
    ]  # fmt: skip
    yield writer.page("rules", writer.said("Rules"), "rules.md.jinja", families=families, levels=Level)
    for check in CHECKS.values():
        yield writer.page(f"rules/{check.id}", check.id, "rule.md.jinja", **_context(writer, check))


def _breaking(writer: Writer, check: Check) -> list[str]:
    return [one.id for one in writer.facts.providers if writer.facts.breach(one.id, check.id)]


def _context(writer: Writer, check: Check) -> dict[str, Any]:
    facts = writer.facts
    breaches = [(one, breach) for one in facts.providers if (breach := facts.breach(one.id, check.id))]
    faults = [
        (fault, title_of(fault), sorted(found.values(), key=lambda one: (WORST_FATE_FIRST[one.fate], one.client)))
        for fault in faults_of(check.id)
        if (found := facts.suffering.by_fault.get(fault))
    ]
    return {
        "check": check,
        "reference": "Anthropic" if check.dialects == ("messages",) else "OpenAI",
        "pairs": [(pair, _verdict(writer, pair)) for pair in _pairs(check.id)],
        "breaches": sorted(breaches, key=lambda row: (row[1].kinds in ("", "C"), writer.name_of(row[0].id).casefold())),
        "passing": _passing(writer, check),
        "faults": sorted(faults, key=lambda row: (-len(row[2]), row[0])),
        "tried": facts.suffering.tried,
        "hit": len(facts.suffering.of_rule(check.id)),
        "values": _values(writer, check),
        "needed_by": [one.id for one in CHECKS.values() if check.id in one.depends_on],
    }


def _passing(writer: Writer, check: Check) -> list[tuple[str, str]]:
    """Return the providers that pass in a recorded or published response, each with the letters of these."""
    rows = []
    for one in writer.facts.providers:
        found = [
            finding for finding in writer.facts.by_check(one.id, check.id) if finding.provenance != "reconstructed"
        ]
        passed = [finding for finding in found if finding.outcome is Outcome.PASS]
        if passed and len(passed) == len([finding for finding in found if finding.outcome is not Outcome.NA]):
            rows.append((one.id, letters(passed)))
    return rows


def _values(writer: Writer, check: Check) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the values of an observation, each with the providers and the letters of the evidence."""
    if check.observe is None:
        return []
    seen: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for one in writer.facts.providers:
        for finding in writer.facts.by_check(one.id, check.id):
            if finding.outcome is Outcome.OBSERVED:
                seen[translated_value(finding.value or "none", writer.language)][one.id].append(finding)
    rows = [(value, [(name, letters(found)) for name, found in by.items()]) for value, by in seen.items()]
    return sorted(rows, key=lambda row: (-len(row[1]), row[0]))[:_VALUES]


@cache  # the pages of the other language show the same
def _pairs(check: str) -> tuple[SideBySide, ...]:
    return tuple(_pair(CHECKS[check], bad) for bad in CHECKS[check].bad[:2])


def _pair(check: Check, bad: Exchange) -> SideBySide:
    """Return a bad response with the good one that it was most likely made from."""
    lines = _lines(bad)
    others = [one for one in (*map(_lines, check.good), *_reference_lines()) if one != lines]
    good = max(others, key=lambda one: len({*lines}.intersection(one)))
    messages, value = list[str](), None
    with suppress(CannotJudge):
        if check.observe:
            value = check.observe(bad)
        else:
            messages = [problem.message for problem in check.problems(bad)[0]]
    return SideBySide(*_differing(good, lines), tuple(messages), value)


@cache
def _reference_lines() -> tuple[list[str], ...]:
    return tuple(map(_lines, REFERENCES.values()))


def _verdict(writer: Writer, pair: SideBySide) -> str:
    if pair.value is not None:
        return translated_value(pair.value, writer.language)
    return "; ".join(translated_problem(message, writer.language) for message in pair.messages)


def _lines(exchange: Exchange) -> list[str]:
    response = exchange.response
    asked = {key: value for key, value in (exchange.request.json or {}).items() if key not in {"messages", "model"}}
    head = [f"← {json.dumps(asked, ensure_ascii=False)}", f"{response.status}"]
    head += [f"{name}: {value}" for name, value in response.headers.pairs]
    text = response.content.decode("utf-8", "backslashreplace")
    return head + [line for line in text.split("\n") if line]


def _differing(good: list[str], bad: list[str]) -> tuple[Markup, Markup]:
    """Return the lines in which two responses differ, with a line of context, the difference marked."""
    left: list[Markup] = []
    right: list[Markup] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, good, bad, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if a - _CONTEXT >= 0:
            left.append(safe_lines(_short(good[a - 1])))
            right.append(safe_lines(_short(good[a - 1])))
        for number in range(min(max(b - a, d - c), _LINES)):
            one = good[a + number] if a + number < b else ""
            other = bad[c + number] if c + number < d else ""
            left.append(_marked(one, other))
            right.append(_marked(other, one))
        if len(left) >= _LINES:
            break
    end = Markup("&#10;")
    return end.join(left), end.join(right)


def _short(line: str) -> str:
    return line if len(line) <= _AROUND else f"{line[:_AROUND]}…"


def _marked(line: str, other: str) -> Markup:
    """Return a line with its difference from another marked, truncated around it."""
    if not line:
        return Markup("")
    start = _alike(line, other)
    end = max(len(line) - _alike(line[start:][::-1], other[start:][::-1]), start)
    begin, stop = max(0, start - _AROUND), min(len(line), end + _AROUND)
    middle = line[start:end]
    middle = middle if len(middle) <= _WIDTH else f"{middle[:_WIDTH]}…"
    mark = Markup("<mark>{}</mark>").format(safe_lines(middle)) if middle else Markup("")
    cut, more = "…" if begin else "", "…" if stop < len(line) else ""
    return safe_lines(cut + line[begin:start]) + mark + safe_lines(line[end:stop] + more)


def _alike(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
