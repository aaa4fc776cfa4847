"""Text that was written out once more on its way: escaped for HTML or JSON, or as the list that it was a part of."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.chat.marked_text import asked_text, marked
from harness.checks.marks import escaped_once_more, parts_as_text
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body
from harness.wire.exchange import Exchange

_SAID = "你好! How can I help?"
_LISTED = Advice(
    "The user reads JSON, and the text of it sent back is JSON in JSON.",
    'Join the texts in it: `"".join(part.get("text", "") for part in json.loads(content))`.',
)
_ABOUT = ("HTML", "html", "XML", "xml", "escape", "JSON", "json", "转义")


@rule(
    "content.written-once", Level.SHOULD, "The text is not escaped, or written out as a list, once more.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, _SAID, "Write `&lt;` and `&amp;` for < and &.")),
    bad=(
        replace_in_body(BODY, _SAID, "if a &lt; b &amp;&amp; c &gt; d"),
        replace_in_body(BODY, _SAID, "Rivers:\\\\n\\\\n- one\\\\n- two"),
        replace_in_body(BODY, _SAID, '[{\\"type\\": \\"text\\", \\"text\\": \\"Hello\\"}]'),
    ),
    depends_on=("chunk.present",),
)  # fmt: skip
def written_once(exchange: Exchange) -> Iterator[Problem]:
    r"""
    The user reads `&lt;` or `\n` in the place of what it stands for, and code that is copied does not run.

    Instead: Take it back, for this provider alone: `html.unescape(text)`, or `text.replace("\\n", "\n")`.
    """
    yield from marked(exchange, ("content",), parts_as_text, "the text is a list of parts, written as JSON", _LISTED)
    asked = asked_text(exchange)
    if not any(word in asked for word in _ABOUT):
        words = "the text is escaped once more: it holds {mark} and nothing unescaped"
        yield from marked(exchange, ("content",), escaped_once_more, words)
