"""
Drives the clients of the official OpenAI SDK over a recorded exchange.

How it works: the SDK costs about 100 µs a chunk, and its behaviour depends on the form of the bytes, not on the
texts.  So a long stream is reduced to events that represent all others, its texts, ids and numbers are replaced by
constants, and the SDK reads the result, once for all exchanges of that form.  All bytes around the constants are
the provider's own.  ``Depth.FULL`` gives it every byte instead.

openai and its HTTP library are imported when the first exchange is read: together they take 0.8 s.
"""

import asyncio
import atexit
import json
import re
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple, get_args

import orjson

from harness.sdk.form import canonical_form, not_chunks, parts_of, representative_events
from harness.sdk.kept import kept_readings, key_of
from harness.sdk.readings import Depth, SdkResult, settings
from harness.wire.chat.completion import Message, complete
from harness.wire.dialect import DialectName
from harness.wire.exchange import OK, Exchange, Headers, Request, Response
from harness.wire.reading import read

_QUESTION: dict[str, Any] = {"model": "replay", "messages": [{"role": "user", "content": "?"}]}
_ASK = {wish: Request("POST", "", Headers(), orjson.dumps({"stream": wish})) for wish in (True, False)}
_MESSAGE_LENGTH = 120
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class SdkResults:
    """
    The results of the clients for ``read``, the exchange they are given; each reads it on first access.

    ``form`` is the canonical form that the readings depend on, if any: such readings are cached between runs.
    """

    read: Exchange
    form: tuple[object, ...] = ()

    @cached_property
    def sync(self) -> SdkResult:
        """The sync client, as most programs use it."""
        return self._kept("sync", _collect)

    @cached_property
    def asynchronous(self) -> SdkResult:
        """The async client."""
        return self._kept("asynchronous", _collect_async)

    @cached_property
    def strict(self) -> SdkResult:
        """The client with ``_strict_response_validation``."""
        return self._kept("strict", partial(_collect, strict=True))

    @cached_property
    def helper(self) -> SdkResult | None:
        """``.chat.completions.stream()``, which accumulates the chunks; None for a body."""
        return self._kept("helper", _collect_accumulated) if self.read.is_stream else None

    @cached_property
    def held(self) -> tuple[int, tuple[Message, ...]]:
        """The number of JSON values in the bytes of ``read``, and the messages that they add up to."""
        # A form is kept for others of it: the parsed bytes would take ten times the memory of all readings.
        read = replace(self.read) if self.form else self.read
        return read.columns.count, read.completion.messages

    def _kept(self, kind: str, hear: "Callable[[Exchange, Take], None]") -> SdkResult:
        """Return a cached reading; else read, and cache the result."""
        readings = kept_readings() if self.form else None
        if readings is None:
            return _reading(self.read, hear)
        key = key_of(kind, *self.form)
        found = readings.get(key, SdkResult)
        if found is None:
            found = _reading(self.read, hear)
            readings.put(key, found)
        return found


def sdk_results(exchange: Exchange, depth: Depth | None = None) -> SdkResults:
    """Return the results of the SDK's clients for an exchange; all callers share one reading."""
    depth = depth or settings.depth
    # An exchange can't be hashed, so its readings are kept where its cached properties are.
    kept: dict[Depth, SdkResults] = vars(exchange).setdefault("sdk_results", {})
    if depth not in kept:
        kept[depth] = SdkResults(exchange) if depth is Depth.FULL else _of_form(exchange)
    return kept[depth]


def text_result(exchange: Exchange) -> SdkResult:
    """Return the result of ``client.completions.create`` for a legacy completion; all callers share one reading."""
    kept: dict[str, SdkResult] = vars(exchange).setdefault("sdk_text_result", {})
    if not kept:
        kept["sync"] = _reading(exchange, _collect_text, "completions")
    return kept["sync"]


