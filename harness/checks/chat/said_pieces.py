"""Makes streams of given text fragments, for examples of rules."""

from harness.simulate.edits import rebuild_stream
from harness.simulate.reference import STREAM
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json


def said(*texts: str) -> Exchange:
    """Return the reference with ``texts`` as its text fragments."""

    def make(found: list[Json]) -> list[Json]:
        def saying(text: str) -> Json:
            return found[1] | {"choices": [found[1]["choices"][0] | {"delta": {"content": text}}]}

        return [found[0], *map(saying, texts), found[-1]]

    return rebuild_stream(make)(STREAM)
