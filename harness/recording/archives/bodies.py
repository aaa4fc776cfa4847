"""
Decodes bodies as recorders store them: text, base64 or hex, parsed JSON, lines, events, chunks or reads.

Its fidelity says how much of the wire format each form preserves, since rules depend on it.
"""

import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.errors import BadArchive
from harness.wire.dumping import python_text
from harness.wire.exchange import Fidelity, Reads

HEX = re.compile(r"(?:[0-9a-f]{2})+")
_SPACE = re.compile(r"\s")
_DATA_KEYS = ("data", "Data")
_TYPE_KEYS = ("event", "Event", "type", "Type")
_WRAPPERS = frozenset({"text", "content"})
_WRITTEN = frozenset({"charset", "contentType", "contentTypeHint", "encoded", "encoding", "mimeType", "size"})
_NULLABLE = frozenset({"finish_reason", "content"})
"""Of the keys that an SDK writes as null, those that the API itself sends as null."""


@dataclass(frozen=True, slots=True)
class KeptBody:
    """A body, its fidelity, and its reads if they were kept."""

    content: bytes
    fidelity: Fidelity = "wire"
    reads: Reads | None = None


def body_in(value: Any, where: str) -> KeptBody:
    """
    Return the body that a recorder stored as ``value``.

    Raises:
        BadArchive: it can't be a body.
    """
    if value is None or isinstance(value, str | bytes):
        return KeptBody(as_bytes(value))
    if isinstance(value, dict):
        return _from_object(value, where)
    if isinstance(value, list) and value:
        return _from_list(value, where)
    return parsed(value, where)


