"""Checks a masked recording: it is judged like the original, and contains none of its texts."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.judging.alike import Difference, differences
from harness.recording.masking.words import KEPT
from harness.recording.scrub import scrub
from harness.wire.altered import is_placeholder
from harness.wire.exchange import Exchange

RUN = 12
_CONTENT = 4  # letters and digits: a run of fewer is layout, which stays
_PROTOCOL = {"$schema", "finish_reason", "format", "model", "object", "role", "type"}
_KEPT = re.compile(KEPT)
_ESCAPE = re.compile(r'\\([\\"/])')
_DEEP = 4
_NO_LETTER = re.compile(r"\\u(?:00[01][0-9a-f]|d[89a-f][0-9a-f]{2})", re.IGNORECASE)
_PREFIX = re.compile(r"^[A-Za-z]+[-_.:]")
_LETTER = re.compile(r"[^\W_]")

QUOTING = {
    "messages.stop-kept", "messages.stop-sequence", "content.loop", "content.unwrapped", "content.written-once", "content.no-special-tokens", "content.no-think-tags", "logprobs.top-distinct", "tool_calls.arguments-clean", "tool_calls.legacy",
    "content.no-mojibake", "logprobs.bytes", "logprobs.joins", "logprobs.top-own", "reasoning.legible",
    "tool_calls.arguments-alike", "tool_calls.name-once",
    "chunk.id-constant", "models.distinct", "sse.known-lines", "error.own-words", "http.no-error", "identity.call-id-unique", "identity.id-form", "identity.id-unique", "multi_turn.accepted", "params.stop",
    "parity.ends", "parity.tool-calls", "sse.json", "sse.no-error", "structured.json", "structured.schema", "tool_calls.arguments-json", "tool_calls.id-form",
    "tool_calls.name-form", "tool_choice.kind", "tool_choice.named", "tool_choice.offered", "tool_choice.schema",
}  # fmt: skip
"""Checks whose message quotes an id, a tool name or text, which masking changes."""

OTHER = {
    "http.encoding": "the message has zlib's words for damaged bytes, which are packed anew",
    "tool_choice.offered": "a name that is another in capitals alone becomes another word",
}
"""Checks whose finding may change, and why."""

LOST = {
    "content.unwrapped": "what a gateway writes as the model's text is replaced as text",
    "content.spaces": "made-up words are no words that can be recognised as whole",
}
"""Checks that may find nothing more, and why, as ``docs/masking.md`` says."""


def unlike(originals: Sequence[Exchange], made: Sequence[Exchange]) -> list[Difference]:
    """Return the findings that differ in a way that masking does not explain."""
    return [
        one
        for one in differences(originals, [scrub(exchange) for exchange in made])
        if not (one.only_quoted and one.check in QUOTING)
        and not (one.check in OTHER and one.before[0] == one.after[0])
        and not (one.check in LOST and one.after[0] == "pass")
    ]


def left_of(original: Exchange, made: Exchange) -> set[str]:
    """Return the runs of 12 characters of the texts of ``original`` that occur in those of ``made``."""
    there = "\n".join(map(_read, written_in(made)))
    runs = {there[at : at + RUN] for at in range(len(there) - RUN + 1)}
    texts = {_KEPT.sub(lambda found: "\0" * len(found[0]), _read(text)) for text in written_in(original)}
    return {run for text in texts for at in range(len(text) - RUN + 1)
            if (run := text[at : at + RUN]) in runs and len(_LETTER.findall(run)) >= _CONTENT}  # fmt: skip


def _read(text: str) -> str:
    """Return the decoded texts of JSON in a text, and of JSON in that."""
    text = _NO_LETTER.sub(lambda found: "\0" * len(found[0]), text)
    for _ in range(_DEEP):
        text = _ESCAPE.sub(r"\1", text).replace("\\n", "\n") if "\\" in text else text
    return text


def written_in(exchange: Exchange) -> Iterator[str]:
    """Yield what people and models wrote in an exchange."""
    asked = exchange.request.json or {}
    for key in (
        "messages",
        "tools",
        "functions",
        "response_format",
        "user",
        "metadata",
        "stop",
        "prompt_cache_key",
        "prediction",
    ):
        yield from _strings(asked.get(key))
    for choice in exchange.columns.choices.values():
        yield from (pieces.text for pieces in choice.channels.values())
    for message in exchange.completion.messages:
        yield from (call.arguments for call in message.tool_calls)
    # What an id begins with is its form.
    yield from (
        _PREFIX.sub("", value)
        for value in exchange.columns.values["id"]
        if isinstance(value, str) and not is_placeholder(value)
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and not is_placeholder(value):
        yield value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        if key not in _PROTOCOL:
            yield from _strings(one)
