"""The console that tables and colours go through: what came from outside is printable before it gets any colour."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harness.printable import printable_lines


class Outlet(Console):
    """A console for data: it shows what is printable, and makes no emoji of what providers sent."""

    def __init__(self) -> None:
        super().__init__(emoji=False, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of what is printed, their text printable."""
        for segment in super().render(renderable, options):
            text = printable_lines(segment.text)
            yield segment if segment.control or text == segment.text else Segment(text, segment.style)
