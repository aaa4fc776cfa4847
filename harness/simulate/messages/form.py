"""
The form of a provider's Messages, where recordings or a profile show that it differs from Anthropic's.

A response is written in Anthropic's form first.  Each event and block that a recording shows then gets the keys of the recorded
one, in their order, with its constant values.  What no recording shows stays in Anthropic's form.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.simulate.chat.learning import id_form
from harness.simulate.chat.profile import MessageForm
from harness.simulate.messages.ideal import SIGNATURE
from harness.simulate.template import make_id
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object, objects_in

_PLAIN = re.compile(r"[a-z][a-z_-]{0,40}")
_DONE = b"data: [DONE]"


@dataclass(frozen=True)
class ShownForm:
    """
    What recordings or a profile show of a provider's Messages.

    ``shown`` holds one event of each kind, the ``body``, and the blocks of bodies by type; ``errors`` the JSON of an error by
    status.  ``id``, ``call_id`` and ``signature`` are patterns of ids; ``signature`` is empty if thoughts are not signed.
    ``signed_by_id`` is whether the signature is the message id, ``pinged`` the type of the event after which a ping comes.
    """

    rests_on: str
    shown: Mapping[str, Json] = field(default_factory=dict)
    errors: Mapping[int, Json] = field(default_factory=dict)
    id: str = "msg_{hex 24}"
    call_id: str = "toolu_{hex 20}{number 2}"
    signature: str | None = None
    signed_by_id: bool = False
    pinged: str = "content_block_start"
    done: bool = False

    def described(self, form: MessageForm) -> "ShownForm":
        """Return the form with the additions of a profile."""
        own, of_calls = form.ids.get("id", self.id), form.ids.get("call_id", self.call_id)
        return replace(self, id=own, call_id=of_calls, signed_by_id=form.signed_by_id, done=form.done)

    def signed(self, seed: str, message_id: str) -> str:
        """Return the signature of a message's thought; Anthropic's if no recording shows one."""
        return (
            message_id
            if self.signed_by_id
            else make_id(self.signature, f"{seed} signature")
            if self.signature
            else SIGNATURE
        )

    def error(self, status: int, message: str) -> Json | None:
        """Return the JSON of an error in the recorded form of its status; None if none is recorded."""
        found = self.errors.get(status)
        return None if found is None else _worded(found, message)

    def body(self, whole: Json, signature: str) -> Json:
        """Return a non-streaming message in this form."""
        signed = {"signature": signature if self.signature != "" else ""}
        blocks = [self._block(one | signed if "signature" in one else one) for one in objects_in(whole.get("content"))]
        return self._like("body", whole) | {"content": blocks}

    def events(self, events: Iterable[Json], signature: str) -> Iterator[Json]:
        """Yield the events of a stream in this form."""
        pings = iter([{"type": "ping"}])
        for event in events:
            kind = _kind(event)
            if kind == "signature_delta" and self.signature != "":
                yield event | {"delta": {"type": kind, "signature": signature}}
            elif kind not in ("ping", "signature_delta"):
                yield self._like(kind, event)
                yield from pings if event["type"] == self.pinged else ()

    def _block(self, block: Json) -> Json:
        shown = self.shown.get(f"whole {block.get('type')}")
        return {key: block[key] for key in shown if key in block} if shown else block

    def _like(self, kind: str, ours: Json) -> Json:
        shown = self.shown.get(kind)
        return ours if shown is None else _alike(shown, ours, zeros=kind == "message_start")


def _kind(event: Json) -> str:
    """Return the kind of an event: its type, or the type of its delta, or of the block it starts."""
    kind = str(event.get("type"))
    if kind == "content_block_start":
        return f"{kind} {as_object(event.get('content_block')).get('type')}"
    return str(as_object(event.get("delta")).get("type")) if kind == "content_block_delta" else kind


def _alike(shown: Any, ours: Any, *, zeros: bool) -> Any:
    """Return ``ours`` with the keys of ``shown``, in its order; keys that ours lacks are added if their value is constant."""
    if not isinstance(shown, dict) or not isinstance(ours, dict):
        return 0 if zeros and shown == 0 and type(ours) is int else ours
    made = {
        key: _alike(value, ours[key], zeros=zeros) if key in ours else _plain(value) for key, value in shown.items()
    }
    return {key: value for key, value in made.items() if value is not _NOT_PLAIN}


_NOT_PLAIN = object()


def _plain(value: Any) -> Any:
    """Return a value that does not depend on the response: 0 for counts, words but no ids."""
    if isinstance(value, dict):
        inner = {key: _plain(one) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one is not _NOT_PLAIN}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) or not value else _NOT_PLAIN
    return [] if isinstance(value, list) else value


def _worded(shown: Any, message: str) -> Any:
    if isinstance(shown, dict):
        made = {
            key: message if key == "message" and isinstance(one, str) else _worded(one, message)
            for key, one in shown.items()
        }
        return {key: one for key, one in made.items() if key != "request_id"}
    return shown


def learned(provider: str, exchanges: Iterable[Exchange]) -> ShownForm | None:
    """Return the form that the recordings of a provider show; None if none has a readable response."""
    held = [one for one in exchanges if one.dialect == "messages" and not one.columns.errors]
    errors = {
        one.response.status: as_object(one.chunk(0)) for one in held if one.response.is_error and not one.is_stream
    }
    answers = [one for one in held if one.response.is_success]
    streams = [list(_events(one)) for one in answers if one.is_stream]
    bodies = [as_object(one.chunk(0)) for one in answers if not one.is_stream]
    bodies = [one for one in bodies if one.get("type") == "message"]
    if not streams and not bodies:
        return None
    shown: dict[str, Json] = {}
    for event in (event for events in streams for event in events):
        shown.setdefault(_kind(event), event)
    for body in bodies:
        shown.setdefault("body", body)
        for block in objects_in(body.get("content")):
            shown.setdefault(f"whole {block.get('type')}", block)
    done = any(_DONE in one.response.content[-64:] for one in answers if one.is_stream)
    basis = f"the form of recordings of {provider} ({len(streams) + len(bodies)}), Anthropic's own where they show none"
    own, of_calls = _ids(shown)
    return ShownForm(basis, shown, errors, own, of_calls, _signature(shown), pinged=_pinged(streams), done=done)


def _events(one: Exchange) -> Iterator[Json]:
    parser = one.reading.parser
    return (as_object(one.chunk(number)) for number in range(len(parser.events) if parser else 0))


def _ids(shown: Mapping[str, Json]) -> tuple[str, str]:
    """Return the patterns of the ids of a message and of a call."""
    message = as_object(shown.get("message_start", {}).get("message")) or shown.get("body", {})
    call = as_object(shown.get("content_block_start tool_use", {}).get("content_block")) or shown.get(
        "whole tool_use", {}
    )
    own, of_call = str(message.get("id") or ""), str(call.get("id") or "")
    return id_form(own) if own else ShownForm.id, id_form(of_call) if of_call else ShownForm.call_id


def _signature(shown: Mapping[str, Json]) -> str | None:
    """Return the pattern of a signature; empty if recorded thoughts have none, None if no thought is recorded."""
    signed = as_object(shown.get("signature_delta", {}).get("delta")) or shown.get("whole thinking", {})
    if "content_block_start thinking" not in shown and not signed:
        return None
    text = str(signed.get("signature") or "")
    return id_form(text) if text else ""


def _pinged(streams: list[list[Json]]) -> str:
    """Return the type of the event after which a ping comes; empty for no ping, Anthropic's without a recorded stream."""
    if not streams:
        return ShownForm.pinged
    kinds = [[str(event.get("type")) for event in events] for events in streams]
    return next((one[one.index("ping") - 1] for one in kinds if "ping" in one[1:]), "")
