"""
The routes of the replay server: which provider is asked, which recording answers, and how it is changed on the way.

A request says by a header what it wants other than the rest: ``x-harness-scenario``, ``-fault``, ``-reframe``, ``-pace``;
or by its address, ``/PROVIDER/SCENARIO/v1`` and ``/PROVIDER/SCENARIO/FAULT/v1``, for clients that set no headers.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web

from harness.errors import HarnessError, NotRecorded, unknown
from harness.matrix.scenarios import SCENARIOS
from harness.printable import printable
from harness.recording.pacing import Pace, delays
from harness.recording.redact import redact
from harness.recording.replayed import NOTE
from harness.results.basis import PUBLISHED
from harness.serve.framing import reframe
from harness.serve.gate import Gate, NotAllowed
from harness.serve.recording_index import RecordedAnswer, RecordingIndex
from harness.serve.request_log import RequestLog
from harness.serve.responder import send, without_additions
from harness.serve.script import Scripted
from harness.serve.scripting import Scripting
from harness.serve.upstream import NoUpstream, Upstream
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import FAULTS, VARIANTS
from harness.simulate.reference import with_header
from harness.wire.exchange import Exchange, Request, Response

LARGEST_REQUEST = 16 * 1024 * 1024
"""Bytes of a request's body that are taken."""

FRAMINGS = "recorded, bytes, events, merged, crlf or random:SEED"

_PACES: dict[str, Pace] = {"none": "none", "recorded": "recorded"}

ANY_SCENARIO = "any"
"""Stands in an address for the scenario that the server picks."""

_OVERRIDE_HEADERS = ("x-harness-pace", "x-harness-reframe", "x-harness-fault")

log = logging.getLogger("harness.serve")

_LOOPBACK_ONLY = Gate()
_INDEX = web.AppKey("index", RecordingIndex)
LOG = web.AppKey("log", RequestLog)
_SAID = web.RequestKey("said", str)
_LINE = web.RequestKey("line", dict)
_STOPPING = web.AppKey("stopping", asyncio.Event)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class PlaybackOptions:
    """How answers are played unless a request says otherwise; the fault or legal variant ``fault`` is put into each."""

    pace: Pace = "none"
    reframe: str = "recorded"
    fault: str | None = None

    def __post_init__(self) -> None:
        """Raise UnknownName for a fault or a way of cutting that there is not."""
        if reframe(self.reframe) is None:
            raise unknown("way to cut", self.reframe, FRAMINGS.replace(" or", ",").split(", "))
        if self.fault is not None and self.fault not in FAULTS and self.fault not in VARIANTS:
            raise unknown("fault", self.fault, [*FAULTS, *VARIANTS])

    def of(self, request: web.Request) -> "PlaybackOptions":
        """Return the options of one request; raises UnknownName as making one does."""
        said, named = request.headers, request.match_info.get("fault")
        if not named and not any(name in said for name in _OVERRIDE_HEADERS):
            return self
        pace = pace_of(said["x-harness-pace"]) if "x-harness-pace" in said else self.pace
        fault = said.get("x-harness-fault", named or self.fault)
        return PlaybackOptions(pace, said.get("x-harness-reframe", self.reframe), fault)


def pace_of(word: str) -> Pace:
    """Return a pace: ``none``, ``recorded`` or a number of seconds; raises UnknownName for another word."""
    named = _PACES.get(word)
    if named:
        return named
    try:
        seconds = float(word)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour
        raise unknown("pace", word, ["none", "recorded", "0.05"])
    return seconds


def application(
    index: RecordingIndex,
    options: PlaybackOptions,
    gate: Gate = _LOOPBACK_ONLY,
    scripting: Scripting | None = None,
    upstream: Upstream | None = None,
) -> web.Application:
    """
    Return the server's routes over the recordings of ``index``, for those whom ``gate`` lets in.

    ``scripting`` has answers and faults that come before the recordings; ``upstream`` answers what names no provider.
    """
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[_logged, _errors_as_json, gate.admit])
    app[_INDEX] = index
    app[LOG] = RequestLog()
    if scripting:
        app[LOG].plan = scripting.script.plan
    app[_STOPPING] = asyncio.Event()
    app.on_shutdown.append(_stop)
    app.on_response_prepare.extend((without_additions, gate.mark))

    async def chat(request: web.Request) -> web.StreamResponse:
        return await _chat(request, _provider(request), options, scripting)

    own = () if upstream else ("/v1",)
    if upstream:
        app.router.add_route("*", "/v1/{path:.+}", upstream.answer)
        app.on_cleanup.append(upstream.close)
    for prefix in ("/{provider}/v1", "/{provider}/{scenario}/v1", "/{provider}/{scenario}/{fault}/v1", *own):
        app.router.add_get(f"{prefix}/models", _models)
        app.router.add_get(f"{prefix}/models/{{model:.+}}", _models)
        app.router.add_post(f"{prefix}/chat/completions", chat)
    app.router.add_get("/", _index)
    app.router.add_get("/__harness/log", _log)
    app.router.add_delete("/__harness/log", _forget)
    return app


