"""What each request got: for a test to assert against."""

from collections import deque
from typing import Any

_KEPT = 10_000


class RequestLog:
    """The latest requests, the oldest first; of what was asked and answered it holds no text."""

    def __init__(self) -> None:
        self._lines: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def add(self, **line: Any) -> None:
        """Add what a request got."""
        self._lines.append(line)

    def clear(self) -> None:
        """Forget all of them."""
        self._lines.clear()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """A JSON object each: method, path, status, ms, and in words which answer it was."""
        return list(self._lines)
