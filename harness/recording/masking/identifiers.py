"""Masks ids, URLs and headers: what identifies their owner is replaced, their form stays."""

import re
from collections.abc import Collection

from harness.recording.masking.refusals import Repetitions
from harness.recording.masking.words import Vocabulary, words_of
from harness.wire.altered import is_placeholder
from harness.wire.exchange import Headers

_ADDRESS = re.compile(r"(?P<scheme>(?:[a-z]+://)?)(?P<host>(?<=//)[^/?#]*|)(?P<path>/?[^?#]*)(?P<query>.*)", re.DOTALL)
_PREFIX = re.compile(r"[A-Za-z]{1,14}[-_.:]")
_RUN = re.compile(r"[^\W_]+")
_FEW = 2  # digits: an index, not an id
_LISTED = re.compile(r"(?:request|trace|log)-?id$|^cf-ray$")
_PLAIN_HEADERS = frozenset({"content-type", "date", "server"})
_IN_PATHS = re.compile(
    r"v\d\w*|chat|completions?|openai|api|apis|ai|compatible-mode|deployments|accounts|client|gateway|inference|models"
    r"|paas|coding|serving-endpoints|engines|endpoints|compat|compatibility|beta|llm|run|workers-ai|text|rpc|2\.0"
    r"|ai_custom|wenxinworkshop|plugin|proxy|cortex|generate|chatcompletion_v2|api\.php|v1beta|default|\{.*\}"
    r"|messages|count_tokens|anthropic|apps|publishers|projects|locations|responses|embeddings",
    re.IGNORECASE,
)
_METHOD = re.compile(r":(?:stream)?(?:rawPredict|generateContent)$", re.IGNORECASE)
"""The method in Google's paths, which determines the dialect."""
_HERE = re.compile(r"localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0|host\.docker\.internal")
# Hosts with the same URL for all customers.
_PUBLIC = re.compile(
    r"(?:[\w-]+\.)*(?:openai\.com|anthropic\.com|deepseek\.com|siliconflow\.(?:cn|com)|volces\.com|baidubce\.com|moonshot\.(?:cn|ai)"
    r"|bigmodel\.cn|z\.ai|minimaxi?\.(?:com|chat|io)|stepfun\.com|tencentmaas\.com|hunyuan\.cloud\.tencent\.com|xf-yun\.com|x\.ai"
    r"|groq\.com|mistral\.ai|cerebras\.ai|perplexity\.ai|together\.(?:ai|xyz)|fireworks\.ai|openrouter\.ai|nvidia\.com"
    r"|api\.cloudflare\.com|gateway\.ai\.cloudflare\.com|googleapis\.com|huggingface\.co|deepinfra\.com|novita\.ai|cohere\.(?:ai|com)"
    r"|sambanova\.ai|hyperbolic\.xyz|ai21\.com|baichuan-ai\.com|lingyiwanwu\.com|ollama\.com|github\.ai|vercel\.sh|portkey\.ai"
    r"|heroku\.com|crusoe\.ai|pydantic\.dev|ppinfra\.com|modelscope\.cn|longcat\.chat|xiaomimimo\.com)"
    r"|(?:[\w-]+\.)*dashscope[\w-]*\.aliyuncs\.com"
)
# Hosts with a name per customer; here the service's own part.
_SHARED = re.compile(
    r"(?<=\.)(?:openai\.azure\.com|cognitiveservices\.azure\.com|services\.ai\.azure\.com|models\.ai\.azure\.com"
    r"|inference\.ml\.azure\.com|[\w-]+\.maas\.aliyuncs\.com|[\w-]+\.amazonaws\.com|snowflakecomputing\.com"
    r"|cloud\.databricks\.com|azuredatabricks\.net|endpoints\.huggingface\.cloud|workers\.dev|crusoecloud\.com|api\.aws|[a-z]+)$"
)
_PLAIN_VALUE = re.compile(r"v?\d{1,4}(?:[-.]\d{1,2}){0,2}(?:-preview)?|true|false|sse")
_AGENTS = words_of(
    "aiohttp ai async asyncopenai axios bun charm client curl deno faraday fantasy fetch go guzzlehttp harness http "
    "httpie httpx java javascript js langchain litellm llm net node okhttp openai php provider pydantic python "
    "reqwest requests ruby runtime sdk undici urllib utils vercel compat openapi postman v https land"
)


def masked_id(text: str, vocabulary: Vocabulary, names: Collection[str] = ()) -> str:
    """Return another id of the same pattern; ``names`` of tools may occur in it."""
    if is_placeholder(text):
        return text
    prefix = _PREFIX.match(text)
    # If it contains a tool name, so that this may be the prefix.
    kept = prefix.end() if prefix and not any(text.startswith(name) for name in names) else 0
    rest = text[kept:]
    if rest in names or any(name and name in rest for name in names):
        return text[:kept] + vocabulary.text(rest)
    short = [found.span() for found in _RUN.finditer(rest) if found[0].isdigit() and len(found[0]) <= _FEW]
    made = list(vocabulary.text(rest))
    for start, end in short:
        made[start:end] = rest[start:end]
    return text[:kept] + "".join(made)


def masked_url(url: str, vocabulary: Vocabulary) -> str:
    """Return a URL without the names of accounts."""
    found = _ADDRESS.fullmatch(url)
    if not found:
        return vocabulary.text(url)
    path = "/".join(_segment(one, vocabulary) for one in found["path"].split("/"))
    query = re.sub(r"(?<==)[^&#]*|#.*", lambda value: _value(value[0], vocabulary), found["query"])
    return found["scheme"] + _host(found["host"], vocabulary) + path + query


def _host(address: str, vocabulary: Vocabulary) -> str:
    """Return a host with its port; of a customer's own host only the service's part."""
    found = re.fullmatch(r"(.*?)(:\d+)?", address)
    host, port = (found[1], found[2] or "") if found else (address, "")
    if _HERE.fullmatch(host) or _PUBLIC.fullmatch(host):
        return address
    shared = _SHARED.search(host)
    own = host[: shared.start()] if shared else host
    return vocabulary.text(own) + host[len(own) :] + port


def _segment(segment: str, vocabulary: Vocabulary) -> str:
    name, method = _METHOD.sub("", segment), "".join(_METHOD.findall(segment))
    return (name if _IN_PATHS.fullmatch(name) else vocabulary.text(name)) + method


def _value(value: str, vocabulary: Vocabulary) -> str:
    """Return the value of a parameter; the date of a version stays."""
    return value if _PLAIN_VALUE.fullmatch(value) else vocabulary.text(value)


def masked_request_headers(headers: Headers, vocabulary: Vocabulary) -> Headers:
    """Return the headers of a request without what identifies an individual program."""
    return Headers(
        tuple(
            (name, _agent(value, vocabulary) if name.lower() == "user-agent" else value)
            for name, value in headers.pairs
        )
    )


def _agent(value: str, vocabulary: Vocabulary) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: word[0] if word[0].lower() in _AGENTS else vocabulary.word(word[0]), value)


def masked_response_headers(headers: Headers, vocabulary: Vocabulary, repetitions: Repetitions) -> Headers:
    """Return the headers of a response with other ids."""

    def masked(name: str, value: str) -> str:
        if _LISTED.search(name):
            return masked_id(value, vocabulary)
        if name == "location":
            return masked_url(value, vocabulary)
        return value if name in _PLAIN_HEADERS or value.replace(".", "").isdigit() else repetitions.masked(value)

    return Headers(tuple((name, masked(name.lower(), value)) for name, value in headers.pairs))
