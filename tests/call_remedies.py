"""Client code that follows the advice on tool calls."""

from remedies import Remedy

from harness.checks import CHECKS

_LOOP = """
import json
calls = {}
for chunk in stream:
    for choice in chunk.choices:
        for call in choice.delta.tool_calls or []:
"""
_JOINED = """
import json
arguments, pieces = "", []
for chunk in stream:
    for choice in chunk.choices:
        for call in choice.delta.tool_calls or []:
            pieces.append(call.function.arguments or "")
            arguments += pieces[-1]
pieces = list(filter(None, pieces))
"""
_WHOLE = """
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
"""
_NAMES = "result = [one.get('name') for one in calls.values()]\n"
_IDS = "result = [one.get('id') for one in calls.values()]\n"
_ARGUMENTS = "result = [json.loads(one['arguments']) for one in calls.values()]\n"
_ADD = """            entry["arguments"] = entry.get("arguments", "") + (call.function.arguments or "")
"""
_OPEN = "            entry = calls.setdefault(call.index, {})\n"
_NAME = '            if call.function and call.function.name: entry["name"] = call.function.name\n'
_ID = '            if call.id: entry.setdefault("id", call.id)\n'
_PARIS = {"city": "Paris"}


def _remedy(rule: str, number: int, code: str, right: object) -> Remedy:
    return Remedy(f"tool_calls.{rule}", CHECKS[f"tool_calls.{rule}"].bad[number], code, right)


_HEADS = [
    _remedy("head", 0, _LOOP + _OPEN + _NAME + _NAMES, ["get_weather"]),
    _remedy("head", 1, _LOOP + _OPEN + _NAME + _NAMES, ["get_weather"]),
    _remedy("head", 2, _LOOP + _OPEN + _ID + _IDS, ["call_1"]),
    _remedy("head", 3, _LOOP + _OPEN + _ID + _IDS, ["call_1"]),
    _remedy(
        "head",
        4,
        f"""{_LOOP}{_OPEN}            if call.function: entry.update({{"type": "function"}})
result = list(calls.values())
""",
        [{"type": "function"}],
    ),
    _remedy(
        "index-constant",
        0,
        f"""
latest = None{_LOOP}
            if not call.id and not call.function.name: entry = latest
            else: entry = latest = calls.setdefault(call.index, {{}})
{_ADD}{_ARGUMENTS}""",
        [_PARIS],
    ),
    _remedy(
        "index-constant",
        1,
        f"""
by_id = {{}}{_LOOP}
            entry = by_id.get(call.id) or calls.setdefault(call.index, {{}})
            if call.id: by_id[call.id] = entry
{_ADD}{_ARGUMENTS}""",
        [_PARIS],
    ),
    _remedy("id-constant", 0, _LOOP + _OPEN + _ID + _IDS, ["call_1"]),
    _remedy("id-constant", 1, _LOOP + _OPEN + _ID + _ADD + _ARGUMENTS, [_PARIS]),
    _remedy("id-once", 0, _LOOP + _OPEN + _ID + _IDS, ["call_1"]),
    _remedy("name-once", 0, _LOOP + _OPEN + _NAME + _NAMES, ["get_weather"]),
    _remedy(
        "name-once",
        2,
        f"""{_LOOP}{_OPEN}            entry["name"] = entry.get("name", "") + (call.function.name or "")
{_NAMES}""",
        ["get_weather"],
    ),
    _remedy(
        "name-once",
        3,
        f"""{_LOOP}{_OPEN}            if call.function.name: entry.setdefault('name', call.function.name)
{_NAMES}""",
        ["get_weather"],
    ),
    _remedy("index", 2, _LOOP + _OPEN + _NAME + _NAMES, ["get_weather"]),
    _remedy(
        "index-distinct",
        0,
        f"""{_LOOP}            if call.id and call.id not in calls: entry = calls.setdefault(call.id, {{}})
{_ADD}{_ARGUMENTS}""",
        [_PARIS, {"zone": "CET"}],
    ),
    _remedy(
        "index-distinct",
        1,
        """
import json
calls = []
for chunk in stream:
    for choice in chunk.choices:
        for call in choice.delta.tool_calls or []:
            if call.function.name: calls.append({})
            calls[-1]["arguments"] = calls[-1].get("arguments", "") + (call.function.arguments or "")
result = [json.loads(one["arguments"]) for one in calls]
""",
        [_PARIS, {"zone": "CET"}],
    ),
]

