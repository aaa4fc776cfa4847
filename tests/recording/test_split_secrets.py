"""A known key is redacted in any place, spelling and segmentation: places x encodings x cuts x providers."""

import base64
import html
import itertools
import json
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from parted import each
from planted import KEYS

from harness.recording.fragments import LEAST
from harness.recording.redact import Secrets
from harness.recording.scrub import scrub
from harness.simulate.reference import BODY, STREAM, with_body
from harness.wire.exchange import Exchange

KNOWN = Secrets.of(KEYS.values())


class Encoding(NamedTuple):
    """An encoding of text, and its decoder."""

    write: Callable[[str], str]
    read: Callable[[str], str]


def _packed(text: str, shift: int) -> str:
    return base64.b64encode(("u" * shift + text).encode()).decode()


def _unpacked(text: str) -> str:
    """Decode base64 at any alignment, as far as possible."""
    runs = re.findall(r"[A-Za-z0-9+/_-]{8,}", text)
    decoded = []
    for run, at in itertools.product(runs, range(4)):
        whole = run[at:][: len(run[at:]) // 4 * 4].replace("-", "+").replace("_", "/")
        decoded.append(base64.b64decode(whole).decode("latin-1"))
    return "\n".join(decoded)


def _unhexed(text: str) -> str:
    runs = re.findall(r"[0-9a-fA-F]{4,}", text)
    halves = [run[at:][: len(run[at:]) // 2 * 2] for run in runs for at in (0, 1)]
    return "\n".join(bytes.fromhex(half).decode("latin-1") for half in halves)


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)


def _numbered(text: str) -> str:
    return "".join(chr(int(code, 16)) for code in re.findall("0x([0-9a-f]{2})", text))


def _same(text: str) -> str:
    return text


def _without(signs: str) -> Callable[[str], str]:
    return lambda text: text.translate(dict.fromkeys(map(ord, signs)))


ENCODINGS = {
    "plain": Encoding(_same, _same),
    "upper case": Encoding(str.upper, str.lower),
    "lower case": Encoding(str.lower, str.lower),
    "backwards": Encoding(lambda text: text[::-1], lambda text: text[::-1]),
    "hex": Encoding(lambda text: text.encode().hex(), _unhexed),
    "hex in capitals": Encoding(lambda text: text.encode().hex().upper(), _unhexed),
    **{
        f"base64 at {shift}": Encoding(lambda text, shift=shift: _packed(text, shift), _unpacked)  # type: ignore[misc]
        for shift in range(3)
    },
    "base64 for URLs": Encoding(lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), _unpacked),
    "base64 twice": Encoding(lambda text: _packed(_packed(text, 1), 2), lambda text: _unpacked(_unpacked(text))),
    "percent": Encoding(lambda text: "".join(f"%{ord(one):02X}" for one in text), unquote),
    "percent twice": Encoding(lambda text: "".join(f"%25{ord(one):02x}" for one in text), lambda t: unquote(unquote(t))),
    "entities": Encoding(lambda text: "".join(f"&#{ord(one)};" for one in text), html.unescape),
    "hex entities": Encoding(lambda text: "".join(f"&#x{ord(one):x};" for one in text), html.unescape),
    "entities without an end": Encoding(lambda text: "".join(f"&#{ord(one)}" for one in text), html.unescape),
    "numbers in hex": Encoding(lambda text: " ".join(f"0x{ord(one):02x}" for one in text), _numbered),
    "JSON in JSON": Encoding(lambda text: "".join(f"\\u{ord(one):04x}" for one in text), _unescaped),
    "zero width between": Encoding("\u200b".join, _without("\u200b")),
    "blanks between": Encoding(" ".join, _without(" ")),
    "dashes between fours": Encoding(lambda text: "-".join(re.findall("(?s).{1,4}", text)), _without("-")),
}  # fmt: skip


def _cut(text: str, sizes: Iterable[int]) -> list[str]:
    pieces, rest = [], text
    for size in sizes:
        if not rest:
            break
        pieces.append(rest[:size])
        rest = rest[size:]
    return pieces


_RANDOM = random.Random(20261129)
CUTS: dict[str, Callable[[str], list[str]]] = {
    "ones": lambda text: _cut(text, itertools.repeat(1)),
    "sevens": lambda text: _cut(text, itertools.repeat(7)),
    "two": lambda text: _cut(text, itertools.repeat(len(text) // 2 + 1)),
    "three": lambda text: _cut(text, itertools.repeat(len(text) // 3 + 1)),
    "a long and a short one": lambda text: _cut(text, (len(text) - 5, 5)),
    "anywhere": lambda text: _cut(text, (_RANDOM.randint(1, 30) for _ in itertools.count())),
}


def _events(*chunks: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(chunk, ensure_ascii=False).encode() for chunk in chunks)


def _chunks(*choices: dict[str, Any]) -> bytes:
    return _events(*({"id": "chatcmpl-1", "model": "m", "choices": [choice]} for choice in choices))


def _deltas(pieces: list[str], delta: Callable[[str], dict[str, Any]]) -> bytes:
    return _chunks(*({"index": 0, "delta": delta(piece), "finish_reason": None} for piece in pieces))


def _strings(value: object, name: str) -> Iterator[str]:
    """Yield the strings called ``name``, wherever they are."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == name and isinstance(one, str):
                yield one
            yield from _strings(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one, name)


def _said(name: str) -> Callable[[bytes], str]:
    return lambda body: "".join(
        one
        for line in body.decode().splitlines()
        for one in _strings(json.loads(line.removeprefix("data: ") or "0"), name)
    )


class Place(NamedTuple):
    """A body that holds fragments one by one, and a reader's result."""

    body: Callable[[list[str]], bytes]
    said: Callable[[bytes], str]
    reference: Exchange = STREAM


def _logprobs(piece: str) -> dict[str, Any]:
    token = {"token": piece, "logprob": -0.25, "bytes": list(piece.encode())}
    return {"content": [token | {"top_logprobs": [token | {"token": "other", "bytes": [111]}, token]}]}


def _alternatives(piece: str) -> dict[str, Any]:
    return {"token": "?", "top_logprobs": [{"token": piece}, {"token": "other"}]}


def _in_turn(pieces: list[str]) -> bytes:
    """Return a stream whose second choice has the fragments in reverse, and its index last."""
    other = reversed(pieces)
    both = zip(pieces, other, strict=True)
    return _chunks(
        *({"delta": {"content": piece}, "index": index} for pair in both for index, piece in enumerate(pair))
    )


def _numbers(body: bytes) -> str:
    lists = re.findall(rb'"bytes": \[([0-9, ]*)\]', body)
    codes = [int(number) for one in lists for number in one.split(b",") if number]
    return bytes(code if code <= 0xFF else ord(" ") for code in codes).decode("utf-8", "replace")


PLACES = {
    "content": Place(lambda pieces: _deltas(pieces, lambda piece: {"content": piece}), _said("content")),
    "reasoning": Place(lambda pieces: _deltas(pieces, lambda piece: {"reasoning": piece}), _said("reasoning")),
    "refusal": Place(lambda pieces: _deltas(pieces, lambda piece: {"refusal": piece}), _said("refusal")),
    "a channel nobody knows": Place(
        lambda pieces: _deltas(pieces, lambda piece: {"x": {"y": [{"inner_voice": piece}]}}), _said("inner_voice")
    ),
    "arguments": Place(
        lambda pieces: _deltas(
            pieces, lambda piece: {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": piece}}]}
        ),
        _said("arguments"),
    ),
    "parts of content": Place(
        lambda pieces: _deltas(pieces, lambda piece: {"content": [{"type": "text", "text": piece}]}), _said("text")
    ),
    "parts of a body": Place(
        lambda pieces: json.dumps(
            {"choices": [{"message": {"content": [{"type": "text", "text": piece} for piece in pieces]}}]}, indent=1
        ).encode(),
        lambda body: "".join(_strings(json.loads(body), "text")),
        BODY,
    ),
    "one choice of two": Place(_in_turn, lambda body: _of_choice(body, 0)),
    "tokens of logprobs": Place(
        lambda pieces: _chunks(*({"index": 0, "delta": {}, "logprobs": _logprobs(piece)} for piece in pieces)),
        lambda body: "".join(chunk["choices"][0]["logprobs"]["content"][0]["token"] for chunk in _parsed(body)),
    ),
    "the likeliest of two": Place(
        lambda pieces: _chunks(
            *(
                {"index": 0, "delta": {}, "logprobs": {"content": [_alternatives(one) for one in pieces[at : at + 2]]}}
                for at in range(0, len(pieces), 2)
            )
        ),
        lambda body: "".join(
            one["top_logprobs"][0]["token"] for chunk in _parsed(body) for one in chunk["choices"][0]["logprobs"]["content"]
        ),
    ),
    "bytes of logprobs": Place(
        lambda pieces: _chunks(
            *({"index": 0, "delta": {}, "logprobs": {"content": [{"bytes": list(piece.encode())}]}} for piece in pieces)
        ),
        _numbers,
    ),
    "an error": Place(
        lambda pieces: _events(*({"error": {"message": piece, "code": 400}} for piece in pieces)), _said("message")
    ),
    "data that is no JSON": Place(
        lambda pieces: b"".join(b"data: %b\n\n" % piece.encode() for piece in pieces),
        lambda body: re.sub(r"\n\n(?:data: )?", "", body.decode().removeprefix("data: ")),
    ),
    "comments": Place(
        lambda pieces: b"".join(b": %b\n\n" % piece.encode() for piece in pieces) + b"data: {}\n\n",
        lambda body: re.sub(r"\n\n(?:: |data: \{\})?", "", body.decode().removeprefix(": ")),
    ),
    "lines of one event": Place(
        lambda pieces: b'data: {"a": "%b"}\n\n' % "\ndata: ".join(pieces).encode(),
        lambda body: body.decode().replace("\ndata: ", ""),
    ),
}  # fmt: skip


_BLANK_GOES = {"data that is no JSON", "comments", "lines of one event"}
"""Fields whose blank after the colon is dropped, so that the test could not read back what it wrote."""


def _parsed(body: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in body.splitlines() if line]


def _of_choice(body: bytes, index: int) -> str:
    choices = (chunk["choices"][0] for chunk in _parsed(body))
    return "".join(choice["delta"]["content"] for choice in choices if choice["index"] == index)


def _fragments(said: str) -> list[str]:
    """Return all runs of twelve characters of a key, in any case."""
    low = said.lower()
    windows = {low[at : at + LEAST] for at in range(len(low) - LEAST + 1)}
    return [
        key
        for key in KEYS.values()
        if any(key.lower()[at : at + LEAST] in windows for at in range(len(key) - LEAST + 1))
    ]


# All pairs of place, encoding, cut and provider.  All of their combinations take half an hour of one core.
_THOROUGH = bool(os.environ.get("HARNESS_THOROUGH"))
_EACH, _OF_ENCODINGS = (1, 1) if _THOROUGH else (13, 3)


@pytest.mark.parametrize("cut", each(4, CUTS))
@pytest.mark.parametrize("place", each(3, PLACES))
def test_no_fragment_of_a_known_key_stays(place: str, cut: str) -> None:
    body, said, reference = PLACES[place]
    first = list(PLACES).index(place) + list(CUTS).index(cut)
    for number, (name, encoding) in enumerate(ENCODINGS.items()):
        if (first + number) % _OF_ENCODINGS or (name in ("blanks between", "numbers in hex") and place in _BLANK_GOES):
            continue
        keys = list(KEYS.values())[(first + number) % _EACH :: _EACH]
        # Written one by one: what an encoding makes of a key depends on what stands before it.
        written = [encoding.write(key) for key in keys]
        told = with_body(reference, body([piece for text in written for piece in [*CUTS[cut](text), " | "]]))
        assert set(_fragments(encoding.read(said(told.response.content)))) >= set(keys), f"{name}: the search finds all"
        clean = scrub(told, KNOWN)
        assert _fragments(encoding.read(said(clean.response.content))) == [], name
        assert _fragments(encoding.read(clean.response.content.decode())) == [], name
        assert len(clean.response.content) == len(told.response.content)
        assert told.reading.not_json or not clean.reading.not_json, "JSON stays JSON"


@pytest.mark.parametrize("at", range((1 << 18) - 30, (1 << 18) + 10, 8))
def test_a_secret_goes_where_a_window_ends(at: int) -> None:
    told = with_body(BODY, b"." * at + KEYS["azure"][::-1].encode() + b"." * 99)
    assert KEYS["azure"][::-1][:12].encode() not in scrub(told, KNOWN).response.content
    assert scrub(told, KNOWN).response.content.strip(b".9REDACT") == b""


# What stays, as the docstring of ``scrub`` says.


SECRET = "Zq7" + "x4Kd9Tw2mBn8Lr5Vc1Y"  # 22 characters, so that neither half is a fragment
HALVES = [SECRET[:11], SECRET[11:]]


def _left(told: Exchange, *secrets: str) -> bool:
    return scrub(told, Secrets.of(secrets)).response.content == told.response.content


def test_a_secret_told_in_words_stays() -> None:
    words = _deltas([f"{one} as in {one}... " for one in SECRET], lambda piece: {"content": piece})
    assert _left(with_body(STREAM, words), SECRET)


@pytest.mark.parametrize(
    "said",
    [
        "".join(f"\\{ord(one):03o}" for one in SECRET),
        "".join(chr(ord(one) + 0xFEE0) for one in SECRET),
        base64.b32encode(SECRET.encode()).decode(),
        json.dumps({str(at): one for at, one in enumerate(SECRET)}),
    ],
    ids=["octal", "full-width", "base32", "a key for each character"],
)
def test_other_spellings_stay(said: str) -> None:
    assert _left(with_body(BODY, json.dumps({"error": said}).encode()), SECRET)


def test_halves_go_where_the_lines_of_an_event_make_the_whole() -> None:
    told = with_body(STREAM, b'data: {"a": "%b\ndata: %b"}\n\n' % tuple(half.encode() for half in HALVES))
    assert not _left(told, SECRET)


def test_a_secret_cut_over_two_answers_stays() -> None:
    for half in HALVES:
        assert _left(with_body(STREAM, _deltas([half], lambda piece: {"content": piece})), SECRET)


@pytest.mark.thorough
def test_a_secret_spread_over_more_than_two_megabytes_may_stay() -> None:
    between = _deltas(["-" * 100_000] * 30, lambda piece: {"refusal": piece})
    first, second = (_deltas([half], lambda piece: {"content": piece}) for half in HALVES)
    assert not _left(with_body(STREAM, first + between + second), SECRET)
    assert _left(with_body(STREAM, between + between[:-1000] + first + between + second), SECRET)


def test_other_spellings_of_a_short_secret_stay() -> None:
    for said, left in ((b"p4ssw0rd", False), (b"p4ssw0rd".hex().encode(), True), (b"dr0wss4p", True)):
        assert _left(with_body(BODY, b'{"error": "%b"}' % said), "p4ssw0rd") == left
