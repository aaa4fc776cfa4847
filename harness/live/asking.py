"""
Sends the requests of a scenario with the OpenAI SDK, and captures the responses.

The SDK builds and sends each request, so that the bytes on the wire are those of users; harness reads the response
to its end, scrubs it of secrets, and judges it afterwards.  Each response is requested once and serves every rule.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from harness.errors import NotAsked
from harness.live.capture import Capture, Limits
from harness.live.deadline import Together
from harness.matrix import completions, messages
from harness.matrix.scenarios import Json, Scenario, next_body, request_body
from harness.recording.http_backend import sdk_backend
from harness.recording.redact import Secrets
from harness.recording.scrub import scrub
from harness.wire.exchange import CLOSED, OK, Exchange

_PATH = "/chat/completions"
_WRONG_KEY = "not-a-key"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    An endpoint: a base URL, a key (none if the server needs none), a model as sent and its thinking switch.

    ``chat_url`` is the base URL of chats, if it differs.  ``headers`` are sent with each request, as gateways
    require; any of them may be a secret.
    """

    base_url: str
    key: str | None = field(repr=False)
    model: str
    enable: Json
    disable: Json
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    chat_url: str | None = None

    @property
    def chats_at(self) -> str:
        """The URL of chat completions, if the base URL is one of Messages."""
        return f"{(self.chat_url or messages.versioned(self.base_url)).rstrip('/')}{_PATH}"


