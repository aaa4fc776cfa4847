"""Provides the console for tables and colours, which escapes outside text before it is coloured."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harness.printable import printable_lines


class Outlet(Console):
    """A console for data: it escapes unprintable text, and makes no emoji of what providers sent."""

    def __init__(self) -> None:
        super().__init__(emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments to print, their text escaped."""
        for segment in super().render(renderable, options):
            text = printable_lines(segment.text)
            yield segment if segment.control or text == segment.text else Segment(text, segment.style)
