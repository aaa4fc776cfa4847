"""
Derives the cause of an error from its words, and the mistake in a request from its form.

Providers share no codes, but similar words.  They are searched in every text of an error, at any depth, since
gateways embed others' errors in their own texts.
"""

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_READ = 8_000
"""How much of an error is searched, characters: some contain a model's whole output."""


@dataclass(frozen=True, slots=True)
class Cause:
    """
    A cause, in words that follow "it tells of"; ``due`` are the appropriate statuses, the best first.

    ``transient`` is whether a retry may succeed.
    """

    name: str
    words: re.Pattern[str]
    due: tuple[int, ...]
    transient: bool = False


def _cause(name: str, words: str, *due: int, transient: bool = False) -> Cause:
    return Cause(name, re.compile(words, re.IGNORECASE), due, transient)


MODEL_FAILED = _cause(
    "the model's own failure",
    r"tool_use_failed|json_validate_failed|failed_generation|output_parse_failed"
    r"|failed to (generate|produce) (valid )?json|model did not (call a tool|produce|generate)"
    r"|tool call validation failed|model (produced|generated|returned|output) (an? )?(invalid|malformed|unparsable)",
    400, 422, 500, 502,
    transient=True,
)  # fmt: skip
BAD_KEY = _cause(
    "a wrong API key",
    r"(invalid|incorrect|wrong|missing|expired|unknown) (x-)?(api|access|subscription|auth\w*)[ _-]?(key|token|header)"
    r"|(api|access)[ _-]?(key|token)( \S+)? (is |was )?(invalid|incorrect|wrong|missing|expired|not valid|not found|not provided)"
    r"|invalid_api_key|authentication (fail|error|required)|authentication_error|\bunauthori[sz]ed\b|no api key",
    401, 403,
)  # fmt: skip
FORBIDDEN = _cause(
    "a request that is not allowed",
    r"\bonly allows? .{1,40}\bclients?\b|\bonly authorized for\b|permission[_ ]denied|\bdoes not have (permission|access)\b|\baccess denied\b"
    r"|\bnot (authorized|permitted) to (use|access)\b|unsupported_country|country, region, or territory not supported",
    403, 401, 404, 400,
)  # fmt: skip
NO_CREDIT = _cause(
    "an account without credit",
    r"payment required|insufficient[ _](balance|quota|credit|fund)s?|(credit )?balance is (too low|insufficient)"
    r"|exceeded your current quota|no credits?\b|(out of|not enough) credits?|account.{0,20}(arrear|overdue|suspended)|欠费|余额不足",
    402, 403, 429,
)  # fmt: skip
LIMIT = _cause(
    "a rate limit",
    r"rate[ _-]?limit|too[ _]many[ _]requests|requests per (minute|second|day)|\b(tpm|rpm|qps) limit",
    429, 503, 529,
    transient=True,
)  # fmt: skip
OVERLOADED = _cause(
    "an overload",
    r"\boverloaded(_error)?\b|\bat (full )?capacity\b|\b(temporarily|currently) (unavailable|overloaded|busy)|no healthy upstream|负载(已|过)?(过高|饱和)|系统繁忙|服务繁忙",
    503, 529, 429, 500, 502, 504,
    transient=True,
)  # fmt: skip
NO_MODEL = _cause(
    "an unknown model",
    r"model_not_found|modelnotfound|deploymentnotfound|(no such|unknown|invalid) model\b|模型不存在"
    r"|\bno \S+ (support|serve|offer|have|has)s? (the |this |that )?model\b|无可用渠道|\bno (available )?channels? .{0,40}\bmodel\b"
    r"|\bmodels?\b.{0,80}(not found|not exist|not be found|has been (deprecated|retired))"
    # An unsupported feature of a model is another cause: only the name may come between.
    r"|\bmodel\W+\S{1,60}\W+is (not supported|not available (on|for|in)\b)",
    404, 400, 403, 422, 410,
)  # fmt: skip
TOO_LONG = _cause(
    "a prompt that is too long",
    r"context[ _](length|window|size|limit)|(prompt|input|request|messages?) (is |are )?too (long|large)|too_many_prompt_tokens"
    r"|maximum (number of )?(input )?tokens|exceeds? (the )?(max\w*|available) (context|token|input)|context_length_exceeded"
    r"|\b(prompt|input|messages?|context)\b.{0,60}\b(longer|larger|exceed\w*|over|more)\b.{0,40}\b(max\w*|limit|context|allowed|window)"
    r"|max(imum)?[ _]model[ _]len|\btoken len\b.{0,60}>|string_above_max_length|\b(too many|reduce the( number of)?) (input )?tokens|reduce the length"
    r"|token count.{0,30}exceed|(上下文|输入|提示词?|消息).{0,20}(过长|超长|超出|超过)",
    400, 413, 422,
)  # fmt: skip
ONE_FORM = _cause(
    "a model that answers in one form only",
    r"only supports? stream|(must|has to) be (called|used) (with|in) stream|stream(ing)? (mode )?(only|is required)"
    r"|non-?stream(ing)?( \w+){0,3} (is |are )?not (supported|allowed)|\bset stream (to |= ?)?true"
    r"|stream(ing)?( mode)? (is |are )?not (supported|allowed|enabled|implemented)|'stream' does not support",
    400, 422,
)  # fmt: skip
BAD_REQUEST = _cause(
    "an invalid request",
    r"\bbad[ _]?request|invalid[ _]request|field required|\bunprocessable\b|missing (required|field|tool|['`\"]\w+['`\"])|required (field|parameter|property)"
    r"|(unsupported|unrecognized|unknown|invalid|unexpected)( request)?[ _]?(param(eter)?|argument|value|role|field|property|type|input)"
    r"|\b(param(eter)?|argument|option|field)s?\b.{0,60}\b(not|isn't|n't) (currently )?(supported|allowed|permitted|recogni[sz]ed)"
    r"|\b[a-z]+(_[a-z]+)+['`\"]? (must|should) be (an? |at (least|most) |between |greater |less |positive|in |one of |within )"
    r"|\b(temperature|top_p|n|stop|seed|suffix|logprobs|tools|stream|model|messages|prompt)['`\"]? must be (an? |at (least|most) |between |greater |less |positive|in |one of |within )"
    r"|(failed|unable|cannot|could not) to? ?(parse|deseriali[sz]e|decode)\b.{0,40}(request|body|json|tools?|messages?)"
    r"|validation ?error|json_invalid|expected .{0,40} got |extra inputs are not permitted|\binput should be\b"
    r"|\b(key|property|attribute) '\w+' (not found|is missing)|\broles must alternate|参数错误|参数无效|无效的?参数|不能为空"
    r"|\b(status|error|code|http)\W{1,3}(code\W{0,3})?4(00|22)\b|\b400 bad|\b422 unprocessable",
    400, 422, 404, 405, 413, 415,
)  # fmt: skip

