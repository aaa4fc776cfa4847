"""Checks whether a streaming or non-streaming response lacks a part that the other has."""

from collections.abc import Iterator
from dataclasses import replace

from harness.checks import sources
from harness.checks.chat.paired import both_answers, counts_alike, is_moved, pair_answered
from harness.checks.registry import rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.missing import Missing, missing
from harness.wire.siblings import Sibling, breaks_off, hangs, starts_within

_CHAT, _TOOLS, _REASONING = (recording(SCENARIOS[f"parity.{name}"])[1] for name in ("chat", "tools", "reasoning"))
_HELP, _LONG_HELP = " help?", " help you with the trains of today, of tomorrow and of the week?"
_LONG_CHAT = replace(
    replace_in_body(_CHAT, _HELP, _LONG_HELP),
    earlier=tuple(replace_in_body(one, _HELP, _LONG_HELP) for one in _CHAT.earlier),
)
_SHORT = replace(
    replace_in_body(replace_in_body(_CHAT, _HELP, " help"), '"completion_tokens":4,"total_tokens":13', '"completion_tokens":3,"total_tokens":12'),
    earlier=tuple(replace_in_body(one, _HELP, " helpers who arrive late?") for one in _CHAT.earlier),
)  # fmt: skip
"""Responses that differ by chance: so few characters may begin many a word."""
_TELLING = 20
"""Characters: shorter common parts of two responses may be a coincidence."""
_SHOWN = 60
_LIMITS = {"length", "content_filter"}
_HEAD_LOST = Advice(
    "The user reads an answer whose first words are missing; JSON and code without their beginning can't be parsed.",
    "Ask in the mode that gives all of it; see whether the first chunk, that of the role, brings text: take `delta.content` there too.",
)
_GAP = Advice(
    "The answer has a hole in it, and nothing shows where: the user reads something else, and a call runs with other values.",
    "Ask in the mode that gives all of it, most often without `stream=True`: the client cannot restore what is missing.",
)
_BEFORE_CALL = Advice(
    "The text that comes with the call is lost in one of the modes: the user sees nothing until the tool has run.",
    "Ask in the mode that gives both: the client cannot restore the text.",
)


@rule(
    "parity.ends", Level.SHOULD, "No piece of the answer is missing, streamed or not.",
    sources.REFERENCE, pair_answered,
    good=(_CHAT, _LONG_CHAT, _TOOLS, _REASONING, _SHORT),
    bad=(replace_in_body(_LONG_CHAT, ", of tomorrow and of the week?", ""), replace_in_body(replace_in_body(_LONG_CHAT, " of tomorrow and of the week?", ""), '"completion_tokens":4,"total_tokens":13', '"completion_tokens":3,"total_tokens":12'), replace_in_body(_LONG_CHAT, "你好! How can I", "can I"), replace_in_body(_LONG_CHAT, "the trains of today, of ", "")),
    depends_on=("chunk.present", "sse.no-error", "http.complete"),
    dialects=WITH_CHOICES,
)  # fmt: skip
def ends(exchange: Exchange) -> Iterator[Problem]:
    """
    The rest of the answer is lost, and finish_reason says that it is whole: nothing shows that it is not.

    Instead: Ask in the mode that gives all of it; look whether `usage.completion_tokens` is more than the text that came.
    """
    streamed, whole = both_answers(exchange)
    moved = is_moved(streamed, whole) or (streamed.channels ^ whole.channels) - {"content"}
    if moved:  # parity.channels reports it
        return
    for one, other, mode in ((streamed, whole, "streamed"), (whole, streamed, "in one body")):
        if one.finish_reason in _LIMITS:
            continue
        if one.shown == "" and other.shown and one.tools == other.tools != () and counts_alike(exchange):
            said = f"{mode}, the text beside the call is missing: {other.shown[:_SHOWN]}"
            yield Problem(said, ((exchange.columns.first, ""),), _BEFORE_CALL)
        for name, lost in _losses(exchange, one, other):
            advice = {"beginning": _HEAD_LOST, "middle": _GAP}.get(lost.where, _GAP if name == "arguments" else None)
            at = exchange.columns.last if lost.where == "end" else exchange.columns.first
            said = f"{mode}, the {lost.where} of the {name} is missing: {lost.piece[:_SHOWN]}"
            yield Problem(said, ((at, ""),), advice)


def _losses(exchange: Exchange, one: Sibling, other: Sibling) -> Iterator[tuple[str, Missing]]:
    """Yield the name of each content of one response that lacks a part the other has."""
    if one.shown is None or other.shown is None:
        lost = _of_long_text(exchange, one, other)
        if lost:
            yield "text", lost
    kept = [("text", one.shown, other.shown), ("reasoning", one.pondered, other.pondered)]
    if one.tools == other.tools:
        kept.append(("arguments", one.sent, other.sent))
    for name, mine, theirs in kept:
        lost = missing(mine, theirs) if mine and theirs else None
        if lost and lost.piece.strip() and mine and theirs and _is_certain(exchange, name, (mine, theirs), lost):
            yield name, lost


def _is_certain(exchange: Exchange, name: str, texts: tuple[str, str], lost: Missing) -> bool:
    """Return whether a part was lost, rather than the model saying more or less."""
    short, long = texts
    # Reasoning of two lengths may be a summary: only one that ends within a sentence was truncated.
    if counts_alike(exchange) and (name != "reasoning" or breaks_off(short) or starts_within(short)):
        return True
    by_chance = exchange.request.get("temperature") != 0
    if short[0] == "{":
        return not by_chance
    shows = {
        "beginning": starts_within(short) and not starts_within(long),
        "middle": False,
        "end": hangs(short) or (breaks_off(short) and not by_chance),
    }
    return len(short) >= _TELLING and (lost.in_word or shows[lost.where])


def _of_long_text(exchange: Exchange, one: Sibling, other: Sibling) -> Missing | None:
    """Return what is known of a text too long to keep: whether its beginning or its end is missing."""
    characters = other.length - one.length
    if characters <= 0:
        return None
    if one.starts_within and not other.starts_within and one.ends_as(other):
        return Missing("beginning", f"{characters} characters")
    alike = counts_alike(exchange) or exchange.request.get("temperature") == 0
    cut = one.begins_as(other) and (one.hangs or (one.breaks_off and alike))
    return Missing("end", f"{characters} characters") if cut else None
