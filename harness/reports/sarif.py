"""
Renders new and stale findings as SARIF 2.1.0, for GitHub's code scanning and other viewers.

A finding about an endpoint has no line of code, and code scanning shows nothing without one: a failure is placed at
the top of the baseline, where its entry would be, a stale entry at its own line.  Known failures are left out,
since code scanning would open an alert for each.  Alerts are identified over time by rule, model and scenario, not
by URL.
"""

import hashlib
import json
from typing import Any

from harness.reports.addresses import page_of
from harness.reports.failures import TellOf
from harness.reports.shown import shown
from harness.results import BaselineEntry, Finding, Level, Outcome, Results

OWN = r'\{\s*"\$schema": "https://docs\.oasis-open\.org/sarif/'
"""Pattern of the beginning of such a file."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_MOST = 5000
"""Maximum number of results that GitHub keeps of one run."""
_NO_FILE = "baseline.yaml"
_STALE = "baseline.stale"
_LEVELS = {Level.MUST: "error", Level.SHOULD: "warning", Level.OBSERVE: "note"}


def render(results: Results, tell_of: TellOf) -> str:
    """Return the document; ``tell_of`` gives the texts about a rule."""
    results = shown(results)
    probe = results.probe
    baseline = results.baseline
    path = baseline.path.replace("\\", "/") if baseline else _NO_FILE
    new = [one for one in results.unexpected if not (baseline and one.outcome is Outcome.FIXED)]
    new.sort(key=lambda one: list(Level).index(one.level))
    stale = baseline.of("stale") if baseline else []
    rules = {one.check: _rule(one, tell_of) for one in new}
    rules |= {one.check: _rule(one, tell_of) for one in new if one.source}  # a failure without one may precede it
    rules |= {_STALE: _stale_rule()} if stale else {}
    order = {name: number for number, name in enumerate(rules)}
    found = [*(_stale(one, path) for one in stale), *(_result(one, path) for one in new)][:_MOST]
    run = {
        "tool": {"driver": {"name": "llm-compat-harness", "version": results.run.harness, "rules": [*rules.values()]}},
        "automationDetails": {"id": f"harness-probe/{probe.model if probe else ''}"},
        "invocations": [{"executionSuccessful": True, "startTimeUtc": _utc(results.run.started)}],
        "results": [one | {"ruleIndex": order[one["ruleId"]]} for one in found],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def _utc(started: str) -> str:
    return started.replace("+00:00", "Z")


def _rule(finding: Finding, tell_of: TellOf) -> dict[str, Any]:
    told = tell_of(finding)
    rule: dict[str, Any] = {
        "id": finding.check,
        "shortDescription": {"text": told.title if told else finding.check},
        "defaultConfiguration": {"level": _LEVELS[finding.level]},
        "properties": {"tags": [finding.family, finding.level.value]},
    }
    if told:
        rule["help"] = {"text": f"Breaks: {told.advice.breaks}\nInstead: {told.advice.instead}"}
    page = page_of(finding.check)
    if page or finding.source:
        rule["helpUri"] = page or finding.source
    return rule


def _stale_rule() -> dict[str, Any]:
    return {
        "id": _STALE,
        "shortDescription": {"text": "An entry of the baseline is no longer seen."},
        "help": {"text": "Delete the scenario from the entry, or the entry; or write the baseline anew."},
        "defaultConfiguration": {"level": "error"},
    }


def _result(finding: Finding, path: str) -> dict[str, Any]:
    rate = f" (flaky: {finding.rate[0]} of {finding.rate[1]} answers)" if finding.rate else ""
    shows = f"\n{finding.evidence[0].excerpt}" if finding.evidence else ""
    text = f"{finding.scenario}: {finding.message}{rate}{shows}"
    name = f"{finding.model}/{finding.scenario}/{finding.check}"
    return _at(finding.check, _LEVELS[finding.level], text, path, 1, name)


def _stale(entry: BaselineEntry, path: str) -> dict[str, Any]:
    text = f"{entry.check} is no longer seen in {', '.join(entry.scenarios)}: {entry.message}"
    return _at(_STALE, "error", text, path, entry.line, f"{entry.check}/{','.join(entry.scenarios)}")


def _at(rule: str, level: str, text: str, path: str, line: int, name: str) -> dict[str, Any]:  # noqa: PLR0913, PLR0917 - what a result holds
    place = {"artifactLocation": {"uri": path, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": line}}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": name}]}],
        "partialFingerprints": {"primaryLocationLineHash": hashlib.sha256(f"{rule} {name}".encode()).hexdigest()[:16]},
    }
