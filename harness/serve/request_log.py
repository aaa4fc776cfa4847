"""What each request got: for a test to assert against."""

from collections import deque
from typing import Any

_KEPT = 10_000


class RequestLog:
    """
    The latest requests, the oldest first; of what was asked and answered it holds no text.

    ``plan`` has the faults that are planned.
    """

    def __init__(self) -> None:
        self.plan: dict[str, Any] = {}
        self._lines: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def add(self, line: dict[str, Any]) -> None:
        """Add what a request got; more may be put into the line later."""
        self._lines.append(line)

    def clear(self) -> None:
        """Forget all of them."""
        self._lines.clear()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """A JSON object each: method, path, status, ms, and in words which answer it was; fault, socket and rule of a chat."""
        return [dict(line) for line in self._lines]
