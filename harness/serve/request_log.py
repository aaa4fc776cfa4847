"""Logs the outcome of each request, for a test to assert on."""

from collections import deque
from typing import Any

_KEPT = 10_000


class RequestLog:
    """
    The latest requests, the oldest first; without texts of requests and responses.

    ``plan`` has the planned faults.
    """

    def __init__(self) -> None:
        self.plan: dict[str, Any] = {}
        self._lines: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def add(self, line: dict[str, Any]) -> None:
        """Add the outcome of a request; more fields may be added to the entry later."""
        self._lines.append(line)

    def clear(self) -> None:
        """Remove all of them."""
        self._lines.clear()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """A JSON object each: method, path, status, ms, and the response in words; fault, socket and rule of a chat."""
        return [dict(line) for line in self._lines]
