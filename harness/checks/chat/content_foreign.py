"""Checks for texts that the model did not generate: an API's response, event or error, an image, or the prompt."""

import json
import re
from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import complete_answer, success_status
from harness.checks.chat.marked_text import asked_text, begun_answer, last_asked, marked
from harness.checks.kinds import place_of
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_request_params
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

SHOULD = Level.SHOULD

_SAID = "你好! How can I help?"
_AN_ERROR = Advice(
    "The client shows the error as the model's answer and never retries: status, finish_reason and SDK report success.",
    "Check it before you show it: `if text.startswith('{\"error\"'):` raise, and ask again.",
)
_AN_IMAGE = Advice(
    "The user reads thousands of letters instead of a picture, and sent back they fill the context.",
    'Show it as an image, for this provider only: `f"data:image/png;base64,{text}"`.',
)
_NOT_SAID = Advice(
    "The client shows it as what the model said and, sent back, the model answers it: agents ask again without end.",
    "Look for the words of this gateway before you show a text: `if text.startswith(known_failures): raise`, and ask again.",
)
_LABEL = re.compile(
    r"\s*(?:\[[\w .:-]{2,40}\]|(?:⚠️|❌|🚫)?\s*\**(?:[\w-]+ )?(?:API |Upstream |Provider |Gateway |Internal |Server )?(?:Error|error|ERROR|Exception)(?: \d{3})?\**\s*[:：-]|HTTP(?: Error)? [45]\d\d\b)"
)
_WHOLE_ERROR = re.compile(r"\[(?:Error|ERROR|Exception)\s*[:：-][^\[\]]+\]")
"""An error in brackets that is the whole text."""
_FAILING = re.compile(
    r"\bupstream\b|\bempty response\b|\btimed? ?out\b|\btimeout\b|\brate.?limit|\bquota\b|\boverloaded\b|\bunavailable\b"
    r"|\bECONN\w+|\bconnection (?:refused|reset|error|closed)\b|\bstatus(?: code)?:? [45]\d\d\b|\b(?:429|50[0234])\b|请求超时|限流",
    re.IGNORECASE,
)
_OF_SERVERS = re.compile(
    r"\b(?:model|provider|server|endpoint|backend|inference|generation)\b|\bcontext (?:length|window|size)\b|\bAPI key\b|\bmax_tokens\b|模型|服务",
    re.IGNORECASE,
)
"""Subjects of a failure report whose label already calls it an error."""
_FAILED = re.compile(
    r"\b(?:fail\w*|error|refused|returned|exceeded|unavailable|overloaded|reset|closed|timed out|timeout)\b|失败|错误|超时",
    re.IGNORECASE,
)
_OF_FAILURES = re.compile(
    r"error|exception|fail|time.?out|retry|status|\blog|HTTP|错误|异常|报错|日志|超时", re.IGNORECASE
)
_SHORT = 300  # characters: a gateway's own words are a sentence or two
_EVENT = re.compile(r"(?:\A|\n)\s*data: ?\{\"")
_ANSWERS = {"chat.completion", "chat.completion.chunk", "text_completion", "response", "message"}
_TELLING = {"error", "detail"}
_OF_ERRORS = _TELLING | {"message", "code", "status", "type", "success"}
_IMAGE = re.compile(
    r"\s*(?:data:image/[\w.+-]+;base64,)?(?:iVBORw0KGgo|/9j/4|R0lGOD|UklGR)[A-Za-z0-9+/\s]{60,}={0,2}\s*"
)


