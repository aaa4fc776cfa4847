"""Ids, addresses and headers: what tells whose they are goes, what tells their form stays."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from harness.recording.masking.refusals import Repetitions
from harness.recording.masking.words import Vocabulary
from harness.wire.exchange import Headers

_PREFIX = re.compile(r"[A-Za-z]{1,14}[-_.:]")
_RUN = re.compile(r"[^\W_]+")
_FEW = 2  # digits: a place in a list, and nobody's id
_LISTED = re.compile(r"(?:request|trace|log)-?id$|^cf-ray$")
_PLAIN_HEADERS = frozenset({"content-type", "date", "server"})
_IN_PATHS = re.compile(
    r"v\d\w*|chat|completions?|openai|api|apis|ai|compatible-mode|deployments|accounts|client|gateway|inference|models"
    r"|paas|coding|serving-endpoints|engines|endpoints|compat|compatibility|beta|llm|run|workers-ai|text|rpc|2\.0"
    r"|ai_custom|wenxinworkshop|plugin|proxy|cortex|generate|chatcompletion_v2|api\.php|v1beta|default|\{.*\}",
    re.IGNORECASE,
)
_NO_NAME = re.compile(r"localhost|\d+\.\d+\.\d+\.\d+|\[.*\]|api|www|gateway|inference|router|dashscope(?:-\w+)?|ark")
_PARTS_KEPT = 2  # of the name of a host: whose service it is
_SHARED = re.compile(
    r"azure\.com|azure\.net|amazonaws\.com|aliyuncs\.com|volces\.com|baidubce\.com|googleapis\.com|cloudflare\.com|snowflakecomputing\.com"
    r"|databricks\.com|volcengineapi\.com|huggingface\.(?:co|cloud)|tencentcloudapi\.com|tencent\.com|co\.uk|com\.cn"
)
_AGENTS = frozenset(
    "aiohttp ai async asyncopenai axios bun charm client curl deno faraday fantasy fetch go guzzlehttp harness http "
    "httpie httpx java javascript js langchain litellm llm net node okhttp openai php provider pydantic python "
    "reqwest requests ruby runtime sdk undici urllib utils vercel compat openapi postman v https land".split()
)


def masked_id(text: str, vocabulary: Vocabulary, names: Collection[str] = ()) -> str:
    """Return another id of the same pattern; ``names`` of tools may stand in it."""
    prefix = _PREFIX.match(text)
    # Where the name of a tool is in it, so that it may be the prefix.
    kept = prefix.end() if prefix and not any(text.startswith(name) for name in names) else 0
    rest = text[kept:]
    if rest in names or any(name and name in rest for name in names):
        return text[:kept] + vocabulary.text(rest)
    short = [found.span() for found in _RUN.finditer(rest) if found[0].isdigit() and len(found[0]) <= _FEW]
    made = list(vocabulary.text(rest))
    for start, end in short:
        made[start:end] = rest[start:end]
    return text[:kept] + "".join(made)


def masked_url(url: str, vocabulary: Vocabulary, *, public: bool) -> str:
    """Return an address without the names of accounts; ``public`` is whether others ask at its host as well."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return vocabulary.text(url)
    host = parts.netloc if public else ".".join(_labels(parts.netloc, vocabulary))
    path = "/".join(_segment(one, vocabulary) for one in parts.path.split("/"))
    query = re.sub(r"(?<==)[^&]*", lambda found: _value(found[0], vocabulary), parts.query)
    start = f"{parts.scheme}://{host}" if parts.netloc else ""
    return start + path + (f"?{query}" if query else "") + (f"#{vocabulary.text(parts.fragment)}" if parts.fragment else "")


def _labels(netloc: str, vocabulary: Vocabulary) -> list[str]:
    host, colon, port = netloc.partition(":") if not netloc.startswith("[") else (netloc, "", "")
    if _NO_NAME.fullmatch(host) and "." not in host.strip("0123456789."):
        return [host + colon + port]
    labels = host.split(".")
    shared = _SHARED.fullmatch(".".join(labels[-_PARTS_KEPT:]))
    last = _PARTS_KEPT if shared else 1
    kept = [one if _NO_NAME.fullmatch(one) or at >= len(labels) - last or (shared and at) else vocabulary.text(one)
            for at, one in enumerate(labels)]  # fmt: skip
    return [*kept[:-1], kept[-1] + colon + port]


def _segment(segment: str, vocabulary: Vocabulary) -> str:
    return segment if _IN_PATHS.fullmatch(segment) else vocabulary.text(segment)


def _value(value: str, vocabulary: Vocabulary) -> str:
    """Return the value of a parameter; the date of a version stays."""
    return value if re.fullmatch(r"v?\d{1,4}(?:[-.]\d{1,2}){0,2}(?:-preview)?|true|false", value) else vocabulary.text(value)


def masked_request_headers(headers: Headers, vocabulary: Vocabulary) -> Headers:
    """Return the headers of a request without what names a program that is nobody else's."""
    return Headers(tuple((name, _agent(value, vocabulary) if name.lower() == "user-agent" else value) for name, value in headers.pairs))


def _agent(value: str, vocabulary: Vocabulary) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: word[0] if word[0].lower() in _AGENTS else vocabulary.word(word[0]), value)


def masked_response_headers(headers: Headers, vocabulary: Vocabulary, repetitions: Repetitions) -> Headers:
    """Return the headers of an answer with other ids in them."""

    def masked(name: str, value: str) -> str:
        if _LISTED.search(name):
            return masked_id(value, vocabulary)
        if name == "location":
            return masked_url(value, vocabulary, public=False)
        return value if name in _PLAIN_HEADERS or value.replace(".", "").isdigit() else repetitions.masked(value)

    return Headers(tuple((name, masked(name.lower(), value)) for name, value in headers.pairs))
