"""
Renders failing rules for a terminal, each once: where, how often, impact, workaround, and the first evidence.

How it works: findings of one check are one group as long as their texts are equal, across providers and models; so
are values that are legal and break clients.  The texts about a finding are passed in, since only the checks know
them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from harness.reports.wrapping import wrapped
from harness.results import UNEXPECTED, Advice, Finding, Level, Outcome, Told
from harness.words import translated
from harness.words.padding import padded
from harness.words.problems import translated_problem
from harness.words.values import translated_value

if TYPE_CHECKING:
    from harness.results import Results

TellOf = Callable[[Finding], Told | None]
"""Returns the texts about a finding beside its message; None if there are none, as for a pass."""

COLOURS = {
    Outcome.PASS: "green",
    Outcome.OBSERVED: "green",
    Outcome.KNOWN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.CHANGED: "bold red",
    Outcome.FIXED: "bold magenta",
    Outcome.BROKEN: "bold white on red",
    Outcome.BLOCKED: "red",
    Outcome.INCONCLUSIVE: "cyan",
    Outcome.MISSING: "dim",
    Outcome.NA: "dim",
}

_GROUPS_SHOWN = 20
_NAMES_SHOWN = 5
_EXCERPT = 90
_INDENT = 9
_LEVELS = {level: rank for rank, level in enumerate(Level)}


class FindingPlace(NamedTuple):
    """The place of a finding, and its observed value: what distinguishes the findings of a group."""

    provider: str
    model: str
    scenario: str
    value: str | None
    rate: tuple[int, int] | None


@dataclass(slots=True)
class FindingGroup:
    """Findings of one check with equal texts: the first, which represents all, and the places of all."""

    first: Finding
    told: Told | None
    places: Counter[FindingPlace] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """The number of findings."""
        return self.places.total()

    @property
    def scenarios(self) -> list[str]:
        """The scenario of each."""
        return [place.scenario for place in self.places.elements()]


class FindingGroups:
    """Findings grouped by their texts, added one by one; those without texts are skipped."""

    def __init__(self, tell_of: TellOf) -> None:
        self._tell_of = tell_of
        self._groups: dict[tuple[str, Outcome, Told | None, str | None], FindingGroup] = {}

    def add(self, one: Finding) -> None:
        """Add a finding to its group."""
        if one.outcome not in _TOLD:
            return
        told = self._tell_of(one)
        if one.outcome is Outcome.OBSERVED and not told:
            return
        key = (one.check, one.outcome, told, one.known)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = FindingGroup(one, told)
        group.places[FindingPlace(one.provider, one.model, one.scenario, one.value, one.rate)] += 1

    def failing(self) -> list[FindingGroup]:
        """Return the unexpected ones: bugs in checks first, then by level, the commonest first."""
        return sorted(
            self._of(UNEXPECTED),
            key=lambda one: (one.first.outcome is not Outcome.BROKEN, _LEVELS[one.first.level], -one.count),
        )

    def known(self) -> list[FindingGroup]:
        """Return the listed deviations, by level, the commonest first."""
        return sorted(self._of({Outcome.KNOWN}), key=lambda one: (_LEVELS[one.first.level], -one.count))

    def harmful(self) -> list[FindingGroup]:
        """Return the observations that are legal and break clients, the commonest first."""
        return sorted(self._of({Outcome.OBSERVED}), key=lambda one: -one.count)

    def _of(self, outcomes: Collection[Outcome]) -> list[FindingGroup]:
        return [group for group in self._groups.values() if group.first.outcome in outcomes]


_TOLD = UNEXPECTED | {Outcome.KNOWN, Outcome.OBSERVED}


def grouped(results: "Results", tell_of: TellOf) -> FindingGroups:
    """Return the findings of results, grouped by their texts."""
    groups = FindingGroups(tell_of)
    for finding in results.findings:
        groups.add(finding)
    return groups


def show_groups(groups: Sequence[FindingGroup], mode: str, console: Console, *, providers: bool, whole: bool) -> None:
    """
    Print groups of a run of some ``mode``; after the first twenty only their names, unless ``whole``.

    ``providers`` is whether the run has several.
    """
    shown = list(groups) if whole else groups[:_GROUPS_SHOWN]
    for group in shown:
        _show_group(group, _where(group, mode, providers=providers, whole=whole), console)
    if rest := groups[len(shown) :]:
        names = translated(", ").join(f"{one.first.check} ×{one.count}" for one in rest)
        more = translated("and {count} more; --all shows each: {names}").format(count=len(rest), names=names)
        show_wrapped(more, console, indent=0)


def reason_known(known: str) -> str:
    """Return since when and why a deviation is known, in the language of the reader."""
    seen, colon, reason = known.partition(": ")
    return f"{seen}{colon}{translated(reason)}"


def _show_group(group: FindingGroup, where: str, console: Console) -> None:
    first = group.first
    seen = first.outcome is Outcome.OBSERVED
    colour = "yellow" if seen else COLOURS[first.outcome]
    word = "" if seen or first.outcome is Outcome.FAIL else f"{first.outcome.value} "
    level = padded(translated("legal") if seen else first.level.value, _INDENT - 1 - len(word))
    head = f"[{colour}]{word}{level}[/] [bold]{first.check}[/]"
    fits = _INDENT + cell_len(f"{first.check}  {where}") <= console.width
    console.print(f"{head}  [dim]{escape(where)}[/]" if fits else head, highlight=False, soft_wrap=True)
    if not fits:
        show_wrapped(where, console, style="dim")
    what = translated("seen" if seen else "what")
    show_wrapped(_seen(group) if seen else translated_problem(first.message), console, label=what)
    if first.known:
        show_wrapped(f"{reason_known(first.known)} {first.source}", console, label=translated("seen"))
    if group.told:
        show_advice(group.told.advice, console, indent=_INDENT)
    _show_place(first, console)


def show_advice(advice: Advice, console: Console, *, indent: int) -> None:
    """Print the impact on a client, and the workaround."""
    show_wrapped(translated(advice.breaks), console, label=translated("breaks"), indent=indent)
    show_wrapped(translated(advice.instead), console, label=translated("instead"), indent=indent)


def _seen(group: FindingGroup) -> str:
    """Return the question put to the recordings, and the observed values."""
    values = _counts(group, lambda place: str(place.value))
    said = [
        f"{translated_value(value)} ({count})" if len(values) > 1 else translated_value(value)
        for value, count in values.most_common(_NAMES_SHOWN)
    ]
    more = translated("and {count} more").format(count=len(values) - len(said))
    said += [more] if len(values) > len(said) else []
    title = translated(group.told.title).rstrip(".:。：") if group.told else group.first.check
    return translated("{what}: {values}").format(what=title, values=translated("; ").join(said))


def _show_place(finding: Finding, console: Console) -> None:
    at = finding.evidence[0] if finding.evidence else None
    where = finding.cassette or finding.scenario
    place = translated("{where} byte {offset}: {excerpt}")
    shown = place.format(where=where, offset=at.offset, excerpt=at.excerpt[:_EXCERPT]) if at else where
    label = translated("where")
    if console.is_terminal:
        show_wrapped(shown, console, label=label, style="dim")
    else:  # in a file it is not wrapped
        console.print(f"{'':{_INDENT}}{padded(label, _INDENT)}{escape(shown)}", highlight=False, soft_wrap=True)


def _where(group: FindingGroup, mode: str, *, providers: bool, whole: bool) -> str:
    """Return in how many recordings; and of which providers or models, if there are several."""
    count = group.count
    said = translated("in {recordings}").format(recordings=counted(count, mode))
    names = _names(group, mode, providers=providers)
    told = len(names) > 1 or providers or mode == "live"
    listed = translated("{what}: {values}").format(what=said, values=most_of(names, whole=whole))
    return listed if told else said


def counted(count: int, mode: str) -> str:
    """Return the number of recordings of a run, in its own unit."""
    if mode == "live":
        return translated("{count:,} scenario" if count == 1 else "{count:,} scenarios").format(count=count)
    return translated("{count:,} exchange" if count == 1 else "{count:,} exchanges").format(count=count)


def _names(group: FindingGroup, mode: str, *, providers: bool) -> Counter[str]:
    """Return the names of the recordings of a group: for a probe the scenarios, else providers or models."""
    if mode == "live":
        return _counts(group, _with_rate)
    if providers and len({place.provider for place in group.places}) > 1:
        return _counts(group, lambda place: place.provider)
    return _counts(group, lambda place: f"{place.provider}/{place.model}" if providers else place.model)


def _counts(group: FindingGroup, name_of: Callable[[FindingPlace], str]) -> Counter[str]:
    counts = Counter[str]()
    for place, count in group.places.items():
        counts[name_of(place)] += count
    return counts


def _with_rate(place: FindingPlace) -> str:
    """Return the scenario of a place, with its rate if only some responses had it."""
    if not place.rate:
        return place.scenario
    said = translated("{scenario} (flaky: {count} of {all})")
    return said.format(scenario=place.scenario, count=place.rate[0], all=place.rate[1])


def most_of(names: Counter[str], *, whole: bool) -> str:
    """Return names with their counts, such as ``groq ×3, xai``; only the commonest, unless ``whole``."""
    shown = names.most_common(None if whole else _NAMES_SHOWN)
    said = [name if count == 1 or len(names) == 1 else f"{name} ×{count}" for name, count in shown]
    left = len(names) - len(shown)
    more = translated("and {count} more").format(count=left)
    return translated(", ").join(said) + (f" {more}" if left else "")


def show_wrapped(text: str, console: Console, *, label: str = "", indent: int = _INDENT, style: str = "") -> None:
    """Print a text wrapped to the terminal's width, the first line with a label."""
    label = f"{padded(label, _INDENT - 1)} " if label else ""
    taken = cell_len(label)
    room = max(console.width - indent - taken, _EXCERPT // 3)
    for number, line in enumerate(wrapped(text, room, console)):
        head = label if number == 0 else " " * taken
        console.print(
            Text(f"{'':{indent}}{head}", "dim").append(line, style or "not dim"),
            highlight=False,
            soft_wrap=True,
        )
