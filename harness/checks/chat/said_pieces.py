"""Streams of given pieces of text, for the examples of rules about them."""

from harness.simulate.edits import rebuild_stream
from harness.simulate.reference import STREAM
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json


def said(*texts: str) -> Exchange:
    """Return the reference with ``texts`` as its pieces of text."""

    def make(found: list[Json]) -> list[Json]:
        def saying(text: str) -> Json:
            return found[1] | {"choices": [found[1]["choices"][0] | {"delta": {"content": text}}]}

        return [found[0], *map(saying, texts), found[-1]]

    return rebuild_stream(make)(STREAM)
