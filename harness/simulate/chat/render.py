"""Renders the content of a response as a stream or a body, in the form of a provider's profile."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

from harness.simulate.chat.content import CREATED, Call, Said, logprob
from harness.simulate.chat.mould import MOULDS, Values, moulded
from harness.simulate.chat.profile import REPEATED, Body, BodyKind, Form, Layout, Refusal, Stream, StreamKind
from harness.simulate.template import IDS, fill, holds, make_id, split, uses
from harness.wire.exchange import Headers
from harness.wire.shapes import Json

_SECONDS = 0.25
_CHUNKS_A_SECOND = 4
_PADDING = "{alnum 6}"
_NONE: frozenset[str] = frozenset()
_OWN_IDS = tuple(name for name in IDS if name != "call_id")
"""The ids of a response, without those of its calls."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The input of a form.

    ``choices`` are the content; ``model`` is as requested and ``prompt`` its tokens; ``include_usage`` is whether
    usage was requested; ``logprobs`` the number of alternatives to each token, None without probabilities; ``seed``
    makes the ids.
    """

    choices: tuple[Said, ...]
    model: str
    prompt: int
    seed: str
    include_usage: bool = False
    logprobs: int | None = None

    @property
    def kind(self) -> str:
        """The kind of response, by its name in a profile."""
        calls = thoughts = 0
        for said in self.choices:
            calls, thoughts = max(calls, len(said.calls)), thoughts or len(said.thought)
        if thoughts:
            return "thinking-tools" if calls else "thinking"
        return "parallel" if calls > 1 else "tools" if calls else "chat"

    @property
    def thinks(self) -> bool:
        """Whether it begins with reasoning."""
        return any(said.thought for said in self.choices)


class Rendered(NamedTuple):
    """A response in a provider's form, and the names of its evidence."""

    content: bytes
    headers: Headers
    evidence: tuple[str, ...]


def render(form: Form, answer: Answer, *, streamed: bool) -> Rendered | None:
    """Return ``answer`` in a form; None if there is no evidence for the form of such a response."""
    sheet = sheet_of(form, answer, streamed=streamed)
    return None if sheet is None else sheet.rendered(answer)


def sheet_of(form: Form, answer: Answer, *, streamed: bool) -> "Sheet | None":
    """Return the template of such responses as ``answer``; None if there is no evidence for their form."""
    room = form.stream if streamed else form.body
    kind = getattr(room, answer.kind.replace("-", "_"), None)
    if room is None or kind is None:
        return None
    evidence = kind.evidence if isinstance(room, Body) else kind.asked if answer.include_usage else kind.unasked
    return Sheet(form, room, kind, evidence) if evidence else None


def render_headers(form: Form, headers: dict[str, str], seed: str) -> Headers:
    """Return response headers, with the ids in them."""
    return _headers(headers, _ids(form, seed))


def _headers(headers: dict[str, str], ids: dict[str, str | None]) -> Headers:
    pairs = tuple(fill(headers, ids, _NONE).items())
    return Headers(pairs) if uses(headers, "request_id") else _same_headers(pairs)


@lru_cache(64)
def _same_headers(pairs: tuple[tuple[str, str], ...]) -> Headers:
    return Headers(pairs)


def render_refusal(form: Form, refusal: Refusal, text: str, seed: str) -> bytes:
    """Return the bytes of an error with the message ``text``."""
    return _json(fill(refusal.body, _ids(form, seed) | {"text": text}, frozenset())).encode()


def _ids(form: Form, seed: str) -> dict[str, str | None]:
    return {name: make_id(form.ids[name], f"{seed} {name}") if name in form.ids else None for name in _OWN_IDS}


