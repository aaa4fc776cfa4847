"""What an answer is whose address was not kept: chat, or another dialect, by how it begins."""

import re

_BEGINNING = 4096
_CHAT = re.compile(rb'"(?:chat\.completion|choices)')
_OTHERS = (
    (re.compile(rb'"type" ?: ?"(?:message|message_start|content_block_\w+|ping)"'), "Anthropic Messages"),
    (re.compile(rb'"type" ?: ?"response\.|"object" ?: ?"response"'), "Responses"),
    (re.compile(rb'"object" ?: ?"text_completion"'), "legacy Completions"),
    (re.compile(rb'"object" ?: ?"embedding"|"embedding" ?: ?\['), "embeddings"),
    (re.compile(rb'"object" ?: ?"model"'), "lists of models"),
    (re.compile(rb'"candidates" ?: ?\['), "Gemini generateContent"),
)


def dialect_of_answer(content: bytes) -> str | None:
    """Return what an answer is called, in the plural, that is no chat completion; None where it is one, or may be."""
    begins = content[:_BEGINNING]
    legacy = b'"text_completion"' in begins
    if _CHAT.search(begins) and not legacy:
        return None
    return next((name for pattern, name in _OTHERS if pattern.search(begins)), None)
