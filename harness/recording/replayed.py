"""
What an answer of our own replay server says of itself, by a header, and what is made of that where it is captured.

Probing the server that replays recordings asks no provider: such an answer is what was replayed, and no new recording.
"""

import re
from typing import get_args

from harness.wire.exchange import Provenance, Response

NOTE = "x-harness-cassette"
"""The header that names the recording, and says how it came about."""

_SAID = re.compile(r"; provenance=(\w+)")


def provenance_of(response: Response) -> Provenance:
    """Return how a captured response came about: recorded now, unless it says that it was replayed, and from what."""
    said = _SAID.search(response.headers.get(NOTE, ""))
    return next((kind for kind in get_args(Provenance) if said and kind == said[1]), "recorded")