async def _log(request: web.Request) -> web.StreamResponse:
    """Return what each of the latest requests got, for a test to assert against."""
    return _json({"plan": request.app[LOG].plan, "requests": request.app[LOG].lines})


async def _forget(request: web.Request) -> web.StreamResponse:
    request.app[LOG].clear()
    return _json({"requests": []})


def _provider(request: web.Request) -> str:
    """Return the provider that an address names; without a name it is the only one that is served."""
    served = request.app[_INDEX].providers
    named = request.match_info.get("provider")
    if named is None and len(served) != 1:
        raise NotRecorded(f"several providers are served; ask /{served[0]}/v1, or another of them")
    return named or served[0]


async def _chat(
    request: web.Request, provider: str, options: PlaybackOptions, scripting: Scripting | None
) -> web.StreamResponse:
    own = options.of(request)
    content = await request.read()
    scripted = Scripted()
    if scripting:
        body = Request("POST", "", body=content).json
        scripted = scripting.script.of(provider, body)
        held = scripting.exchange(provider, body, scripted)
        if held:
            note = f"{provider}/scripted; provenance=synthesised; rule={scripted.rule}"
            return await _play(request, held, note, own, scripted)
    found = request.app[_INDEX].answer(provider, content, _scenario(request))
    return await _play(request, found.exchange, _note(found), own, scripted)


async def _play(
    request: web.Request, exchange: Exchange, note: str, own: PlaybackOptions, scripted: Scripted
) -> web.StreamResponse:
    """Send an exchange with the fault that a request asks for, or that a script or a plan has for it."""
    if scripted.fault and not own.fault:
        own = replace(own, fault=scripted.fault)
    exchange = changed(exchange, own.fault)
    request[_SAID] = _with_fault(note, own.fault)
    request[_SAID] += f"; socket={scripted.socket}" if scripted.socket else ""
    line = _kept(request, exchange.response.status, request[_SAID])
    line |= {"fault": own.fault, "socket": scripted.socket, "rule": scripted.rule}
    if scripted.answer.delay:
        await asyncio.sleep(scripted.answer.delay)
    response = exchange.response
    pieces = _pieces(response, own)
    waits = delays(response, own.pace, len(pieces))
    return await send(request, response, pieces, waits, request[_SAID], socket_fault=scripted.socket)


def _scenario(request: web.Request) -> str | None:
    """Return the scenario that a request names; raises UnknownName where there is none of that name."""
    scenario = request.headers.get("x-harness-scenario") or request.match_info.get("scenario")
    if scenario in {None, "", ANY_SCENARIO}:
        return None
    if scenario not in SCENARIOS and not scenario.startswith(f"{PUBLISHED}."):
        raise unknown("scenario", scenario, list(SCENARIOS))
    return scenario


def changed(exchange: Exchange, fault: str | None) -> Exchange:
    """Return an exchange with a fault or legal variant put in; raises NotRecorded where it has no place for it."""
    if fault is None:
        return exchange
    wanted = FAULTS.get(fault) or VARIANTS[fault]
    try:
        return _with_own_length(exchange, wanted.change(exchange))
    except (
        NothingChanged,
        LookupError,
        ValueError,
        TypeError,
        StopIteration,
        RecursionError,
    ):  # made for another answer
        raise NotRecorded(
            f"the fault {fault} has no place in this answer; it is one of answers such as those to {wanted.on}"
        ) from None


def _with_own_length(before: Exchange, after: Exchange) -> Exchange:
    """Return a changed exchange with the length of its own body, where the one it was made of had the right one."""
    length = before.response.headers.get("content-length")
    right = str(len(after.response.body))
    if (
        length != str(len(before.response.body))
        or after.response.headers.get("content-length") != length
        or right == length
    ):
        return after
    return with_header(after, "Content-Length", right)


