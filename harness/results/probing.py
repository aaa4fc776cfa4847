"""What a probe tells beside its findings: what became of the baseline, what it cost, how fast answers came, and who reads them."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Cost:
    """What a probe took: requests, tokens as answers count them, and how many answers counted none."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    without_usage: int


@dataclass(frozen=True, slots=True)
class Speed:
    """
    How fast streams came, by the reads in which their bytes arrived: seconds to the first token, and tokens a second.

    ``tokens_per_second`` is None where no stream counts its tokens and comes in pieces.
    """

    streams: int
    first_token_median: float
    first_token_max: float
    tokens_per_second: float | None


@dataclass(frozen=True, slots=True)
class ClientForecast:
    """
    How some client code will fare with the endpoint, predicted: with the worst answer to it, and because of what.

    ``fate`` is a word of ClientOutcome, ``cause`` the fault or legal variant that makes it so, ``scenario`` where it was seen.
    """

    client: str
    title: str
    library: bool
    fate: str
    cause: str | None = None
    scenario: str | None = None


@dataclass(slots=True)
class ProbeSummary:
    """
    A probe as a whole: whom it asked, and what it tells beside its findings; the last line of its JSON.

    ``endpoint`` is its address without secrets, ``fails`` whether anything makes the probe exit with 1.
    """

    endpoint: str
    model: str
    fails: bool = False
    outcomes: dict[str, int] = field(default_factory=dict)
    baseline: BaselineSummary | None = None
    cost: Cost | None = None
    speed: Speed | None = None
    clients: tuple[ClientForecast, ...] = ()
    kind: Literal["summary"] = "summary"
    schema: Literal[1] = 1
