"""
Which dialect a request is spoken in, told by the path of its URL; by the answer where that was not kept.

A URL of another kind is taken for chat: what is sent of chat completions elsewhere has paths of its own, and who reads
recordings has left out before what is none (``recording/dialects``).
"""

import re
from typing import Literal, get_args
from urllib.parse import urlsplit

DialectName = Literal["chat", "messages", "completions"]
"""The dialects that are judged: OpenAI chat completions, Anthropic Messages, and OpenAI's legacy completions."""

DIALECTS: tuple[DialectName, ...] = get_args(DialectName)

WITH_CHOICES: tuple[DialectName, ...] = ("chat", "completions")
"""The dialects whose answers hold choices, an end of each and usage, so that one rule speaks of these in both."""

COUNT_TOKENS = "count_tokens"
"""The last segment of the path at which Messages are counted and not answered."""

_MESSAGES = re.compile(r"(?:(?:/v1|/anthropic(?:/.*)?)/messages(?:/count_tokens)?/?|/publishers/anthropic/models/.*:(?:stream)?rawPredict)$", re.IGNORECASE)  # fmt: skip
_COMPLETIONS = re.compile(r"(?<!/chat)/completions/?$", re.IGNORECASE)
_ANSWER = re.compile(rb'"type"\s*:\s*"(?:message|message_start|content_block_\w+|ping)"')
_CHAT = re.compile(rb'"(?:chat\.completion|choices)')
_TEXT_COMPLETION = re.compile(rb'"object"\s*:\s*"text_completion"')
_TEXT, _MESSAGE = re.compile(rb'"text"\s*:'), re.compile(rb'"(?:delta|message)"\s*:')
_HEAD = 4096
_OF_SCENARIO = re.compile(r"(?:audit\.|published\.(?:undated|[\d-]+)-)?(messages|completions)[.-]")


def dialect_of(url: str, content: bytes) -> DialectName:
    """Return the dialect of a request to ``url``; where that is empty, that of what it was answered with."""
    if url:
        return "messages" if is_messages(url) else "completions" if is_completions(url) else "chat"
    return "messages" if answers_messages(content) else "completions" if answers_completions(content) else "chat"


def is_messages(url: str) -> bool:
    """Tell whether a URL is one at which Messages are asked for, or their tokens counted."""
    return _MESSAGES.search(path_of(url)) is not None and not _is_thread(path_of(url))


def is_completions(url: str) -> bool:
    """Tell whether a URL is one at which legacy completions are asked for, such as /v1/completions or /beta/completions."""
    return _COMPLETIONS.search(path_of(url)) is not None


def answers_completions(content: bytes) -> bool:
    """Tell by its first bytes whether an answer is a legacy completion: some servers call their chunks of chat so too."""
    head = content[:_HEAD]
    return all(one.search(head) for one in (_TEXT_COMPLETION, _TEXT)) and _MESSAGE.search(head) is None


def answers_messages(content: bytes) -> bool:
    """Tell by its first bytes whether an answer is one of Messages."""
    head = content[:_HEAD]
    return _ANSWER.search(head) is not None and _CHAT.search(head) is None


def dialect_of_scenario(name: str) -> DialectName:
    """Return the dialect of a recording by the id of its scenario: of the matrix, published, or audited."""
    found = _OF_SCENARIO.match(name)
    return next((one for one in DIALECTS if found and one == found[1]), "chat")


def path_of(url: str) -> str:
    """Return the path of a URL; empty where it has none that can be read."""
    try:
        return urlsplit(url).path
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return ""


def _is_thread(path: str) -> bool:
    return "/threads/" in path
