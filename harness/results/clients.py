"""
Defines the outcomes of client code on recorded responses, and ``clients.jsonl``, their log.

The log has the frame of ``results.jsonl``; ``client_lines`` defines how findings are stored in it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

from harness.results.frame import Run


class ClientOutcome(StrEnum):
    """The outcome of client code handling a response; the worst first."""

    SILENT = "silent"
    """An error, or a truncated response, reported as success."""
    HANG = "hang"
    CRASH = "crash"
    WRONG_CALLS = "wrong tool calls"
    WRONG = "wrong text"
    MOJIBAKE = "mojibake"
    EMPTY = "empty"
    NONE = "prints None"
    TAGS = "tags leaked"
    LOST_REASONING = "reasoning lost"
    LOST_USAGE = "usage lost"
    LOST_FINISH = "finish lost"
    OK = "ok"
    NA = "n/a"
    ENV = "env"
    """The code could not be run, through no fault of its own."""

    @property
    def bad(self) -> bool:
        """Whether the code fails to handle the response."""
        return self not in {ClientOutcome.OK, ClientOutcome.NA, ClientOutcome.ENV}


WORST_FATE_FIRST = {fate: rank for rank, fate in enumerate(ClientOutcome)}

BEYOND = "the answer has what no fault or variant has alone: "
"""Prefix of ``why`` where it lists findings on a response beyond the faults tried: ``check: said``, with semicolons."""

_SAID = re.compile(r"(?:^|; )([a-z_]+(?:\.[a-z0-9-]+)?): (.*?)(?=; [a-z_]+\.[a-z0-9-]+: |$)")


@dataclass(slots=True)
class ClientFinding:
    """
    The outcome of one response in some client code.

    ``request_id`` is the scenario, with its number unless it is the first request of it.  ``fault`` is the fault or
    legal variant of the catalogue that was put into the reference response; without one the response is a
    provider's own, or the reference's.  ``predicted`` is the outcome predicted from the client's outcome for each
    trait of the response alone, ``cause`` the fault or variant responsible; if the prediction was wrong, ``why``
    gives a possible reason.  ``on_reference`` is whether the outcome is the same for OpenAI's own form.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    client: str
    provider: str
    model: str
    request_id: str
    fate: ClientOutcome
    message: str = ""
    fault: str | None = None
    predicted: ClientOutcome | None = None
    cause: str | None = None
    why: str = ""
    on_reference: bool = False
    provenance: Literal["recorded", "published", "reconstructed", "synthesised"] | None = None
    recorded_at: str | None = None

    @property
    def explanation(self) -> str | None:
        """The fault or variant that alone breaks the client; None if none does, or if no failure was predicted."""
        return self.cause if self.predicted is not None and self.predicted.bad else None

    @property
    def beyond(self) -> dict[str, list[str]]:
        """The findings on the response beyond the faults tried, by check id; a possible reason."""
        found: dict[str, list[str]] = {}
        if self.why.startswith(BEYOND):
            for check, said in _SAID.findall(self.why.removeprefix(BEYOND)):
                found.setdefault(check, []).append(said)
        return found

    @property
    def cell(self) -> str:
        """The id: ``client/fault``, or ``client/provider/model/request_id``."""
        return (
            f"{self.client}/{self.fault}"
            if self.fault
            else f"{self.client}/{self.provider}/{self.model}/{self.request_id}"
        )

    @property
    def agrees(self) -> bool | None:
        """Whether the prediction of handled or not was right; None if there was none."""
        return None if self.predicted is None else self.predicted.bad == self.fate.bad

    @property
    def answer(self) -> str:
        """The name of the response in a line of the log."""
        return "/".join(filter(None, (self.model, self.request_id, self.fault)))


@dataclass(slots=True)
class LoopFinding:
    """
    What a client sends back after a tool call.

    ``given`` is the key in which the reasoning came, ``sent`` the one in which it went back, None if it did not;
    ``content`` is how the text of that message was sent: ``null``, ``missing``, ``""`` or ``text``.  ``adds`` are
    parameters that were not asked for.  ``message`` says how it failed, if it did.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    client: str
    given: str
    sent: str | None = None
    content: str = ""
    adds: tuple[str, ...] = ()
    message: str = ""


@dataclass(slots=True)
class ProviderPrediction:
    """The predicted outcome of a client with an unrecorded provider, by its listed deviations; ``cause`` as above."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    client: str
    provider: str
    predicted: ClientOutcome
    cause: str | None = None


@dataclass(slots=True)
class ClientResults:
    """A run of clients: which were run, the versions of their packages, and the outcomes."""

    run: Run
    clients: dict[str, dict[str, Any]]
    """Title, environment, tier and versions by client id, in their order."""
    findings: list[ClientFinding] = field(default_factory=list)
    loops: list[LoopFinding] = field(default_factory=list)
    foreseen: list[ProviderPrediction] = field(default_factory=list)

    @property
    def fates(self) -> dict[str, int]:
        """The number of findings per outcome, the worst first."""
        counts = Counter(finding.fate for finding in self.findings)
        return {str(fate): counts[fate] for fate in ClientOutcome if counts[fate]}
