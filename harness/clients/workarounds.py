"""Finds what to write instead, by the form of the event that client code fails on, and by the outcome."""

from collections.abc import Callable
from typing import Any

from harness.results import ClientOutcome
from harness.wire.shapes import Json, as_object, objects_in


def _choice(chunk: Json) -> Json:
    choices = chunk.get("choices")
    return as_object(choices[0]) if isinstance(choices, list) and choices else {}


def _delta(chunk: Json) -> Json:
    return as_object(_choice(chunk).get("delta"))


def _calls(chunk: Json) -> list[Json]:
    return objects_in(_delta(chunk).get("tool_calls"))


_BY_EVENT: tuple[tuple[Callable[[Json], bool], str], ...] = (
    (lambda x: bool(x.get("error")), "An error can come inside a stream: raise if a chunk has a true `error`."),
    (lambda x: not x.get("choices"), "A chunk may have no choice, for example the one with the usage: `for choice in chunk.choices or []`."),
    (lambda x: _choice(x).get("delta", ...) is None, "delta may be null: then go on to the next chunk."),
    (lambda x: any(call.get("index") is None for call in _calls(x)), "index may be missing: a fragment with an id starts a call, one without continues the last."),
    (lambda x: bool(_calls(x)), "Set name and id if they are true and not yet set; append only the arguments."),
    (lambda x: _choice(x).get("finish_reason") == "", 'finish_reason may be "" before the end: only a true value ends the answer.'),
    (lambda x: "reasoning_content" not in _delta(x) and "content" in _delta(x), 'The reasoning field may be missing: `getattr(delta, "reasoning_content", None)`, and always read content as well.'),
    (lambda x: _delta(x).get("content", ...) is None, 'content may be null: `delta.content or ""`.'),
    (lambda x: "content" not in _delta(x), "content may be missing, often at the end: read it with a default."),
)  # fmt: skip

_BY_FATE = {
    ClientOutcome.SILENT: "An answer without a finish_reason is truncated, and one with an error is not an answer: raise in both cases.",
    ClientOutcome.MOJIBAKE: "Decode the bytes as UTF-8 yourself, one complete line at a time: the charset may be missing.",
    ClientOutcome.TAGS: "Remove reasoning in <think> tags from the text, or ask the provider for a separate field.",
    ClientOutcome.LOST_REASONING: "Read `reasoning_content`, or `reasoning` if it is absent.",
    ClientOutcome.LOST_USAGE: "Read the usage of every chunk, including those without a choice, and keep the last.",
    ClientOutcome.LOST_FINISH: "Keep the last finish_reason that is true.",
    ClientOutcome.HANG: "Set a timeout for every request, and end at [DONE] instead of waiting for the connection to close.",
}

_NO_OBJECT = "Skip only comments, blank lines and [DONE]; any other chunk that is not a JSON object is an error."


def remedy(fate: ClientOutcome, chunk: Any) -> str | None:
    """Return what to write instead, for an outcome and the chunk that it began with; None if unknown."""
    if fate in _BY_FATE:
        return _BY_FATE[fate]
    if not isinstance(chunk, dict):
        return _NO_OBJECT
    return next((said for applies, said in _BY_EVENT if applies(chunk)), None)
