"""Faults below client libraries are found on a real socket: encodings, framing, pauses, waits."""

import gzip
from collections.abc import Iterable

import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter
from scripted import (
    CHUNKED,
    IDEAL,
    LAST_CHUNK,
    End,
    Received,
    Script,
    Server,
    chunk,
    head,
    ideal_answer,
    plays,
    refuses,
)

from harness.cli import main
from harness.results import Finding, Outcome

FINDING = TypeAdapter(Finding)

_STREAM = ("Content-Type", "text/event-stream; charset=utf-8")
_JSON = ("Content-Type", "application/json")


def held_back(request: Received) -> Iterable[bytes | float | End]:
    """Send the headers and the first event at once, and all others in one segment after a while."""
    first, end, rest = ideal_answer(request).response.body.partition(b"\n\n")
    yield head(200, _STREAM, CHUNKED) + chunk(first + end)
    yield 1.3
    yield chunk(rest) + LAST_CHUNK


def as_it_is_made(request: Received) -> Iterable[bytes | float | End]:
    """Pause for a while, then send event by event."""
    yield 1.3
    yield from plays(ideal_answer, pace=0.01)(request)


def called(encoding: str, *, packed: bool = False) -> Script:
    def answer(request: Received) -> Iterable[bytes | float | End]:
        body = ideal_answer(request).response.body
        body = gzip.compress(body) if packed else body
        yield head(200, _JSON, ("Content-Encoding", encoding), ("Content-Length", str(len(body)))) + body

    return answer


def two_ends(request: Received) -> Iterable[bytes | float | End]:
    body = ideal_answer(request).response.body
    yield head(200, _JSON, ("Content-Length", str(len(body))), CHUNKED) + chunk(body) + LAST_CHUNK


FOUND: dict[str, tuple[Script, str, str, str]] = {
    "held back": (held_back, "chat.capped", "http.as-it-is-made", "of nothing"),
    "br in name only": (called("br"), "chat.nonstream", "http.encoding", "the body is called br, and is not"),
    "gzip in name only": (called("gzip"), "chat.nonstream", "http.encoding", "the body is called gzip, and is not"),
    "gzip unasked": (called("gzip", packed=True), "chat.nonstream", "http.encoding-accepted", "sent as gzip, and accepted was identity"),
    "two ends": (two_ends, "chat.nonstream", "http.framing", "beside transfer-encoding chunked"),
    "a wait below 0": (refuses(429, ("Retry-After", "-43")), "chat.nonstream", "http.retry-after-form", "retry-after is -43: negative"),
    "a wait that is none": (refuses(503, ("Retry-After", "soon")), "chat.nonstream", "http.retry-after-form", "neither an integer"),
}  # fmt: skip
SILENT: dict[str, tuple[Script, str]] = {
    "as it is made": (as_it_is_made, "chat.capped"),
    "gzip where it is accepted": (called("gzip", packed=True), "chat.compressed"),
    "an ideal stream": (IDEAL, "chat.capped"),
    "a wait of seconds": (refuses(429, ("Retry-After", "7")), "chat.nonstream"),
}


def failing(script: Script, scenario: str) -> dict[str, str]:
    with Server(script) as server:
        words = ["probe", server.base_url, "-m", "gpt-4o-mini", "--scenario", scenario, "--format", "json"]
        result = CliRunner().invoke(main, words, env={"OPENAI_API_KEY": "good"})
    found = [FINDING.validate_json(line) for line in result.stdout.splitlines()[:-1]]
    return {one.check: one.message for one in found if one.outcome is Outcome.FAIL}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found(name: str) -> None:
    script, scenario, check, said = FOUND[name]
    assert said in failing(script, scenario).get(check, "")


@pytest.mark.parametrize("name", SILENT)
def test_what_is_legal_is_silent(name: str) -> None:
    below = {"http.as-it-is-made", "http.encoding", "http.encoding-accepted", "http.framing", "http.retry-after-form"}
    assert failing(*SILENT[name]).keys() & below == set()
