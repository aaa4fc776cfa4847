"""
Gathers chunks of legacy completions into the columns of chat; a choice holds its text itself.

What both dialects share - the object around the choices, their ends, the usage, the errors - is gathered by the
same code and checked by the same rules.
"""

from typing import Any

from harness.wire.chat.chunks import Columns


class TextColumns(Columns):
    """The columns of a legacy completion; the text of a choice takes the place of the content of a message."""

    def part_of(self, choice: dict[str, Any]) -> Any:
        """Return the text of a choice, under the key that a message has for it."""
        return {"content": choice.get("text")}

    def spelled(self, pattern: str) -> str:
        """Replace ``{part}/content`` in a pattern of pointers by the key of the text of a choice."""
        return super().spelled(pattern.replace("{part}/content", "text"))
