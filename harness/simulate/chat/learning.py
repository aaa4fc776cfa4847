"""
Learns the form of a provider without a profile from its own recordings.

Keys, their order and constant values are kept; ids, times, texts and counts become placeholders. Other values that
vary between responses, such as timings, are left out, since they would be made up.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from harness.simulate.chat.profile import Body, BodyKind, Form, FormEvidence, Profile, Stream, StreamKind
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SAID = ("content", "reasoning_content", "reasoning")
_COUNTS = {"prompt_tokens": "$prompt", "completion_tokens": "$completion", "total_tokens": "$total"}
_PLACES = {"id": "$id", "created": "$created", "model": "$model"}
_HEADERS = ("content-type",)
_EVIDENCE = "own"
_TEXT: Json = {"content": "$text"}


def learned(provider: str, exchanges: Iterable[Exchange]) -> Profile | None:
    """Return a profile with the form in a provider's recordings; None if no response can be read."""
    held = [one for one in exchanges if one.response.is_success and one.dialect == "chat" and not one.columns.errors]
    streams = [one for one in held if one.is_stream and one.completion.messages]
    bodies = [one for one in held if not one.is_stream and isinstance(one.chunk(0), dict) and one.completion.messages]
    stream, body = _stream(streams), _body(bodies)
    first = next((one for one in (*streams, *bodies)), None)
    if first is None or not (stream or body):
        return None
    parts = {"ids": _ids(first, held), "usage": _usage(held), "call": _call(bodies), "stream": stream, "body": body}
    form = Form.model_validate(parts)
    at = (first.source.at or "")[:10]
    evidence = FormEvidence.model_construct(
        url=first.request.url, kind="recording", at=at, recordings=len(held), note=None
    )
    return Profile.model_construct(provider=provider, evidence={_EVIDENCE: evidence}, forms=(form,))


def _ids(first: Exchange, held: list[Exchange]) -> dict[str, str]:
    calls: list[Any] = [call.id for one in held for message in one.completion.messages for call in message.tool_calls]
    own: list[Any] = [*first.columns.values["id"]]
    found: dict[str, str] = {
        name: next((text for text in texts if isinstance(text, str)), "")
        for name, texts in (("id", own), ("call_id", calls))
    }
    return {name: id_form(text) for name, text in found.items() if text and "{" not in text}


def id_form(text: str) -> str:
    """Return the pattern of an id: its prefix before the last run of letters and digits, and the kind of that run."""
    if _UUID.search(text):
        return _UUID.sub("{uuid}", text)
    head, tail = re.fullmatch(r"(.*?)([A-Za-z0-9]*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    kind = "digit" if tail.isdigit() else "hex" if re.fullmatch(r"[0-9a-f]+", tail) else "alnum"
    return f"{head}{{{kind} {len(tail)}}}" if tail else head


def _call(bodies: list[Exchange]) -> Json | None:
    """Return a call as bodies have it."""
    listed = (as_object(choice.get("message")) for one in bodies for choice in _choices(as_object(one.chunk(0))))
    calls = (call for message in listed for call in objects_in(message.get("tool_calls")))
    return next((_fragment(call) for call in calls), None)


def _choices(chunk: Json) -> list[Json]:
    return objects_in(chunk.get("choices"))


def _usage(held: list[Exchange]) -> Json | None:
    told: Iterator[Any] = (usage.value for one in held for usage in one.columns.usages)
    return next((_counted(one) for one in told if isinstance(one, dict)), None)


def _counted(usage: Json) -> Json:
    """Return usage with placeholders for its counts; other numbers are 0."""
    made: Json = {}
    for key, value in usage.items():
        if isinstance(value, dict):
            made[key] = _counted(value)
        elif key == "reasoning_tokens":
            made[key] = "$reasoning"
        else:
            made[key] = _COUNTS.get(key, 0 if isinstance(value, int | float) and not isinstance(value, bool) else None)
    return made


def _envelope(chunk: Json, choices: Any) -> Json:
    """Return the object around the choices; usage is included if requested."""
    made: Json = {}
    for key, value in chunk.items():
        if key in _PLACES:
            made[key] = _PLACES[key]
        elif key == "choices":
            made[key] = choices
        elif _is_plain(value) and key != "usage":
            made[key] = value
    return made


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool) or (isinstance(value, str) and not value.startswith("$"))


def _choice(choice: Json, inner: str) -> Json:
    places = {"index": "$index", inner: f"${inner}", "finish_reason": "$finish", "logprobs": "$logprobs"}
    return {key: places.get(key, value) for key, value in choice.items() if key in places or _is_plain(value)}


