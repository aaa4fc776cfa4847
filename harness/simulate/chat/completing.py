"""
Completes a provider's forms with kinds of responses not seen of it, derived from known ones.

A response in such a form is less certain than a reconstruction, and says so: it lets an app run, and is never
judged.
"""

from typing import Any, NamedTuple

from harness.simulate.chat.profile import Body, BodyKind, Form, Profile, Stream, StreamKind
from harness.simulate.chat.render import Answer, Sheet, sheet_of
from harness.simulate.template import split, uses
from harness.wire.shapes import Json

_NEAREST = {
    "chat": ("thinking",),
    "thinking": ("chat",),
    "tools": ("parallel", "thinking_tools"),
    "parallel": ("tools", "thinking_tools"),
    "thinking_tools": ("tools", "parallel"),
}
"""The substitutes for an unknown kind, the nearest first."""

_IDS = {"id": "chatcmpl-{alnum 24}", "call_id": "call_{alnum 24}"}
_USAGE = {"prompt_tokens": "$prompt", "completion_tokens": "$completion", "total_tokens": "$total"}
_FUNCTION = {"name": "$name", "arguments": "$arguments"}
_CALL = {"id": "$call_id", "type": "function", "function": _FUNCTION}
_HEAD = {"tool_calls": [{"index": "$number", **_CALL, "function": {"name": "$name", "arguments": ""}}]}
_FRAGMENT = {"tool_calls": [{"index": "$number", "function": {"arguments": "$arguments"}}]}
_REMEMBERED = 500
_LOGPROBS = {"content": "$tokens", "refusal": None, "reasoning_content if thinking": "$thoughts"}
_BODY = Body.model_validate(
    {
        "headers": {"content-type": "application/json"},
        "envelope": {
            "id": "$id", "object": "chat.completion", "created": "$created", "model": "$model", "choices": "$choices",
            "usage": "$usage",
        },
        "choice": {"index": "$index", "message": "$message", "logprobs": "$logprobs", "finish_reason": "$finish"},
        "chat": {"evidence": ["none"], "message": {"role": "assistant", "content": "$text"}},
    }
)  # fmt: skip
_STREAM = Stream.model_validate(
    {
        "headers": {"content-type": "text/event-stream"},
        "chunk": {
            "id": "$id", "object": "chat.completion.chunk", "created": "$created", "model": "$model",
            "choices": [{"index": "$index", "delta": "$delta", "logprobs": "$logprobs", "finish_reason": "$finish"}],
            "usage if asked": None,
        },
        "chat": {
            "unasked": ["none"],
            "phases": {"first": {"role": "assistant", "content": ""}, "saying": {"content": "$text"}, "finish": {}},
        },
    }
)  # fmt: skip


class Fitting(NamedTuple):
    """
    The template of a kind of responses; None if there is no evidence for any.

    ``guessed`` is the kind if there is no evidence for it, and ``mute`` whether its substitute has no place for
    reasoning.
    """

    sheet: Sheet | None
    guessed: str = ""
    mute: bool = False


class Forms:
    """The forms of a provider, seen ones and derived ones; cached."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._made: dict[tuple[object, ...], Fitting] = {}

    def of(self, model: str, answer: Answer, *, streamed: bool) -> Fitting:
        """Return the form for a response: the newest of ``model`` that has its kind, or a derived one."""
        key = (model, answer.kind, streamed, answer.include_usage, answer.logprobs is not None)
        if key not in self._made:
            if len(self._made) > _REMEMBERED:
                self._made.clear()
            self._made[key] = self._find(model, answer, streamed=streamed)
        return self._made[key]

    def _find(self, model: str, answer: Answer, *, streamed: bool) -> Fitting:
        own = [one for one in self._profile.forms if one.is_of(model)]
        forms = own + [one for one in self._profile.forms if one not in own]
        seen = next((one for one in forms if _has(one, answer, streamed=streamed)), None)
        if seen is not None:
            return Fitting(sheet_of(_with_logprobs(seen, answer), answer, streamed=streamed))
        nearest = min(forms, key=lambda one: _missing(one, answer, streamed=streamed))
        made = _with_kind(nearest, answer, streamed=streamed)
        kind = getattr(made.stream if streamed else made.body, _kind(answer))
        mute = answer.thinks and not uses(kind.model_dump(), "thought")
        return Fitting(sheet_of(_with_logprobs(made, answer), answer, streamed=streamed), answer.kind, mute)


def _kind(answer: Answer) -> str:
    return answer.kind.replace("-", "_")


def _has(form: Form, answer: Answer, *, streamed: bool) -> bool:
    found = getattr(form.stream if streamed else form.body, _kind(answer), None)
    if isinstance(found, StreamKind):
        return bool(found.asked if answer.include_usage else found.unasked)
    return found is not None


def _missing(form: Form, answer: Answer, *, streamed: bool) -> int:
    """Return how much of a response's needs a form lacks: 0 only the evidence, 3 everything."""
    room = form.stream if streamed else form.body
    if room is None:
        return 3
    if getattr(room, _kind(answer)) is not None:
        return 0
    return 1 if any(getattr(room, near) is not None for near in _NEAREST[_kind(answer)]) else 2


def _with_kind(form: Form, answer: Answer, *, streamed: bool) -> Form:
    """Return a form that has everything a response needs."""
    given = {"ids": _IDS | form.ids, "usage": form.usage or _USAGE, "call": form.call or _CALL}
    if streamed:
        stream = form.stream or _STREAM
        return form.model_copy(update=given | {"stream": stream.model_copy(update=_streamed(stream, answer))})
    body = form.body or _BODY
    return form.model_copy(update=given | {"body": body.model_copy(update={_kind(answer): _whole(body, answer)})})