CAUSES = (MODEL_FAILED, BAD_KEY, FORBIDDEN, NO_CREDIT, LIMIT, OVERLOADED, NO_MODEL, TOO_LONG, ONE_FORM, BAD_REQUEST)
"""All causes; the first whose words are found counts, since general words occur beside specific ones."""

WHATEVER_IS_ASKED = (BAD_KEY, FORBIDDEN, NO_CREDIT, LIMIT, OVERLOADED, NO_MODEL, TOO_LONG, ONE_FORM)
"""Causes unrelated to a parameter or a capability: the same request without it fails too."""


@dataclass(frozen=True, slots=True)
class ToldCause:
    """A cause, and the words that indicate it, as received."""

    cause: Cause
    words: str


def told_cause(exchange: Exchange) -> ToldCause | None:
    """Return the cause that the texts of an error indicate; None if unknown."""
    text = error_text(exchange)
    for cause in CAUSES:
        found = cause.words.search(text)
        if found:
            return ToldCause(cause, " ".join(found[0].split()))
    return None


def error_text(exchange: Exchange) -> str:
    """Return the texts of an error, at any depth; the body itself if it is not JSON."""
    look = exchange.reading.body_kind
    value = exchange.chunk(0) if look in {"json", "stream"} else None
    said = " · ".join(_texts(value)) if isinstance(value, dict | list | str) else ""
    return (said or exchange.response.content[:_READ].decode("utf-8", "replace"))[:_READ]


def _texts(value: Any, depth: int = 6) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else ((None, one) for one in value)
        for key, one in inner:
            if key == "failed_generation":
                yield key  # the model's output is not the provider's message
            else:
                yield from _texts(one, depth - 1)


def request_mistake(exchange: Exchange) -> str | None:
    """Return what is wrong in a request for any server; None if nothing is, or the request is unknown."""
    body, sent = exchange.request.json, exchange.request.body
    if body is None:
        return "a body that is not a JSON object" if sent else None
    if exchange.dialect == "completions":
        return None if "prompt" in body else "no prompt"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "no messages" if not messages else "messages that are not an array"
    wrong = next((key for key, kinds in _KINDS.items() if not isinstance(body.get(key), kinds)), None)
    return f"{wrong} of the wrong type" if wrong else _tools_mistake(body.get("tools"))


