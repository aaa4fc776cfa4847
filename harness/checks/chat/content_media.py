"""Checks content other than text: images, audio, citations."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from harness.checks import sources
from harness.checks.applies import complete_answer, success_status, uncut
from harness.checks.chat.media import image_fault, is_base64, is_hollow
from harness.checks.kinds import place_of
from harness.checks.registry import Applies, NotApplicable, Reason, Unread, rule
from harness.results import Advice, Level, Problem
from harness.simulate.edits import any_chunk, chunks, has_content, set_value
from harness.simulate.reference import BODY, STREAM, with_request_params
from harness.wire.chat.chunks import Choice, Extra
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

SHOULD = Level.SHOULD

_READ = ("chunk.present",)
_DATA = "data:image/png;base64,iVBORw0KGgo="
_CITED: dict[str, Any] = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 2, "title": "A", "url": "https://example.org/a"}}  # fmt: skip
_SOUND = {"id": "audio_1", "data": "UklGRgAAAAA=", "expires_at": 1_760_003_600, "transcript": "你好"}
_BEYOND = Advice(
    "`text[start:end]` is empty or incomplete, and code that marks the cited words raises, or marks others.",
    "Keep positions within the text, `start, end = min(max(start, 0), len(text)), min(end, len(text))`, and show the "
    "source without a position if the two are equal.",
)
_MARK = re.compile(r"\[[^][]*\](?:\([^()\s]*\))?|\([^()]*\)|【[^】]*】|https?://\S+|\(\[[^][]*\]\([^()\s]*\)\)")
"""The mark of a citation: a Markdown link, a mark in brackets, or the URL."""
_IN_BYTES = Advice(
    "The marks shift to the right, further with each letter beyond ASCII, and past the end of the text.",
    'Slice the bytes instead, for this provider only: `text.encode()[start:end].decode(errors="ignore")`.',
)
_NO_DATA = Advice(
    "Clients that play `audio.data` play nothing, or raise TypeError.",
    "Test for the data, `if audio and audio.data:`, and show the text if there is none.",
)


def _brings(key: str) -> Applies:
    """Return the condition that a response has content under ``key``."""

    def applies(exchange: Exchange) -> Reason | None:
        brought = any(extra.key == key for choice in exchange.columns.choices.values() for extra in choice.extras)
        return success_status(exchange) or (None if brought else NotApplicable(f"no {key} came", "not-present"))

    return applies


def _asks_for_audio(exchange: Exchange) -> bool:
    """Return whether the request asks for audio."""
    asked = exchange.request.get("modalities")
    return isinstance(asked, list) and "audio" in asked


def _has_call(exchange: Exchange, choice: Choice) -> bool:
    """Return whether a choice calls what was offered, instead of speaking."""
    legacy = exchange.columns.kinds(exchange.columns.spelled("/choices/*/{part}/function_call")).keys()
    offers = exchange.request.get("tools") or exchange.request.get("functions")
    return bool(offers and (choice.tools or legacy - {"missing", "null"}))


def _speaks(choice: Choice) -> bool:
    """Return whether a choice neither refuses nor was filtered."""
    return not choice.fragments("refusal").text and "content_filter" not in {one.value for one in choice.finish_values}


def _audio_due(exchange: Exchange) -> Reason | None:
    """A response with audio, or to a request for it."""
    if not _asks_for_audio(exchange):
        return _brings("audio")(exchange)
    return complete_answer(exchange) or uncut(exchange)


def _in_body(key: str, value: Any) -> Exchange:
    return chunks(any_chunk, set_value(f"choices/*/message/{key}", value))(BODY)


def _in_stream(key: str, value: Any) -> Exchange:
    return chunks(has_content, set_value(f"choices/*/delta/{key}", value), only=slice(0, 1))(STREAM)


def _streamed_sound(*pieces: Any) -> Exchange:
    """Return the reference with a fragment of audio beside each fragment of its text."""
    exchange = STREAM
    for number, piece in enumerate(pieces):
        exchange = chunks(has_content, set_value("choices/*/delta/audio", piece), only=slice(number, number + 1))(
            exchange
        )
    return exchange


_IMAGE_AGAIN = Advice(
    "Clients that add each image to a list show one picture twice, and send both back.",
    "Keep one of each: `if image not in images: images.append(image)`.",
)
_URL_ALONE = Advice(
    '`image["image_url"]["url"]` raises TypeError: the picture came and is not shown.',
    'Read both forms: `url = held if isinstance(held, str) else held["url"]`.',
)
_OTHER_TYPE = Advice(
    "Sent back in the history it is refused: the next API checks the type of a picture against its bytes.",
    'Name the type by the first bytes: `kind = "png" if data.startswith("iVBOR") else "jpeg" if data.startswith("/9j/") else "webp"`.',
)
_DATED = Advice(
    "`audio.expires_at > time.time()` raises TypeError.",
    "Read a text as a date: `datetime.fromisoformat(at).timestamp() if isinstance(at, str) else at`.",
)
_NO_AUDIO = Advice(
    "`message.audio.data` raises AttributeError on None, and a player stays silent.",
    "Read it if it is present, `message.audio and message.audio.data`; else show the text.",
)
_CUT_IMAGE = Advice(
    "The picture cannot be decoded: it was cut, or a log put a mark in its place.",
    "Decode it with a check, `base64.b64decode(data, validate=True)`, and ask again at binascii.Error.",
)


@rule(
    "content.images", SHOULD, "Each image has a usable URL: http, or base64 data.",
    sources.IMAGES, _brings("images"),
    good=(
        _in_body("images", [{"type": "image_url", "image_url": {"url": _DATA}}]),
        _in_stream("images", [{"type": "image_url", "index": 0, "image_url": {"url": "https://example.org/a.png"}}]),
    ),
    bad=(
        _in_body("images", [{"type": "image_url", "image_url": {"url": "iVBORw0KGgo="}}]),
        _in_stream("images", [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo"}}]),
        _in_body("images", [{"type": "image_url", "url": _DATA}]),
        _in_body("images", [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,iVBORw0KGgo="}}]),
        _in_body("images", [_DATA]),
        _in_body("images", [{"type": "image_url", "image_url": _DATA}]),
        _in_stream("images", 2 * [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]),
    ),
    depends_on=_READ,
)  # fmt: skip
def images(exchange: Exchange) -> Iterator[Problem]:
    """
    The image is not shown: browsers and SDKs treat an invalid URL as a path, or raise.

    Instead: Add the prefix to bare base64: `url if ":" in url else f"data:image/png;base64,{url}"`.
    """
    shown: list[Any] = []
    for extra in _extras(exchange, "images"):
        if not isinstance(extra.value, list):
            yield Problem("images is not an array", _at(extra))
            continue
        for number, image in enumerate(extra.value):
            held = as_object(image).get("image_url")
            written = isinstance(held, str) and bool(held)
            fault = (
                "has a string under image_url, not an object with url"
                if written
                else image_fault(as_object(held).get("url"))
            )
            if fault:
                advice = (
                    _URL_ALONE
                    if written
                    else _CUT_IMAGE
                    if "data URL" in fault
                    else _OTHER_TYPE
                    if "called" in fault
                    else None
                )
                yield Problem(f"image {number} {fault}", _at(extra, f"/{number}"), advice)
                return
            if held in shown and exchange.is_stream:
                yield Problem(f"image {number} comes again", _at(extra, f"/{number}"), _IMAGE_AGAIN)
                return
            shown.append(held)


@rule(
    "content.audio", SHOULD, "Audio has an id, base64 data, a transcript and an expiry time.",
    sources.DELTA, _audio_due,
    good=(
        _in_body("audio", _SOUND),
        _streamed_sound({"id": "audio_1", "transcript": "你"}, {"data": "UklGRgAAAAA="}, {"expires_at": 1_760_003_600}),
    ),
    bad=(
        _in_body("audio", _SOUND | {"data": ""}),
        _in_body("audio", {"data": "", "expires_at": 0, "id": "", "transcript": ""}),
        _in_body("audio", {key: value for key, value in _SOUND.items() if key != "id"}),
        _in_body("audio", _SOUND | {"data": "RIFF\ufffd"}),
        _in_body("audio", _SOUND | {"expires_at": "2026-09-15T10:00:00Z"}),
        _streamed_sound({"transcript": "你"}, {"data": "UklGRgAAAAA="}),
        _streamed_sound({"id": "audio_1", "data": [0, 1]}),
        _streamed_sound({"id": "audio_1", "data": "UklGRgAAAAA="}, {"id": "audio_2", "data": "AAAA"}),
        with_request_params(BODY, modalities=["text", "audio"]),
    ),
    depends_on=_READ,
)  # fmt: skip
def audio(exchange: Exchange) -> Iterator[Problem]:
    """
    The next turn can't refer to the answer by `audio.id`, or the audio can't be decoded.

    Instead: Send the transcript back as text where there is no id: `audio.transcript`.
    """
    if not exchange.columns.choices:
        raise Unread("chunk.choices", "chunk.choices-not-empty")
    for choice in exchange.columns.choices.values():
        pieces = [extra for extra in choice.extras if extra.key == "audio"]
        if pieces:
            yield from _audio_faults(choice, pieces, whole=not exchange.is_stream)
        elif _asks_for_audio(exchange) and _has_call(exchange, choice):
            raise Unread("tool_calls.legacy")
        elif _asks_for_audio(exchange) and _speaks(choice):
            place = place_of(exchange, choice, choice.last_chunk, "/{part}")
            yield Problem("audio was asked for, and none came", (place,), _NO_AUDIO)


def _audio_faults(choice: Choice, pieces: list[Extra], *, whole: bool) -> Iterator[Problem]:
    first, values = pieces[0], [as_object(extra.value) for extra in pieces]
    for extra in pieces:
        if not isinstance(extra.value, dict):
            yield Problem("audio is not an object", _at(extra))
            return
    if all(map(is_hollow, values)):
        yield Problem("audio is present and empty", _at(first), advice=_NO_DATA)
        return
    ids = {value["id"] for value in values if isinstance(value.get("id"), str) and value["id"]}
    if len(ids) != 1:
        yield Problem("audio has no id" if not ids else f"audio has {len(ids)} ids in one answer", _at(first))
    yield from _data_faults(choice, pieces)
    if whole:
        missing = [key for key in ("expires_at", "transcript") if values[0].get(key) is None]
        if missing:
            yield Problem(f"audio has no {' and no '.join(missing)}", _at(first))
    odd = next((one for one in pieces if not isinstance(one.value.get("expires_at") or 0, int | float)), None)
    if odd:
        yield Problem("audio.expires_at is not a number of seconds", _at(odd, "/expires_at"), _DATED)


def _data_faults(choice: Choice, pieces: list[Extra]) -> Iterator[Problem]:
    given = [(extra, extra.value["data"]) for extra in pieces if extra.value.get("data")]
    wrong = [extra for extra, data in given if not isinstance(data, str)]
    cut = {finish.value for finish in choice.finish_reasons} & {"length", "content_filter"}
    ended = choice.finish_reasons or any("expires_at" in as_object(extra.value) for extra in pieces)
    excused = cut or not ended
    if wrong:
        yield Problem("audio.data is not a string", _at(wrong[0], "/data"))
    elif not given and not excused:
        yield Problem("audio has no data", _at(pieces[0]), advice=_NO_DATA)
    elif given and not is_base64("".join(data for _, data in given)):
        spoilt = [extra for extra, data in given if not is_base64(data)]
        if spoilt:  # padding within the joined text is valid if each fragment is complete
            yield Problem("audio.data is not base64", _at(spoilt[0], "/data"))


@rule(
    "content.annotations", SHOULD, "Each annotation has a type; a URL citation has its title, URL and position.",
    sources.MESSAGE, _brings("annotations"),
    good=(_in_body("annotations", [_CITED]), _in_stream("annotations", [_CITED])),
    bad=(
        _in_stream("annotations", [{"url": "https://example.org/a", "title": "A"}]),
        _in_body("annotations", [{"type": "url_citation", "url": "https://example.org/a"}]),
        _in_body("annotations", [{"type": "url_citation", "url_citation": {"url": "https://example.org/a", "title": "A"}}]),
        _in_body("annotations", {"citations": [_CITED]}),
        _in_stream("annotations", ["https://example.org/a"]),
        _in_body("annotations", [_CITED | {"url_citation": _CITED["url_citation"] | {"start_index": 148, "end_index": 241}}]),
        _in_body("annotations", [_CITED | {"url_citation": _CITED["url_citation"] | {"start_index": 0, "end_index": 23}}]),
        _in_body("annotations", [_CITED | {"url_citation": _CITED["url_citation"] | {"url": "example.org/a"}}]),
        _in_body("annotations", [_CITED, _CITED]),
    ),
    depends_on=_READ,
)  # fmt: skip
def annotations(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode the answer, or `annotation.url_citation.url` raises AttributeError.

    Instead: Read both forms: `cited = annotation.get("url_citation") or annotation`, then `cited.get("url")`.
    """
    for choice in exchange.columns.choices.values():
        # A truncated text may have places beyond its end.
        whole = (choice.finish_reasons or not exchange.is_stream) and not choice.part_types
        text = choice.fragments("content").text if whole else ""
        yield from islice(_annotations_at_fault(choice, text), 1)