class Sheet(NamedTuple):
    """The template of a response: a form, with the stream or the body of one kind, and its evidence."""

    form: Form
    room: Stream | Body
    kind: Any
    evidence: tuple[str, ...]

    def rendered(self, answer: Answer) -> Rendered:
        """Return a response in this form."""
        ids = _ids(self.form, answer.seed)
        return Rendered(self._content(answer, ids).encode(), _headers(self.room.headers, ids), self.evidence)

    def _content(self, answer: Answer, ids: dict[str, str | None]) -> str:
        """Return the body of a response, by a mould if one covers all variable parts."""
        ids, counts = ids | _call_ids(self.form, answer), _counts(answer)
        named = [name for name, made in ids.items() if made]

        def written(values: Values) -> str:
            texts = iter(values.texts)
            own = ids | dict(zip(named, texts, strict=False))
            told = replace(answer, choices=tuple(said.saying(texts) for said in answer.choices))
            return self._written(told, own, dict(zip(counts, values.others, strict=True)))

        texts = [made for made in ids.values() if made]
        for said in answer.choices:
            texts += said.pieces
        values, outlines = Values(tuple(texts), tuple(counts.values())), [said.outline for said in answer.choices]
        outline = id(self.form), id(self.kind), answer.model, answer.include_usage, *outlines
        if answer.logprobs is not None or (outline not in MOULDS and self._is_padded()):
            return written(values)
        return moulded(outline, self, values, written, partial(_json, layout=self.room.layout))

    def _written(self, answer: Answer, ids: Json, counts: Json) -> str:
        writer = _Writer(self.form, answer, ids, counts, streamed=isinstance(self.room, Stream))
        if isinstance(self.room, Stream):
            return _stream(self.room, self.kind, writer)
        return _json(writer.whole(self.room, self.kind), self.room.layout)

    def _is_padded(self) -> bool:
        """Return whether it has random padding, different in each chunk."""
        room = self.room
        return isinstance(room, Stream) and (
            uses(room.chunk, "padding") or uses(room.closing, "padding") or uses(self.kind.phases, "padding")
        )


def _call_ids(form: Form, answer: Answer) -> dict[str, str | None]:
    made = form.ids.get("call_id", "")
    most = max([len(said.calls) for said in answer.choices])
    return {f"call {number}": make_id(made, f"{answer.seed} call {number}", number) for number in range(most)}


def _stream(stream: Stream, kind: StreamKind, writer: "_Writer") -> str:
    chunks = [*writer.chunks(stream, kind), *(["[DONE]"] if stream.done else [])]
    end = {"lf": "\n", "crlf": "\r\n"}[stream.newline] * 2
    lead = "data: " if stream.space else "data:"
    opening = "".join(f"{event}{end}" for event in stream.opening)
    return f"{opening}{lead}{f'{end}{lead}'.join(chunks)}{end}"


def _json(value: Any, layout: Layout = "compact") -> str:
    if layout == "compact":
        return orjson.dumps(value).decode()
    return json.dumps(value, ensure_ascii=False, indent=2 if layout == "indented" else None)


