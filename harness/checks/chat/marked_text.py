"""Reports marks in a text."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from harness.checks.kinds import place_of
from harness.results import Advice, Problem
from harness.wire.chat.chunks import Choice
from harness.wire.exchange import Exchange
from harness.wire.shapes import objects_in

Find = Callable[[str], str | None]
"""Returns the mark in a text, if there is one."""


def marked(  # noqa: PLR0913, PLR0917 - what is searched for, where, and what is reported
    exchange: Exchange,
    channels: Iterable[str],
    find: Find,
    words: str,
    advice: Advice | None = None,
    asked_for: Callable[[str], object] = lambda _: False,
) -> Iterator[Problem]:
    """
    Yield a problem for each choice with a mark, found by ``find``, in the text of one of ``channels``.

    ``{mark}`` in ``words`` stands for it.  A mark that the prompt also has is the subject of the conversation;
    ``asked_for`` returns whether the prompt asks for such a text, and is called only if there is a mark.
    """
    names = [*channels]
    for choice in exchange.columns.choices.values():
        for name in names:
            mark = find(choice.channels[name].text) if name in choice.channels else None
            if mark and mark not in (asked := asked_text(exchange)) and not asked_for(asked):
                place = place_of(exchange, choice, _chunk_with(choice, name, mark), f"/{{part}}/{name}")
                yield Problem(words.replace("{mark}", mark), (place,), advice=advice)


def _chunk_with(choice: Choice, name: str, mark: str) -> int:
    """Return the first chunk whose fragment has ``mark``; if it is split, the one in which it begins."""
    pieces = choice.channels[name]
    for chunk, text in zip(pieces.chunks, pieces.texts, strict=True):
        if mark in text:
            return chunk
    at = pieces.text.find(mark)
    for chunk, text in zip(pieces.chunks, pieces.texts, strict=True):
        at -= len(text)
        if at < 0:
            return chunk
    return pieces.chunks[0]


def asked_text(exchange: Exchange) -> str:
    """Return the input texts of the request, without earlier responses."""
    kept: dict[str, str] = vars(exchange.request)  # where its cached properties are: many rules call this
    if "asked_text" not in kept:
        messages = [one for one in objects_in(exchange.request.get("messages")) if one.get("role") != "assistant"]
        kept["asked_text"] = "\n".join(text for one in messages for text in _texts(one.get("content")))
    return kept["asked_text"]


def last_asked(exchange: Exchange) -> str:
    """Return the last user text of the request; empty if it continues an assistant's turn."""
    messages = [*objects_in(exchange.request.get("messages"))]
    last = messages[-1] if messages else {}
    return "\n".join(_texts(last.get("content"))) if last.get("role") == "user" else ""


def begun_answer(exchange: Exchange) -> str:
    """Return the text that the request asks to continue, or "", as vLLM, DeepSeek and Mistral allow."""
    messages = [*objects_in(exchange.request.get("messages"))]
    last = messages[-1] if messages else {}
    continued = exchange.request.get("continue_final_message") is True or last.get("prefix") is True
    if not continued or last.get("role") != "assistant" or exchange.request.get("echo") is True:
        return ""
    return "\n".join(_texts(last.get("content")))


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in objects_in(content) if isinstance(part.get("text"), str)]
