"""Client code that follows an advice, run on an answer by the official SDK, as its users would."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import OpenAI

from harness.results import Advice
from harness.wire.exchange import Exchange

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Remedy:
    """
    Code that follows the advice on a problem that ``rule`` finds in ``bad``.

    It is given ``stream``, or ``answer`` where none was asked for, and leaves what it made of it in ``result``, which
    is to be ``right``.
    """

    rule: str
    bad: Exchange
    code: str
    right: Any

    def result(self) -> Any:
        """Return what the code makes of the bad answer."""
        response = self.bad.response

        def answer(_: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(response.status, headers=[*response.headers.pairs], content=response.content)

        http = httpx2.Client(transport=httpx2.MockTransport(answer))
        with OpenAI(api_key="none", base_url="http://127.0.0.1/v1", max_retries=0, http_client=http) as client:
            asked: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            given = client.chat.completions.create(**asked, stream=self.bad.is_stream)
            names: dict[str, Any] = {"stream" if self.bad.is_stream else "answer": given}
            exec(self.code, names)
            return names["result"]

    def left_out(self, advice: Advice) -> list[str]:
        """Return what the advice says as code and the code does not do."""
        return [said for said in _CODE.findall(advice.instead) if said not in self.code]
