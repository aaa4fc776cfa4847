"""Recognizes files that hold no readable exchange, and says how to get one."""

import re

from harness.errors import BadArchive

_OTHERS = (
    (re.compile(rb"version https://git-lfs"), "a pointer of Git LFS in place of the file; run `git lfs pull` for the file"),
    (re.compile(rb"\d{1,9}:\d{1,6}:\w"), "flows of mitmproxy; write them as HAR: `mitmdump -nr FILE --set hardump=NEW.har`"),
    (re.compile(rb"PK\x03\x04"), "a ZIP file; unpack it, or where a proxy saved it, export the session as HAR"),
    (re.compile(rb"SQLite format 3\x00"), "a database; export the exchanges as JSON lines of {request, response}"),
)  # fmt: skip


def refuse_others(begins: bytes, place: str) -> None:
    """
    Reject a file that ``begins`` as one of these, with advice.

    Raises:
        BadArchive: it is one.
    """
    for pattern, what in _OTHERS:
        if pattern.match(begins):
            raise BadArchive(f"{place}: {what}")
