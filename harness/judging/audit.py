"""Judges recordings that other tools made."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

from harness.checks import CHECKS, Check
from harness.errors import HarnessError
from harness.judging.deviations import KnownProblems
from harness.judging.recordings import CheckSet, Subject, check_set
from harness.judging.runner import judge_recording_beside
from harness.matrix.providers import Matrix, Provider
from harness.recording.archives import Entry, PassedOver, ignored, raised, read_archive
from harness.recording.scrub import scrub
from harness.results import Finding, RecordingResult
from harness.wire.dialect import DIALECTS
from harness.wire.siblings import SiblingsOfFile

ProviderFrom = Literal["auto", "host", "field", "folder"]

_FoundAt = Callable[[str, str | None], Provider | None]
"""Finds the provider of a host, or by name; cached, since most exchanges of an archive share a few hosts."""


def _nobody(_host: str, _name: str | None) -> None:
    """Return no provider, for use without a matrix."""


def audit(  # noqa: PLR0913, PLR0917 - what is read, how, and who is told what was not
    paths: Iterable[Path],
    matrix: Matrix | None,
    provider_from: ProviderFrom,
    checks: Iterable[Check] | None = None,
    unread: Callable[[HarnessError], None] = raised,
    passed_over: PassedOver = ignored,
    known: KnownProblems | None = None,
) -> Iterator[list[Finding]]:
    """Yield the findings of each exchange in the archives ``paths``, as ``audited`` judges them."""
    chosen = check_set(CHECKS.values() if checks is None else checks)
    for result in audited(paths, matrix, provider_from, chosen, unread, passed_over, known):
        yield result.all_findings(chosen.levels)


def audited(  # noqa: PLR0913, PLR0917 - likewise
    paths: Iterable[Path],
    matrix: Matrix | None,
    provider_from: ProviderFrom,
    checks: CheckSet,
    unread: Callable[[HarnessError], None] = raised,
    passed_over: PassedOver = ignored,
    known: KnownProblems | None = None,
) -> Iterator[RecordingResult]:
    """
    Yield the findings on each exchange in the archives ``paths``; scenarios are named by the form of the request.

    A row that can't be parsed is passed to ``unread``, and the rows after it are judged; ``passed_over`` receives
    what is not in a supported dialect.  Each exchange is compared with small facts of those of the same provider
    before it in its file.  Deviations listed for its provider are ``known``, and not failures.

    Raises:
        HarnessError: a file can't be read.
    """
    found_at = lru_cache(1024)(matrix.provider_of) if matrix else _nobody
    for path in paths:
        before = SiblingsOfFile()
        for read in read_archive(path, unread, passed_over, DIALECTS, models=True):
            siblings = before.of(_provider(read, path, found_at, provider_from))
            entry = read._replace(exchange=scrub(read.exchange).beside(siblings=siblings))
            del read  # saves a second copy of a long response
            subject = _subject(entry, path, found_at, provider_from)
            yield judge_recording_beside([entry.exchange], subject, checks, known)
            if not entry.exchange.too_large and not entry.exchange.is_models_request:
                siblings.add(entry.exchange.facts)


def _subject(entry: Entry, path: Path, found_at: _FoundAt, provider_from: ProviderFrom) -> Subject:
    exchange = entry.exchange
    answer = "stream" if exchange.is_stream else "nonstream"
    form = "error" if exchange.response.is_error else answer
    asked = form if exchange.dialect == "chat" else f"{exchange.dialect}-{form}"
    asked = "models" if exchange.is_models_request else asked
    return Subject(
        _provider(entry, path, found_at, provider_from), exchange.model or "unknown", f"audit.{asked}", entry.origin
    )


def _provider(entry: Entry, path: Path, found_at: _FoundAt, provider_from: ProviderFrom) -> str:
    host = entry.exchange.request.host
    if provider_from == "folder":
        return path.parent.name
    name = None if provider_from == "host" else entry.provider
    known = found_at("" if provider_from == "field" else host, name)
    return known.id if known else name or host or "unknown"
