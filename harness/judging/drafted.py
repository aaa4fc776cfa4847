"""Drafts entries of a list of deviations from the problems found; a person writes the reasons."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_VARYING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+(?:\.\d+)?")
"""The parts of a message that may differ the next time: quoted texts, and numbers."""
_BEFORE_UNIT = re.compile(r" of \d| (?:times|days|hours|minutes|seconds|s|ms|bytes|characters|tokens|chunks|events)\b")
_AFTER_COUNT = re.compile(r"\d of $|tokens(?: is|,)? (?:and )?$|\bwas $|\bbyte $")
_ID = 10  # characters of a quoted text that holds a digit
_WIDTH = 118


@dataclass(frozen=True, slots=True)
class SaidProblem:
    """A problem in the responses to a scenario on a day (ISO 8601); ``sometimes`` if only some responses had it."""

    check: str
    scenario: str
    message: str
    day: str
    sometimes: bool = False


def drafted_entries(said: Iterable[SaidProblem]) -> Iterator[dict[str, Any]]:
    """Yield an entry per rule and problem, with the scenarios that show it; its reason is empty."""
    groups: dict[tuple[str, str, bool], list[SaidProblem]] = defaultdict(list)
    for one in said:
        groups[one.check, alike(one.message), one.sometimes].append(one)
    for (check, _, sometimes), ones in groups.items():
        days = [one.day for one in ones]
        yield {
            "check": check,
            "scenarios": list(dict.fromkeys(one.scenario for one in ones)),
            "message": in_common([one.message for one in ones]),
            **({"sometimes": True} if sometimes else {}),
            "reason": "",
            "seen": {"first": min(days), "last": max(days)},
        }


def in_common(messages: list[str]) -> str:
    """
    Return the common part of messages that differ in numbers and quoted texts, with ``*`` for the rest.

    A count or measure, as in "3 of 12 chunks" or "416 days", differs the next time even if it is the same in all;
    so does an id.
    """
    first = messages[0]
    values = list(zip(*([part[0] for part in _VARYING.finditer(message)] for message in messages), strict=True))
    told, end = "", 0
    for number, part in enumerate(_VARYING.finditer(first)):
        same = len(set(values[number])) == 1 and not _varies(first, part)
        told += first[end : part.start()] + (part[0] if same else "*")
        end = part.end()
    return told + first[end:]


def _varies(message: str, part: re.Match[str]) -> bool:
    if not part[0][0].isdigit():
        return len(part[0]) >= _ID and any(map(str.isdigit, part[0]))
    return bool(_BEFORE_UNIT.match(message, part.end()) or _AFTER_COUNT.search(message[: part.start()]))


def alike(message: str) -> str:
    """Return a message without the parts that may differ the next time; those with equal results have one subject."""
    return _VARYING.sub(lambda part: "\0" if part[0][0].isdigit() else "\1", message)


class _Dumper(yaml.SafeDumper):
    """Writes YAML as people do: items of a list indented, a list of plain words on one line."""

    def represent_list(self, data: Iterable[Any]) -> yaml.SequenceNode:
        items = list(data)
        return self.represent_sequence("tag:yaml.org,2002:seq", items, not any(isinstance(one, dict) for one in items))

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)


_Dumper.add_representer(list, _Dumper.represent_list)


def as_yaml(value: Any) -> str:
    """Return a value as YAML, in lines of readable width."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
