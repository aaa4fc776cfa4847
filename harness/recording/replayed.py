"""
Reads the header by which harness's replay server marks its responses, when one is captured.

Probing the replay server sends no request to a provider: such a response is a replay, not a new recording.
"""

import re
from typing import get_args

from harness.wire.exchange import Provenance, Response

NOTE = "x-harness-cassette"
"""The header that names the recording and its provenance."""

_SAID = re.compile(r"; provenance=(\w+)")


def provenance_of(response: Response) -> Provenance:
    """Return the provenance of a captured response: recorded, unless it says that it was replayed, and from what."""
    said = _SAID.search(response.headers.get(NOTE, ""))
    return next((kind for kind in get_args(Provenance) if said and kind == said[1]), "recorded")