_AGAIN = Advice(
    "The source is listed again and again: a list of sources grows with each piece of the text.",
    "Keep one of each: `if annotation not in annotations: annotations.append(annotation)`.",
)


def _annotations_at_fault(choice: Choice, text: str) -> Iterator[Problem]:
    came: list[Any] = []
    for extra in choice.extras:
        if extra.key == "annotations" and not isinstance(extra.value, list):
            yield Problem("annotations is not an array", _at(extra))
        elif extra.key == "annotations":
            for number, annotation in enumerate(extra.value):
                fault = _annotation_fault(annotation)
                said, advice = (fault, None) if fault else _place_fault(as_object(annotation), text)
                if said:
                    yield Problem(f"annotation {number} {said}", _at(extra, f"/{number}"), advice)
                elif annotation in came:
                    yield Problem(
                        f"annotation {number} is an exact duplicate of an earlier one", _at(extra, f"/{number}"), _AGAIN
                    )
                came.append(annotation)


def _place_fault(annotation: dict[str, Any], text: str) -> tuple[str | None, Advice | None]:
    """Return why a citation's place is beyond the text; some count in UTF-16, like JavaScript, which is more."""
    if annotation.get("type") != "url_citation":
        return None, None
    start, end = (annotation["url_citation"][key] for key in ("start_index", "end_index"))
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if end < start:
        return "ends before it starts", _BEYOND
    if start < 0:
        return f"starts at {start}", _BEYOND
    if not text or end <= units:
        in_bytes = _counts_bytes(text, start, end)
        return (f"covers {start} to {end}: its positions count bytes", _IN_BYTES) if in_bytes else (None, None)
    said = f"covers {start} to {end}, in a text of {len(text)} characters"
    if len(text) < end <= len(text.encode("utf-8", "surrogatepass")):
        return f"{said}: its positions count bytes", _IN_BYTES
    return said, _BEYOND


