"""
What may be kept of an exchange, and what a secret looks like.

Headers are kept by an allow-list: a header nobody thought of is dropped, not leaked.  Values are searched for
the shapes that providers give their keys.
"""

import re

REQUEST_HEADERS = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})

RESPONSE_HEADERS = frozenset(
    {
        "age", "cache-control", "content-encoding", "content-length", "content-type", "date", "keep-alive",
        "connection", "openai-processing-ms", "openai-version", "retry-after", "retry-after-ms", "server",
        "transfer-encoding", "vary", "via", "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens", "x-request-id",
    }
)  # fmt: skip

KEY_SHAPES = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:sk|gsk|xai|pplx|nvapi|hf|fw|csk|tgp|ark)[-_](?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}"
    rb"|bce-v3/ALTAK-[A-Za-z0-9]+/[0-9a-f]{20,}"
    rb"|AIza[A-Za-z0-9_-]{30,}"
    rb"|Bearer\s+(?=[A-Za-z._~+/-]*[0-9])[A-Za-z0-9._~+/-]{20,}=*"
    rb"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
)
"""Text that looks like a key of one of the providers, a bearer token or a JSON web token."""

REDACTED = b"REDACTED"


def allowed(pairs: tuple[tuple[str, str], ...], names: frozenset[str]) -> list[tuple[str, str]]:
    """Return the headers whose names are on the list, their values freed of key shapes."""
    return [(name, redact(value.encode()).decode()) for name, value in pairs if name.lower() in names]


def redact(text: bytes) -> bytes:
    """Return ``text`` with everything shaped like a key replaced, byte for byte, so that offsets stay true."""
    return KEY_SHAPES.sub(lambda found: (REDACTED * len(found[0]))[: len(found[0])], text)
