"""What a probe tells beside its findings: what became of the baseline, what it cost, how fast answers came, and who reads them."""

from dataclasses import dataclass
from typing import Literal

EntryState = Literal["known", "stale", "not judged"]


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """
    What became of an entry of a baseline.

    ``line`` is where it stands in the file; ``scenarios`` are those that show it (known), that no longer do (stale), or
    that it names (not judged), with ``why`` it was not.
    """

    check: str
    line: int
    state: EntryState
    scenarios: tuple[str, ...]
    message: str
    reason: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class BaselineSummary:
    """A baseline as a probe found it; ``path`` is as it was given."""

    path: str
    entries: tuple[BaselineEntry, ...] = ()

    def of(self, state: EntryState) -> list[BaselineEntry]:
        """Return the entries that are so."""
        return [entry for entry in self.entries if entry.state == state]


@dataclass(slots=True)
class ProbeSummary:
    """
    A probe as a whole: whom it asked, and what it tells beside its findings.

    ``fails`` is whether anything makes it exit with 1.
    """

    endpoint: str
    model: str
    baseline: BaselineSummary | None = None
    fails: bool = False
