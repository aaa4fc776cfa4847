"""
httpx2 and httpx: one API under two names, since openai 3 is built on the one and openai 2 on the other.

A client of either accepts any transport that answers with a response, and a body, of its own family.  So a transport
here looks at what it is given and answers in kind; neither family is imported for the other's sake.
"""

import sys
from functools import cache
from typing import Any

import httpx2

from harness.errors import UnsupportedSdk

_OLDEST = 2
_ON_HTTPX2 = 3


def family_of(given: object) -> Any:
    """Return the module whose client sent a request, or whose transport gave a response: httpx2 or httpx."""
    if isinstance(given, httpx2.Request | httpx2.Response):
        return httpx2
    return sys.modules["httpx"]


@cache
def body_of(family: Any, kind: Any) -> Any:
    """Return ``kind``, a body to iterate over, as a stream that the clients of ``family`` take."""
    bases = (family.SyncByteStream, family.AsyncByteStream)
    return type(kind.__name__, (kind, *bases), {})


@cache
def sdk_family() -> Any:
    """
    Return the family that the installed OpenAI SDK is built on.

    Raises:
        UnsupportedSdk: it is older than 2, and builds its requests some other way.
    """
    from importlib import import_module, metadata

    version = metadata.version("openai")
    major = int(version.partition(".")[0])
    if major < _OLDEST:
        raise UnsupportedSdk(f"openai {version}: this needs openai 2 or later; run: pip install 'openai>=3'")
    return import_module("httpx2" if major >= _ON_HTTPX2 else "httpx")