_ARGUMENTS_JOINED = [
    _remedy(
        "arguments",
        3,
        f"""{_LOOP}            if call.function:
                entry = calls.setdefault(call.index, {{}})
                entry["arguments"] = entry.get("arguments", "") + (call.function.arguments or "")
{_ARGUMENTS}""",
        [_PARIS],
    ),
    _remedy(
        "arguments-json",
        0,
        f"""{_JOINED}
arguments = arguments.removeprefix("{{}}") or "{{}}"
result = json.loads(arguments.removesuffix("{{}}"))
""",
        _PARIS,
    ),
    _remedy(
        "arguments-json",
        3,
        f"""{_JOINED}
args, _ = json.JSONDecoder().raw_decode(arguments)
result = args
""",
        _PARIS,
    ),
    _remedy(
        "arguments-json",
        4,
        f"""{_JOINED}
decoder, result = json.JSONDecoder(), []
while arguments:
    args, end = decoder.raw_decode(arguments)
    result.append(args)
    arguments = arguments[end:]
""",
        [_PARIS, {"city": "Lyon"}],
    ),
    _remedy(
        "arguments-json",
        5,
        f"""{_JOINED}
def is_object(piece):
    try:
        return isinstance(json.loads(piece), dict)
    except ValueError:
        return False

arguments = ""
for piece in pieces:
    arguments = piece if is_object(piece) else arguments + piece
result = json.loads(arguments)
""",
        _PARIS,
    ),
    _remedy("arguments-json", 6, f'{_JOINED}\nresult = json.loads("".join(pieces[::2]))\n', _PARIS),
    _remedy(
        "arguments-json",
        7,
        f"""{_WHOLE}
args = json.loads(arguments)
if isinstance(args, str): args = json.loads(args)
result = args
""",
        _PARIS,
    ),
    _remedy(
        "arguments-json",
        8,
        f"{_JOINED}\nresult = json.loads(arguments, strict=False)\n",
        {"city": "Par\nis"},
    ),
    _remedy(
        "arguments-json",
        9,
        f"""{_JOINED}
try:
    result = json.loads(arguments)
except ValueError:
    result = {{"max_tokens": 4096}}
""",
        {"max_tokens": 4096},
    ),
]

_READ_ALIKE = [
    _remedy(
        "arguments-alike",
        0,
        f"""{_JOINED}
def unique(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)

try:
    result = json.loads(arguments, object_pairs_hook=unique)
except ValueError as error:
    result = str(error)
""",
        "a key comes twice",
    ),
    _remedy(
        "arguments-alike",
        1,
        f"""{_WHOLE}
from decimal import Decimal
result = str(json.loads(arguments, parse_float=Decimal)["city"])
""",
        "1E+999",
    ),
    _remedy(
        "arguments-alike",
        3,
        f"""{_WHOLE}
text = json.loads(arguments)["city"]
result = text.replace("\\x00", "")
""",
        "Paris",
    ),
    _remedy(
        "arguments-alike",
        4,
        f"""{_JOINED}
text = json.loads(arguments)["city"]
result = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
""",
        "Par\ufffd",
    ),
]

_OLD_FORM = [
    _remedy(
        "not-legacy",
        0,
        """
message = answer.choices[0].message
calls = message.tool_calls or []
if not calls and message.function_call: calls = [message.function_call]
result = len(calls)
""",
        1,
    ),
    _remedy(
        "not-legacy",
        2,
        """
message = answer.choices[0].message
call = message.function_call
result = {"role": "function", "name": call.name, "content": "sunny"}
""",
        {"role": "function", "name": "get_weather", "content": "sunny"},
    ),
    _remedy(
        "not-legacy",
        3,
        """
message = answer.choices[0].message
result = "text"
if message.function_call and message.function_call.name:
    result = "call"
""",
        "text",
    ),
]

CALLED = [*_HEADS, *_ARGUMENTS_JOINED, *_READ_ALIKE, *_OLD_FORM]
