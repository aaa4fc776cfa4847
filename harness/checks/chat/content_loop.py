"""Checks for text that repeats until it is truncated."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.chat.marked_text import asked_text
from harness.checks.kinds import place_of
from harness.checks.registry import Unread, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import TEXT_CHANNELS

_RUN, _TIMES, _TAIL, _SHOWN = 160, 8, 4000, 40
_WANTED = ("repeat", "Repeat", "times", "again", "forever", "loop", "重复", "遍", "次")
_SAID = "你好! How can I help?"


@rule(
    "content.loop", Level.SHOULD, "The text does not repeat itself until it is truncated.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, _SAID, "ha" * 200)),
    bad=(
        replace_in_body(replace_in_body(BODY, _SAID, "Rivers: " + "Other; " * 60), '"stop"', '"length"'),
        replace_in_body(replace_in_body(BODY, _SAID, "!" * 400), '"stop"', '"length"'),
    ),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def loop(exchange: Exchange) -> Iterator[Problem]:
    r"""
    The answer is useless, and is paid for up to the limit; sent back as history, the model continues it.

    Instead: Look for it at the end, `re.search(r"(.{1,400}?)\1{7,}", text[-4000:], re.S)`, stop reading, and ask again with another `temperature` or model.
    """
    asked = asked_text(exchange)
    if any(word in asked for word in _WANTED):
        return
    for choice in exchange.columns.choices.values():
        if not any(finish.value == "length" for finish in choice.finish_reasons):
            continue
        for name in TEXT_CHANNELS:
            pieces = choice.channels.get(name)
            unit = _unit(pieces.text[-_TAIL:]) if pieces else ""
            if pieces and unit:
                times = pieces.text.count(unit)
                message = f"the text says one thing until it is cut, {times} times: {unit[:_SHOWN]!r}"
                yield Problem(message, (place_of(exchange, choice, pieces.chunks[-1], f"/{{part}}/{name}"),))
    raise Unread("chunk.choices", "chunk.choices-not-empty", "chunk.delta")


def _unit(text: str) -> str:
    """Return the repeated unit at the end of ``text``, as first written; empty if there is none."""
    back = text[::-1]
    for length, same in enumerate(_prefixes(back)):
        run = same + length
        if length and run >= max(_RUN, _TIMES * length):
            unit = back[:run][::-1][:length]
            return unit if unit.strip() else ""
    return ""


def _prefixes(text: str) -> list[int]:
    """Return, for each place in ``text``, the length of the match with its beginning."""
    found, left, right = [0] * len(text), 0, 0
    for at in range(1, len(text)):
        same = min(right - at, found[at - left]) if at < right else 0
        while at + same < len(text) and text[same] == text[at + same]:
            same += 1
        if at + same > right:
            left, right = at, at + same
        found[at] = same
    return found
