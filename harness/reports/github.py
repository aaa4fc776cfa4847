"""
Renders a probe for GitHub Actions (and Forgejo, and Gitea): annotations, and the step summary.

Only ten errors and ten warnings of a step are shown, so there is one per rule and not per scenario; the last gives
the number of the others.  A stale entry is shown at its line of the baseline.  Text from an endpoint can't inject a
command: it follows a command's prefix, with characters that end a value escaped.
"""

from collections.abc import Iterator

from harness.markdown import cell, padded_table
from harness.reports import baseline, probe_facts
from harness.reports.addresses import page_of
from harness.reports.failures import FindingGroup, TellOf, grouped
from harness.reports.shown import shown
from harness.reports.summary import replays
from harness.results import BaselineEntry, Level, Outcome, Results

_MOST = 10
ROOM = 1_000_000
"""Size limit of all summaries of a step, bytes; GitHub takes 1 MiB, and shows nothing of more."""
_NAMES = 5
_CUT = "\n\nThe rest was cut: a step has room for 1 MiB. The artefacts have all.\n"


def annotations(results: Results, tell_of: TellOf) -> str:
    """Return the commands for the annotations, one per line; empty if there are none."""
    results = shown(results)
    told = results.baseline
    groups = [one for one in grouped(results, tell_of).failing() if not (told and one.first.outcome is Outcome.FIXED)]
    stale = [_of_entry(entry, told.path) for entry in told.of("stale")] if told else []
    errors = [_of_rule("error", one, told.path if told else None) for one in groups if one.first.level is Level.MUST]
    warnings = [
        _of_rule("warning", one, told.path if told else None) for one in groups if one.first.level is Level.SHOULD
    ]
    lines = [*_first("error", [*stale, *errors]), *_first("warning", warnings)]
    return "".join(f"{line}\n" for line in lines)


def _first(kind: str, lines: list[str]) -> Iterator[str]:
    """Yield the commands that are shown; the last of ten counts those that are not."""
    if len(lines) <= _MOST:
        yield from lines
        return
    yield from lines[: _MOST - 1]
    yield _command(kind, f"and {len(lines) - _MOST + 1} more: see the summary of this step", title="harness probe")


def _of_rule(kind: str, group: FindingGroup, path: str | None) -> str:
    first = group.first
    names = group.scenarios
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    rate = f", flaky: {first.rate[0]} of {first.rate[1]} answers" if first.rate else ""
    text = f"{first.message}\nin {', '.join(names[:_NAMES])}{more}{rate}"
    if group.told:
        text += f"\nbreaks: {group.told.advice.breaks}"
    place = {"file": path, "line": "1"} if path else {}
    return _command(kind, text, title=f"{first.check} {first.level.value}", **place)


def _of_entry(entry: BaselineEntry, path: str) -> str:
    text = f"{entry.check} is no longer seen in {', '.join(entry.scenarios)}: {entry.message}"
    return _command("error", text, title="stale entry of the baseline", file=path, line=str(entry.line))


def _command(kind: str, text: str, **properties: str) -> str:
    told = ",".join(
        f"{name}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}" for name, value in properties.items()
    )
    return f"::{kind} {told}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def summary(results: Results, tell_of: TellOf, room: int = ROOM) -> str:
    """
    Return the summary of a step as Markdown: what is new, stale and known, and the cost.

    It takes at most ``room`` bytes, and is empty if there is none.
    """
    results = shown(results, cell)
    probe = results.probe
    told = results.baseline
    groups = [one for one in grouped(results, tell_of).failing() if not (told and one.first.outcome is Outcome.FIXED)]
    parts = [f"# Compatibility{f' of {probe.model}' if probe else ''}", _verdict(results, groups)]
    parts += [replays(results)] if replays(results) else []
    parts += [f"## New failures\n\n{_table(groups)}"] if groups else []
    parts += [baseline.render(told).strip()] if told else []
    listed = grouped(results, tell_of).known()
    parts += [f"## Known\n\n{_table(listed)}"] if listed else []
    parts += [probe_facts.render(probe).strip()] if probe else []
    parts += [" · ".join(f"{count:,} {outcome}" for outcome, count in results.outcomes.items())]
    text = "\n\n".join(parts) + "\n"
    whole, left = text.encode(), room - len(_CUT.encode())
    if len(whole) <= room:
        return text
    # A truncated row of a table would absorb the note.
    return whole[:left].decode(errors="ignore").rpartition("\n")[0] + _CUT if left > 0 else ""


def _verdict(results: Results, groups: list[FindingGroup]) -> str:
    stale = len(results.baseline.of("stale")) if results.baseline else 0
    if results.nothing_judged:
        return f"⚠️ Nothing was judged: {results.nothing_judged}"
    if not groups and not stale:
        return "✅ No new failure."
    of_level = {level: sum(one.first.level is level for one in groups) for level in (Level.MUST, Level.SHOULD)}
    counts = [f"{count} {level.value}" for level, count in of_level.items() if count]
    counts += [f"{stale} stale"] if stale else []
    return f"{'❌' if results.probe and results.probe.fails else '⚠️'} {', '.join(counts)}"


def _linked(check: str) -> str:
    page = page_of(check)
    return f"[{check}]({page})" if page else check


def _table(groups: list[FindingGroup]) -> str:
    rows = []
    for group in groups:
        first = group.first
        rate = f" (flaky: {first.rate[0]} of {first.rate[1]})" if first.rate else ""
        why = first.known or (group.told.advice.breaks if group.told else "")
        names = dict.fromkeys(group.scenarios)
        rows.append([first.level.value, _linked(first.check), f"{first.message}{rate}", ", ".join(names), cell(why)])
    return padded_table(["level", "check", "what", "scenarios", "breaks, or why it is known"], rows)