class _Writer:
    """Renders one response in a form, with its ``ids`` and ``counts``."""

    def __init__(self, form: Form, answer: Answer, ids: Json, counts: Json, *, streamed: bool) -> None:
        self.form = form
        self.answer = answer
        self.written = 0
        self._ids = ids
        states = {
            "asked": answer.include_usage,
            "thinking": answer.thinks,
            "calling": any(said.calls for said in answer.choices),
            "logprobs": answer.logprobs is not None,
            "stream": streamed,
        }
        self.conditions = frozenset(name for name, state in states.items() if state)
        self.constants: Json = {name: ids[name] for name in _OWN_IDS}
        self.constants |= {"model": form.answers_as.get(answer.model, answer.model)}
        self.constants |= {"created": CREATED, "index": 0, "text": "", "said": "", "thought": ""}
        self.constants |= {"finish": None, "logprobs": None, "seconds": _SECONDS, **counts}
        if form.usage is not None:
            self.constants["usage"] = fill(form.usage, self.constants, self.conditions)

    def whole(self, body: Body, kind: BodyKind) -> Json:
        """Return the response as the JSON of one body."""
        choices: list[Json] = []
        whole: Json | None = None
        for index, said in enumerate(self.answer.choices):
            values = self.constants | {"index": index, "finish": self._reason(said), "calls": self._calls(said)}
            values |= {"text": "".join(said.text), "thought": "".join(said.thought)}
            values["said"] = values["text"]
            values["logprobs"] = self._logprobs(said.text, said.thought if uses(kind.message, "thought") else ())
            values["message"] = message = fill(kind.message, values, self._conditions(said))
            whole = whole or (dict(message) if "choices" in message else None)
            choices += message["choices"] if whole else [fill(body.choice, values, self._conditions(said))]
        if whole:
            return whole | {"choices": choices}
        filled: Json = fill(body.envelope, self.constants | {"choices": choices}, self.conditions)
        return filled

    def chunks(self, stream: Stream, kind: StreamKind) -> list[str]:
        """Return the chunks of the response as JSON, those of several choices in turn."""
        script = _script_of(kind, self.conditions)
        made = [self._of_none(stream, "before", script)] if "before" in script.phases else []
        turns = [self._choice(stream, script, index) for index in range(len(self.answer.choices))]
        made += (
            turns[0] if len(turns) == 1 else [one for turn in zip_longest(*turns) for one in turn if one is not None]
        )
        return [*made, self._of_none(stream, "usage", script)] if "usage" in script.phases else made

    def _of_none(self, stream: Stream, name: str, script: "_Script") -> str:
        """Return a chunk without a choice."""
        return _json(self._chunk(stream, name, script.phases[name], {}, self.conditions), stream.layout)

    def _choice(self, stream: Stream, script: "_Script", index: int) -> Iterator[str]:
        """Yield the chunks of one choice as JSON."""
        said = ""
        for step in script.steps(self.answer.choices[index]):
            for piece in step.pieces:
                given = step.given | {step.place: piece} if step.place else step.given
                said += given.get("text", "")
                chunk = self._chunk_of(stream, step.name, step.template, index, given | {"said": said})
                last = step.name != "finish" or index == len(self.answer.choices) - 1
                yield _json(chunk if last else _uncounted(chunk, stream), stream.layout)

    def _chunk_of(self, stream: Stream, name: str, template: Json, index: int, given: Json) -> Json:
        said = self.answer.choices[index]
        values = {"index": index, **self._values(said, name, given)}
        return self._chunk(stream, name, template, values, self._conditions(said))

    def _values(self, said: Said, name: str, given: Json) -> Json:
        """Return the values of the placeholders of one phase; rarely used ones are functions."""
        values = {**given, "calls": partial(self._calls, said)}
        if "number" in given:
            values["call_id"] = partial(self._call_id, given["number"])
        text, thought = ((given[key],) if given.get(key) else () for key in ("text", "thought"))
        if thought and self.form.logprobs and not uses(self.form.logprobs, "thoughts"):
            text, thought = thought + text, ()  # no separate place: they are the tokens of this chunk
        values["logprobs"] = self._logprobs(text, thought) if text or thought or name != "finish" else None
        return values | {"finish": self._reason(said)} if name == "finish" else values

    def _chunk(self, stream: Stream, name: str, template: Json, values: Json, conditions: frozenset[str]) -> Json:
        filled = {
            **self.constants,
            **values,
            "padding": partial(make_id, _PADDING, f"{self.answer.seed} {self.written}"),
        }
        if self.form.created == "growing":
            filled["created"] = CREATED + self.written // _CHUNKS_A_SECOND
        self.written += 1
        inner: Json = fill(template, filled, conditions)
        if "choices" in inner:
            return inner
        envelope = stream.closing if name == "finish" and stream.closing else stream.chunk
        chunk: Json = fill(envelope, filled | {"delta": inner}, conditions)
        return chunk

    def _conditions(self, said: Said) -> frozenset[str]:
        return self.conditions | {"text"} if said.text else self.conditions

    def _reason(self, said: Said) -> str:
        forced = said.forced and said.finish == "tool_calls" and "named" in self.form.reasons
        reason = "named" if forced else said.finish
        return self.form.reasons.get(reason, reason)  # type: ignore[call-overload, no-any-return]

    def _calls(self, said: Said) -> list[Json]:
        return [self._call(number, call) for number, call in enumerate(said.calls)]

    def _call(self, number: int, call: Call) -> Json:
        values = {"number": number, "call_id": self._call_id(number), "name": call.name}
        values["arguments"] = "".join(call.pieces)
        filled: Json = fill(self.form.call or {}, values, self.conditions)
        return filled

    def _call_id(self, number: int) -> str:
        return str(self._ids[f"call {number}"])

    def _logprobs(self, pieces: tuple[str, ...], thought: tuple[str, ...] = ()) -> Json | None:
        if self.answer.logprobs is None or self.form.logprobs is None:
            return None
        tokens, thoughts = ([logprob(piece, self.answer.logprobs) for piece in some] for some in (pieces, thought))
        here = {name for name, some in (("text", pieces), ("thinking", thought)) if some}  # in this chunk, or this body
        conditions = (self.conditions - {"text", "thinking"}) | here
        filled: Json = fill(self.form.logprobs, {"tokens": tokens, "thoughts": thoughts}, conditions)
        return filled or None


def _uncounted(chunk: Json, stream: Stream) -> Json:
    """Return the end of a choice before the last: the total count comes only with the last."""
    if "usage" in chunk and any(split(key)[0] == "usage" for key in stream.chunk):
        return chunk | {"usage": None}
    return {key: value for key, value in chunk.items() if key != "usage"}


def _counts(answer: Answer) -> Json:
    spoken = sum([said.tokens for said in answer.choices])
    reasoning = sum([said.reasoning_tokens for said in answer.choices])
    return {
        "prompt": answer.prompt, "completion": spoken + reasoning, "spoken": spoken, "reasoning": reasoning,
        "total": answer.prompt + spoken + reasoning,
    }  # fmt: skip


