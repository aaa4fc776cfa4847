"""Judging recordings that other tools made."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from harness.checks import CHECKS, Check
from harness.matrix.providers import Matrix
from harness.recording.archives import Entry, read_archive
from harness.recording.scrub import scrub
from harness.results import Finding
from harness.runner import About, judge_exchanges
from harness.wire.dumping import json_text

ProviderFrom = Literal["auto", "host", "field", "folder"]
_ERROR = 400


def audit(
    paths: Iterable[Path], matrix: Matrix | None, provider_from: ProviderFrom, checks: Iterable[Check] | None = None
) -> Iterator[list[Finding]]:
    """
    Yield the findings of each exchange in the archives ``paths``; scenarios are named by the form of the call.

    Raises:
        HarnessError: a file can't be read.
    """
    chosen = tuple(CHECKS.values() if checks is None else checks)
    for path in paths:
        for read in read_archive(path):
            entry = read._replace(exchange=scrub(read.exchange))
            yield list(judge_exchanges([entry.exchange], _about(entry, path, matrix, provider_from), chosen))


def _about(entry: Entry, path: Path, matrix: Matrix | None, provider_from: ProviderFrom) -> About:
    exchange = entry.exchange
    answer = "stream" if exchange.streams else "nonstream"
    form = "error" if exchange.response.status >= _ERROR else answer
    model = exchange.request.get("model") or next(iter(exchange.columns.values["model"]), None)
    name = model if isinstance(model, str) and model else json_text(model) if model else "unknown"
    return About(_provider(entry, path, matrix, provider_from), name, f"audit.{form}", entry.origin)


def _provider(entry: Entry, path: Path, matrix: Matrix | None, provider_from: ProviderFrom) -> str:
    host = host_of(entry.exchange.request.url)
    if provider_from == "folder":
        return path.parent.name
    name = None if provider_from == "host" else entry.provider
    known = matrix.provider_of("" if provider_from == "field" else host, name) if matrix else None
    return known.id if known else name or host or "unknown"


def host_of(url: str) -> str:
    """Return the host of a URL, with its port unless that is the usual one; empty where there is none."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "") + (f":{parts.port}" if parts.port not in {None, 80, 443} else "")
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return ""
