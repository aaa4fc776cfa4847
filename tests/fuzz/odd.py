"""Lists odd values that some providers send, and changes bytes at random."""

import random
from collections.abc import Callable

JSON: tuple[str, ...] = (
    "null", "true", "false", "0", "-1", "-0.0", "1.5", "1e400", "-1e400", "1e-400", "1e308", "NaN", "Infinity",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809",
    "9" * 400, "9" * 5000, "-" + "9" * 5000, "1." + "3" * 5000, "00", "+1", ".5", "1_0", "",
    '""', '" "', '"x"', '"0"', '"stop"', '"length"', '"tool_calls"', '"content_filter"', '"[DONE]"', '"assistant"',
    '"function"', '"{}"', '"{\\"a\\":"', '"null"', '"NaN"', '"\\u0000"', '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"',
    '"\\u2028\\u0085\\r\\n"', '"\\u202e\\u0301"', '"\\u001b[31m"', '"[bold]"', '"[/]"', '"[/red]x[link=a"', '"a\\\\"',
    '"<script>&amp;</script>"', '"{{ x }}{% x %}"', '"|a|b|"', '"%s {0} {x}"', '"/a~1b~0"', '"*"', '"' + "x" * 100_000 + '"',
    '"' + "\\u4f60" * 5_000 + '"', "[]", "[null]", "[[]]", "[{}]", "[0]", '["x"]', "[1,", "{", "{}", "{1:2}", "{'a':1}",
    '{"":{}}', '{"a":[1]}', '{"a":1,"a":2}', '{"type":"text","text":"x"}', '{"function":null}', '{"/":{"~":0}}',
    "[" * 300 + "]" * 300, "[" * 1000 + "]" * 1000,
    '{"a":' * 1000 + "1" + "}" * 1000,
    "[" * 2000 + "]" * 2000, '{"a":' * 300 + "1" + "}" * 300, "[" * 100_000,
    "[" + "{}," * 3000 + "{}]",
)  # fmt: skip
"""Values as JSON text, most of it well-formed."""

TEXTS: tuple[str, ...] = (
    "", " ", "\0", "x", "é", "你好", "\x1b[2J", "[bold]", "[/]", "<b>", "a\nb", "a\r\nb", "\u2028", "9" * 400, "-1",
    "1e400", "NaN", "²", "٣", "x" * 70_000, "http://[", "https://u:p@h:99999/v1/chat/completions?key=k#f", "//", "*", "{0}",
)  # fmt: skip
"""Texts for fields other than JSON: headers, URLs, dates."""

PIECES: tuple[bytes, ...] = (
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"\r", b"\n", b"\r\n", b"\n\n", b":",
    b" ", b"\t", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"data:", b"data: ", b"data: [DONE]\n\n", b"event: error\n",
    b"<html>", b"null", b"\\u", b"\\ud800", b"- ", b"&a ", b"*a", b"!!python/none ", b"|-\n", b"? ", b"%", b"#", b"'", b"---\n",
)  # fmt: skip

Change = Callable[[random.Random, bytes, bytes], bytes]


def _at(draw: random.Random, data: bytes) -> int:
    return draw.randrange(len(data) + 1)


def _span(draw: random.Random, data: bytes) -> tuple[int, int]:
    begin = _at(draw, data)
    return begin, min(len(data), begin + draw.choice((1, 2, 8, 64, 1024)))


def flip(draw: random.Random, data: bytes, _: bytes) -> bytes:
    at = draw.randrange(len(data)) if data else 0
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :] if data else b"\0"


def insert(draw: random.Random, data: bytes, _: bytes) -> bytes:
    at = _at(draw, data)
    return data[:at] + draw.choice(PIECES) + data[at:]


def overwrite(draw: random.Random, data: bytes, _: bytes) -> bytes:
    at, piece = _at(draw, data), draw.choice(PIECES)
    return data[:at] + piece + data[at + len(piece) :]


def delete(draw: random.Random, data: bytes, _: bytes) -> bytes:
    begin, end = _span(draw, data)
    return data[:begin] + data[end:]


def double(draw: random.Random, data: bytes, _: bytes) -> bytes:
    begin, end = _span(draw, data)
    return data[:end] + data[begin:end] * draw.choice((1, 1, 2, 50)) + data[end:]


def splice(draw: random.Random, data: bytes, other: bytes) -> bytes:
    begin, end = _span(draw, other)
    at = _at(draw, data)
    return draw.choice((data[:at] + other[begin:], data[:at] + other[begin:end] + data[at:]))


def truncate(draw: random.Random, data: bytes, _: bytes) -> bytes:
    return data[: _at(draw, data)]


def behead(draw: random.Random, data: bytes, _: bytes) -> bytes:
    return data[_at(draw, data) :]


def line_ends(draw: random.Random, data: bytes, _: bytes) -> bytes:
    ends = draw.choice(((b"\r\n",), (b"\r",), (b"\n\n",), (b"\n", b"\r", b"\r\n"), (b"\x0b",), (b"",)))
    lines = data.split(b"\n")
    return b"".join(line + draw.choice(ends) for line in lines[:-1]) + lines[-1]


def prefix(draw: random.Random, data: bytes, _: bytes) -> bytes:
    return draw.choice((*PIECES, b"\xef\xbb\xbf" * 2, b" " * 5000, b"\n" * 5000)) + data


def utf16(draw: random.Random, data: bytes, _: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode(draw.choice(("utf-16", "utf-16-be", "utf-32", "utf-7")))


BLIND: tuple[Change, ...] = (
    flip, insert, overwrite, delete, double, splice, truncate, behead, line_ends, prefix, utf16,
)  # fmt: skip
