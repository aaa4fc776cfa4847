"""What to write instead: by the form of the event that client code does not survive, and by what becomes of it."""

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
    (lambda x: bool(x.get("error")), "An error can come inside a stream: raise where a chunk has a true `error`."),
    (lambda x: not x.get("choices"), "A chunk may have no choice, the one with the usage for example: `for choice in chunk.choices or []`."),
    (lambda x: _choice(x).get("delta", ...) is None, "delta may be null: go on to the next chunk where it is."),
    (lambda x: any(call.get("index") is None for call in _calls(x)), "index may be missing: a piece with an id begins a call, one without goes on with the last."),
    (lambda x: bool(_calls(x)), "Take name and id where they are true and not yet there, add up the arguments only."),
    (lambda x: _choice(x).get("finish_reason") == "", 'finish_reason may be "" before the end: only a true one ends the answer.'),
    (lambda x: "reasoning_content" not in _delta(x) and "content" in _delta(x), 'The reasoning key may be missing: `getattr(delta, "reasoning_content", None)`, and look at content whatever it holds.'),
    (lambda x: _delta(x).get("content", ...) is None, 'content may be null: `delta.content or ""`.'),
    (lambda x: "content" not in _delta(x), "content may be missing, at the end it often is: read it with a default."),
)  # fmt: skip

_BY_FATE = {
    ClientOutcome.SILENT: "An answer without a finish_reason was cut, and one with an error is none: raise in both cases.",
    ClientOutcome.MOJIBAKE: "Decode the bytes as UTF-8 yourself, and not before a line is whole: the charset may be missing.",
    ClientOutcome.TAGS: "Cut a thought in <think> tags out of the text, or ask the provider for a field of its own.",
    ClientOutcome.LOST_REASONING: "Read `reasoning_content`, and `reasoning` where it is not there.",
    ClientOutcome.LOST_USAGE: "Read the usage of every chunk, those without a choice too, and keep the last.",
    ClientOutcome.LOST_FINISH: "Keep the last finish_reason that is true.",
    ClientOutcome.HANG: "Give every request a time-out, and end at [DONE] rather than when the connection does.",
}

_NO_OBJECT = (
    "Skip what is no JSON object only where it is a comment, blank or [DONE]; a chunk that can't be read is an error."
)


def remedy(fate: ClientOutcome, chunk: Any) -> str | None:
    """Return what to write instead, for a fate and the chunk that it began with; None where nothing is known."""
    if fate in _BY_FATE:
        return _BY_FATE[fate]
    if not isinstance(chunk, dict):
        return _NO_OBJECT
    return next((said for applies, said in _BY_EVENT if applies(chunk)), None)
