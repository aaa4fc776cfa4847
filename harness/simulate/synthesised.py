"""Defines a response synthesized for a request, in any dialect."""

import hashlib
from dataclasses import dataclass

from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange, Request, Response, Source
from harness.wire.shapes import Json


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A response synthesized for a request, and a description of its basis."""

    response: Response
    rests_on: str

    def exchange(self, request: Request) -> Exchange:
        """Return it as an exchange."""
        return Exchange(request, self.response, Source("synthesised", note=self.rests_on))


def seed_of(body: Json) -> str:
    """Return the seed of ids: equal requests have equal seeds."""
    return hashlib.sha256(json_text(body).encode("utf-8", "surrogatepass")).hexdigest()[:24]
