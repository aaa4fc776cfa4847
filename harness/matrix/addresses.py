"""Handles base URLs, some with a ``{placeholder}`` for what differs between users."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, HttpUrl

from harness.errors import Unreachable

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ASKED_AT = re.compile(r"/(?:chat/completions|v1/(?:completions|messages|responses))/?$")
"""Path suffixes that clients add to the base URL: people copy them with it."""
_HERE = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=:|$)")


def _url(text: str) -> str:
    if not _written(text):
        raise ValueError(f"{text!r} contains a character that a URL cannot contain; write it again, without spaces")
    HttpUrl(text)
    return text


def _address(text: str) -> str:
    bare = _PLACEHOLDER.sub("x", text)
    if "{" in bare or "}" in bare:
        raise ValueError(f"bad placeholder in {text}; write {{name}}, the name in a-z, 0-9 and underscore")
    _url(bare)
    return text


Url = Annotated[str, AfterValidator(_url), Field(description="An http or https URL.")]
Address = Annotated[
    str, AfterValidator(_address), Field(description="An http or https URL that may hold {placeholders}.")
]


def _written(text: str) -> bool:
    """Return whether a text may be a URL; readers differ on control characters and blanks."""
    return text.isprintable() and not any(character.isspace() for character in text)


def placeholders(address: str) -> tuple[str, ...]:
    """Return the names of the placeholders in a URL, in order."""
    return tuple(_PLACEHOLDER.findall(address))


def fill(address: str, values: Mapping[str, str]) -> str:
    """
    Return the URL with its placeholders filled.

    Raises:
        ValueError: a value can't be part of a URL; the message does not show it, since it may be a key.
    """
    for name in placeholders(address):
        if not _VALUE.fullmatch(values[name]):
            raise ValueError(f"the value is not a name; give only the part for {{{name}}} in {address}")
    return address.format_map(values)


def hosts(addresses: Iterable[str], suffixes: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of the hosts, with ports, of ``addresses`` and of the names that end in ``suffixes``."""
    known = [_PLACEHOLDER.split(_here(urlsplit(address).netloc))[::2] for address in addresses]
    exact = [r"[^.:/]+".join(map(re.escape, parts)) for parts in known]
    return re.compile("|".join([*exact, *(f".+{re.escape(suffix)}" for suffix in suffixes)]), re.IGNORECASE)


def matches_host(host: str, known: re.Pattern[str]) -> bool:
    """Return whether ``host`` is among ``known``."""
    return known.fullmatch(_here(host)) is not None


def is_here(host: str) -> bool:
    """Return whether ``host`` is this machine, where any server may listen on any port."""
    return _HERE.match(host) is not None


def _here(host: str) -> str:
    return _HERE.sub("localhost", host)


def check_address(base_url: str, shown: str | None = None) -> str:
    """
    Return the host and port of a URL, which may hold a secret: messages use ``shown``.

    Raises:
        Unreachable: it is invalid, or the URL of a single endpoint.
    """
    asked_at = _ASKED_AT.search(base_url)
    if asked_at:
        base = (shown or base_url).removesuffix(asked_at[0]) + "/v1" * asked_at[0].startswith("/v1/")
        raise Unreachable(f"{shown or base_url}: requests are sent there; name the base URL, such as {base}")
    with suppress(ValueError):  # such as an unclosed bracket of an IPv6 address, or a port beyond all
        parts = urlsplit(base_url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and _written(base_url):
            return parts.netloc
    raise Unreachable(f"{shown or base_url}: not an address; name one such as http://localhost:8000/v1")
