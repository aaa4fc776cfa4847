"""Names the kind of an exchange in no supported dialect, by its URL, or else by its response, for counting."""

import re
from typing import Any

from harness.wire.dialect import DialectName, answers_completions, answers_messages, is_completions, is_messages
from harness.wire.dumping import python_text

OTHER = "other requests"
MODELS = "models"
STORED = "stored chat completions"

PLURALS: dict[DialectName, str] = {
    "chat": "chat completions",
    "messages": "Anthropic Messages",
    "completions": "legacy Completions",
}
"""Names of the exchanges in supported dialects."""

_BY_SEGMENT = {
    "assistants": "Assistants",
    "threads": "Assistants",
    "realtime": "Realtime",
    "responses": "Responses",
    "batches": "batches",
    "messages": "Anthropic Messages",
    "completions": "legacy Completions",
    "complete": "Anthropic's legacy Complete",
    "embeddings": "embeddings",
    "models": MODELS,
    "moderations": "moderations",
    "images": "images",
    "audio": "audio",
    "videos": "videos",
    "rerank": "rerank",
    "files": "files",
    "converse": "Bedrock Converse",
    "converse-stream": "Bedrock Converse",
    "invoke": "Bedrock Invoke",
    "invoke-with-response-stream": "Bedrock Invoke",
    "generate": "Ollama generate",
}
"""Path segments, and the name of the requests that have each; the first one found here counts."""

_BY_END: dict[tuple[str, ...], str] = {
    ("api", "chat"): "Ollama chat",
    ("v1", "chat"): "Cohere chat",
    ("v2", "chat"): "Cohere chat",
}
"""The end of a path."""

_BY_METHOD = {
    "generateContent": "Gemini generateContent",
    "streamGenerateContent": "Gemini generateContent",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "rawPredict": "Vertex AI Predict",
    "streamRawPredict": "Vertex AI Predict",
}
"""The method after the colon at the end of a path, in Google's APIs."""

_HEAD = 4096
_MODELS = re.compile(r"/(?:v\d+|openai)/models(?:/[^:]+)?/?$")
_CHAT = re.compile(rb'"(?:chat\.completion|choices)')
_LEGACY = b'"text_completion"'
_BY_ANSWER = (
    ("Responses", re.compile(rb'"type"\s*:\s*"response\.|"object"\s*:\s*"response"')),
    ("legacy Completions", re.compile(rb'"object"\s*:\s*"text_completion"')),
    ("embeddings", re.compile(rb'"object"\s*:\s*"embedding"|"embedding"\s*:\s*\[')),
    (MODELS, re.compile(rb'"object"\s*:\s*"model"')),
    ("Gemini generateContent", re.compile(rb'"candidates"\s*:\s*\[')),
)
"""Strings near the beginning of a response that is not supported."""


def is_judged(url: Any) -> bool:
    """Return whether a URL is of a supported dialect; if none was recorded, the response decides."""
    text = python_text(url)
    return is_chat(url) or is_messages(text) or is_completions(text)


def is_models(url: Any) -> bool:
    """Return whether a URL lists OpenAI's models, or describes one."""
    return _MODELS.search(_path(url)) is not None


def is_chat(url: Any) -> bool:
    """Return whether a URL is that of chat completions; a missing one counts as one."""
    return not url or "chat/completions" in _path(url)


def dialect_of(url: Any) -> str:
    """Return the plural name of a request to ``url``, which is in no supported dialect."""
    segments = [segment for segment in _path(url).split("/") if segment]
    method = segments[-1].rpartition(":")[2] if segments else ""
    named = (name for segment, name in _BY_SEGMENT.items() if segment in segments)
    return _BY_METHOD.get(method) or next(named, None) or _BY_END.get(tuple(segments[-2:]), OTHER)


def dialect_of_answer(content: bytes, *, known: bool = False) -> str | None:
    """
    Return the kind of a response by its first bytes, if its URL is inconclusive; None if it may be supported.

    If the URL is ``known`` it must be: a response that is not a model's is then of another kind.
    """
    head = content[:_HEAD]
    if answers_messages(content) or answers_completions(content):
        return None
    if _CHAT.search(head) and _LEGACY not in head:
        return None
    return next((name for name, pattern in _BY_ANSWER if pattern.search(head)), OTHER if known else None)


def _path(url: Any) -> str:
    path: str = python_text(url).partition("?")[0]
    return path