class ScenarioSender:
    """
    Sends the requests of scenarios to one endpoint, after ``before_each``; may be shared by threads.

    Raises NotAsked if the key can't be sent.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        before_each: Callable[[], None] = lambda: None,
        secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    ) -> None:
        if endpoint.key and not (endpoint.key.isascii() and endpoint.key.isprintable()):
            raise NotAsked("the API key contains a character that a header cannot contain; copy it again")
        self._endpoint = endpoint
        self._before_each = before_each
        self._secrets = secrets.and_of(endpoint.key, endpoint.base_url)
        self._kept = threading.local()
        self._together = Together()
        backend = sdk_backend()
        # A new connection for each request: some servers close one after a stream without saying so.
        network = backend.HTTPTransport(verify=_trusted(backend), limits=backend.Limits(max_keepalive_connections=0))
        timeout = backend.Timeout(limits.idle, connect=limits.connect)

        def client(key: str, limits: Limits) -> Any:
            import openai

            through = Capture(self._keep, network, limits, self._together)
            hooks = {"response": [_leave_packed]}
            http = backend.Client(transport=through, timeout=timeout, trust_env=False, event_hooks=hooks)
            given: dict[str, Any] = {"base_url": endpoint.base_url, "max_retries": 0, "timeout": timeout}
            given["default_headers"] = dict(endpoint.headers)
            return openai.OpenAI(api_key=key, http_client=http, **given)

        self._client = client(endpoint.key or "none", limits)
        self._wrong_key_client = client(_WRONG_KEY, limits)
        self._cancelling_client = client(endpoint.key or "none", replace(limits, drain=0))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def cut(self, reason: str) -> None:
        """Abort the requests under way, in any thread, and later ones, with ``reason``."""
        self._together.end(f"{CLOSED}: {reason}")

    def ask(self, scenario: Scenario) -> list[Exchange]:
        """
        Return the exchanges of ``scenario``; fewer than its requests if a response does not allow the next.

        Raises:
            NotAsked: the request can't be sent, such as with this key or address; or the response could not be saved.
            BaseException: an interrupt of the program, such as KeyboardInterrupt; never the server's behaviour.
        """
        if scenario.dialect == "messages":
            return self._ask_messages(scenario)
        if scenario.dialect == "completions":
            return self._ask_completions(scenario)
        if scenario.path:
            return [self._get(scenario.path.format(model=self._endpoint.model), scenario.encoding)]
        body = request_body(
            scenario, self._endpoint.model, self._endpoint.enable if scenario.thinking else self._endpoint.disable
        )
        client = self._wrong_key_client if scenario.key == "wrong" else self._client
        send = self._close_early if scenario.cancels else partial(self._send, client)
        first = send(scenario.raw_body or body, scenario.encoding)
        following = None if self._together.reason else _following(scenario, body, first)
        return [first, self._send(self._client, following, scenario.encoding)] if following else [first]

    def _ask_messages(self, scenario: Scenario) -> list[Exchange]:
        """Send in Messages: the same client, with another URL and the headers of that dialect."""
        wrong = scenario.key == "wrong"
        client, key = (self._wrong_key_client, _WRONG_KEY) if wrong else (self._client, self._endpoint.key or "none")
        at = messages.address(self._endpoint.base_url, scenario)
        headers = messages.headers(scenario, key)
        body = messages.first_body(scenario, self._endpoint.model)
        if scenario.in_chat_first:
            chat = messages.body_in_chat(scenario, self._endpoint.model, self._endpoint.disable)
            before = self._send(client, chat, scenario.encoding, self._endpoint.chats_at)
            return [
                before,
                *([] if self._together.reason else [self._send(client, body, scenario.encoding, at, headers)]),
            ]
        first = self._send(client, scenario.raw_body or body, scenario.encoding, at, headers)
        following = None if self._together.reason else _following_message(scenario, body, first)
        return [first, self._send(client, following, scenario.encoding, at, headers)] if following else [first]

    def _ask_completions(self, scenario: Scenario) -> list[Exchange]:
        """Send legacy completions: the same client, with another URL."""
        client = self._wrong_key_client if scenario.key == "wrong" else self._client
        at = completions.address(self._endpoint.base_url)
        body = completions.first_body(scenario, self._endpoint.model)
        first = self._send(client, scenario.raw_body or body, scenario.encoding, at)
        if scenario.requests == 1 or self._together.reason or first.response.status != OK:
            return [first]
        return [first, self._send(client, completions.second_body(scenario, body), scenario.encoding, at)]

    def _keep(self, exchange: Exchange) -> None:
        self._kept.exchange = scrub(exchange, self._secrets)

    def _send(
        self,
        client: Any,
        body: Json | bytes,
        encoding: str,
        at: str = _PATH,
        headers: Mapping[str, str | None] = MappingProxyType({}),
    ) -> Exchange:
        """Send a request and read the response to its end without decompressing it, which may exhaust memory."""
        import openai

        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"body": body}
        kind = openai.Stream[object]

        def ask() -> None:
            options = _options(encoding)
            options["headers"] |= {name: openai.Omit() if value is None else value for name, value in headers.items()}
            with client.post(at, cast_to=object, options=options, stream=True, stream_cls=kind, **content) as it:
                for _ in it.response.iter_raw():
                    pass

        return self._captured(ask)

    def _get(self, path: str, encoding: str) -> Exchange:
        return self._captured(lambda: self._client.get(path, cast_to=object, options=_options(encoding)))

    def _close_early(self, body: Json | bytes, encoding: str) -> Exchange:
        """Send a request and close its stream after the first event."""
        import openai

        def ask() -> None:
            options = _options(encoding)
            kind = openai.Stream[object]
            with self._cancelling_client.post(
                _PATH, cast_to=object, options=options, body=body, stream=True, stream_cls=kind
            ) as it:
                next(iter(it))

        return self._captured(ask)

    def _captured(self, ask: Callable[[], object]) -> Exchange:
        self._before_each()
        self._kept.exchange = None
        # The SDK's handling of the response is checked by rules, which read the capture.
        why: Exception | None = None
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - see above
            why = error
        exchange: Exchange | None = self._kept.exchange
        if exchange is None:
            raise NotAsked(self._secrets.redact_text(_why(why)))
        return exchange


def _leave_packed(response: Any) -> None:
    """Keep the SDK from decompressing a response: of an error it reads the whole body, which may exhaust memory."""
    response.headers.pop("content-encoding", None)


def _why(error: Exception | None) -> str:
    """Return why there is no exchange: the root cause, in a line."""
    root: BaseException | None = error
    while root and root.__cause__:
        root = root.__cause__
    told = f"{type(root).__name__}: {root}" if root else "no request was made"
    return f"not sent: {told}; check the URL, the API key and the model name"


def _options(encoding: str) -> dict[str, Any]:
    # Compression hides the original bytes and segments: only a scenario that tests it asks for it.
    return {"headers": {"Content-Type": "application/json", "Accept-Encoding": encoding}}


@cache
def _trusted(backend: Any) -> Any:
    """Return the SSL context, cached: loading certificates takes longer than a request to a nearby server."""
    return backend.create_ssl_context()


def _following(scenario: Scenario, body: Json, first: Exchange) -> Json | None:
    """Return the second request; None if there is none, or the first response does not allow one."""
    messages = first.completion.messages
    if scenario.requests == 1 or first.response.status != OK or not messages:
        return None
    called = bool(messages[0].tool_calls)
    if scenario.follow_up and scenario.follow_up.startswith("tool-result") and not called:
        return None
    return next_body(scenario, body, messages[0])


def _following_message(scenario: Scenario, body: Json, first: Exchange) -> Json | None:
    """Return the second request in Messages; None if there is none, or the first response does not allow one."""
    if scenario.requests == 1 or first.response.status != OK or first.message.start is None:
        return None
    if scenario.follow_up == "tool-result" and not first.turn.calls:
        return None
    return messages.second_body(scenario, body, first.message)


def reach(base_url: str, key: str | None, limits: Limits = Limits(connect=5, idle=5)) -> str:  # noqa: B008 - frozen
    """Request the list of models from a URL; return the status, or why there is none."""
    backend = sdk_backend()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = backend.get(
            f"{base_url.rstrip('/')}/models",
            headers=headers,
            timeout=backend.Timeout(limits.idle, connect=limits.connect),
            trust_env=False,
        )
    except backend.HTTPError as error:
        return f"no answer: {type(error).__name__}"
    return f"status {answer.status_code}"
