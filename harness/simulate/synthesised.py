"""A response that was made for a request, in whatever dialect."""

import hashlib
from dataclasses import dataclass

from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange, Request, Response, Source
from harness.wire.shapes import Json


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A response made for a request, and what it rests on, in words."""

    response: Response
    rests_on: str

    def exchange(self, request: Request) -> Exchange:
        """Return it as an exchange."""
        return Exchange(request, self.response, Source("synthesised", note=self.rests_on))


def seed_of(body: Json) -> str:
    """Return what ids are made of: the same request gets the same."""
    return hashlib.sha256(json_text(body).encode("utf-8", "surrogatepass")).hexdigest()[:24]
