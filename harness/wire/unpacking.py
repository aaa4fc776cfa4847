"""Decompresses a body within limits: a decompression bomb is a finding, not an outage."""

import zlib
from io import BytesIO

from harness.wire.limits import sizes

GZIP = b"\x1f\x8b"
"""The first bytes of gzip."""

_FIRST_PIECE = 1 << 10
_LARGEST_PIECE = 1 << 16


def inflate(body: bytes, window: int) -> tuple[bytes, str | None, str | None]:
    """Decompress; return the content up to the limit, what is wrong, and the limit exceeded."""
    content, position, most = BytesIO(), 0, sizes().body  # returns its bytes without a copy
    while True:
        whole = content.tell()
        try:
            position, ended = _inflate_member(body, position, window, content)
        except zlib.error as error:
            content.truncate(whole)
            return content.getvalue() or body, f"the compressed body is damaged: {error}", None
        if content.tell() > most:
            content.truncate(most)
            return content.getvalue(), None, f"it unpacks to more than {most:,} bytes"
        if not ended:
            return content.getvalue(), "the compressed body is cut short", None
        # gzip may come in several members
        if window <= zlib.MAX_WBITS or body[position : position + 2] != GZIP:
            break
    left = len(body) - position
    return content.getvalue(), f"{left} bytes follow the compressed body" if left else None, None


def _inflate_member(body: bytes, position: int, window: int, content: BytesIO) -> tuple[int, bool]:
    """
    Decompress the member at ``position`` into ``content``; return where it ends and whether it is complete.

    It is fed in growing segments, as zlib copies all that follows a member: with many small ones, the whole rest
    each time.
    """
    stream, size, most = zlib.decompressobj(window), _FIRST_PIECE, sizes().body
    while position < len(body) and not stream.eof and content.tell() <= most:
        piece = body[position : position + size]
        content.write(stream.decompress(piece, most + 1 - content.tell()))
        position += len(piece) - len(stream.unused_data)
        size = min(2 * size, _LARGEST_PIECE)
    return position, stream.eof
