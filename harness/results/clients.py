"""
What became of recorded answers in the hands of client code, and ``clients.jsonl``, the log of it.

The log has the frame of ``results.jsonl``.  Its lines are of the kind ``client``, one for all answers that a client made
the same of: ``answers`` are ``model/what was asked``, or ``model/what was asked/fault`` where a fault or legal variant of
the catalogue was put into the reference answer.  Lines of the kind ``loop`` tell what a client sends back after a tool
was called, those of the kind ``foreseen`` how it will fare with providers of which nothing is recorded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

import orjson

from harness.errors import BadResults
from harness.results.log import SCHEMA, Run, read_frame, reader_of, write_lines


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
    provenance: Literal["recorded", "published", "reconstructed"] | None = None
    recorded_at: str | None = None

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


def write_client_results(path: Path, results: ClientResults) -> None:
    """Write a log of clients; refuses to replace what holds no results."""
    write_lines(path, _lines(results))


def written_client_results(path: Path, results: ClientResults) -> ClientResults:
    """
    Write a log of clients and return it; one that would differ in nothing but its start is left alone, and returned.

    So running again changes nothing.
    """
    try:
        before = read_client_results(path)
    except BadResults:
        before = None
    if before and _content(before) == _content(results):
        return before
    write_client_results(path, results)
    return read_client_results(path)  # in the order of its lines, as whoever renders it later will have it


def _content(results: ClientResults) -> list[object]:
    run = replace(results.run, started="")
    rows = [*results.findings, *results.loops, *results.foreseen]
    return [run, results.clients, *sorted(map(repr, rows))]


def _lines(results: ClientResults) -> Iterator[dict[str, Any]]:
    yield {"kind": "run", "schema": SCHEMA, **asdict(results.run), "clients": results.clients}
    alike: dict[tuple[Any, ...], list[ClientFinding]] = {}
    for finding in results.findings:
        alike.setdefault(tuple(_shared(finding).items()), []).append(finding)
    for shared, findings in alike.items():
        yield {"kind": "client", **dict(shared), "answers": [finding.answer for finding in findings]}
    for loop in results.loops:
        yield {"kind": "loop", **asdict(loop)}
    for one in results.foreseen:
        yield {"kind": "foreseen", **asdict(one)}
    yield {"kind": "end", "findings": len(results.findings), "outcomes": results.fates}


def _shared(finding: ClientFinding) -> dict[str, Any]:
    """Return what the findings of one line have in common."""
    told = asdict(finding)
    del told["model"], told["request_id"], told["fault"]
    return told


def is_client_log(path: Path) -> bool:
    """Tell whether a file is a log of clients, rather than of checks; what can't be read is none."""
    try:
        with path.open("rb") as file:
            first = orjson.loads(file.readline())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(first, dict) and "clients" in first


@dataclass(frozen=True, slots=True)
class _About:
    """What reports read of a client; the log says more."""

    title: str
    environment: str
    versions: dict[str, str]
    idiom: bool = False


def read_client_results(path: Path) -> ClientResults:
    """
    Read a log of clients; its findings in the order of clients, then as written.

    Raises:
        BadResults: it is not there, not such a file, of another schema, or has no end line.
    """
    from pydantic import ValidationError

    frame = read_frame(path, "harness clients run")
    clients = frame.first.get("clients")
    if not isinstance(clients, dict):
        raise BadResults(f"{path}:1: the run line names no clients; this is not a file of harness clients run")
    try:
        reader_of(dict[str, _About]).validate_python(clients)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, ("clients", *wrong["loc"])))
        raise BadResults(f"{path}:1: {place}: {wrong['msg']}; run it again") from None
    results = ClientResults(frame.run, clients)
    for number, row in enumerate(frame.rows, 2):
        try:
            _read(results, row)
        except (ValidationError, ValueError, TypeError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise BadResults(f"{path}:{number}: {first}; run it again") from None
    frame.check(path, len(results.findings), results.fates)
    return results


def _read(results: ClientResults, row: dict[str, Any]) -> None:
    kind, answers = row.pop("kind", None), row.pop("answers", ())
    if kind == "loop":
        results.loops.append(reader_of(LoopFinding).validate_python(row))
    elif kind == "foreseen":
        results.foreseen.append(reader_of(ProviderPrediction).validate_python(row))
    elif kind == "client":
        results.findings += _findings(row, reader_of(tuple[str, ...]).validate_python(answers))
    else:
        raise ValueError(f"a line of the kind {kind!r}, where clients and loops stand")


def _findings(row: dict[str, Any], answers: Iterable[str]) -> Iterator[ClientFinding]:
    for answer in answers:
        model, request_id, *fault = answer.split("/")
        yield reader_of(ClientFinding).validate_python(
            row | {"model": model, "request_id": request_id, "fault": fault[0] if fault else None}
        )
