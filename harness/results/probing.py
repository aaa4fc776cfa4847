"""Defines what a probe reports beside its findings: baseline, cost, speed, and client forecasts."""

from dataclasses import dataclass, field
from typing import Literal

EntryState = Literal["known", "stale", "not judged"]


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """
    The result for an entry of a baseline.

    ``line`` is its line in the file; ``scenarios`` are those that show it (known), that no longer do (stale), or
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
    """The result for a baseline; ``path`` is as it was given."""

    path: str
    entries: tuple[BaselineEntry, ...] = ()

    def of(self, state: EntryState) -> list[BaselineEntry]:
        """Return the entries with a result."""
        return [entry for entry in self.entries if entry.state == state]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a probe: requests, tokens as counted in responses, and the number of responses without counts."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    without_usage: int


@dataclass(frozen=True, slots=True)
class Speed:
    """
    The speed of streams, by network reads: seconds to the first token, and tokens per second.

    ``tokens_per_second`` is None if no stream counts its tokens and arrives in several reads.
    """

    streams: int
    first_token_median: float
    first_token_max: float
    tokens_per_second: float | None


@dataclass(frozen=True, slots=True)
class ClientForecast:
    """
    The predicted outcome of some client code with the endpoint: for the response it handles worst, with its cause.

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
    A probe as a whole: the endpoint, and what is reported beside the findings; the last line of its JSON.

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
