"""
Plants keys, and searches for what is left of them.  For tests only.

The keys are generated at run time, in the shape of each provider's own, so that none is in a file.  The search is
independent of redaction: it decodes the output in every way a reader might - as it is, with URL and JSON escapes
undone, base64 decoded, gzip decompressed - and looks for any eight characters of a key.
"""

import base64
import binascii
import functools
import hashlib
import json
import random
import re
import string
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_to_bytes

_RANDOM = random.Random(20261125)
_HEX, _LOWER = "0123456789abcdef", string.ascii_lowercase
_ALNUM = string.ascii_letters + string.digits
_URLSAFE = _ALNUM + "-_"
_WINDOW = 8
_PUBLIC = re.compile(r"^(?:bce-v3/ALTAK-|AQ\.Ab8RN6|(?:[a-z]+[-_])*(?:api03-|v1[-_])?)")


def _some(alphabet: str, length: int) -> str:
    return "".join(_RANDOM.choices(alphabet, k=length))


def _key(start: str, alphabet: str, length: int) -> str:
    """Return a key with a letter and a digit at its ends, as nearly all have somewhere."""
    return start + _some(alphabet, length - 2) + "7" + _RANDOM.choice([one for one in alphabet if one in "abcdef"])


def _uuid() -> str:
    return str(uuid.UUID(int=_RANDOM.getrandbits(128), version=4))


MARKED = {
    "openai project": _key("sk-proj-", _URLSAFE, 156),
    "openai": _key("sk-", _ALNUM, 48),
    "deepseek, bailian": _key("sk-", _HEX, 32),
    "siliconflow": "sk-" + _some(_LOWER, 48),
    "bailian plan": _key("sk-sp-", _HEX, 32),
    "moonshot, hunyuan": _key("sk-", _ALNUM, 48),
    "qianfan": _key(f"bce-v3/ALTAK-{_some(_ALNUM, 21)}/", _HEX, 40),
    "volcengine": f"ark-{_uuid()}-{_some(_HEX, 5)}",
    "anthropic": _key("sk-ant-api03-", _URLSAFE, 95),
    "gemini": _key("AIza", _URLSAFE, 35),
    "gemini of 2026": _key("AQ.Ab8RN6", _URLSAFE, 44),
    "minimax": ".".join(["eyJ" + _some(_URLSAFE, 33), "eyJ" + _some(_URLSAFE, 150), _some(_URLSAFE, 86)]),
    "openrouter": _key("sk-or-v1-", _HEX, 64),
    "litellm": _key("sk-", _URLSAFE, 22),
    "together": _key("tgp_v1_", _URLSAFE, 43),
    "fireworks": _key("fw_", _ALNUM, 24),
    "groq": _key("gsk_", _ALNUM, 52),
    "cerebras": _key("csk-", _LOWER + string.digits, 48),
    "xai": _key("xai-", _ALNUM, 80),
    "perplexity": _key("pplx-", _ALNUM, 48),
    "nvidia": _key("nvapi-", _URLSAFE, 64),
    "huggingface": _key("hf_", _ALNUM, 34),
    "github": _key("ghp_", _ALNUM, 36),
    "github, fine-grained": _key("github_pat_", _ALNUM + "_", 82),
    "bedrock": "ABSK" + base64.b64encode(_some(_ALNUM, 96).encode()).decode(),
    "databricks": _key("dapi", _HEX, 32),
    "vercel": _key("vck_", _ALNUM, 56),
    "aws": "AKIA" + _some(string.ascii_uppercase + "234567", 16),
    "volcengine access key": _key("AKLT", _ALNUM, 43),
    "alibaba access key": _key("LTAI", _ALNUM, 20),
}
"""Keys with a recognizable prefix."""

UNMARKED = {
    "zhipu": f"{_some(_HEX, 32)}.{_some(_ALNUM, 14)}7a",
    "volcengine, sambanova": _uuid(),
    "azure": _key("", _HEX, 32),
    "azure of 2025": _key("", _ALNUM, 84),
    "mistral": _key("", _ALNUM, 32),
    "stepfun": _key("", _ALNUM, 64),
    "cloudflare": _key("", _URLSAFE, 40),
    "together of 2024": _key("", _HEX, 64),
    "ollama": f"{_some(_HEX, 32)}.{_some(_ALNUM, 22)}7a",
    "spark": f"{_some(_ALNUM, 18)}7a:{_some(_ALNUM, 18)}7b",
}
"""Keys that look like any id."""

KEYS = MARKED | UNMARKED | {"own gateway": _key("p+ss/w=rd", _ALNUM + "+/=&", 24)}

