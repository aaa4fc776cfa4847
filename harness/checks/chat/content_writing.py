"""Checks for text that was encoded once more: escaped for HTML or JSON, or serialized as a list of parts."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import json_mode, success_status
from harness.checks.chat.marked_text import asked_text, marked
from harness.checks.kinds import place_of
from harness.checks.marks import escaped_letter, escaped_once_more, escaped_space
from harness.checks.printed import is_quoted, nothing_as_text, parts_as_text, placeholder, printed_object
from harness.checks.registry import Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, TOOLS_BODY, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import REASONING_CHANNELS

_SAID = "你好! How can I help?"
_LISTED = Advice(
    "The user reads JSON, and sent back it becomes JSON in JSON.",
    'Join the texts in it: `"".join(part.get("text", "") for part in json.loads(content))`.',
)
_NO_TEXT = Advice(
    "The user reads the word: a missing value was converted to a string.",
    'Drop it, for this provider only: `text = "" if text.strip() in {"None", "null", "undefined"} else text`.',
)
_LETTERS = Advice(
    "The user reads `\\u00e9` instead of each letter beyond ASCII.",
    "Parse it as JSON once more, for this provider only: `text = json.loads(f'\"{text}\"')`.",
)
_SPACES = Advice(
    "The user reads `%20` instead of each space.",
    "Decode it, for this provider only: `text = urllib.parse.unquote(text)`.",
)
_PRINTED = Advice(
    "The user reads the names of classes and fields around the answer: an object was turned into text, not its content.",
    "Report it to the provider: what stands in the text is for people to read, and no program can take it apart safely.",
)
_UNFILLED = Advice(
    "The user reads the name of a variable: the answer was never put into the template.",
    'Raise, and ask again: `if re.fullmatch(r"\\s*\\{\\{.*\\}\\}\\s*", text): raise RuntimeError(text)`.',
)
_QUOTED = Advice(
    "The user reads quotes around each piece, and escapes in it.",
    "Parse each piece, for this provider only: `text += json.loads(piece)`.",
)
_OF_PROGRAMS = re.compile(
    r"Python|python|repr|bytes|print|JSON|json|[Tt]emplate|Jinja|mustache|Helm|code|variable|placeholder|模板|代码|变量"
)
_ABOUT = ("URL", "url", "nicode", "HTML", "html", "XML", "xml", "escape", "JSON", "json", "转义")


@rule(
    "content.written-once", Level.SHOULD, "The text is not escaped a second time, or written as a program prints it.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, _SAID, "Write `&lt;` and `&amp;` for < and &.")),
    bad=(
        replace_in_body(BODY, _SAID, "if a &lt; b &amp;&amp; c &gt; d"),
        replace_in_body(BODY, _SAID, "Rivers:\\\\n\\\\n- one\\\\n- two"),
        replace_in_body(BODY, _SAID, "caf\\\\u00e9, cr\\\\u00e8me, br\\\\u00fbl\\\\u00e9e"),
        replace_in_body(BODY, _SAID, "The%20river%20is%20long."),
        replace_in_body(TOOLS_BODY, '"content":null', '"content":"None"'),
        replace_in_body(BODY, _SAID, "undefined"),
        replace_in_body(BODY, _SAID, '[{\\"type\\": \\"text\\", \\"text\\": \\"Hello\\"}]'),
        replace_in_body(BODY, _SAID, "ChatCompletionMessage(content='Hello', role='assistant')"),
        replace_in_body(BODY, _SAID, "{{ response.text }}"),
        replace_in_body(BODY, _SAID, '\\"Hello.\\\\nHow are you?\\"'),
    ),
    depends_on=("chunk.present",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def written_once(exchange: Exchange) -> Iterator[Problem]:
    r"""
    The user reads `&lt;` or `\n` instead of the characters, and copied code does not run.

    Instead: Undo the escapes, for this provider only: `html.unescape(text)`, or `text.replace("\\n", "\n")`.
    """
    yield from marked(exchange, ("content",), parts_as_text, "the text is a list of parts, written as JSON", _LISTED)
    yield from _nothing(exchange)
    yield from _printed(exchange)
    words = "the text is escaped once more: it has {mark} and no unescaped ones"
    for find, advice in ((escaped_once_more, None), (escaped_letter, _LETTERS), (escaped_space, _SPACES)):
        yield from marked(exchange, ("content",), find, words, advice, _is_about_escapes)
    raise Unread("chunk.names")


def _is_about_escapes(asked: str) -> bool:
    return any(word in asked for word in _ABOUT)


def _printed(exchange: Exchange) -> Iterator[Problem]:
    """Yield the problem of a text that is a printed value, a template placeholder, or JSON fragment by fragment."""
    words = "the text is an object as Python prints it: {mark}"
    yield from marked(exchange, ("content",), printed_object, words, _PRINTED, _OF_PROGRAMS.search)
    words = "the text is a place in a template, {mark}"
    yield from marked(exchange, ("content",), placeholder, words, _UNFILLED, _OF_PROGRAMS.search)
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("content")
        quoted = is_quoted(pieces.texts) and not json_mode(exchange)
        if quoted and not _OF_PROGRAMS.search(asked_text(exchange)):
            place = place_of(exchange, choice, pieces.chunks[0], "/{part}/content")
            yield Problem("the text is JSON in quotes, in each of its pieces", (place,), _QUOTED)


def _nothing(exchange: Exchange) -> Iterator[Problem]:
    """Yield the problem of a word such as "null" instead of text or of nothing: beside a call, or before the text."""
    for choice in exchange.columns.choices.values():
        for name in ("content", *REASONING_CHANNELS):
            pieces = choice.channels.get(name)
            word = nothing_as_text(pieces.texts, alone=bool(choice.tools) or name != "content") if pieces else None
            if pieces and word and word not in asked_text(exchange):
                place = place_of(exchange, choice, pieces.chunks[0], f"/{{part}}/{name}")
                yield Problem(f"{word} is in the text as a word", (place,), _NO_TEXT)
