"""Finds secrets in a cassette: in a line, or in the texts its bodies add up to."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.recording.redact import Secrets
from harness.recording.scrub import scrub
from harness.wire.exchange import Exchange

_FIX = "record it again, or put another text of the same length in its place"


def leaks_in(path: Path, content: bytes, exchanges: Iterable[Exchange], secrets: Secrets) -> Iterator[str]:
    """Yield a line for each place in a cassette with a secret, or what is shaped like one; never the secret itself."""
    lines = [
        number for number, line in enumerate(content.splitlines(), 1) if line.strip() and secrets.redact(line) != line
    ]
    yield from (
        f"{path}:{number}: this line contains an API key, or something that looks like one; {_FIX}" for number in lines
    )
    if lines:
        return
    for number, exchange in enumerate(exchanges):
        clean = scrub(exchange, secrets)
        told = {
            "request": clean.request.body != exchange.request.body or clean.request.url != exchange.request.url,
            "response": clean.response.body != exchange.response.body,
        }
        for part in (name for name, changed in told.items() if changed):
            yield f"{path}: interactions/{number}/{part}: its pieces add up to a key, or to what is shaped like one; {_FIX}"