ACCOUNTS = {
    "openai organisation": f"Rate limit reached for gpt-4o in organization org-{_some(_ALNUM, 24)} on tokens per min.",
    "openai project": f"Project `proj_{_some(_ALNUM, 24)}` does not have access to model `gpt-4o`",
    "groq": f"Rate limit reached for model `m` in organization `org_01{_some(_LOWER + string.digits, 24)}` service tier",
    "moonshot": f"Your account org-{_some(_HEX, 32)} / proj-{_some(_HEX, 32)} <ak-{_some(_LOWER, 16)}1a2b> request reached",
    "volcengine": f"Your account [21{_some(string.digits, 8)}] has reached the set inference limit",
    "openrouter": f'{{"user_id":"user_2{_some(_ALNUM, 26)}"}}',
    "xai": f"Your team {_uuid()} has either used all available credits",
    "anthropic": f"the rate limit of your organization ({_uuid()}) (org: {_uuid()}, model: m)",
    "google": f'{{"consumer":"projects/57{_some(string.digits, 10)}"}}',
    "cloudflare": f"https://api.cloudflare.com/client/v4/accounts/{_some(_HEX, 32)}/ai/v1",
    "aws": f"User: arn:aws:sts::9{_some(string.digits, 11)}:assumed-role/x is not authorized",
}
"""Providers' messages about an account, each with its ids."""


def forms(key: str) -> dict[str, str]:
    """Return the forms in which a server may repeat a key."""
    lower = re.sub("%..", lambda escape: escape[0].lower(), quote(key, safe=""))
    packed = {
        f"base64 at {shift}": base64.b64encode(("u" * shift + ":" + key + ":more").encode()).decode()
        for shift in range(3)
    }
    return {
        "plain": key,
        "quoted": quote(key, safe=""),
        "quoted in lower case": lower,
        "quoted plus": quote_plus(key),
        "quoted twice": quote(quote(key, safe=""), safe=""),
        "in JSON": json.dumps(key)[1:-1],
        "in JSON of PHP": json.dumps(key)[1:-1].replace("/", "\\/"),
        "in JSON in JSON": json.dumps(json.dumps(key))[1:-1],
        "in JSON with all signs escaped": re.sub(r"[^A-Za-z0-9]", lambda sign: f"\\u{ord(sign[0]):04x}", key),
        "basic": base64.b64encode(f"user:{key}".encode()).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(f"??>:{key}".encode()).decode(),
        **packed,
        "fingerprint": hashlib.sha256(key.encode()).hexdigest(),
    }


def masked(key: str) -> dict[str, str]:
    """Return the masked forms of a key, as providers write them."""
    return {
        "as OpenAI does": f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}",
        "as xAI does": f"{key[:2]}***{key[-2:]}",
        "as LiteLLM does": f"{key[:3]}...{key[-4:]}",
        "as DeepSeek does": f"****{key[-4:]}",
        "the beginning": f"{key[:12]}…",
    }


def leaks(written: bytes, keys: Iterable[str]) -> list[str]:
    """Return what is left of ``keys`` in the output, by any decoding."""
    secret = set[bytes]().union(*map(_secret, keys))
    # Where a sign stands that is in no key no window of a key is: most of what is written need not be cut up.
    signs = re.escape(bytes(sorted(set(b"".join(secret)))))
    told = re.compile(rb"[%b]{%d,}" % (signs, _WINDOW))
    runs = {run for text in _readings(written) for run in told.findall(text)}
    return sorted(one.decode() for one in {window for run in runs for window in secret & _windows(run)})


@functools.cache
def _secret(key: str) -> set[bytes]:
    """Return the windows of a key and of its fingerprint."""
    return _windows(_PUBLIC.sub("", key).encode()) | _windows(hashlib.sha256(key.encode()).hexdigest().encode())


def _windows(text: bytes) -> set[bytes]:
    return {text[at : at + _WINDOW] for at in range(len(text) - _WINDOW + 1)}


def _readings(written: bytes) -> Iterator[bytes]:
    plain = [written, unquote_to_bytes(written), unquote_to_bytes(unquote_to_bytes(written))]
    unescaped = re.sub(rb"\\+u00([0-9a-fA-F]{2})", lambda code: bytes([int(code[1], 16)]), written)
    plain += [unescaped, unescaped.replace(b"\\", b"")]
    yield b"".join(re.findall(rb'"(?:content|reasoning_content|arguments)": ?"((?:[^"\\]|\\.)*)"', written))
    # The words of a file that was wrapped belong together: a binary body in YAML.
    for text in {*plain, re.sub(rb"\n *", b"", written)}:
        yield text
        for run in set(re.findall(rb"[A-Za-z0-9+/_-]{12,}", text)):
            for at in range(4):
                unpacked = _base64(run[at:])
                yield unpacked
                if unpacked[:2] == b"\x1f\x8b":
                    yield _gunzipped(unpacked)


def _base64(run: bytes) -> bytes:
    whole = run[: len(run) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(whole)
    except binascii.Error:
        return b""


def _gunzipped(packed: bytes) -> bytes:
    unpacker, unpacked = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    try:
        for at in range(len(packed)):
            unpacked += unpacker.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return unpacked


def written_below(folder: Path) -> bytes:
    """Return every byte of every file below a folder, and the file names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return b"\n".join(part for path in files for part in (str(path.relative_to(folder)).encode(), path.read_bytes()))
