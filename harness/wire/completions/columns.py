"""
Chunks of legacy completions to columns: those of chat, but that a choice holds its text itself.

So whatever is the same in both dialects - the object around the choices, their ends, the usage, the errors - is gathered
once, and one rule reads it in both.
"""

from typing import Any

from harness.wire.chat.chunks import Columns


class TextColumns(Columns):
    """The columns of a legacy completion; the text of a choice stands where the content of a message does."""

    def part_of(self, choice: dict[str, Any]) -> Any:
        """Return what a choice says, under the key that a message has for it."""
        return {"content": choice.get("text")}

    def spelled(self, pattern: str) -> str:
        """Return a pattern of pointers in which ``{part}/content`` stands for the text of a choice."""
        return super().spelled(pattern.replace("{part}/content", "text"))
