"""
httpx2 and httpx: one API under two names, since openai 3 is built on the one and openai 2 on the other.

A client of either accepts any transport that answers with a response, and a body, of its own backend.  So a transport
here looks at what it is given and answers in kind; neither backend is imported for the other's sake.
"""

import sys
from functools import cache
from importlib import import_module, metadata
from typing import Any

import httpx2

from harness.errors import UnsupportedSdk

_OLDEST = (2, 54)  # the one that make test-openai2 tries; 2.0 can't send a body that is no JSON
_ON_HTTPX2 = (3,)


def backend_of(given: object) -> Any:
    """Return the module whose client sent a request, or whose transport gave a response: httpx2 or httpx."""
    if isinstance(given, (httpx2.Request, httpx2.Response)):
        return httpx2
    return sys.modules["httpx"]


@cache
def body_of(backend: Any, kind: Any) -> Any:
    """Return ``kind``, a body to iterate over, as a stream that the clients of ``backend`` take."""
    bases = (backend.SyncByteStream, backend.AsyncByteStream)
    return type(kind.__name__, (kind, *bases), {})


@cache
def sdk_backend() -> Any:
    """
    Return the backend that the installed OpenAI SDK is built on.

    Raises:
        UnsupportedSdk: it is too old: it builds its requests some other way, or can't send all of them.
    """
    version = metadata.version("openai")
    release = tuple(int(part) for part in version.split(".")[:2])
    if release < _OLDEST:
        raise UnsupportedSdk(
            f"openai {version}: this needs {'.'.join(map(str, _OLDEST))} or later; run: pip install 'openai>=3'"
        )
    return import_module("httpx2" if release >= _ON_HTTPX2 else "httpx")
