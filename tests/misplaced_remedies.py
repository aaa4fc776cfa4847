"""Client code that follows the advice on values in the wrong place or under the wrong name, and on legal forms."""

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.faults import FAULTS
from harness.simulate.reference import STREAM

TEXT = STREAM.completion.messages[0].content

_LINES = """
import json
result, text = "no error", ""
try:
    for line in stream.response.iter_lines():
        if line.startswith("{"): raise RuntimeError(line)
except RuntimeError as error:
    result = json.loads(str(error))["error"]["message"]
"""

MISPLACED = [
    Remedy(
        "finish_reason.once",
        FAULTS["finish-under-wrong-index"].apply(),
        """
texts, finish = {}, {}
for chunk in stream:
    for choice in chunk.choices:
        texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
        if choice.finish_reason:
            finish[choice.index] = choice.finish_reason
finish = {index: finish.get(index) for index in texts}
result = (texts, finish)
""",
        ({0: TEXT, 1: TEXT}, {0: "stop", 1: None}),
    ),
    Remedy(
        "chunk.index-in-range",
        CHECKS["chunk.index-in-range"].bad[2],
        """
text = ""
for chunk in stream:
    text += chunk.choices[0].delta.content or ""
result = text
""",
        TEXT,
    ),
    Remedy(
        "usage.at-end",
        CHECKS["usage.at-end"].bad[0],
        """
text, usage = "", None
for chunk in stream:
    usage = chunk.usage or usage
    usage = None if chunk.choices and chunk.choices[0].delta.content else usage
    text += chunk.choices[0].delta.content or "" if chunk.choices else ""
result = (text, usage)
""",
        (TEXT, None),
    ),
    Remedy(
        "usage.of-listed",
        CHECKS["usage.of-listed"].bad[0],
        """
usage = answer.usage
tokens = max(usage.completion_tokens, sum(len(one.logprobs.content) for one in answer.choices))
result = tokens
""",
        6,
    ),
    Remedy(
        "usage.of-listed",
        CHECKS["usage.of-listed"].bad[1],
        """
usage, choice = answer.usage, answer.choices[0]
tokens = max(usage.completion_tokens, len(choice.logprobs.content))
result = tokens
""",
        3,
    ),
    Remedy(
        "content.annotations",
        FAULTS["citation-beyond-text"].apply(),
        """
message = answer.choices[0].message
text, cited = message.content, message.annotations[0].url_citation
start, end = cited.start_index, cited.end_index
start, end = min(max(start, 0), len(text)), min(end, len(text))
result = (cited.url, start == end)
""",
        ("https://example.org/a", True),
    ),
    Remedy(
        "content.annotations",
        FAULTS["citation-in-bytes"].apply(),
        """
message = answer.choices[0].message
text, cited = message.content, message.annotations[0].url_citation
start, end = cited.start_index, cited.end_index
result = text.encode()[start:end].decode(errors="ignore")
""",
        "你好! How can I help?",
    ),
    *[
        Remedy(
            "tool_calls.name-form",
            FAULTS[fault].apply(),
            f"""
import re
call = answer.choices[0].message.tool_calls[0]
{code}
result = next(filter(None, name)) if isinstance(name, list) else name
""",
            "get_weather",
        )
        for fault, code in (
            ("call-name-with-token-in-body", 'name = re.split(r"<[^>]*>|\\[[^]]*\\]", call.function.name)'),
            ("call-name-with-arguments", 'name = re.match(r"[\\w.-]*", call.function.name.strip())[0]'),
        )
    ],
    Remedy(
        "tool_choice.kind",
        FAULTS["custom-tool-as-function"].apply(),
        """
import json
call = answer.choices[0].message.tool_calls[0]
given = json.loads(call.function.arguments)
result = given.get("input") or next(iter(given.values()), "")
""",
        "Paris",
    ),
    Remedy(
        "tool_choice.kind",
        FAULTS["function-as-custom-tool"].apply(),
        """
call = answer.choices[0].message.tool_calls[0]
called = getattr(call, "function", None) or call.custom
result = called.name
""",
        "get_weather",
    ),
    Remedy(
        "http.encoding-known",
        CHECKS["http.encoding-known"].bad[0],
        """
import json
with client.chat.completions.with_streaming_response.create(**asked) as opened:
    response = opened.http_response
    result = json.loads(b"".join(response.iter_raw()))["choices"][0]["message"]["content"]
""",
        "你好! How can I help?",
    ),
    Remedy("http.stream-asked", CHECKS["http.stream-asked"].bad[3], _LINES, "overloaded"),
    Remedy(
        "http.stream-asked",
        FAULTS["lines-without-data"].apply(),
        """
import json
text = ""
for line in stream.response.iter_lines():
    if line.startswith("{"): chunk = json.loads(line)
    if line:
        text += chunk["choices"][0]["delta"].get("content") or ""
result = text
""",
        "你好! How can I help?",
    ),
    Remedy("sse.no-error", FAULTS["error-in-no-event-after-text"].apply(), _LINES, "The context is full."),
    Remedy(
        "content.once",
        FAULTS["text-taken-up-too-early"].apply(),
        """
pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
for n in range(8, len(pieces) // 2 + 1):
    for at in range(len(pieces) - 2 * n + 1):
        if pieces[at : at + n] == pieces[at + n : at + 2 * n]: del pieces[at : at + n]
result = "".join(pieces).count(" and then the tide comes back over all the wide sand")
""",
        1,
    ),
    Remedy(
        "sse.data-given",
        CHECKS["sse.data-given"].bad[0],
        """
odd = []
for line in stream.response.iter_lines():
    if line and not line.startswith(("data", "event", "id", "retry", ":")): odd.append(line)
result = odd
""",
        ["upstream error: read ECONNRESET"],
    ),
]

LEGAL = [
    Remedy(
        "sse.blank-lines",
        CHECKS["sse.blank-lines"].bad[0],
        """
import json
result = ""
for line in stream.response.iter_lines():
    if line.startswith("data:"):
        if "[DONE]" in line: break
        for choice in json.loads(line[5:])["choices"]:
            result += choice["delta"].get("content") or ""
""",
        TEXT,
    ),
    Remedy(
        "tool_calls.no-arguments",
        CHECKS["tool_calls.no-arguments"].bad[0],
        """
import json
call = answer.choices[0].message.tool_calls[0]
result = json.loads(call.function.arguments or "{}")
""",
        {},
    ),
    Remedy(
        "tool_calls.empty-list",
        CHECKS["tool_calls.empty-list"].bad[0],
        """
message = answer.choices[0].message
result = message.content
if message.tool_calls:
    result = "a call"
""",
        TEXT,
    ),
    Remedy(
        "identity.model-path",
        CHECKS["identity.model-path"].bad[1],
        """
model = asked["model"]
result = model
""",
        "m",
    ),
]
