"""What an exchange is that is of no dialect that is judged, by its URL, or by its answer where that is unknown: to count it by name."""

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
"""What the exchanges of the dialects that are judged are called."""

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
"""A segment of the path, and what the request is called that has it; the first one here that is found holds."""

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
"""What stands after the colon at the end of a path, in Google's interfaces."""

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
"""What stands near the beginning of an answer that is not judged."""


def is_judged(url: Any) -> bool:
    """Tell whether a URL is of a dialect that is judged; where none was recorded the answer tells, which is read for it."""
    text = python_text(url)
    return is_chat(url) or is_messages(text) or is_completions(text)


def is_models(url: Any) -> bool:
    """Tell whether a URL is one at which OpenAI's models are listed, or one of them is told of."""
    return _MODELS.search(_path(url)) is not None


def is_chat(url: Any) -> bool:
    """Tell whether a URL is that of chat completions; where none was recorded it is taken for one."""
    return not url or "chat/completions" in _path(url)


def dialect_of(url: Any) -> str:
    """Return what a request to ``url``, which is of no dialect that is judged, is called, in the plural."""
    segments = [segment for segment in _path(url).split("/") if segment]
    method = segments[-1].rpartition(":")[2] if segments else ""
    named = (name for segment, name in _BY_SEGMENT.items() if segment in segments)
    return _BY_METHOD.get(method) or next(named, None) or _BY_END.get(tuple(segments[-2:]), OTHER)


def dialect_of_answer(content: bytes, *, known: bool = False) -> str | None:
    """
    Return what an answer is by its first bytes, where its URL does not tell; None where it may be one that is judged.

    Where the URL is ``known`` it must be one: what is no answer of a model is then of another kind.
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
