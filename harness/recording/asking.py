"""
Asking: the requests of a scenario, sent by the OpenAI SDK and captured.

The SDK builds and sends each request, so that what is on the wire is what users send; what comes back is read
to its end by us, and judged afterwards.  One call serves every rule.
"""

import contextlib
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.matrix.scenarios import Json, Scenario, next_body, request_body
from harness.recording.capture import Capture, Limits
from harness.wire.exchange import OK, Exchange

_WRONG_KEY = "not-a-key"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask: an address, a key (none where the server wants none), a model as sent and its thinking switch."""

    base_url: str
    key: str | None
    model: str
    enable: Json
    disable: Json


class Asker:
    """Sends the requests of scenarios to one endpoint; may be shared by threads."""

    def __init__(self, asked: Asked, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        import httpx2
        import openai

        self._asked = asked
        self._kept = threading.local()
        # A connection of its own for each request: some servers close one after a stream and do not say so.
        network = httpx2.HTTPTransport(verify=_trusted(), limits=httpx2.Limits(max_keepalive_connections=0))
        self._http = httpx2.Client(
            transport=Capture(self._keep, network, limits), timeout=limits.timeout, trust_env=False
        )
        # Compression hides the wire's own bytes and pieces; only a scenario that tries it may ask for it.
        given: dict[str, Any] = {"base_url": asked.base_url, "max_retries": 0, "timeout": limits.timeout}
        given |= {"http_client": self._http, "default_headers": {"Accept-Encoding": "identity"}}
        self._client = openai.OpenAI(api_key=asked.key or "none", **given)
        self._stranger = openai.OpenAI(api_key=_WRONG_KEY, **given)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, scenario: Scenario) -> list[Exchange]:
        """
        Return the exchanges of ``scenario``; fewer than it has requests where an answer does not let it go on.

        Raises:
            BaseException: what stops the program, such as KeyboardInterrupt; never what the server did.
        """
        body = request_body(
            scenario, self._asked.model, self._asked.enable if scenario.thinking else self._asked.disable
        )
        first = self._send(scenario.raw or body, self._stranger if scenario.key == "wrong" else self._client)
        following = _following(scenario, body, first)
        return [first, self._send(following, self._client)] if following else [first]

    def _keep(self, exchange: Exchange) -> None:
        self._kept.exchange = exchange

    def _send(self, body: Json | bytes, client: Any) -> Exchange:
        self._kept.exchange = None
        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"body": body}
        # Whatever the SDK makes of the answer is a matter for the rules, which read the capture.
        with contextlib.suppress(Exception):
            client.post(
                "/chat/completions",
                cast_to=object,
                options={"headers": {"Content-Type": "application/json"}},
                **content,
            )
        exchange: Exchange | None = self._kept.exchange
        if exchange is None:
            raise RuntimeError("the SDK sent no request")
        return exchange


@cache
def _trusted() -> Any:
    """Return what certificates are held against: to read it takes longer than to ask a server that is near."""
    import httpx2

    return httpx2.create_ssl_context()


def _following(scenario: Scenario, body: Json, first: Exchange) -> Json | None:
    """Return the second request; None where there is none, or the answer to the first gives nothing to go on with."""
    messages = first.completion.messages
    if scenario.requests == 1 or first.response.status != OK or not messages:
        return None
    called = bool(messages[0].tool_calls)
    if scenario.and_then and scenario.and_then.startswith("tool-result") and not called:
        return None
    return next_body(scenario, body, messages[0])
