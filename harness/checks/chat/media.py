"""Checks whether content other than text is present and readable."""

import base64
import binascii
import re
from typing import Any

_URL = re.compile(r"https?://[^\s/]+")
_KINDS = (("iVBORw0KGgo", "png"), ("/9j/", "jpeg"), ("R0lGOD", "gif"), ("UklGR", "webp"))
"""How the base64 of a picture of each kind begins."""
_DATA_URL = re.compile(r"data:image/[\w.+-]+(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)


_OTHER_URL = re.compile(r"data:[\w./+-]*[;,]")


def is_hollow(value: Any) -> bool:
    """Return whether ``value`` and everything in it is empty: no text, no number but 0."""
    if isinstance(value, dict | list):
        return all(map(is_hollow, value.values() if isinstance(value, dict) else value))
    return not value


def is_base64(text: str) -> bool:
    """Return whether ``text`` is complete, non-empty base64."""
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def image_fault(url: Any) -> str | None:
    """Return what is wrong with the URL of an image; None for an http URL or a data URL of an image in base64."""
    if not isinstance(url, str) or not url:
        return "has no image_url.url"
    data = _DATA_URL.match(url)
    if data:
        if not is_base64(url[data.end() :]):
            return "is a data URL whose data is not base64"
        named, came = data[0].lower(), next((kind for begun, kind in _KINDS if url.startswith(begun, data.end())), None)
        of_other = came and came not in named and any(kind in named for _, kind in _KINDS)
        return f"is called {named[5:].partition(';')[0]}, and is {came}" if of_other else None
    if _OTHER_URL.match(url):
        return "is a data URL of another type than an image's, or not in base64"
    if _URL.match(url):
        return None
    return "is bare base64, without data: and its type before it" if is_base64(url) else "has an invalid url"
