"""Runs client code that follows an advice on a response, with the official SDK, as users would."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import APIError, OpenAI

from harness.results import Advice
from harness.wire.exchange import Exchange

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Remedy:
    """
    Code that follows the advice on a problem that ``rule`` finds in ``bad``.

    It gets ``stream``, or ``answer`` for a non-streaming request, or the ``error`` that the SDK raised; and
    ``client`` and ``asked`` to repeat the request.  It sets ``result``, which must equal ``right``.
    """

    rule: str
    bad: Exchange
    code: str
    right: Any

    def result(self) -> Any:
        """Return the code's result for the bad response."""
        response = self.bad.response

        def answer(_: httpx2.Request) -> httpx2.Response:
            sent = httpx2.ByteStream(response.body)  # as it was sent: to undo an encoding is the client's
            return httpx2.Response(response.status, headers=[*response.headers.pairs], stream=sent)

        http = httpx2.Client(transport=httpx2.MockTransport(answer))
        with OpenAI(api_key="none", base_url="http://127.0.0.1/v1", max_retries=0, http_client=http) as client:
            asked: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            names: dict[str, Any] = {"client": client, "asked": asked}
            try:
                given = client.chat.completions.create(**asked, stream=self.bad.is_stream)
                names["stream" if self.bad.is_stream else "answer"] = given
            except APIError as error:
                names["error"] = error
            exec(self.code, names)
            return names["result"]

    def left_out(self, advice: Advice) -> list[str]:
        """Return the code in the advice that the remedy does not use."""
        return [said for said in _CODE.findall(advice.instead) if said not in self.code]
