"""
What became of recorded answers in the hands of client code, and ``clients.jsonl``, the log of it.

The log has the frame of ``results.jsonl``; ``client_lines`` says how findings stand in it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

from harness.results.frame import Run


class ClientOutcome(StrEnum):
    """What becomes of an answer in the hands of client code; the worst first."""

    SILENT = "silent"
    """An error, or an answer that was cut, reported as success."""
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
        """Whether the code does not survive the answer."""
        return self not in {ClientOutcome.OK, ClientOutcome.NA, ClientOutcome.ENV}


WORST_FATE_FIRST = {fate: rank for rank, fate in enumerate(ClientOutcome)}

BEYOND = "the answer has what no fault or variant has alone: "
"""How ``why`` begins where it lists what checks say of an answer beyond what was tried: ``check: said``, with semicolons."""

_SAID = re.compile(r"(?:^|; )([a-z_]+(?:\.[a-z0-9-]+)?): (.*?)(?=; [a-z_]+\.[a-z0-9-]+: |$)")


@dataclass(slots=True)
class ClientFinding:
    """
    What became of one answer in the hands of some client code.

    ``request_id`` is the scenario, with its number where it is not the first request of it.  ``fault`` is the fault or legal
    variant of the catalogue that was put into the reference answer; without one the answer is a provider's own, or the
    reference's.  ``predicted`` is what the client's fate with each trait of the answer alone lets expect, ``cause`` the
    fault or variant that does; where it came otherwise, ``why`` says what may be the reason.  ``on_reference`` is
    whether it fares just so with OpenAI's own form.
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
        """The fault or variant that breaks the client alone; None where none does, or where it was to survive."""
        return self.cause if self.predicted is not None and self.predicted.bad else None

    @property
    def beyond(self) -> dict[str, list[str]]:
        """What checks say of the answer beyond what was tried alone, by the id of the check; it may be the reason."""
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
        """Whether it came as predicted, in that the client survives or not; None where nothing was predicted."""
        return None if self.predicted is None else self.predicted.bad == self.fate.bad

    @property
    def answer(self) -> str:
        """The answer, as a line of the log names it."""
        return "/".join(filter(None, (self.model, self.request_id, self.fault)))


@dataclass(slots=True)
class LoopFinding:
    """
    What a client sends back once a tool was called.

    ``given`` is the key in which the reasoning came, ``sent`` the one in which it went back, None where it did not;
    ``content`` is how the text of that message was sent: ``null``, ``missing``, ``""`` or ``text``.  ``adds`` are
    parameters that nobody asked for.  ``message`` says how it failed, where it did.
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
    """How a client will fare with a provider of which nothing is recorded, by its listed deviations; ``cause`` as above."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    client: str
    provider: str
    predicted: ClientOutcome
    cause: str | None = None


@dataclass(slots=True)
class ClientResults:
    """A run of clients: which were run, what their packages' versions were, and what became of the answers."""

    run: Run
    clients: dict[str, dict[str, Any]]
    """Title, environment, tier and versions by client id, in their order."""
    findings: list[ClientFinding] = field(default_factory=list)
    loops: list[LoopFinding] = field(default_factory=list)
    foreseen: list[ProviderPrediction] = field(default_factory=list)

    @property
    def fates(self) -> dict[str, int]:
        """How many findings ended in each fate, the worst first."""
        counts = Counter(finding.fate for finding in self.findings)
        return {str(fate): counts[fate] for fate in ClientOutcome if counts[fate]}
