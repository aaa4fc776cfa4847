"""
Reads and writes ``clients.jsonl``, the log of how client code handled recorded responses.

Lines of the kind ``answers`` list the responses of a provider: ``model/request``, or ``model/request/fault`` if a
fault or legal variant of the catalogue was put into the reference response.  A line of the kind ``fate`` gives the
outcome for some of them: ``answers`` maps the numbers of the responses among the provider's, such as ``0-4 7``, to
clients.  So a change in one provider changes only its lines.  Lines of the kind ``loop`` give what a client sends
back after a tool call, those of the kind ``foreseen`` the predicted outcome for providers without recordings.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from harness.errors import BadResults
from harness.results.clients import ClientFinding, ClientResults, LoopFinding, ProviderPrediction
from harness.results.frame import SCHEMA, LineReader, LineWriter, first_line, reader_of

_Answer = tuple[str, Any, str | None]
"""The name of a response in a line, its provenance, and its day."""

_UNSAID = {"message": "", "why": "", "on_reference": False}
"""Default values of a fate that are left out; of other keys, None."""


def write_client_results(path: Path, results: ClientResults) -> None:
    """Write a log of clients; refuse to replace a file that holds no results."""
    with LineWriter(path) as lines:
        for line in _lines(results):
            lines.write(line)
        lines.keep()


def written_client_results(path: Path, results: ClientResults) -> ClientResults:
    """
    Write a log of clients and return it; if it differs only in its start time, keep and return the old one.

    So running again changes nothing.
    """
    try:
        before = read_client_results(path)
    except BadResults:
        before = None
    if before and _content(before) == _content(results):
        return before
    write_client_results(path, results)
    return read_client_results(path)  # in the order of its lines, as a later reader gets it


def _content(results: ClientResults) -> list[object]:
    run = replace(results.run, started="")
    rows = [*results.findings, *results.loops, *results.foreseen]
    return [run, results.clients, *sorted(map(repr, rows))]


def _lines(results: ClientResults) -> Iterator[dict[str, Any]]:
    yield {"kind": "run", "schema": SCHEMA, **asdict(results.run), "clients": results.clients}
    numbers: dict[str, dict[_Answer, int]] = {}
    for finding in results.findings:
        known = numbers.setdefault(finding.provider, {})
        known.setdefault(_answer(finding), len(known))
    yield from _lines_of_answers(numbers)
    yield from _lines_of_fates(results.findings, numbers)
    for kind, rows in (("loop", results.loops), ("foreseen", results.foreseen)):
        yield from ({"kind": kind, **asdict(row)} for row in rows)
    yield {"kind": "end", "findings": len(results.findings), "outcomes": results.fates}


def _lines_of_answers(numbers: dict[str, dict[_Answer, int]]) -> Iterator[dict[str, Any]]:
    for provider, known in numbers.items():
        for (provenance, day), alike in groupby(known, key=lambda answer: answer[1:]):
            about = {"provenance": provenance, "recorded_at": day}
            yield {"kind": "answers", "provider": provider, **_said(about), "answers": [name for name, _, _ in alike]}


def _lines_of_fates(
    findings: Iterable[ClientFinding], numbers: dict[str, dict[_Answer, int]]
) -> Iterator[dict[str, Any]]:
    fates: dict[str, dict[tuple[Any, ...], dict[str, list[int]]]] = {provider: {} for provider in numbers}
    for finding in findings:
        of_fate = fates[finding.provider].setdefault(tuple(_shared(finding).items()), {})
        of_fate.setdefault(finding.client, []).append(numbers[finding.provider][_answer(finding)])
    for provider, of_provider in fates.items():
        for fate, of_clients in of_provider.items():
            clients: dict[str, list[str]] = {}
            for client, of_client in of_clients.items():
                clients.setdefault(_ranges(sorted(of_client)), []).append(client)
            yield {"kind": "fate", "provider": provider, **dict(fate), "answers": clients}


def _answer(finding: ClientFinding) -> _Answer:
    return finding.answer, finding.provenance, finding.recorded_at


def _shared(finding: ClientFinding) -> dict[str, Any]:
    """Return the common outcome of a client for several responses of a provider."""
    names = ("fate", "message", "predicted", "cause", "why", "on_reference")
    return _said({name: getattr(finding, name) for name in names})


def _said(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value != _UNSAID.get(name)}


def _ranges(numbers: Sequence[int]) -> str:
    """Return sorted numbers as text, consecutive ones as a range."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return " ".join("-".join(map(str, part)) for part in parts)


