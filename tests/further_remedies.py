"""
Client code that follows the advice on compressed bodies, waits in words, comments as data, lists of models and
listed tokens.
"""

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.messages.reference import STREAM as MESSAGE
from harness.simulate.reference import STREAM, ask

FURTHER = [
    Remedy(
        "sse.json",
        CHECKS["sse.json"].bad[3],
        """
import json
result = ""
for line in stream.response.iter_lines():
    if line[5:].lstrip().startswith(":"): continue
    if line.startswith("data:") and "[DONE]" not in line:
        for choice in json.loads(line[5:])["choices"]:
            result += choice["delta"].get("content") or ""
""",
        STREAM.completion.messages[0].content,
    ),
    *[
        Remedy(
            "http.retry-after-given",
            CHECKS["http.retry-after-given"].bad[number],
            """
import re
found = re.search(r"(\\d+(?:\\.\\d+)?)\\s*s", str(error))
result = float(found[1]) if found else 10
""",
            due,
        )
        for number, due in ((0, 30.0), (1, 2.5))
    ],
    *[
        Remedy(
            "error.own-words",
            CHECKS["error.own-words"].bad[number],
            """
import json
text = error.body["message"]
inner, _ = json.JSONDecoder().raw_decode(text[text.index("{"):])
said = inner.get("error", inner)
result = said["message"]
""",
            due,
        )
        for number, due in ((0, "Rate limit reached."), (1, "Invalid schema"))
    ],
    Remedy(
        "error.own-words",
        CHECKS["error.own-words"].bad[2],
        """
import ast
text = error.body["message"]
inner = ast.literal_eval(text[text.index('{') : text.rindex('}') + 1])
result = inner["error"]["message"]
""",
        "Invalid schema",
    ),
    Remedy(
        "error.own-words",
        CHECKS["error.own-words"].bad[3],
        """
text = error.body["message"]
result = text.strip().splitlines()[-1]
""",
        "ValueError: bad",
    ),
    Remedy(
        "error.own-words",
        CHECKS["error.own-words"].bad[4],
        """
import re
text = error.body["message"]
result = re.search(r'<title>(.*?)</title>', text)[1]
""",
        "502 Bad Gateway",
    ),
    Remedy(
        "error.own-words",
        CHECKS["error.own-words"].bad[5],
        """
text = f"The server failed with status {error.status_code}."
result = text
""",
        "The server failed with status 404.",
    ),
    Remedy(
        "usage.within-totals",
        CHECKS["usage.within-totals"].bad[4],
        """
usage = answer.usage
reasoning = usage.completion_tokens_details.reasoning_tokens
reasoning = None if reasoning == usage.completion_tokens else reasoning
result = reasoning
""",
        None,
    ),
    Remedy(
        "usage.proportion",
        CHECKS["usage.proportion"].bad[2],
        """
usage, text = answer.usage, answer.choices[0].message.content
tokens = len(text) // 4 if usage.completion_tokens == len(text) else usage.completion_tokens
result = tokens
""",
        8,
    ),
    Remedy(
        "sse.known-lines",
        CHECKS["sse.known-lines"].bad[0],
        """
import json, re
result = ""
for line in stream.response.iter_lines():
    if re.fullmatch(r"[0-9a-fA-F]{1,6}", line): continue
    if line and "[DONE]" not in line:
        for choice in json.loads(line[5:])["choices"]:
            result += choice["delta"].get("content") or ""
""",
        STREAM.completion.messages[0].content,
    ),
    Remedy(
        "sse.known-lines",
        CHECKS["sse.known-lines"].bad[1],
        """
import json
result = ""
for line in stream.response.iter_lines():
    name, _, value = line.partition(":")
    if name not in ("data", "event", "id", "retry", "") or "[DONE]" in value:
        continue
    for choice in json.loads(value)["choices"] if value else ():
        result += choice["delta"].get("content") or ""
""",
        STREAM.completion.messages[0].content,
    ),
    Remedy(
        "tool_calls.arguments-json",
        CHECKS["tool_calls.arguments-json"].bad[21],
        """
import json
args = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)
args = args[0] if isinstance(args, list) else args
result = args
""",
        {"city": "Paris"},
    ),
    Remedy(
        "tool_calls.arguments-json",
        CHECKS["tool_calls.arguments-json"].bad[22],
        """
import json
args = json.loads(answer.choices[0].message.tool_calls[0].function.arguments)
try:
    if not isinstance(args, dict): raise ValueError
    result = "called"
except ValueError:
    result = "sent back"
""",
        "sent back",
    ),
    Remedy(
        "usage.of-listed",
        CHECKS["usage.of-listed"].bad[2],
        """
usage, choice = answer.usage, answer.choices[0]
tokens = max(usage.completion_tokens, len(choice.logprobs.content))
result = tokens
""",
        3,
    ),
]

_BLOCKS = """
from types import SimpleNamespace
begun = text = ""
for event in events:
    if event["type"] == "content_block_start":
        block = SimpleNamespace(**event["content_block"])
        text = block.text or ""
        begun = text
    if event["type"] == "content_block_delta":
        delta = SimpleNamespace(**event["delta"])
        text += delta.text
result = text.removeprefix(begun) if text.startswith(begun * 2) else text
"""

READ = [
    ("messages.begins-empty", 0, _BLOCKS, "Hello there."),
    ("messages.begins-empty", 2, _BLOCKS, MESSAGE.turn.text),
    (
        "http.encoding",
        4,
        """
import gzip, json
headers = dict(default_headers={"Accept-Encoding": "identity"})
text = gzip.decompress(raw) if raw.startswith(b"\\x1f\\x8b") else raw
result = json.loads(text)["choices"][0]["message"]["content"]
""",
        ask().completion.messages[0].content,
    ),
    ("models.keys", 3, 'model = body\nresult = model.get("owned_by", "")', ""),
    (
        "models.distinct",
        0,
        'listed = body\nresult = [*dict.fromkeys(model["id"] for model in listed["data"] if model.get("id"))]',
        ["a"],
    ),
    (
        "messages.event-type",
        2,
        'text, data = "", body\ntext += data["choices"][0]["delta"].get("content") or ""\nresult = text',
        "Hi.",
    ),
    (
        "completions.top-own",
        0,
        """
choice = body["choices"][0]["logprobs"]
token, own, top = choice["tokens"][0], choice["token_logprobs"][0], choice["top_logprobs"][0]
own = top.get(token, own)
result = own < -10
""",
        False,
    ),
    (
        "messages.call-in-block",
        0,
        """
text = body["content"][0]["text"]
again = "<invoke name=" in text or "<tool_call>" in text
result = again
""",
        True,
    ),
    ("messages.object", 1, 'data = body\ntext = data["output"][0]["content"][0]["text"]\nresult = text', "Hi."),
    ("messages.object", 0, 'data = body\ntext = data["choices"][0]["message"]["content"]\nresult = text', "Hi."),
]
"""
Code that reads responses other than chat, given as ``body``, in bytes as ``raw``, or the ``events`` of a stream:
the rule, the number of its bad example, and the right result.
"""
