"""
Defines the routes of the replay server: they choose the provider and the recording, and apply requested changes.

A request overrides the server's options by headers: ``x-harness-scenario``, ``-fault``, ``-reframe``, ``-pace``; or
by its URL, ``/PROVIDER/SCENARIO/v1`` and ``/PROVIDER/SCENARIO/FAULT/v1``, for clients that can't set headers.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import orjson
from aiohttp import web

from harness.errors import NotRecorded, unknown
from harness.matrix.dialects import EVERY_SCENARIO
from harness.printable import printable
from harness.recording.pacing import delays
from harness.recording.redact import redact
from harness.recording.replayed import NOTE
from harness.results.basis import PUBLISHED
from harness.serve.conversations import Conversations
from harness.serve.gate import Gate
from harness.serve.playback import PlaybackOptions, changed, cut, with_fault
from harness.serve.recording_index import CHAT_PATH, REFERENCE, RecordingIndex
from harness.serve.refusals import LARGEST_REQUEST, errors_as_json, refuse_nested
from harness.serve.request_log import RequestLog
from harness.serve.request_traits import spoken_at
from harness.serve.responder import send, without_additions
from harness.serve.script import Scripted
from harness.serve.scripting import Scripting
from harness.serve.upstream import Upstream
from harness.simulate.responses import answering as responses
from harness.wire.dialect import COUNT_TOKENS, RESPONSES
from harness.wire.exchange import Exchange, Request
from harness.wire.shapes import Json

ANY_SCENARIO = "any"
"""In a URL, stands for the scenario that the server chooses."""

_NO_SCENARIO = ("", ANY_SCENARIO, "anthropic")
"""Path segments that name no scenario; the last, since many base URLs of Messages end in /anthropic."""

_COMPLETIONS_PATH = "/v1/completions"
_BETA = "/beta"
"""The path below which DeepSeek serves chat too, and legacy completions only there."""

_MESSAGES_PATHS = ("/v1/messages", "/v1/messages/count_tokens")

log = logging.getLogger("harness.serve")

_LOOPBACK_ONLY = Gate()
_UNSCRIPTED = Scripted()
_INDEX = web.AppKey("index", RecordingIndex)
LOG = web.AppKey("log", RequestLog)
_CONVERSATIONS = web.AppKey("conversations", Conversations)
_SAID = web.RequestKey("said", str)
_LINE = web.RequestKey("line", dict)
_STOPPING = web.AppKey("stopping", asyncio.Event)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    index: RecordingIndex,
    options: PlaybackOptions,
    gate: Gate = _LOOPBACK_ONLY,
    scripting: Scripting | None = None,
    upstream: Upstream | None = None,
) -> web.Application:
    """
    Return the server's routes over the recordings of ``index``, with access checked by ``gate``.

    ``scripting`` has responses and faults that take precedence over the recordings; ``upstream`` handles requests
    that name no provider.
    """
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[_logged, errors_as_json, gate.admit])
    app[_INDEX] = index
    app[LOG] = RequestLog()
    app[_CONVERSATIONS] = Conversations()
    if scripting:
        app[LOG].plan = scripting.script.plan
    app[_STOPPING] = asyncio.Event()
    app.on_shutdown.append(_stop)
    app.on_response_prepare.extend((without_additions, gate.mark))

    def asked_at(path: str) -> _Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            refuse_nested(await request.read())
            return await _answer(request, path, options, scripting)

        return answer

    own = () if upstream else ("/v1",)
    if upstream:
        app.router.add_route("*", "/v1/{path:.+}", upstream.answer)
        app.on_cleanup.append(upstream.close)
    for prefix in ("/{provider}/v1", "/{provider}/{scenario}/v1", "/{provider}/{scenario}/{fault}/v1", *own):
        for path in (CHAT_PATH, *_MESSAGES_PATHS, _COMPLETIONS_PATH):  # first, since routes are tried in turn
            app.router.add_post(f"{prefix}{path.removeprefix('/v1')}", asked_at(path))
        app.router.add_post(f"{prefix}{RESPONSES}", asked_at(RESPONSES))
        app.router.add_get(f"{prefix}/models", _models)
        app.router.add_get(f"{prefix}/models/{{model:.+}}", _models)
    for prefix in ("/{provider}", *(("",) if own else ())):
        app.router.add_post(f"{prefix}{_BETA}/chat/completions", asked_at(CHAT_PATH))
        app.router.add_post(f"{prefix}{_BETA}/completions", asked_at(f"{_BETA}/completions"))
        app.router.add_get(f"{prefix}{_BETA}/models", _models)
    app.router.add_get("/", _index)
    app.router.add_get("/__harness/log", _log)
    app.router.add_delete("/__harness/log", _forget)
    return app


async def _log(request: web.Request) -> web.StreamResponse:
    """Return the outcome of each of the latest requests, for a test to assert on."""
    return _json({"plan": request.app[LOG].plan, "requests": request.app[LOG].lines})


async def _forget(request: web.Request) -> web.StreamResponse:
    request.app[LOG].clear()
    return _json({"requests": []})


def _provider(request: web.Request) -> str:
    """Return the provider that a URL names; without a name the only one that is served."""
    served = request.app[_INDEX].providers
    named = request.match_info.get("provider")
    if named is None and len(served) != 1:
        raise NotRecorded(
            f"several providers are served; use the base URL /{served[0]}/v1, or that of another provider"
        )
    return named or served[0]


async def _answer(
    request: web.Request, path: str, options: PlaybackOptions, scripting: Scripting | None
) -> web.StreamResponse:
    """Respond to a request at ``path``, which determines the dialect."""
    provider, own = _provider(request), options.of(request)
    if path == RESPONSES and provider != REFERENCE:
        raise NotRecorded(f"Responses are answered by the reference alone; use the base URL /{REFERENCE}/v1")
    if path == RESPONSES:
        return await _respond(request, own, scripting)
    content = await request.read()
    scripted = _UNSCRIPTED
    if scripting and not path.endswith(COUNT_TOKENS):
        body = Request("POST", "", body=content).json
        scripted = scripting.script.of(provider, body, spoken_at(path))
        held = scripting.exchange(provider, body, scripted, path)
        if held:
            note = f"{provider}/scripted; provenance=synthesised; rule={scripted.rule}"
            return await _play(request, held, note, own, scripted)
    found = request.app[_INDEX].answer(provider, content, _scenario(request), path=path)
    return await _play(request, found.exchange, found.note, own, scripted)


async def _respond(request: web.Request, own: PlaybackOptions, scripting: Scripting | None) -> web.StreamResponse:
    """Respond in Responses, which only the reference supports; a request may continue an earlier response."""
    kept = request.app[_CONVERSATIONS]
    sent = Request("POST", request.path, body=await request.read())
    body = sent.json and kept.whole(sent.json)
    scripted = scripting.script.of(REFERENCE, body, "responses") if scripting else _UNSCRIPTED
    exchange = scripting.exchange(REFERENCE, body, scripted, RESPONSES) if scripting else None
    note = f"{REFERENCE}/scripted; provenance=synthesised; rule={scripted.rule}"
    if exchange is None:
        made = responses.answer(body)
        exchange, note = made.exchange(sent), f"{REFERENCE}/responses; provenance=synthesised; {made.rests_on}"
    if body:
        kept.keep(body, exchange.response)
    return await _play(request, exchange, note, own, scripted)


async def _play(
    request: web.Request, exchange: Exchange, note: str, own: PlaybackOptions, scripted: Scripted
) -> web.StreamResponse:
    """Send an exchange with the fault requested, or scripted, or planned for it."""
    if scripted.fault and not own.fault:
        own = replace(own, fault=scripted.fault)
    exchange = changed(exchange, own.fault)
    said = with_fault(note, own.fault) + (f"; socket={scripted.socket}" if scripted.socket else "")
    request[_SAID] = said
    line = _kept(request, exchange.response.status, said)
    line["fault"], line["socket"], line["rule"] = own.fault, scripted.socket, scripted.rule
    if scripted.answer.delay:
        await asyncio.sleep(scripted.answer.delay)
    response = exchange.response
    pieces = cut(response, own)
    waits = delays(response, own.pace, len(pieces))
    return await send(request, response, pieces, waits, said, socket_fault=scripted.socket)


def _scenario(request: web.Request) -> str | None:
    """Return the scenario that a request names; raise UnknownName if there is none."""
    scenario = request.headers.get("x-harness-scenario") or request.match_info.get("scenario")
    if scenario is None or scenario in _NO_SCENARIO:
        return None
    if scenario not in EVERY_SCENARIO and not scenario.startswith(f"{PUBLISHED}."):
        raise unknown("scenario", scenario, [*EVERY_SCENARIO])
    return scenario


async def _stop(app: web.Application) -> None:
    app[_STOPPING].set()


async def _models(request: web.Request) -> web.StreamResponse:
    provider = _provider(request)
    of_messages = "anthropic-version" in request.headers
    row = _model_of_messages if of_messages else partial(_model, provider)
    rows = [row(name) for name in request.app[_INDEX].models(provider, "messages" if of_messages else "chat")]
    wanted = request.match_info.get("model")
    if wanted is None:
        ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {"first_id": None, "last_id": None}
        return _json({"data": rows, "has_more": False, **ends} if of_messages else {"object": "list", "data": rows})
    found = next((one for one in rows if one["id"] == wanted), None)
    if found is None:
        raise NotRecorded(f"there is no recording of a model {wanted!r}; see /{provider}/v1/models")
    return _json(found)


def _model(provider: str, name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": provider}


def _model_of_messages(name: str) -> Json:
    return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}


async def _index(request: web.Request) -> web.StreamResponse:
    host, port = request.transport.get_extra_info("sockname")[:2] if request.transport else ("127.0.0.1", 0)
    lines = [f"http://{host}:{port}/{provider}/v1" for provider in request.app[_INDEX].providers]
    about = "Answers as recorded providers gave them, without a key. The base URL of each:"
    return web.Response(text="\n".join([about, *lines, ""]))


def _json(content: object) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json")


def _kept(request: web.Request, status: int, note: str) -> dict[str, Any]:
    """
    Return the log entry of a request.

    It exists before the response is sent, so that its receiver finds it.
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
    """Log a line per request, without headers, query and body, since these may hold secrets."""
    begun = time.perf_counter()
    try:
        answer = await handler(request)
    except asyncio.CancelledError:
        why = "the server stopped" if request.app[_STOPPING].is_set() else "client left"
        log.info("%s %s %s", request.method, _shown(request.path), why)
        raise
    except ConnectionError:
        log.info("%s %s client left", request.method, _shown(request.path))
        return web.Response()  # discarded; if raised, the error would be logged with a traceback
    took = (time.perf_counter() - begun) * 1000
    note = str(request.get(_SAID) or answer.headers.get(NOTE, ""))
    if log.isEnabledFor(logging.INFO):  # a ready-made record saves the lookup of the caller
        line = f"{request.method} {_shown(request.path)} {answer.status} {took:.0f} ms {note}"
        log.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, line, (), None))
    _kept(request, answer.status, note)["ms"] = round(took, 1)
    return answer


@lru_cache(1024)
def _shown(path: str) -> str:
    return printable(redact(path.encode("utf-8", "replace")).decode("utf-8", "replace"))  # a line stays one
