"""Recognizes calls by the names and parameters of the offered tools: in a text, or under an altered name."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harness.checks.marks import without_code
from harness.wire.shapes import as_object

_NAMED_BY = ("name", "tool", "tool_name", "function", "function_name", "action", "recipient_name")
_GIVEN_BY = ("arguments", "args", "parameters", "params", "input", "action_input", "tool_input", "kwargs")
_IN_JSON = re.compile(r'"([\w.:-]+)"\s*,\s*"(?:arguments|parameters)"\s*:\s*[{"]')
_FENCED = re.compile(r"\A\s*```[\w-]*\n(?P<code>.*?)\n?```\s*\Z", re.DOTALL)
_ENDS = re.compile(r"[\s\])}>`.]*(?:</\w+>)?\s*\Z")
_REST = re.compile(
    r"[\s{}\[\]()<>\"'`|/,:]{1,12}|\s*(?:```)?(?:json|tool_code)\s*|\s*(?:commentary )?to=functions\.\w+\s*"
)
_BETWEEN = 40  # characters between the name of a tool and its arguments
_LONG, _VALUES = 12, 2
_SHORT = 3  # letters: shorter names occur in others by chance
_DECODER = json.JSONDecoder()

Offered = dict[str, dict[str, Any]]
"""Tools by name, as in the request."""


def written_call(text: str, offered: Offered) -> bool:
    """Return whether ``text`` calls an offered tool, in any notation."""
    fenced = _FENCED.match(text)
    whole = fenced["code"] if fenced else text
    shown = whole if fenced else without_code(text)
    if any(found[1] in offered for found in _IN_JSON.finditer(shown)):
        return True
    there = {name: one for name, one in offered.items() if name and name in shown}
    if not there:
        return False
    return _as_json(whole, there) or any(_as_code(shown, name, _parameters(one)) for name, one in there.items())


def call_of_nobody(text: str) -> bool:
    """Return whether ``text`` is exactly a call as JSON: a name and its arguments, and no key foreign to a call."""
    one = as_object(_read(text)) if text.strip()[:1] == "{" else {}
    given = [key for key in ("arguments", "parameters") if isinstance(one.get(key), dict)]
    return bool(given) and isinstance(one.get("name"), str) and {*one} <= {"name", "type", "id", *given}


def only_arguments(text: str, offered: Offered) -> bool:
    """Return whether ``text`` is exactly the arguments of the only offered tool."""
    if len(offered) != 1 or text.strip()[:1] != "{":
        return False
    (tool,) = offered.values()
    return _fits(_read(text), tool)


def rest_of_call(text: str) -> str | None:
    """Return ``text`` if it is only a bracket or the like, left over by a call parser."""
    return text.strip() if text.strip() and _REST.fullmatch(text) else None


def values_said(text: str, values: Sequence[dict[str, Any]]) -> bool:
    """Return whether ``text`` is the strings in the arguments of calls, without any other letter or digit."""
    texts = [one for value in values for one in value.values() if isinstance(one, str) and one.strip()]
    if len(texts) < _VALUES or len(text.strip()) < _LONG:
        return False
    for one in sorted(texts, key=len, reverse=True):
        if one not in text:
            return False
        text = text.replace(one, "", 1)
    return not any(letter.isalnum() for letter in text)


def _parameters(tool: dict[str, Any]) -> list[str]:
    return [*as_object(as_object(tool.get("parameters")).get("properties"))]


def _fits(value: Any, tool: dict[str, Any]) -> bool:
    """Return whether ``value`` may be the arguments of ``tool``: it has the required keys, and no unknown ones."""
    required = as_object(tool.get("parameters")).get("required")
    needed = [key for key in required if isinstance(key, str)] if isinstance(required, list) else []
    return isinstance(value, dict) and bool(value) and {*needed} <= {*value} <= {*_parameters(tool)}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _as_json(text: str, offered: Offered) -> bool:
    """Return whether ``text`` is JSON with a tool's name and its arguments, alone or in a list."""
    if text.strip()[:1] not in {"{", "["}:
        return False
    read = _read(text)
    return any(_is_call(one, offered) for one in (read if isinstance(read, list) else [read]))


def _is_call(value: Any, offered: Offered) -> bool:
    one = as_object(value)
    name = next((one[key] for key in _NAMED_BY if isinstance(one.get(key), str)), None)
    if name in offered:
        return any(isinstance(one.get(key), (dict, str)) for key in _GIVEN_BY)
    function = as_object(one.get("function"))
    return (bool(function) and _is_call(function, offered)) or any(
        _fits(one[key], offered[key]) for key in one if key in offered
    )


def _as_code(text: str, name: str, parameters: Sequence[str]) -> bool:
    """Return whether ``text`` calls ``name`` as code, between tags, as in ReAct, or before its arguments as JSON."""
    tool = re.escape(name)
    any_of = "|".join(map(re.escape, parameters)) or r"(?!)"
    forms = (
        rf"(?:\A|\n)\s*\[?(?:print\()?(?:\w+\.)?{tool}\([^\n]*\b(?:{any_of})\s*=[^\n]*\)\)?\]?\s*\Z",
        rf"<{tool}>\s*<(?P<first>{any_of})>.*?</(?P=first)>.*?</{tool}>",
        rf"<[^<>\n]{{0,20}}\b(?:invoke|function|tool|call|tool_call)\s+(?:name|tool)=[\"']{tool}[\"']",
        rf"Action:\s*{tool}\s*\n+\s*Action Input:",
        rf"\bcall:{tool}\{{",
        rf"\b{tool}\s*<(?:\w+_)?arg_key>",
        rf"<name>\s*{tool}\s*</name>\s*<(?:arguments|parameters|input)>",
    )
    return any(re.search(form, text, re.DOTALL) for form in forms) or any(_before_json(text, tool, parameters))


def _before_json(text: str, tool: str, parameters: Sequence[str]) -> Iterator[bool]:
    """Yield, for each tool name shortly before JSON, whether that is its arguments, and the end."""
    for found in re.finditer(rf"\b{tool}\b[^\n{{]{{0,{_BETWEEN}}}\s*(?P<json>\{{)", text):
        try:
            value, end = _DECODER.raw_decode(text, found.start("json"))
        except (ValueError, RecursionError):
            continue
        yield bool(value) and {*value} <= {*parameters} and bool(_ENDS.match(text, end))


def meant_tool(name: str, offered: Collection[str]) -> str | None:
    """
    Return the tool of ``offered`` that the unknown ``name`` is an alteration of.

    Altered are the case of letters and punctuation, or a prefix or suffix with such a separator.
    """
    if name in offered:
        return None
    plain = {_plain(one): one for one in offered}
    if _plain(name) in plain:
        return plain[_plain(name)]
    around = [
        one for one in offered if len(one) > _SHORT and re.search(rf"(?:\A|[\W_]){re.escape(one)}(?:[\W_]|\Z)", name)
    ]
    return max(around, key=len, default=None)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