def _pieces(response: Response, options: PlaybackOptions) -> list[bytes]:
    cut = reframe(options.reframe)
    assert cut is not None, "a manner holds no other word"  # noqa: S101 - for mypy
    return cut(response)


def _with_fault(note: str, fault: str | None) -> str:
    """Return what is said of an answer with the fault in it, behind the provenance."""
    if fault is None:
        return note
    name, provenance, basis = (*note.split("; ", 2), "")[:3]
    return "; ".join(filter(None, (name, provenance, f"fault={fault}", basis)))


def _note(held: RecordedAnswer) -> str:
    source = held.exchange.source
    basis = f"; {source.note}" if source.provenance == "synthesised" and source.note else ""
    return f"{held.name}; provenance={source.provenance}{basis}"


async def _stop(app: web.Application) -> None:
    app[_STOPPING].set()


async def _models(request: web.Request) -> web.StreamResponse:
    provider = _provider(request)
    rows = [
        {"id": name, "object": "model", "created": 0, "owned_by": provider}
        for name in request.app[_INDEX].models(provider)
    ]
    wanted = request.match_info.get("model")
    if wanted is None:
        return _json({"object": "list", "data": rows})
    found = next((row for row in rows if row["id"] == wanted), None)
    if found is None:
        raise NotRecorded(f"nothing is recorded of a model {wanted!r}; see /{provider}/v1/models")
    return _json(found)


async def _index(request: web.Request) -> web.StreamResponse:
    host, port = request.transport.get_extra_info("sockname")[:2] if request.transport else ("127.0.0.1", 0)
    lines = [f"http://{host}:{port}/{provider}/v1" for provider in request.app[_INDEX].providers]
    about = "Answers as recorded providers gave them, without a key. The base URL of each:"
    return web.Response(text="\n".join([about, *lines, ""]))


@web.middleware
async def _errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Say what went wrong in the form that OpenAI's clients show."""
    try:
        return await handler(request)
    except (NotAllowed, NoUpstream) as error:
        return _refusal(error.status, str(error), "not_allowed" if isinstance(error, NotAllowed) else "no_upstream")
    except HarnessError as error:
        return _refusal(404 if isinstance(error, NotRecorded) else 400, str(error))
    except web.HTTPRequestEntityTooLarge:
        return _refusal(413, f"the request is larger than {LARGEST_REQUEST:,} bytes")
    except web.RequestPayloadError as error:
        answer = _refusal(400, f"the request's body can't be read: {error}")
        answer.force_close()  # aiohttp closes after such a body, so whoever keeps connections has to be told
        return answer
    except web.HTTPException as error:
        return _refusal(error.status, f"{request.method} {request.path}: {error.reason}; see /")


def _refusal(status: int, message: str, code: str = "not_recorded") -> web.Response:
    error = {"message": f"harness serve: {message}", "type": "harness_error", "param": None, "code": code}
    return _json({"error": error}, status)


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type="application/json")


def _kept(request: web.Request, status: int, note: str) -> dict[str, Any]:
    """
    Return the line of a request in what is kept for assertions.

    It is there before an answer is sent: who has the answer finds it.
    """
    if _LINE not in request:
        request[_LINE] = line = {
            "method": request.method,
            "path": _shown(request.path),
            "status": status,
            "answer": note,
        }
        if not request.path.startswith("/__harness/"):
            request.app[LOG].add(line)
    return request[_LINE]


@web.middleware
async def _logged(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Log a line a request: no header, no query and no body, since these may hold secrets."""
    begun = time.perf_counter()
    try:
        answer = await handler(request)
    except asyncio.CancelledError:
        why = "the server stopped" if request.app[_STOPPING].is_set() else "client left"
        log.info("%s %s %s", request.method, _shown(request.path), why)
        raise
    except ConnectionError:
        log.info("%s %s client left", request.method, _shown(request.path))
        return web.Response()  # goes nowhere; raised, the error would be logged with a traceback
    took = (time.perf_counter() - begun) * 1000
    note = str(request.get(_SAID) or answer.headers.get(NOTE, ""))
    log.info("%s %s %d %.0f ms %s", request.method, _shown(request.path), answer.status, took, note)
    _kept(request, answer.status, note)["ms"] = round(took, 1)
    return answer


@lru_cache(1024)
def _shown(path: str) -> str:
    return printable(redact(path.encode("utf-8", "replace")).decode("utf-8", "replace"))  # a line stays one
