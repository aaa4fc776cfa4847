"""Recognizes texts that report a failure before the model, in words or as an API's JSON."""

import json
import re
from typing import Any

from harness.results import Advice
from harness.wire.shapes import as_object

NOT_SAID = Advice(
    "The client shows it as what the model said and, sent back, the model answers it: agents ask again without end.",
    "Look for the words of this gateway before you show a text: `if text.startswith(known_failures): raise`, and ask again.",
)
"""The impact of a failure sent as the text of a response."""

_LABEL = re.compile(
    r"\s*(?:\[[\w .:-]{2,40}\]|\[?(?:⚠️|❌|🚫)?\s*\**(?:[\w-]+ )?(?:API |Upstream |Provider |Gateway |Internal |Server )?(?:Error|error|ERROR|Exception)(?: \d{3})?\**\s*[:：-]|HTTP(?: Error)? [45]\d\d\b)"
)
_WHOLE_ERROR = re.compile(r"\[(?:Error|ERROR|Exception)\s*[:：-][^\[\]]+\]")
"""An error in brackets that is the whole text."""
_AT_END = re.compile(
    r"(?:^\s*|(?<=\S))\[(?:Error|ERROR|Exception)(?:\s*[:：-][^\[\]\n]+\]|\][ :：]+[^\[\]\n]+)\Z", re.MULTILINE
)
_FAILING = re.compile(
    r"\bupstream\b|\bempty response\b|\btimed? ?out\b|\btimeout\b|\brate.?limit|\bquota\b|\boverloaded\b|\bunavailable\b"
    r"|\bECONN\w+|\bconnection (?:refused|reset|error|closed)\b|\bstatus(?: code)?:? [45]\d\d\b|\b[45]\d\d status code|\berror:? [45]\d\d\b|\b(?:429|50[0234])\b|\bout of memory\b|请求超时|限流|显存不足",
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
ABOUT_FAILURES = re.compile(
    r"error|exception|fail|time.?out|retry|status|\blog|HTTP|\b[45]\d\d\b|错误|异常|报错|日志|超时", re.IGNORECASE
)
_SHORT = 300  # characters: a gateway's own words are a sentence or two
_TELLING = {"error", "detail"}
_OF_ERRORS = _TELLING | {"message", "code", "status", "type", "success"}


def read_object(text: str) -> dict[str, Any]:
    """Parse a text as a JSON object; return an empty one if it is not one."""
    try:
        return as_object(json.loads(text)) if text.lstrip()[:1] == "{" and text.rstrip()[-1:] == "}" else {}
    except (ValueError, RecursionError):
        return {}


def error_in(text: str) -> str | None:
    """Return the message of the error that a text is, as JSON in any API's form."""
    read = read_object(text)
    inner = as_object(read.get("error")).get("message")
    # Of an object that says no more than an error does, the message may stand at its top.
    alone = (
        [read.get(key) for key in ("error", "detail", "message")]
        if {*read} <= _OF_ERRORS and {*read} & _TELLING
        else []
    )
    return next((one for one in (inner, *alone) if isinstance(one, str) and one), None)


def failure_in(text: str) -> str | None:
    """Return a text that reports, after a label, a failure before the model; a long one is a normal text."""
    shown = text.strip()
    if len(shown) > _SHORT or "\n\n" in shown or "`" in shown:
        return None
    label = _LABEL.match(shown)
    if _WHOLE_ERROR.fullmatch(shown) and _OF_SERVERS.search(shown):
        return shown
    # What a label in brackets heads may be anything: it must also say that something failed.
    failed = label and (label[0].lstrip()[:1] != "[" or _FAILED.search(shown))
    return shown if failed and _FAILING.search(shown) else None


def failure_at_end(text: str) -> str | None:
    """Return the error in brackets that a text ends with, in a line of its own or stuck to a word; no model's."""
    found = _AT_END.search(text.rstrip())
    told = found and (_OF_SERVERS.search(found[0]) or _FAILING.search(found[0]))
    return found[0].strip() if found and told and text[: found.start()].strip() else None