def _counts_bytes(text: str, start: int, end: int) -> bool:
    """Return whether places in ``text`` match a link, or a mark in brackets, only if counted in bytes."""
    if text[:end].isascii():
        return False
    in_bytes = text.encode("utf-8", "surrogatepass")[start:end].decode("utf-8", "replace")
    in_units = text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "replace")
    return bool(_MARK.fullmatch(in_bytes)) and not (_MARK.fullmatch(text[start:end]) or _MARK.fullmatch(in_units))


def _annotation_fault(annotation: Any) -> str | None:
    given = as_object(annotation)
    if not isinstance(given.get("type"), str) or not given["type"]:
        return "has no type"
    if given["type"] != "url_citation":
        return None
    cited = given.get("url_citation")
    if not isinstance(cited, dict):
        return "has no url_citation, which holds its URL and its position"
    kinds: dict[str, type] = {"url": str, "title": str, "start_index": int, "end_index": int}
    missing = [key for key, kind in kinds.items() if not isinstance(cited.get(key), kind)]
    if missing:
        return f"lacks in its url_citation {', '.join(missing)}"
    if ":" not in cited["url"]:
        return "has an invalid url"
    return None


def _extras(exchange: Exchange, key: str) -> Iterator[Extra]:
    for choice in exchange.columns.choices.values():
        yield from (extra for extra in choice.extras if extra.key == key)


def _at(extra: Extra, inner: str = "") -> tuple[tuple[int, str]]:
    return ((extra.chunk, f"{extra.pointer}{inner}"),)
