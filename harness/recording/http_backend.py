"""
Handles httpx2 and httpx: one API under two names, since openai 3 is built on the one and openai 2 on the other.

A client of either accepts any transport that returns a response, and a body, of its own backend.  So a transport
here inspects its input and responds in kind, and never imports the other backend.
"""

import sys
from functools import cache
from importlib import import_module
from typing import Any

import httpx2

from harness.errors import UnsupportedSdk
from harness.recording.sdk_release import release_of, unusable, version

_ON_HTTPX2 = (3,)


def backend_of(given: object) -> Any:
    """Return the module whose client sent a request, or whose transport returned a response: httpx2 or httpx."""
    if isinstance(given, (httpx2.Request, httpx2.Response)):
        return httpx2
    return sys.modules["httpx"]


@cache
def body_of(backend: Any, kind: Any) -> Any:
    """Return ``kind``, a body to iterate over, as a stream that the clients of ``backend`` accept."""
    bases = (backend.SyncByteStream, backend.AsyncByteStream)
    return type(kind.__name__, (kind, *bases), {})


@cache
def sdk_backend() -> Any:
    """
    Return the backend that the installed OpenAI SDK is built on.

    Raises:
        UnsupportedSdk: it is not installed, or too old: it builds its requests some other way, or can't send all of them.
    """
    reason, found = unusable(), version()
    if reason or found is None:
        raise UnsupportedSdk(reason)
    return import_module("httpx2" if release_of(found) >= _ON_HTTPX2 else "httpx")
