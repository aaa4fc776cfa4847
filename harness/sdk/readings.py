"""Defines a reading of the OpenAI SDK, and its depth."""

from dataclasses import dataclass
from enum import StrEnum

from harness.wire.chat.completion import Message


class Depth(StrEnum):
    """How much of a stream the SDK is given."""

    SHAPE = "shape"
    """Representative events, with constants for texts."""
    FULL = "full"
    """Every byte, in the original reads."""


@dataclass(frozen=True)
class SdkResult:
    """
    The result of one client for an exchange.

    ``chunks`` counts the chunk objects it yielded, 1 for a body; ``messages`` is what they add up to.  ``error``
    is the class of the exception that ended it, ``pointer`` the place in the chunk that it names, and ``shows``
    which of ``message``, ``code``, ``param`` and ``type`` it carries, or ``text`` where it has the body as text.
    """

    chunks: int
    messages: tuple[Message, ...]
    error: str | None = None
    message: str = ""
    is_openai_error: bool = False
    pointer: str = ""
    shows: tuple[str, ...] = ()


@dataclass
class _Settings:
    depth: Depth = Depth.SHAPE


settings = _Settings()


def set_depth(depth: Depth) -> None:
    """Set the default depth of readings."""
    settings.depth = depth