def failure_location(exchange: Exchange, reading: SdkResult) -> tuple[int | None, str | int]:
    """Return the place in ``exchange``, as evidence gives it, at which a reading of the default depth ended."""
    parser = exchange.reading.parser
    if parser is None:
        return None, 0
    whole = settings.depth is Depth.FULL
    given = (
        set(range(len(parser.events)))
        if whole
        else representative_events(exchange.reading, parser, exchange.response.content)
    )
    parts = list(parts_of(parser, exchange.response.content, given))
    ends = [position for position, part in enumerate(parts) if part.event is not None]
    last = ends[reading.chunks] if reading.chunks < len(ends) else len(parts) - 1
    # The SDK dispatches some blocks without data, and fails on the empty data.
    framing = last and parts[last - 1].event is None and reading.error == "JSONDecodeError"
    if framing and parts[last].event not in not_chunks(exchange.reading):
        return None, parts[last - 1].start
    return (parts[last].event, reading.pointer) if parts[last].event is not None else (None, parts[last].start)


@cache
def tiers() -> frozenset[str]:
    """Return the values that the SDK declares for ``service_tier``."""
    from openai.types.chat import ChatCompletionChunk

    declared = ChatCompletionChunk.model_fields["service_tier"].annotation
    return frozenset(chain.from_iterable(map(get_args, get_args(declared))))


# The clients.

Take = Callable[[Any], None]  # called with each thing that a client yields


class _Clients(NamedTuple):
    """One client of each kind per process, and the transport that serves the current exchange."""

    sync: Any
    strict: Any
    asynchronous: Any
    transport: Any


_IN_USE = threading.Lock()


@contextmanager
def _clients(exchange: Exchange) -> Iterator[_Clients]:
    with _IN_USE, warnings.catch_warnings(action="ignore"):  # pydantic's, about what is not of the type it expected
        clients = _made()
        clients.transport.exchange = exchange
        yield clients


@cache
def _made() -> _Clients:
    import openai

    from harness.recording.http_backend import sdk_backend
    from harness.recording.replay import Replay

    backend, transport = sdk_backend(), Replay(Exchange(_ASK[False], Response(OK)))
    client = backend.Client(transport=transport, trust_env=False)
    async_client = backend.AsyncClient(transport=transport, trust_env=False)
    # A client made without one of its own would build an SSL context, which takes 21 ms.
    given: dict[str, Any] = {"api_key": "unused", "base_url": "https://replay.invalid/v1", "max_retries": 0}
    return _Clients(
        openai.OpenAI(http_client=client, **given),
        openai.OpenAI(http_client=client, _strict_response_validation=True, **given),
        openai.AsyncOpenAI(http_client=async_client, **given),
        transport,
    )


def _asked(client: Any, exchange: Exchange) -> Any:
    """
    Return the result of ``client.chat.completions.create`` for a response.

    The request goes through the method that ``create`` uses, without its parameters: preparing them takes a quarter
    of the time, and does not affect the result.
    """
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    streams = exchange.is_stream
    kind = _streams_of(client)[ChatCompletionChunk]
    asked = {**_QUESTION, "stream": streams}
    return client.post("/chat/completions", cast_to=ChatCompletion, body=asked, stream=streams, stream_cls=kind)


def _streams_of(client: Any) -> Any:
    import openai

    return openai.AsyncStream if isinstance(client, openai.AsyncOpenAI) else openai.Stream


def _collect(exchange: Exchange, take: Take, *, strict: bool = False) -> None:
    with _clients(exchange) as clients:
        _hear_from(_asked(clients.strict if strict else clients.sync, exchange), exchange, take)


def _collect_text(exchange: Exchange, take: Take) -> None:
    with _clients(exchange) as clients:
        answer = clients.sync.completions.create(model="replay", prompt="?", stream=exchange.is_stream)
        _hear_from(answer, exchange, take)


def _hear_from(answer: Any, exchange: Exchange, take: Take) -> None:
    if not exchange.is_stream:
        take(answer)
        return
    with answer:
        for chunk in answer:
            take(chunk)


def _collect_async(exchange: Exchange, take: Take) -> None:
    with _clients(exchange) as clients:
        _wait_for(_hear_from_async(clients.asynchronous, exchange, take))


