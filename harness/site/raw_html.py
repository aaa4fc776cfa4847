"""
Takes the raw HTML of the pages past Python-Markdown, whose HTML parser would need most of the time of a build.

A block begins with a line ``<div class="hc…">``, and ends with the line that closes it; templates write every block
so, and text from outside can't look like either, since it is escaped.
"""

from typing import Any

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

_BEGINS = '<div class="hc'
_AFTER_FENCES = 24
"""The priority: below that of fenced code, 25, and above that of Python-Markdown's own handling of HTML, 20."""


class _RawHtml(Preprocessor):  # type: ignore[misc] # the module has no types
    def run(self, lines: list[str]) -> list[str]:
        kept: list[str] = []
        block: list[str] = []
        depth = 0
        for line in lines:
            if not block and not line.startswith(_BEGINS):
                kept.append(line)
                continue
            block.append(line)
            depth += line.count("<div") - line.count("</div>")
            if depth == 0:
                kept += ["", self.md.htmlStash.store("\n".join(block)), ""]
                block = []
        return kept + block


class RawHtmlExtension(Extension):  # type: ignore[misc]
    """The extension of Python-Markdown, which Zensical loads by name."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - their interface
        """Add the preprocessor."""
        md.preprocessors.register(_RawHtml(md), "harness-raw-html", _AFTER_FENCES)


def makeExtension(**_: Any) -> RawHtmlExtension:  # noqa: N802 - their interface
    """Return the extension."""
    return RawHtmlExtension()
