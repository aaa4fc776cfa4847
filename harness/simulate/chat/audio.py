"""
Makes a spoken response: the text as a transcript, and a moment of silence as the audio.

The form is that of https://platform.openai.com/docs/guides/audio: complete in ``message.audio``; streamed,
fragments of the transcript, then the audio, then its expiry time, all under one id.
"""

import base64
import struct

from harness.simulate.chat.content import CREATED
from harness.wire.shapes import Json

_RATE, _SAMPLES, _WIDTH = 24_000, 240, 2
_LIVES = 3600
_SILENCE = bytes(_SAMPLES * _WIDTH)


def is_spoken(request: Json) -> bool:
    """Return whether a request asks for speech."""
    modalities = request.get("modalities")
    return isinstance(modalities, list) and "audio" in modalities


def whole(text: str, id_: str) -> Json:
    """Return the content of ``message.audio``."""
    return {"id": id_, "data": _data(_wav()), "expires_at": CREATED + _LIVES, "transcript": text}


def streamed(pieces: tuple[str, ...], id_: str) -> list[Json]:
    """Return the contents of the deltas of a stream, whose audio has no header."""
    said = [{"audio": {"id": id_, "transcript": piece}} for piece in pieces]
    return [
        *said,
        {"audio": {"id": id_, "data": _data(_SILENCE)}},
        {"audio": {"expires_at": CREATED + _LIVES, "id": id_}},
    ]


def _data(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def _wav() -> bytes:
    """Return the silence as a WAV file."""
    form = struct.pack("<HHIIHH", 1, 1, _RATE, _RATE * _WIDTH, _WIDTH, 8 * _WIDTH)
    size = len(_SILENCE)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + _SILENCE  # fmt: skip
