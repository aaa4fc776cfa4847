"""
Renders findings as JUnit XML for CI systems: a suite per scenario, a case per rule that was judged in it.

Rules that do not apply are left out, so that the tests are those that ran; inconclusive and known ones are skipped.
A baseline is a suite of its own, with a case for each entry.
"""

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as ET

from harness.reports.addresses import page_of
from harness.reports.failures import TellOf
from harness.reports.shown import shown
from harness.results import BaselineSummary, Finding, Level, Outcome, Results

OWN = r'<\?xml [^>]*>\s*<testsuites name="harness probe"'
"""Pattern of the beginning of such a file."""

_FAILURES = frozenset({Outcome.FAIL, Outcome.CHANGED, Outcome.FIXED})
_SKIPPED = frozenset({Outcome.KNOWN, Outcome.BLOCKED, Outcome.MISSING, Outcome.INCONCLUSIVE})
_RECORDING = "recording"


def render(results: Results, tell_of: TellOf) -> str:
    """Return the document; ``tell_of`` gives the impact of a failure."""
    results = shown(results)
    root = ET.Element("testsuites", name="harness probe", timestamp=results.run.started)
    for (model, scenario), found in groupby(results.findings, lambda one: (one.model, one.scenario)):
        # If an entry is stale its rule passes: the entry fails.
        passing = {Outcome.FIXED} if results.baseline else set[Outcome]()
        cases = [_case(finding, tell_of, passing) for finding in found if _is_case(finding)]
        _suite(root, f"{model}/{scenario}", cases)
    if results.baseline:
        _suite(root, "baseline", _entries(results.baseline))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _is_case(finding: Finding) -> bool:
    """Return whether a finding is a test case: not an observation, and not a rule that does not apply."""
    if finding.family == _RECORDING:
        return True
    return finding.level is not Level.OBSERVE and finding.outcome is not Outcome.NA


def _suite(root: ET.Element, name: str, cases: Iterable[ET.Element]) -> None:
    suite = ET.SubElement(root, "testsuite", name=name)
    suite.extend(cases)
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(counted, str(sum(case.find(tag) is not None for case in suite)))
    suite.set("tests", str(len(suite)))


def _case(finding: Finding, tell_of: TellOf, passing: set[Outcome]) -> ET.Element:
    case = ET.Element("testcase", classname=f"{finding.model}/{finding.scenario}", name=finding.check)
    if finding.outcome is Outcome.BROKEN:
        _result(case, "error", finding.message, "a bug of harness; please report it")
    elif finding.outcome in _FAILURES - passing:
        result = _result(case, "failure", finding.message, "\n".join(_details(finding, tell_of)))
        result.set("type", f"{finding.level.value} {finding.outcome.value}")
    elif finding.outcome in _SKIPPED or finding.family == _RECORDING:
        known = f": {finding.known}" if finding.known else ""
        _result(case, "skipped", f"{finding.outcome.value}: {finding.message}{known}")
    return case


def _result(case: ET.Element, tag: str, message: str, text: str | None = None) -> ET.Element:
    result = ET.SubElement(case, tag, message=message)
    result.text = text
    return result


def _details(finding: Finding, tell_of: TellOf) -> Iterable[str]:
    told = tell_of(finding)
    if told:
        yield f"rule: {told.title}"
    if finding.rate:
        yield f"flaky: in {finding.rate[0]} of {finding.rate[1]} answers"
    for evidence in finding.evidence:
        event = "" if evidence.event is None else f"event {evidence.event}, "
        yield f"{event}byte {evidence.offset} {evidence.pointer or ''}: {evidence.excerpt}"
    if told:
        yield f"breaks: {told.advice.breaks}"
        yield f"instead: {told.advice.instead}"
    if finding.source:
        yield f"source: {finding.source}"
    page = page_of(finding.check)
    if page:
        yield f"page: {page}"


def _entries(baseline: BaselineSummary) -> Iterable[ET.Element]:
    for entry in baseline.entries:
        case = ET.Element("testcase", classname=baseline.path, name=f"{entry.check} (line {entry.line})")
        if entry.state == "stale":
            _result(case, "failure", f"stale: no longer seen in {', '.join(entry.scenarios)}: {entry.message}")
        elif entry.state == "not judged":
            _result(case, "skipped", f"not judged: {entry.why}")
        yield case