_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2), "top_logprobs": (0, 20),
    "n": (1, 128), "max_tokens": (1, float("inf")), "max_completion_tokens": (1, float("inf")),
}  # fmt: skip
"""The specified minimum and maximum of a parameter."""


def beyond_specification(exchange: Exchange) -> str | None:
    """Return the parameter that is out of its range in a request to an API of OpenAI's; None if there is none."""
    if exchange.dialect not in WITH_CHOICES or exchange.request.json is None:
        return None
    if exchange.request.get("model") == "":
        return 'model is ""'
    sent = ((name, exchange.request.get(name), *bounds) for name, bounds in _RANGES.items())
    numbers = (one for one in sent if type(one[1]) in {int, float})
    return next((f"{name} is {value}" for name, value, least, most in numbers if not least <= value <= most), None)


_KINDS: dict[str, tuple[type, ...]] = {
    "model": (str, type(None)),
    "stream": (bool, type(None)),
    "temperature": (int, float, type(None)),
    "top_p": (int, float, type(None)),
    "max_tokens": (int, type(None)),
    "max_completion_tokens": (int, type(None)),
    "tools": (list, type(None)),
}


def _tools_mistake(tools: Any) -> str | None:
    for number, tool in enumerate(tools or ()):
        known = as_object(tool)
        if not isinstance(known.get("type", "function"), str):
            return f"a type of tool {number} that is not a string"
        if known.get("type", "function") == "function" and not isinstance(
            as_object(known.get("function")).get("name"), str
        ):
            return f"no name of function {number}"
    return None


_SAID = ("message", "msg", "error_msg", "detail", "description", "error")
_NUMBERED = ("status", "status_code", "code", "type")
_LONGEST, _SHOWN = 20_000, 80


def told_within(value: Any, depth: int = 6) -> str | None:
    """Return the message of the first error as JSON within any text of ``value``; None if there is none."""
    if isinstance(value, str):
        inner, _ = error_within(value)
        return told_error(inner) if inner else None
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    told = (told_within(one, depth - 1) for one in inside if depth)
    return next(filter(None, told), None)


def error_within(text: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the error that a text contains as JSON, or as Python's repr of a dict; None if there is none."""
    start = text.find("{")
    if start < 0 or len(text) > _LONGEST:
        return None, False
    try:
        value, is_python = json.JSONDecoder().raw_decode(text[start:])[0], False
    except (ValueError, RecursionError):
        try:
            with warnings.catch_warnings(action="ignore"):  # of escapes that Python does not know
                value, is_python = ast.literal_eval(text[start : text.rindex("}") + 1]), True
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None, False
    return (as_object(value), is_python) if _text_of(as_object(value)) else (None, False)


def _text_of(value: dict[str, Any], depth: int = 6) -> str | None:
    """Return the message of an error, at any depth."""
    for key in _SAID if depth else ():
        said = value.get(key)
        found = said if isinstance(said, str) else _text_of(as_object(said), depth - 1)
        if found:
            return found
    return None


def told_error(inner: dict[str, Any]) -> str:
    """Return the number or kind of an error and its words, and their meaning if known."""
    holders = (inner, *(as_object(inner.get(key)) for key in _SAID))
    number = next(
        (one[key] for one in holders for key in _NUMBERED if isinstance(one.get(key), int | str) and one[key]), None
    )
    words = _text_of(inner) or ""
    cause = next((one.name for one in CAUSES if one.words.search(words)), None)
    return f"{number or 'no code'}, {words[:_SHOWN]}" + (f" ({cause})" if cause else "")


IN_JSON = ("error.not-empty", "error.not-html", "error.not-stream", "error.json")
"""The checks that must pass before others of the fields of an error."""

NO_WORD = {"None", "null", "undefined", "nil"}
"""Words for nothing, written as text."""


def inner_error(exchange: Exchange) -> dict[str, Any]:
    """Return the object under ``error``; the body itself if there is none."""
    value: dict[str, Any] = exchange.chunk(0)
    inner = value.get("error")
    return inner if isinstance(inner, dict) else value


def kind_of(value: Any) -> str:
    """Return the kind of a JSON value, in a word."""
    return "null" if value is None else "text" if isinstance(value, str) else type(value).__name__
