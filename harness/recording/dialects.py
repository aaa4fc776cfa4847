"""What a request is for that is no chat completion, by the path of its URL, so that it can be counted by its name."""

from typing import Any

from harness.wire.dumping import python_text

OTHER = "other requests"

_BY_SEGMENT = {
    "assistants": "Assistants",
    "threads": "Assistants",
    "realtime": "Realtime",
    "responses": "Responses",
    "messages": "Anthropic Messages",
    "completions": "legacy Completions",
    "complete": "Anthropic's legacy Complete",
    "embeddings": "embeddings",
    "models": "models",
    "moderations": "moderations",
    "images": "images",
    "audio": "audio",
    "videos": "videos",
    "rerank": "rerank",
    "files": "files",
    "batches": "batches",
    "converse": "Bedrock Converse",
    "converse-stream": "Bedrock Converse",
    "invoke": "Bedrock Invoke",
    "invoke-with-response-stream": "Bedrock Invoke",
    "generate": "Ollama's own interface",
    "chat": "Ollama's or another own chat",
}
"""A segment of the path, and what the request is called that has it; the first one here that is found holds."""

_BY_METHOD = {
    "generateContent": "Gemini generateContent",
    "streamGenerateContent": "Gemini generateContent",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "rawPredict": "Vertex AI Predict",
    "streamRawPredict": "Vertex AI Predict",
}
"""What stands after the colon at the end of a path, in Google's interfaces."""


def is_chat(url: Any) -> bool:
    """Tell whether a URL is that of chat completions; where none was recorded it is taken for one."""
    return not url or "chat/completions" in _path(url)


def dialect_of(url: Any) -> str:
    """Return what a request to ``url``, which is not that of chat completions, is called, in the plural."""
    segments = [segment for segment in _path(url).split("/") if segment]
    method = segments[-1].rpartition(":")[2] if segments else ""
    named = (name for segment, name in _BY_SEGMENT.items() if segment in segments)
    return _BY_METHOD.get(method) or next(named, OTHER)


def _path(url: Any) -> str:
    path: str = python_text(url).partition("?")[0]
    return path