def as_bytes(value: str | bytes | None) -> bytes:
    """Return a text in UTF-8; a lone surrogate is encoded too."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value or b""


def parsed(value: Any, where: str, *, dense: bool = False) -> KeptBody:
    """Serialize JSON that a recorder had parsed: white space, escapes and key order may differ from the original."""
    return KeptBody(as_bytes(_written(value, where, (",", ":") if dense else None)), "reserialized")


def _from_object(value: dict[str, Any], where: str) -> KeptBody:
    for key in ("base64_string", "b64", "base64"):
        if isinstance(value.get(key), str):
            return KeptBody(unbase64(value[key], f"{where}/{key}"))
    if "string" in value and not isinstance(value["string"], dict | list):
        return _text(value["string"], f"{where}/string")
    held = wrapped_in(value)
    if held:
        return _unwrapped(value, held, where)
    if "__data__" in value:
        return parsed(_without_nulls(value["__data__"]), where)
    return parsed(value, where)


def wrapped_in(value: Any) -> str | None:
    """Return the key under which an object holds a body, if its other keys only describe the encoding."""
    if not isinstance(value, dict) or not value.keys() <= _WRAPPERS | _WRITTEN:
        return None
    held = [key for key in value if key in _WRAPPERS]
    return held[0] if len(held) == 1 and len(value) > 1 else None


def _unwrapped(value: dict[str, Any], held: str, where: str) -> KeptBody:
    packed = "base64" in {value.get("encoded"), value.get("encoding")} or value.get("encoded") is True
    if packed and isinstance(value[held], str):
        return KeptBody(unbase64(value[held], f"{where}/{held}"))
    return body_in(value[held], f"{where}/{held}")


def _text(value: Any, where: str) -> KeptBody:
    if value is not None and not isinstance(value, str | bytes):
        raise BadArchive(f"{where}: neither text nor bytes; restore the file, or leave it out")
    return KeptBody(as_bytes(value))


def _from_list(value: list[Any], where: str) -> KeptBody:
    if all(isinstance(one, str) for one in value):
        return _from_texts(value)
    if all(isinstance(one, dict) for one in value):
        return _from_objects(value, where)
    return parsed(value, where)


def _from_texts(value: list[str]) -> KeptBody:
    if all(HEX.fullmatch(one) for one in value):
        return in_reads(bytes.fromhex(one) for one in value)
    if any("\n" in one.rstrip("\r\n") or one.endswith("\n\n") for one in value):  # no lines, but reads or events
        return in_reads(as_bytes(one) for one in value)
    return KeptBody("".join(f"{line}\n" for line in value).encode("utf-8", "surrogatepass"), "lines")


def _from_objects(value: list[dict[str, Any]], where: str) -> KeptBody:
    if all("b64" in one for one in value):
        return in_reads(unbase64(one["b64"], f"{where}/{n}/b64") for n, one in enumerate(value))
    if all("__data__" in one for one in value):
        return stream_of((_without_nulls(one["__data__"]) for one in value), where)
    if all(event_data(one) is not None for one in value):
        return events_of(value)
    return stream_of(value, where) if all(map(is_chunk, value)) else parsed(value, where)


def in_reads(pieces: Iterable[bytes]) -> KeptBody:
    """Return a body from its reads."""
    kept = [piece for piece in pieces if piece]
    return KeptBody(b"".join(kept), reads=Reads(tuple(map(len, kept))) if kept else None)


def event_data(event: dict[str, Any]) -> str | None:
    """Return the data of an event that a recorder stored as an object; None if it is not one."""
    return next((event[key] for key in _DATA_KEYS if isinstance(event.get(key), str)), None)


def events_of(events: Iterable[dict[str, Any]]) -> KeptBody:
    """Return a stream built from its events."""
    written: list[str] = []
    for event in events:
        name = next((event[key] for key in _TYPE_KEYS if isinstance(event.get(key), str) and event[key]), "")
        written += [f"event: {name}\n"] if name and name != "message" else []
        written += [f"data: {line}\n" for line in (event_data(event) or "").split("\n")]
        written.append("\n")
    return KeptBody("".join(written).encode("utf-8", "surrogatepass"), "chunks")


def is_chunk(value: dict[str, Any]) -> bool:
    """Return whether an object is a chunk of a stream, of chat or of another dialect."""
    with_choices = value.get("object") in {"chat.completion.chunk", "text_completion"} or _has_deltas(value)
    return with_choices or (isinstance(value.get("type"), str) and "object" not in value and "role" not in value)


def _has_deltas(value: dict[str, Any]) -> bool:
    choices = value.get("choices")
    return isinstance(choices, list) and any(isinstance(one, dict) and "delta" in one for one in choices)


def stream_of(chunks: Iterable[Any], where: str) -> KeptBody:
    """Return a stream built from the JSON of its chunks."""
    written = [f"data: {_written(chunk, where)}\n\n" for chunk in chunks]
    return KeptBody("".join([*written, "data: [DONE]\n\n"]).encode("utf-8", "surrogatepass"), "chunks")


def _without_nulls(value: Any) -> Any:
    """
    Return a response as an SDK made it without the nulls that the SDK added for missing keys.

    The provider's own nulls can't be distinguished, so those stay that the API itself sends.
    """
    if isinstance(value, dict):
        return {k: _without_nulls(one) for k, one in value.items() if one is not None or k in _NULLABLE}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _written(value: Any, where: str, separators: tuple[str, str] | None = None) -> str:
    """Serialize the content of a file as JSON; YAML can hold more than JSON: sets, dates, and cycles."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=separators)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadArchive(f"{where}: cannot be JSON ({error}); restore the file, or leave it out") from None


def unbase64(text: Any, where: str) -> bytes:
    """
    Decode a text in base64; bytes were decoded as they were read.

    Raises:
        BadArchive: it is not base64.
    """
    if isinstance(text, bytes):
        return text
    try:
        written = python_text(text)
        bare = "".join(written.split()) if _SPACE.search(written) else written
        return binascii.a2b_base64(bare, strict_mode=True)  # that of base64 makes a copy first
    except (binascii.Error, ValueError) as error:
        raise BadArchive(f"{where}: invalid base64 ({error}); the file is damaged") from None
