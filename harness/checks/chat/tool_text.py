"""Checks strings in the arguments of calls: a model's marks, and characters lost in transit."""

import re
from collections.abc import Iterator, Sequence

from harness.checks import sources
from harness.checks.chat.marked_text import asked_text
from harness.checks.chat.tool_fragments import all_calls, called, leaves, place
from harness.checks.marks import escaped_for_html, mark_at_edge, markup_within, mojibake, replacement, think_tag
from harness.checks.registry import Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import TOOLS, TOOLS_BODY, replace_in_body
from harness.wire.exchange import Exchange

_QUOTED_TEXT = re.compile(r'"[^"\\]*"')
_WORDS = {"undefined", "[object Object]", "<nil>"}
_LOST = Advice(
    "The tool gets a path, a name or a text with U+FFFD in place of a character: it looks for something that does not exist.",
    'Do not run the call: `if "\\ufffd" in call.function.arguments:` send an error back as the result, and let the model try again.',
)
_THOUGHT = Advice(
    "The tool gets the model's reasoning as part of the value.",
    'Remove the reasoning before you run the call: `value = value.rpartition("</think>")[2]`, for this provider only.',
)
_INTO = Advice(
    "The tool gets the rest of the call as part of one value, and the other parameters not at all.",
    'Do not run the call: `if "</arg_value>" in value or "</parameter>" in value:` send an error back as the result.',
)
_ESCAPED = Advice(
    "The tool gets `&amp;&amp;` for `&&` and `&quot;` for quotes: commands fail, and files have the wrong content.",
    "Undo the escapes before you run the call, for this provider only: `value = html.unescape(value)`.",
)
_PADDED = Advice(
    "The tool looks for a file or a place whose name begins and ends with a line break, and finds none.",
    "Strip the values before you run the call, for this provider only: `value = value.strip()`.",
)
_QUOTED = Advice(
    "The tool gets each string with quotes as part of it, and finds nothing by that name.",
    "Parse them as JSON once more, for this provider only: `value = json.loads(value)`.",
)
_NOTHING = Advice(
    "The tool gets a word in place of a missing or non-string value: it looks for something that does not exist.",
    "Do not run the call: send an error back as the result, and let the model try again.",
)
_GARBLED = Advice(
    "The tool gets two or three wrong letters for each that is not ASCII.",
    'Convert the strings before you run the call: `text.encode("latin-1").decode()`; "cp1252" if that raises.',
)


@rule(
    "tool_calls.arguments-clean", Level.SHOULD, "Strings in the arguments contain no markup of the model, and no lost or garbled characters.",
    sources.REFERENCE, called,
    good=(TOOLS, TOOLS_BODY, replace_in_body(TOOLS_BODY, "Paris", "<b>Paris</b> and <|im_end|> are texts")),
    bad=(
        replace_in_body(TOOLS_BODY, "Paris", "Paris<|im_end|>"),
        replace_in_body(TOOLS, "Paris", "Paris</parameter>"),
        replace_in_body(TOOLS, "Paris", "Paris</city>"),
        replace_in_body(TOOLS_BODY, "Paris", "<think>Which?</think>Paris"),
        replace_in_body(TOOLS, "Paris", "Paris</arg_value><arg_key>unit</arg_key><arg_value>C"),
        replace_in_body(TOOLS_BODY, "Paris", "Pari\ufffd"),
        replace_in_body(TOOLS_BODY, "Paris", "ä½\u00a0å¥½"),
        replace_in_body(TOOLS_BODY, "Paris", "a &amp;&amp; b &gt; c"),
        replace_in_body(TOOLS_BODY, "Paris", "\\\\nParis\\\\n"),
        replace_in_body(TOOLS_BODY, '\\"Paris\\"', '\\"\\\\\\"Paris\\\\\\"\\",\\"land\\":\\"\\\\\\"France\\\\\\"\\"'),
        replace_in_body(TOOLS_BODY, "Paris", "[object Object]"),
    ),
    depends_on=("chunk.present", "sse.utf8", "http.utf8"), explained_by=("chunk.choices", "chunk.names"),
)  # fmt: skip
def clean(exchange: Exchange) -> Iterator[Problem]:
    """
    The tool gets the marker as part of the value: it writes it into files, or looks for a name that does not exist.

    Instead: Remove it before you run the call: `value = re.sub(r"^<[^<>]*>|<[^<>]*>$", "", value)`, for this provider only.
    """
    asked = asked_text(exchange)
    for call in all_calls(exchange):
        closings = [(value, f"</{key}>") for key, value in (call.value or {}).items() if isinstance(value, str)]
        texts = [*closings, *((text, "") for text in leaves(call.value) if isinstance(text, str))]
        for text, closing in texts:
            found = _odd(text, closing)
            if found is not None and found[0] not in asked:
                yield Problem(found[1], place(call.fragments[-1], "/function/arguments"), found[2])
                return
        whole = _written_otherwise([text for text in (call.value or {}).values() if isinstance(text, str)])
        if whole is not None and whole[0] not in asked:
            yield Problem(whole[1], place(call.fragments[-1], "/function/arguments"), whole[2])
            return
    raise Unread("tool_calls.arguments-json", "chunk.no-nul")


_SEVERAL = 2


def _written_otherwise(texts: Sequence[str]) -> tuple[str, str, Advice] | None:
    """Return the message about strings of a call that were all re-encoded; first about a mark, if there is one."""
    entity = escaped_for_html("\n".join(texts))
    if entity:
        return entity, f"the values of the arguments are escaped for HTML: {entity}", _ESCAPED
    if texts and all(text.startswith("\n") and text.endswith("\n") and text.strip() for text in texts):
        return "\n\n\n", "each string in the arguments begins and ends with a line break", _PADDED
    if len(texts) >= _SEVERAL and all(_QUOTED_TEXT.fullmatch(text) for text in texts):
        return '"\\"', "each string in the arguments has an extra pair of quotes", _QUOTED
    word = next((text for text in texts if text in _WORDS), None)
    return (word, f"a value of the arguments is {word}, written out", _NOTHING) if word else None


def _odd(text: str, closing: str) -> tuple[str, str, Advice | None] | None:
    """Return what is wrong in a string of arguments, the message, and the advice; None if nothing."""
    own = bool(closing) and text.rstrip().endswith(closing) and closing.replace("/", "").rstrip(">") not in text
    mark = closing if own else mark_at_edge(text)
    if mark:
        return (
            mark,
            f"a value of the arguments has the mark {mark} at its {'beginning' if text.lstrip().startswith(mark) else 'end'}",
            None,
        )
    tag = think_tag(text)
    if tag:
        return tag, f"a value of the arguments holds reasoning: {tag}", _THOUGHT
    into = markup_within(text)
    if into and (into.partition(">")[0].replace("/", "") not in text[: text.index(into)]):
        return into, f"a value of the arguments runs into the markup of the next: {into!r}", _INTO
    if replacement(text):
        return "\ufffd", "a value of the arguments holds U+FFFD", _LOST
    garbled = mojibake(text)
    if garbled:
        return garbled, f"a value of the arguments is UTF-8 that was read as another encoding: {garbled}", _GARBLED
    return None
