"""What a reading of the OpenAI SDK holds, and how deep it goes."""

from dataclasses import dataclass
from enum import StrEnum

from harness.wire.chat.completion import Message


class Depth(StrEnum):
    """How much of a stream the SDK is given."""

    SHAPE = "shape"
    """The events that stand for all others, with constants for texts."""
    FULL = "full"
    """Every byte, in the reads it came in."""


@dataclass(frozen=True)
class SdkResult:
    """
    What one client made of an exchange.

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
    """Set the depth of readings that name none."""
    settings.depth = depth