def _streamed(stream: Stream, answer: Answer) -> Json:
    """Return the parts of a stream that has everything a response needs."""
    kind = _kind(answer)
    found: StreamKind | None = getattr(stream, kind) or _near(stream, kind)
    if found is None:
        found = next(
            one for one in (stream.chat, stream.thinking, stream.thinking_tools, _STREAM.chat) if one is not None
        )
    phases = found.phases
    if answer.kind.endswith(("tools", "parallel")) and not _calls(phases):
        phases = _calling(phases)
    if not answer.thinks:
        phases = _with_role(phases)
    parts: Json = {"chunk": stream.chunk, "closing": stream.closing}
    if not (found.asked if answer.include_usage else found.unasked):
        parts, phases = _with_plain_usage(parts, phases)
    evidence = found.asked if answer.include_usage else found.unasked
    evidence = evidence or found.asked or found.unasked
    return parts | {kind: StreamKind(asked=evidence, unasked=evidence, phases=phases)}


def _calls(phases: dict[str, Json]) -> bool:
    return uses(phases, "calls") or any(split(key)[0].startswith("call") for key in phases)


def _with_plain_usage(parts: Json, phases: dict[str, Json]) -> tuple[Json, dict[str, Json]]:
    """Return the parts of a stream with usage in the specification's place, as the provider's own is unknown."""
    chunk = {**_without_usage(parts["chunk"]), "usage if asked": None}
    closing = {**_without_usage(parts["closing"]), "usage if asked": None} if parts["closing"] else None
    usage = {"usage if asked": {**chunk, "choices": [], "usage if asked": "$usage"}}
    kept = {key: _without_usage(one) for key, one in phases.items() if split(key)[0] != "usage"}
    kept = {key: {**one, "usage if asked": None} if "choices" in one else one for key, one in kept.items()}
    return {"chunk": chunk, "closing": closing}, {**kept, **usage}


def _without_usage(template: Any) -> Any:
    if isinstance(template, dict):
        return {key: _without_usage(one) for key, one in template.items() if split(key)[0] != "usage"}
    return [_without_usage(one) for one in template] if isinstance(template, list) else template


def _near(room: Stream | Body, kind: str) -> Any:
    return next((found for near in _NEAREST[kind] if (found := getattr(room, near)) is not None), None)


def _calling(phases: dict[str, Json]) -> dict[str, Json]:
    """Return the phases of a text with calls instead."""
    names = {key: split(key)[0] for key in phases}
    before = {key: phases[key] for key, name in names.items() if name in {"before", "first"}}
    after = {key: phases[key] for key, name in names.items() if name in {"finish", "usage"}}
    return {**before, "call": _HEAD, "arguments": _FRAGMENT, **after}


def _with_role(phases: dict[str, Json]) -> dict[str, Json]:
    """Return the phases of calls with the role at their beginning, if it came with a thought that is left out."""
    call = next((phases[key] for key in ("call-first", "call") if key in phases), None)
    before = [one for key, one in phases.items() if split(key)[0] in {"before", "first"}]
    if call is None or "choices" in call or _has_role([*before, call]):
        return phases
    head = {"call-first": {"role": "assistant", "content": None, **call}}
    at = next(number for number, key in enumerate(phases) if key.startswith("call"))
    listed = list(phases.items())
    return {**dict(listed[:at]), **head, **{key: one for key, one in listed[at:] if key != "call-first"}}


def _has_role(template: Any) -> bool:
    if isinstance(template, dict):
        return "role" in template or any(map(_has_role, template.values()))
    return isinstance(template, list) and any(map(_has_role, template))


def _whole(body: Body, answer: Answer) -> BodyKind:
    kind = _kind(answer)
    found: BodyKind | None = getattr(body, kind) or _near(body, kind)
    if found is None:
        found = next(one for one in (body.chat, body.thinking, body.thinking_tools, _BODY.chat) if one is not None)
    if kind.endswith(("tools", "parallel")) and not uses(found.message, "calls"):
        message = {**found.message, "content": None, "tool_calls": "$calls"}
        return BodyKind(evidence=found.evidence, message=message)
    return found


def _with_logprobs(form: Form, answer: Answer) -> Form:
    """Return a form with a place for requested probabilities, if it has none."""
    if answer.logprobs is None or form.logprobs is not None:
        return form
    rooms: Json = {}
    if form.stream:
        kind = getattr(form.stream, _kind(answer))
        parts = {"chunk": _placed(form.stream.chunk), "closing": _placed(form.stream.closing)}
        parts |= {_kind(answer): kind.model_copy(update={"phases": _placed(kind.phases)})} if kind else {}
        rooms["stream"] = form.stream.model_copy(update=parts)
    if form.body:
        whole = getattr(form.body, _kind(answer))
        parts = {"choice": {**form.body.choice, "logprobs": "$logprobs"}}
        parts |= {_kind(answer): whole.model_copy(update={"message": _placed(whole.message)})} if whole else {}
        rooms["body"] = form.body.model_copy(update=parts)
    return form.model_copy(update=rooms | {"logprobs": _LOGPROBS})


def _placed(template: Any) -> Any:
    """Return a template whose choices have a place for probabilities."""
    if isinstance(template, list):
        return [_placed(one) for one in template]
    if not isinstance(template, dict):
        return template
    inner = {key: _placed(one) for key, one in template.items()}
    return {**inner, "logprobs": "$logprobs"} if {"delta", "message"} & set(template) else inner