async def _hear_from_async(client: Any, exchange: Exchange, take: Take) -> None:
    answer = await _asked(client, exchange)
    if not exchange.is_stream:
        take(answer)
        return
    async with answer:
        async for chunk in answer:
            take(chunk)


def _collect_accumulated(exchange: Exchange, take: Take) -> None:
    import openai

    with _clients(exchange) as clients, clients.sync.chat.completions.stream(**_QUESTION) as stream:
        for event in stream:
            if event.type == "chunk":
                take(event.chunk)
        # These two report, by design, a response that ended early; its stream is valid.
        with suppress(openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
            stream.get_final_completion()


def _wait_for(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _runner().run(coroutine)
        return
    with ThreadPoolExecutor(1) as pool:  # a thread that runs a loop can't wait for another one
        pool.submit(asyncio.run, coroutine).result()


@cache
def _runner() -> asyncio.Runner:
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # given one, it leaves the thread's own loop alone
    atexit.register(_close, runner.get_loop())
    return runner


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop at exit; the runner would start a thread to end the threads, which Python 3.12.1 refuses."""
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _reading(exchange: Exchange, hear: Callable[[Exchange, Take], None], dialect: DialectName = "chat") -> SdkResult:
    texts: list[bytes] = []
    failure: dict[str, Any] = {}
    _made()  # a failure here is a bug of harness
    try:
        hear(exchange, lambda chunk: texts.append(_dumped(chunk)))
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is what it made of the exchange
        failure = _failure(error)
    # The yielded objects are parsed like the wire, so that the two can be compared.
    body = b"".join(b"data: %b\n\n" % text for text in texts) if exchange.is_stream else b"".join(texts)
    return SdkResult(sum(text[:1] == b"{" for text in texts), complete(read(body, dialect).columns).messages, **failure)


def _dumped(yielded: Any) -> bytes:
    """Return a client's objects as JSON, as a program that logs or forwards them would."""
    return json.dumps(yielded, default=lambda model: model.model_dump(exclude_unset=True, warnings=False)).encode()


def _failure(error: Exception) -> dict[str, Any]:
    import openai
    import pydantic

    pointer, message = "", str(error)
    if isinstance(error.__cause__, pydantic.ValidationError):
        first = error.__cause__.errors(include_url=False, include_context=False, include_input=False)[0]
        # The keys include class names, if the SDK had a choice of several.
        keys = [str(token) for token in first["loc"] if not str(token)[:1].isupper()]
        pointer, message = "".join(f"/{key}" for key in keys), first["msg"]
    return {
        "error": type(error).__name__,
        "message": " ".join(_UNPRINTABLE.sub(" ", message).split())[:_MESSAGE_LENGTH],
        "is_openai_error": isinstance(error, openai.OpenAIError),
        "pointer": pointer,
        "shows": tuple(_shown(getattr(error, "body", None))),
    }


def _shown(body: Any) -> Iterator[str]:
    """Yield which parts of the provider's error an exception with this ``body`` carries."""
    if isinstance(body, str) and body.strip():
        yield "text"
    if isinstance(body, dict):
        message = body.get("message")
        if isinstance(message, str) and message.strip():
            yield "message"
        yield from (name for name in ("code", "param", "type") if body.get(name) is not None)


def _of_form(exchange: Exchange) -> SdkResults:
    response = exchange.response
    media_type = response.headers.get("content-type")
    return readings_of(response.status, media_type, canonical_form(exchange), exchange.is_stream, response.eof)


@lru_cache(maxsize=1024)
def readings_of(status: int, media_type: str | None, content: bytes, streams: bool, eof: bool) -> SdkResults:  # noqa: FBT001
    """Return the readings of a form, shared by all exchanges of that form."""
    headers = Headers((("content-type", media_type),) if media_type is not None else ())
    read = Exchange(_ASK[streams], Response(status, headers, content, eof=eof))
    return SdkResults(read, (status, media_type, content, streams, eof))