class _Step(NamedTuple):
    """Chunks of a phase that differ only in their fragment: each has one of ``pieces`` in ``place``, plus ``given``."""

    name: str
    template: Json
    given: Json
    place: str = ""
    pieces: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class _Script:
    """The active phases of a stream: their ``order``, and which have one fragment of text or thought."""

    phases: dict[str, Json]
    order: tuple[str, ...]
    users: dict[str, tuple[list[str], list[str]]]

    @classmethod
    def of(cls, phases: dict[str, Json]) -> "_Script":
        """Return the script of some phases."""
        names = dict.fromkeys(_base(key) for key in phases)
        order = tuple(name for name in names if name not in {"before", "usage", "called", "arguments"})
        return cls(phases, order, {place: _users(phases, place) for place in ("text", "thought")})

    def steps(self, said: Said) -> Iterator["_Step"]:
        """Yield the contents of the chunks of one choice, in order."""
        texts = self._shared(said.text, "text", "saying")
        thoughts = self._shared(said.thought, "thought", "thinking")
        for name in self.order:
            if name == "call":
                yield from _calling(self.phases, said)
            elif name in REPEATED:
                place, pieces = ("text", texts[name]) if name == "saying" else ("thought", thoughts[name])
                yield from _run(self.phases, name, {}, place, pieces)
            else:
                given = {"text": "".join(texts.get(name, ())), "thought": "".join(thoughts.get(name, ()))}
                yield _Step(name, self.phases[name], given)

    def _shared(self, pieces: tuple[str, ...], place: str, middle: str) -> dict[str, tuple[str, ...]]:
        """Return which phase gets which of ``pieces``: phases that come once take one each, ``middle`` the rest."""
        first, last = self.users[place]
        if middle not in self.order:
            return {middle: (), **dict.fromkeys((*first, *last)[:1], pieces)}
        rest = pieces[len(first) :]
        shared = {name: pieces[number : number + 1] for number, name in enumerate(first)}
        shared |= dict.fromkeys(last[:1], rest[-1:])
        return shared | {middle: rest[:-1] if last else rest}


def _users(phases: dict[str, Json], place: str) -> tuple[list[str], list[str]]:
    """Return the phases that have one fragment, before the others and after them."""
    users = [name for name, template in phases.items() if uses(template, place)]
    return [name for name in users if name in {"first", "empty"}], [
        name for name in users if name in {"calls", "finish"}
    ]


_SCRIPTS: dict[tuple[int, frozenset[str]], tuple[StreamKind, _Script]] = {}
_MOST_SCRIPTS = 1024


def _script_of(kind: StreamKind, conditions: frozenset[str]) -> _Script:
    """Return the script of a kind of stream under ``conditions``; cached, as in ``template.fill``."""
    key = id(kind), conditions
    held = _SCRIPTS.get(key)
    if held is None:
        if len(_SCRIPTS) >= _MOST_SCRIPTS:
            _SCRIPTS.clear()
        phases = {split(key): template for key, template in kind.phases.items()}
        live = {name: phase for (name, when), phase in phases.items() if holds(when, conditions)}
        held = _SCRIPTS[key] = kind, _Script.of(live)
    return held[1]


def _run(phases: dict[str, Json], name: str, given: Json, place: str, pieces: tuple[str, ...]) -> Iterator[_Step]:
    """Yield the chunks of a phase that repeats per fragment; the first and the last may have their own template."""
    count = len(pieces)
    for start, end in ((0, 1), (1, count - 1), (max(count - 1, 1), count)):
        if start < end:
            yield _Step(name, _variant(phases, name, start, count), given, place, pieces[start:end])


def _base(key: str) -> str:
    return key.removesuffix("-first").removesuffix("-last")


def _variant(phases: dict[str, Json], name: str, number: int, count: int) -> Json:
    """Return the template of one of ``count`` chunks of a phase: the first or the last may have its own."""
    position = "-first" if number == 0 else "-last" if number == count - 1 else ""
    return phases.get(f"{name}{position}") or phases.get(name) or phases[f"{name}-first"]


def _calling(phases: dict[str, Json], said: Said) -> Iterator[_Step]:
    """Yield the chunks of the calls: each with its arguments, complete or followed by them in fragments."""
    names = {_base(key) for key in phases}
    pieced = "arguments" in names
    for number, call in enumerate(said.calls):
        template = _variant(phases, "call", number, len(said.calls))
        here = uses(template, "arguments")
        rest = call.pieces[1:] if here else call.pieces
        head = call.pieces[0] if pieced else "".join(call.pieces)
        values = {"number": number, "name": call.name}
        yield _Step("call", template, values | {"arguments": head if here else ""})
        if "called" in names:
            yield _Step("called", _variant(phases, "called", number, len(said.calls)), values)
        if pieced:
            yield from _run(phases, "arguments", values, "arguments", rest)
