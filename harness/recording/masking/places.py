"""
Classifies the strings of requests and responses: text by people and models, ids, and protocol words.

An unknown string counts as written by somebody.
"""

from enum import Enum
from functools import lru_cache

from harness.recording.masking.json_strings import Container, Path


class Place(Enum):
    """The role of a string."""

    KEPT = "a word of the protocol"
    TEXT = "what somebody wrote"
    PIECE = "a piece of what a model says, which goes on in the next chunk"
    ID = "an id"
    ERROR = "what a server says of an error"
    LIKELY = "a token, beside its probability"
    PATTERN = "a regular expression"
    REFERENCE = "a way to a part of a schema"


_PROTOCOL = frozenset(
    {
        "$schema", "block_reason", "code", "contentEncoding", "contentMediaType", "contentType", "detail", "effort",
        "finish_reason", "finishReason", "format", "index", "internalModelId", "level", "matched_stop", "mime_type",
        "media_type", "mode", "model", "native_finish_reason", "object", "param", "provider", "provider_name",
        "reasoning_effort", "reasoning_format", "role", "service_tier", "serviceTier", "severity", "stop_reason",
        "strategy", "system_fingerprint", "thinking_level", "tool_choice", "ttl", "type", "verbosity", "voice",
        "search_context_size", "channel", "recipient", "quantization",
    }
)  # fmt: skip
_PROTOCOL_WITHIN = frozenset(
    {
        "usage", "content_filter_result", "content_filter_results", "prompt_filter_results", "moderation",
        "content_filters", "modalities", "quantizations", "transforms", "usage_breakdown", "include",
    }
)  # fmt: skip
_ROUTING = frozenset({"models", "provider", "plugins"})
"""Routing parameters of a request."""
_PIECES = frozenset(
    {
        "arguments", "content", "name", "output_text", "partial_json", "reasoning", "reasoning_content",
        "reasoning_text", "refusal", "summary", "text", "thinking", "thought", "transcript",
    }
)  # fmt: skip
_ERRORS = frozenset({"error", "errors", "base_resp", "ResponseMetadata", "innererror"})
_ERROR_TEXTS = frozenset(
    {"message", "msg", "detail", "error", "error_msg", "error_message", "status_msg", "description"}
)
_WRITTEN_IN_ERRORS = frozenset({"failed_generation"})
_SCHEMAS = frozenset({"parameters", "schema", "input_schema"})
_MAPS = frozenset({"properties", "$defs", "definitions", "dependentRequired", "dependentSchemas"})
_WRITTEN_VALUES = frozenset(
    {"arguments", "parsed", "enum", "const", "default", "examples", "example", "metadata", "input"}
)
_TOKEN_NUMBERS = frozenset({"token_ids", "prompt_token_ids", "output_ids", "input_ids", "tokens"})
_WRITTEN_KEYS = frozenset({"arguments", "parsed", "input"})
_SAID_IN = frozenset({"choices", "messages", "content", "content_block"})
"""Parents under which such keys hold content: in chat, in a request, and in a body or an event of Messages."""


@lru_cache(4096)
def place_of_string(path: Path, *, asked: bool, refused: bool) -> Place:
    """Return the role of the string at ``path`` in a request (``asked``) or a response (``refused`` if an error)."""
    names = [name for name in path if name != "*"]
    last = names[-1] if names else ""
    if "logprobs" in names:
        return Place.LIKELY if last in {"token", "tokens"} else Place.KEPT if last == "logprob" else Place.TEXT
    if not asked and (found := _in_error(names, last, refused=refused)):
        return found
    if not _PROTOCOL_WITHIN.isdisjoint(names) or (asked and names[:1] and names[0] in _ROUTING):
        return Place.KEPT
    if asked and not _SCHEMAS.isdisjoint(names):
        return _in_schema(names, last)
    return _by_name(names, last, asked=asked)


def _by_name(names: list[str], last: str, *, asked: bool) -> Place:
    if not _WRITTEN_VALUES.isdisjoint(names[:-1]):
        return Place.TEXT
    if last in _PROTOCOL:
        return Place.KEPT
    if last == "id" or last.endswith(("_id", "Id", "-id")):
        return Place.ID
    if asked or last not in _PIECES:
        return Place.TEXT
    chunk = names[:1] == ["choices"] and ("delta" in names or last == "text")
    return Place.PIECE if chunk or names == ["delta", last] else Place.TEXT  # the latter is an event of Messages


def _in_error(names: list[str], last: str, *, refused: bool) -> Place | None:
    if not refused and _ERRORS.isdisjoint(names):
        return None
    if last in _WRITTEN_IN_ERRORS:
        return Place.TEXT
    if last == "id" or last.endswith(("_id", "Id", "-id")):
        return Place.ID
    if last in _ERROR_TEXTS or last not in _PROTOCOL:
        return Place.ERROR
    return Place.KEPT


def _in_schema(names: list[str], last: str) -> Place:
    within = set(names[names.index(next(name for name in names if name in _SCHEMAS)) :])
    if last == "$ref":
        return Place.REFERENCE
    if last == "pattern":
        return Place.PATTERN
    return Place.KEPT if last in _PROTOCOL and within.isdisjoint(_WRITTEN_VALUES) else Place.TEXT


@lru_cache(4096)
def is_written_number(path: Path, *, asked: bool) -> bool:
    """Return whether the number at ``path`` was written by people or models, or encodes what they wrote."""
    names = [name for name in path if name != "*"]
    if not names or "usage" in names:
        return False
    if asked and not _SCHEMAS.isdisjoint(names):
        return not _WRITTEN_VALUES.isdisjoint(names)
    return not _WRITTEN_VALUES.isdisjoint(names) or names[-1] in _TOKEN_NUMBERS or names[-1].endswith("_id")


def is_written_key(within: Container, *, asked: bool) -> bool:
    """Return whether the keys of an object are user-chosen."""
    path = within.path
    if not _WRITTEN_KEYS.isdisjoint(path) and not _SAID_IN.isdisjoint(path):
        return True
    if path[-3:] == ("logprobs", "top_logprobs", "*"):
        return True  # the older form, with tokens as keys; in the newer one they are below a channel, such as content
    return asked and not _SCHEMAS.isdisjoint(path) and _is_map(within)


def _is_map(within: Container | None) -> bool:
    """Return whether an object of a schema maps names: a property may itself be called ``properties``."""
    if within is None or not within.path or within.path[-1] not in _MAPS:
        return False
    return not _is_map(within.above)
