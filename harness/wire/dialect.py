"""
Which dialect a request is spoken in, told by the path of its URL; by the answer where that was not kept.

A URL of another kind is taken for chat: what is asked of chat completions elsewhere has paths of its own, and who reads
recordings has left out before what is none (``recording/dialects``).
"""

import re
from typing import Literal, get_args
from urllib.parse import urlsplit

DialectName = Literal["chat", "messages"]
"""The dialects that are judged: OpenAI chat completions, and Anthropic Messages."""

DIALECTS: tuple[DialectName, ...] = get_args(DialectName)

COUNT_TOKENS = "count_tokens"
"""The last segment of the path at which Messages are counted and not answered."""

_MESSAGES = re.compile(r"(?:(?:/v1|/anthropic(?:/.*)?)/messages(?:/count_tokens)?/?|/publishers/anthropic/models/.*:(?:stream)?rawPredict)$", re.IGNORECASE)  # fmt: skip
_ANSWER = re.compile(rb'"type"\s*:\s*"(?:message|message_start|content_block_\w+|ping)"')
_CHAT = re.compile(rb'"(?:chat\.completion|choices)')
_HEAD = 4096
_OF_MESSAGES = re.compile(r"messages\.|audit\.messages|published\.(?:undated|[\d-]+)-messages-")


def dialect_of(url: str, content: bytes) -> DialectName:
    """Return the dialect of a request to ``url``; where that is empty, that of what it was answered with."""
    if url:
        return "messages" if is_messages(url) else "chat"
    return "messages" if answers_messages(content) else "chat"


def is_messages(url: str) -> bool:
    """Tell whether a URL is one at which Messages are asked for, or their tokens counted."""
    return _MESSAGES.search(path_of(url)) is not None and not _is_thread(path_of(url))


def answers_messages(content: bytes) -> bool:
    """Tell by its first bytes whether an answer is one of Messages."""
    head = content[:_HEAD]
    return _ANSWER.search(head) is not None and _CHAT.search(head) is None


def dialect_of_scenario(name: str) -> DialectName:
    """Return the dialect of a recording by the id of its scenario: of the matrix, published, or audited."""
    return "messages" if _OF_MESSAGES.match(name) else "chat"


def path_of(url: str) -> str:
    """Return the path of a URL; empty where it has none that can be read."""
    try:
        return urlsplit(url).path
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return ""


def _is_thread(path: str) -> bool:
    return "/threads/" in path
