"""
Determines the dialect of a request by the path of its URL, or by the response if the URL was not kept.

Any other URL counts as chat: gateways serve chat completions at paths of their own, and readers of recordings have
already left out what is neither (``recording/dialects``).
"""

import re
from functools import lru_cache
from typing import Literal, get_args
from urllib.parse import urlsplit

DialectName = Literal["chat", "messages", "completions"]
"""The dialects that are checked: OpenAI chat completions, Anthropic Messages, and OpenAI's legacy completions."""

DIALECTS: tuple[DialectName, ...] = get_args(DialectName)

WITH_CHOICES: tuple[DialectName, ...] = ("chat", "completions")
"""The dialects whose responses hold choices, finish reasons and usage, so that one rule covers these in both."""

RESPONSES = "/responses"
"""The end of the path of OpenAI's Responses, which are served but not judged."""

COUNT_TOKENS = "count_tokens"
"""The last path segment of the endpoint that counts the tokens of Messages without answering them."""

_MESSAGES = re.compile(r"(?:(?:/v1|/anthropic(?:/.*)?)/messages(?:/count_tokens)?/?|/publishers/anthropic/models/.*:(?:stream)?rawPredict)$", re.IGNORECASE)  # fmt: skip
_COMPLETIONS = re.compile(r"(?<!/chat)/completions/?$", re.IGNORECASE)
_ANSWER = re.compile(rb'"type"\s*:\s*"(?:message|message_start|content_block_\w+|ping)"')
_CHAT = re.compile(rb'"(?:chat\.completion|choices)')
_TEXT_COMPLETION = re.compile(rb'"object"\s*:\s*"text_completion"')
_TEXT, _MESSAGE = re.compile(rb'"text"\s*:'), re.compile(rb'"(?:delta|message)"\s*:')
_HEAD = 4096
_OF_SCENARIO = re.compile(r"(?:audit\.|published\.(?:undated|[\d-]+)-)?(messages|completions)[.-]")


def dialect_of(url: str, content: bytes) -> DialectName:
    """Return the dialect of a request to ``url``; if that is empty, that of its response."""
    if url:
        return _dialect_at(url)
    return "messages" if answers_messages(content) else "completions" if answers_completions(content) else "chat"


@lru_cache(1024)
def _dialect_at(url: str) -> DialectName:
    return "messages" if is_messages(url) else "completions" if is_completions(url) else "chat"


@lru_cache(1024)
def is_messages(url: str) -> bool:
    """Return whether a URL is the endpoint of Messages, or of their token counts."""
    return _MESSAGES.search(path_of(url)) is not None and not _is_thread(path_of(url))


@lru_cache(1024)
def is_completions(url: str) -> bool:
    """Return whether a URL is an endpoint of legacy completions, such as /v1/completions or /beta/completions."""
    return _COMPLETIONS.search(path_of(url)) is not None


def answers_completions(content: bytes) -> bool:
    """Return whether the first bytes are of a legacy completion; some servers name their chat chunks so too."""
    head = content[:_HEAD]
    return all(one.search(head) for one in (_TEXT_COMPLETION, _TEXT)) and _MESSAGE.search(head) is None


def answers_messages(content: bytes) -> bool:
    """Return whether the first bytes are of a Messages response."""
    head = content[:_HEAD]
    return _ANSWER.search(head) is not None and _CHAT.search(head) is None


@lru_cache(4096)  # each finding is asked for its own
def dialect_of_scenario(name: str) -> DialectName:
    """Return the dialect of a recording by its scenario id, be it of the matrix, published, or audited."""
    found = _OF_SCENARIO.match(name)
    return next((one for one in DIALECTS if found and one == found[1]), "chat")


def path_of(url: str) -> str:
    """Return the path of a URL; empty if the URL can't be parsed."""
    try:
        return urlsplit(url).path
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return ""


def _is_thread(path: str) -> bool:
    return "/threads/" in path