def _numbers(ranges: str, count: int) -> Iterator[int]:
    """Yield the numbers in a text of ranges; raise ValueError if one is not below ``count``."""
    for part in ranges.split():
        first, _, last = part.partition("-")
        if not 0 <= int(first) <= int(last or first) < count:
            raise ValueError(f"answers {part}, where the provider has {count}")
        yield from range(int(first), int(last or first) + 1)


def is_client_log(path: Path) -> bool:
    """Return whether a file is a log of clients, rather than of checks; an unreadable file is not."""
    try:
        first = orjson.loads(first_line(path))
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(first, dict) and "clients" in first


@dataclass(frozen=True, slots=True)
class _About:
    """The fields of a client that reports read; the log has more."""

    title: str
    environment: str
    versions: dict[str, str]
    idiom: bool = False


def read_client_results(path: Path) -> ClientResults:
    """
    Read a log of clients; its findings in the order of clients, then as written.

    Raises:
        BadResults: it is missing, not such a file, of another schema, or has no end line.
    """
    from pydantic import ValidationError

    reader = LineReader(path)
    clients = reader.first.get("clients")
    if not isinstance(clients, dict):
        raise reader.bad(1, "the run line names no clients; this is not a file of harness clients run")
    try:
        reader_of(dict[str, _About]).validate_python(clients)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, ("clients", *wrong["loc"])))
        raise reader.bad(1, f"{place}: {wrong['msg']}; run it again") from None
    reading = _Reading(ClientResults(reader.run, clients))
    for number, row in reader.rows():
        try:
            reading.read(row)
        except (ValidationError, ValueError, TypeError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            raise reader.bad(number, f"{first}; run it again") from None
    results = reading.whole()
    reader.check(len(results.findings), results.fates)
    return results


@dataclass(frozen=True, slots=True)
class _AnswersLine:
    """Responses of a provider, of one provenance and day."""

    provider: str
    answers: tuple[str, ...]
    provenance: str | None = None
    recorded_at: str | None = None


class _Reading:
    """What was read so far."""

    def __init__(self, results: ClientResults) -> None:
        self._results = results
        self._clients = {client: place for place, client in enumerate(results.clients)}
        self._answers: dict[str, list[_Answer]] = {}
        self._found: list[tuple[tuple[int, int, int], ClientFinding]] = []

    def read(self, row: dict[str, Any]) -> None:
        """Add one row; raise ValidationError, ValueError or TypeError if it is invalid."""
        kind = row.pop("kind", None)
        if kind == "loop":
            self._results.loops.append(reader_of(LoopFinding).validate_python(row))
        elif kind == "foreseen":
            self._results.foreseen.append(reader_of(ProviderPrediction).validate_python(row))
        elif kind == "answers":
            line: _AnswersLine = reader_of(_AnswersLine).validate_python(row)
            known = self._answers.setdefault(line.provider, [])
            known += [(name, line.provenance, line.recorded_at) for name in line.answers]
        elif kind == "fate":
            self._read_fate(row)
        elif kind == "client":
            self._results.findings += _older_findings(row)
        else:
            raise ValueError(f"a line of the kind {kind!r}, where clients and loops stand")

    def whole(self) -> ClientResults:
        """Return the results: findings by client, then in the order of the responses."""
        self._results.findings += [finding for _, finding in sorted(self._found, key=itemgetter(0))]
        return self._results

    def _read_fate(self, row: dict[str, Any]) -> None:
        answers: dict[str, tuple[str, ...]] = reader_of(dict[str, tuple[str, ...]]).validate_python(
            row.pop("answers", None)
        )
        provider = reader_of(str).validate_python(row.get("provider"))
        known = self._answers.get(provider, [])
        place = list(self._answers).index(provider) if known else 0
        for ranges, clients in answers.items():
            for number in _numbers(ranges, len(known)):
                name, provenance, day = known[number]
                for client in clients:
                    told = {"client": client, "provenance": provenance, "recorded_at": day}
                    at = (self._clients.get(client, len(self._clients)), place, number)
                    self._found.append((at, _finding(row | told, name)))


def _older_findings(row: dict[str, Any]) -> Iterator[ClientFinding]:
    """Yield the findings of a line of schema 2: all responses with the same outcome for a client."""
    names: Iterable[str] = reader_of(tuple[str, ...]).validate_python(row.pop("answers", ()))
    for name in names:
        yield _finding(row, name)


def _finding(told: dict[str, Any], name: str) -> ClientFinding:
    model, request_id, *fault = name.split("/")
    found: ClientFinding = reader_of(ClientFinding).validate_python(
        told | {"model": model, "request_id": request_id, "fault": fault[0] if fault else None}
    )
    return found