@rule(
    "content.unwrapped", SHOULD, "The text is not an API response, event or error, not a failure report, and not image data.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, _SAID, "An error of the API is JSON: {}."), replace_in_body(BODY, _SAID, "[Note] A rate limit is a number of requests.")),
    bad=(
        replace_in_body(BODY, _SAID, '{\\"object\\":\\"chat.completion\\",\\"choices\\":[{\\"index\\":0}]}'),
        replace_in_body(STREAM, "你好", 'data: {\\"choices\\":[]}\\n\\ndata: [DONE]\\n\\n'),
        replace_in_body(BODY, _SAID, '{\\"error\\":{\\"message\\":\\"upstream timed out\\",\\"code\\":504}}'),
        replace_in_body(BODY, _SAID, f"iVBORw0KGgo{'AAAA' * 20}"),
        replace_in_body(BODY, _SAID, "[Gateway] Upstream returned an empty response. Please retry."),
        replace_in_body(BODY, _SAID, "[Error: the model produced only reasoning, and no text]"),
        replace_in_body(BODY, _SAID, '{\\"detail\\":\\"Rate limit exceeded\\"}'),
        replace_in_body(BODY, _SAID, f"data:image/png;base64,iVBORw0KGgo{'AAAA' * 20}"),
    ),
    depends_on=("chunk.present",),
)  # fmt: skip
def unwrapped(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads JSON of the API: a gateway took another's response as its own text.

    Instead: Extract the text, for this provider only: `json.loads(text)["choices"][0]["message"]["content"]`.
    """
    asked = asked_text(exchange)
    if not _OF_FAILURES.search(asked):
        words = "the text is not the model's, but the report of a failure: {mark}"
        yield from marked(exchange, ("content",), _failure, words, _NOT_SAID)
    if exchange.request.get("response_format") or any(word in asked for word in ("JSON", "json", "base64")):
        return
    yield from marked(exchange, ("content",), _error, "the text is an API error as JSON: {mark}", _AN_ERROR)
    yield from marked(exchange, ("content",), _answer, "the text is an API response as JSON: {mark}")
    yield from marked(exchange, ("content",), _image, "the text is the data of an image: {mark}", _AN_IMAGE)


def _read(text: str) -> dict[str, Any]:
    try:
        return as_object(json.loads(text)) if text.lstrip()[:1] == "{" and text.rstrip()[-1:] == "}" else {}
    except (ValueError, RecursionError):
        return {}


def _error(text: str) -> str | None:
    """Return the message of the error that a text is, as JSON in any API's form."""
    read = _read(text)
    inner = as_object(read.get("error")).get("message")
    # If an object is nothing but an error, its message may be at the top level.
    alone = (
        [read.get(key) for key in ("error", "detail", "message")]
        if {*read} <= _OF_ERRORS and {*read} & _TELLING
        else []
    )
    return next((one for one in (inner, *alone) if isinstance(one, str) and one), None)


def _failure(text: str) -> str | None:
    """Return a text that reports, after a label, a failure before the model; a long one is a normal text."""
    shown = text.strip()
    if len(shown) > _SHORT or "\n\n" in shown or "`" in shown:
        return None
    label = _LABEL.match(shown)
    if _WHOLE_ERROR.fullmatch(shown) and _OF_SERVERS.search(shown):
        return shown
    # Text after a label in brackets may be anything: it must also mention a failure.
    failed = label and (label[0].lstrip()[:1] != "[" or _FAILED.search(shown))
    return shown if failed and _FAILING.search(shown) else None


def _answer(text: str) -> str | None:
    """Return the sign that a text is an API's response, or its events."""
    event = _EVENT.search(text)
    if event and text.count("data:") > 1:
        return event[0].strip()
    kind, read = "", _read(text)
    if isinstance(read.get("choices"), list) or isinstance(read.get("candidates"), list):
        kind = str(read.get("object", "choices" if "choices" in read else "candidates"))
    return kind or (str(read["object"]) if read.get("object") in _ANSWERS else None)


def _image(text: str) -> str | None:
    return text.strip()[:11] if text.strip()[:1] in {"i", "/", "R", "U", "d"} and _IMAGE.fullmatch(text) else None


_LONG, _PREFIX = 30, 12
_CONTINUED = Advice(
    "Programs that put the beginning and the answer together have the beginning twice.",
    "Remove it, for this provider only: `text = text.removeprefix(prefix)`.",
)
_REPEATS = re.compile(
    r"repeat|echo|copy|verbatim|translat|proofread|correct|rewrite|fix|spell|complete|continue|quote|重复|翻译|续写|原样",
    re.IGNORECASE,
)
_ASKED = "What is the capital of Norway, and where is it?"
_TURNS = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": "The capital of Norway is"}]
_BEGUN = with_request_params(BODY, messages=_TURNS, continue_final_message=True)
_OF_NORWAY = with_request_params(BODY, messages=[{"role": "user", "content": _ASKED}])


@rule(
    "content.no-echo", SHOULD, "The text does not begin with the question, or with the text that it continues.",
    sources.REFERENCE, complete_answer,
    good=(_OF_NORWAY, STREAM, BODY, replace_in_body(_BEGUN, _SAID, "Oslo, in the south."), with_request_params(replace_in_body(_BEGUN, _SAID, "The capital of Norway is Oslo."), echo=True), replace_in_body(_OF_NORWAY, _SAID, "The capital of Norway is Oslo.")),
    bad=(replace_in_body(_OF_NORWAY, _SAID, f"{_ASKED}\\nOslo, in the south."), replace_in_body(_BEGUN, _SAID, "The capital of Norway is Oslo.")),
    depends_on=("chunk.present",),
)  # fmt: skip
def no_echo(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads the question again, and sent back it is in the context twice.

    Instead: Remove it, for this provider only: `text = text.removeprefix(question).lstrip()`.
    """
    prefix = begun_answer(exchange).strip()
    asked = prefix or last_asked(exchange).strip()
    if len(asked) < (_PREFIX if prefix else _LONG):
        return
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("content")
        if pieces.text.lstrip().startswith(asked) and (prefix or not _REPEATS.search(asked)):
            place = place_of(exchange, choice, pieces.chunks[0], "/{part}/content")
            said = (
                "the text begins with the answer that it was to continue"
                if prefix
                else "the text begins with the whole question"
            )
            yield Problem(said, (place,), _CONTINUED if prefix else None)