def _said(message: Json, places: Json) -> Json:
    """Return a message or delta with placeholders for its content."""
    made: Json = {}
    for key, value in message.items():
        if key == "tool_calls" and isinstance(value, list):
            made[key] = places.get(key, [_fragment(one) for one in objects_in(value)[:1]])
        elif key in places and isinstance(value, str):
            made[key] = places[key]
        elif _is_plain(value) and key not in _SAID[1:]:
            made[key] = value
    return made


def _fragment(call: Json) -> Json:
    """Return a fragment of a call with placeholders for its parts."""
    function = as_object(call.get("function"))
    inner = {"name": "$name", "arguments": "$arguments" if function.get("arguments") else ""}
    places: Json = {
        "index": "$number",
        "id": "$call_id",
        "function": {key: inner[key] for key in function if key in inner},
    }
    return {key: places.get(key, value) for key, value in call.items() if key in places or _is_plain(value)}


def _kinds(found: list[Exchange]) -> Iterator[tuple[str, Exchange]]:
    """Yield the kinds of responses in the recordings, each with the first that shows it; not those with a thought."""
    seen: set[str] = set()
    for one in found:
        message = one.completion.messages[0]
        kind = "parallel" if len(message.tool_calls) > 1 else "tools" if message.tool_calls else "chat"
        if kind not in seen and not message.reasoning and (message.content or message.tool_calls):
            seen.add(kind)
            yield kind, one


def _body(bodies: list[Exchange]) -> Body | None:
    kinds: Json = {}
    around: Json = {}
    for kind, one in _kinds(bodies):
        whole = as_object(one.chunk(0))
        choice = next(iter(_choices(whole)), {})
        message = _said(as_object(choice.get("message")), {"content": "$text", "tool_calls": "$calls"})
        kinds[kind] = BodyKind(evidence=(_EVIDENCE,), message=message)
        envelope = _envelope(whole, "$choices") | ({"usage": "$usage"} if "usage" in whole else {})
        around = around or {"headers": _headers(one), "envelope": envelope, "choice": _choice(choice, "message")}
    return Body.model_validate(around | kinds) if kinds else None


def _headers(one: Exchange) -> dict[str, str]:
    return {name: one.response.headers[name] for name in _HEADERS if name in one.response.headers}


def _stream(streams: list[Exchange]) -> Stream | None:
    closing, nulls = _told_at_the_end(streams)
    kinds: Json = {}
    around: Json = {}
    for kind, one in _kinds([one for one in streams if not one.request.include_usage]):
        chunks = [as_object(one.chunk(number)) for number in range(one.columns.count)]
        chosen = [chunk for chunk in chunks if _choices(chunk)]
        phases = _phases([as_object(_choices(chunk)[0].get("delta")) for chunk in chosen])
        if phases:
            shown = {"unasked": (_EVIDENCE,), "asked": (_EVIDENCE,) if closing else ()}
            kinds[kind] = StreamKind.model_validate(shown | {"phases": {**phases, **closing}})
            chunk = _envelope(chosen[0], [_choice(_choices(chosen[0])[0], "delta")]) | nulls
            closing_chunk = _envelope(chosen[-1], [_choice(_choices(chosen[-1])[0], "delta")]) | nulls
            around = around or {
                "headers": _headers(one),
                "done": bool(one.reading.done),
                "chunk": chunk,
                "closing": closing_chunk if closing_chunk != chunk else None,
            }
    return Stream.model_validate(around | kinds) if kinds else None


def _told_at_the_end(streams: list[Exchange]) -> tuple[Json, Json]:
    """Return the phase with requested usage, in a chunk of its own, and what the other phases have for it."""
    for one in streams:
        last = as_object(one.chunk(one.columns.count - 1))
        if one.request.include_usage and last.get("choices") == [] and last.get("usage"):
            nulls = {"usage if asked": None} if "usage" in as_object(one.chunk(0)) else {}
            return {"usage if asked": _envelope(last, []) | {"usage": "$usage"}}, nulls
    return {}, {}


def _phases(deltas: list[Json]) -> dict[str, Json]:
    """Return the phases of a stream, by their deltas; none if they are empty."""
    phases: dict[str, Json] = {}
    if deltas and not deltas[0].get("content") and not deltas[0].get("tool_calls"):
        phases["first"] = _said(deltas[0], {})
    for delta in deltas[:-1]:
        name = _phase_of(delta)
        if name and f"{name}-first" in phases:
            phases.setdefault(name, _said(delta, _TEXT))
        elif name:
            phases[f"{name}-first"] = _said(delta, _TEXT)
    if not {"saying-first", "call-first"} & set(phases):
        return {}
    last = _said(deltas[-1], {"content": ""})
    return {**phases, "finish": {key: value for key, value in last.items() if key != "tool_calls"}}


def _phase_of(delta: Json) -> str | None:
    calls = objects_in(delta.get("tool_calls"))
    if calls:
        return "call" if as_object(calls[0].get("function")).get("name") else "arguments"
    return "saying" if delta.get("content") else None
