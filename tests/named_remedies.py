"""Client code that follows the advice on renamed fields, marks in arguments, and limits that were not set."""

import json

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.faults import FAULTS
from harness.simulate.reference import BODY, STREAM

TEXT = STREAM.completion.messages[0].content
_NAMES = CHECKS["chunk.names"].bad

NAMED = [
    Remedy(
        "chunk.names",
        FAULTS["finish-in-camel-case"].apply(),
        """
finish = None
for chunk in stream:
    for choice in chunk.choices:
        finish = finish or choice.finish_reason or getattr(choice, "finishReason", None)
result = finish
""",
        "stop",
    ),
    Remedy(
        "chunk.names",
        FAULTS["text-under-text"].apply(),
        """
text = ""
for chunk in stream:
    delta = chunk.choices[0].delta
    text += delta.content or getattr(delta, "text", None) or ""
result = text
""",
        TEXT,
    ),
    Remedy(
        "chunk.names",
        FAULTS["thought-in-camel-case"].apply(),
        """
thought = ""
for chunk in stream:
    if not chunk.choices: continue
    delta = chunk.choices[0].delta
    thought += getattr(delta, "reasoningContent", None) or ""
result = thought
""",
        "The user greets me. I greet back.",
    ),
    Remedy(
        "chunk.names",
        _NAMES[2],
        """
name = ""
for chunk in stream:
    delta = chunk.choices[0].delta
    for call in delta.tool_calls or getattr(delta, "toolCalls", None) or []:
        name = name or call["function"].get("name", "")
result = name
""",
        "get_weather",
    ),
    Remedy(
        "chunk.names",
        _NAMES[3],
        """
usage = answer.usage
result = usage.prompt_tokens or getattr(usage, "promptTokens", 0)
""",
        json.loads(BODY.response.body)["usage"]["prompt_tokens"],
    ),
    Remedy(
        "chunk.names",
        CHECKS["chunk.names"].bad[6],
        """
text = ""
for chunk in stream:
    for choice in chunk.choices:
        text += getattr(choice, "text", None) or ""
result = text
""",
        TEXT,
    ),
    Remedy(
        "finish_reason.length-due",
        FAULTS["length-without-a-limit"].apply(),
        """
usage, max_tokens = answer.usage, 900
result = "cut" if usage.completion_tokens >= max_tokens else "whole"
""",
        "whole",
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["token-in-arguments"].apply(),
        """
import json, re
args = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)
for key, value in args.items():
    value = re.sub(r"^<[^<>]*>|<[^<>]*>$", "", value)
    args[key] = value
result = args
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["replacement-in-arguments"].apply(),
        """
call = answer.choices[0].message.tool_calls[0]
result = "run"
if "\\ufffd" in call.function.arguments:
    result = "error"
""",
        "error",
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["garbled-arguments"].apply(),
        """
import json
text = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)["city"]
result = text.encode("latin-1").decode()  # or "cp1252"
""",
        "München",
    ),
    Remedy(
        "tool_calls.ids-differ",
        FAULTS["one-call-twice"].apply(),
        """
calls = answer.choices[0].message.tool_calls
calls = list({call.id: call for call in calls}.values())
result = len(calls)
""",
        1,
    ),
    Remedy(
        "chunk.names",
        FAULTS["image-not-in-a-list"].apply(),
        """
message = answer.choices[0].message
result = getattr(message, "images", None) or getattr(message, "image", None)
""",
        {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
    ),
    Remedy(
        "chunk.places",
        FAULTS["reason-in-delta"].apply(),
        """
finish = None
for chunk in stream:
    for choice in chunk.choices:
        finish = choice.finish_reason or getattr(choice.delta, "finish_reason", None) or finish
result = finish
""",
        "stop",
    ),
    Remedy(
        "chunk.places",
        CHECKS["chunk.places"].bad[0],
        """
choice = answer.choices[0]
result = getattr(choice.message, "content", None) or getattr(choice, "content", None)
""",
        TEXT,
    ),
    Remedy(
        "chunk.places",
        CHECKS["chunk.places"].bad[2],
        """
call = answer.choices[0].message.tool_calls[0]
function = call.function or call
result = (function.name, function.arguments)
""",
        ("get_weather", '{"city":"Paris"}'),
    ),
    Remedy(
        "content.no-special-tokens",
        FAULTS["raw-pieces-in-text"].apply(),
        """
text = answer.choices[0].message.content
result = text.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\\n")
""",
        "Hello there, how are you?",
    ),
    Remedy(
        "tool_calls.legacy",
        FAULTS["function-call-cut"].apply(),
        """
import json
call = answer.choices[0].message.function_call
try:
    result = json.loads(call.arguments)
except ValueError:
    result = "ask again"
""",
        "ask again",
    ),
    Remedy(
        "content.no-special-tokens",
        FAULTS["turn-header-in-text"].apply(),
        r"""
import re
text = answer.choices[0].message.content
text = re.sub(r"\A\s*(?:user\s*\n.*?)?(?:assistant|model)(?:\s*\n|:\s)\s*", "", text, flags=re.I | re.S)
result = text
""",
        "Paris",
    ),
    Remedy(
        "content.written-once",
        FAULTS["parts-written-as-text"].apply(),
        """
import json
content = answer.choices[0].message.content
result = "".join(part.get("text", "") for part in json.loads(content))
""",
        "Hello.",
    ),
    Remedy(
        "content.written-once",
        FAULTS["text-escaped-for-html"].apply(),
        r"""
import html
text = answer.choices[0].message.content
result = html.unescape(text)  # or text.replace("\\n", "\n")
""",
        "if a < b && c > d",
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-escaped-for-html"].apply(),
        """
import html, json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
args = json.loads(html.unescape(arguments))
result = args
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-after-a-mark"].apply(),
        """
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(arguments[arguments.index("{") : arguments.rindex("}") + 1])
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-as-python"].apply(),
        """
import ast
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = ast.literal_eval(arguments)
""",
        {"city": "Paris", "far": True},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-in-two-braces"].apply(),
        r"""
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(arguments[1:-1])
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["argument-quotes-escaped"].apply(),
        r"""
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(arguments.replace('\\"', '"'))
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["argument-path-unescaped"].apply(),
        r"""
import json, re
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(re.sub(r'\\(?!["\\/bfnrtu])', r'\\\\', arguments))
""",
        {"city": r"C:\dir"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["argument-keys-unquoted"].apply(),
        r"""
import json, re
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(re.sub(r'([{,]\s*)(\w+)\s*:', r'\1"\2":', arguments))
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["argument-comma-missing"].apply(),
        r"""
import json, re
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(re.sub(r'"\s*"(?=\w+"\s*:)', '","', arguments))
""",
        {"city": "Paris", "far": True},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["arguments-begun-again"].apply(),
        """
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(arguments[arguments.rfind(arguments[:5]) :])
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        FAULTS["argument-comma-left"].apply(),
        r"""
import json, re
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = json.loads(re.sub(r',\s*([}\]])', r'\1', arguments))
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["argument-into-the-next"].apply(),
        r"""
import json
arguments = answer.choices[0].message.tool_calls[0].function.arguments
result = "run"
for value in json.loads(arguments).values():
    if "</arg_value>" in value or "</parameter>" in value:
        result = "error"
""",
        "error",
    ),
    Remedy(
        "content.written-once",
        FAULTS["nothing-written-out"].apply(),
        r"""
text = answer.choices[0].message.content
text = "" if text.strip() in {"None", "null", "undefined"} else text
result = text
""",
        "",
    ),
    Remedy(
        "role.first",
        FAULTS["delta-of-the-user"].apply(),
        r"""
text = ""
for chunk in stream:
    if not chunk.choices: continue
    delta = chunk.choices[0].delta
    text += delta.content or ""
result = text
""",
        TEXT,
    ),
    Remedy(
        "content.blank-run",
        FAULTS["white-space-without-end"].apply(),
        r"""
text = answer.choices[0].message.content
result = text.rstrip()
""",
        "{}",
    ),
    Remedy(
        "tool_calls.index-constant",
        FAULTS["pieces-as-calls-of-their-own"].apply(),
        """
calls, entry = {}, None
for chunk in stream:
    for choice in chunk.choices:
        for call in choice.delta.tool_calls or []:
            if call.function.name: entry = calls.setdefault(call.index, {})
            entry["arguments"] = entry.get("arguments", "") + (call.function.arguments or "")
result = [entry["arguments"] for entry in calls.values()]
""",
        ['{"city":"Paris"}'],
    ),
    Remedy(
        "content.loop",
        FAULTS["text-goes-round"].apply(),
        r"""
import re
text = answer.choices[0].message.content
temperature = 1
result = "ask again" if re.search(r"(.{1,400}?)\1{7,}", text[-4000:], re.S) else text
""",
        "ask again",
    ),
    Remedy(
        "tool_calls.arguments-clean",
        FAULTS["thought-in-arguments"].apply(),
        """
import json
value = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)["city"]
value = value.rpartition("</think>")[2]
result = value
""",
        "Paris",
    ),
    Remedy(
        "tool_calls.legacy",
        CHECKS["tool_calls.legacy"].bad[-1],
        """
call = answer.choices[0].message.function_call
a = call.arguments
args = a if isinstance(a, dict) else json.loads(a)
result = args
""",
        {"city": "Paris"},
    ),
]
