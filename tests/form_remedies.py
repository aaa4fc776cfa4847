"""Client code that follows the advice on chunks, finish reasons, roles and events."""

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.reference import STREAM, replace_in_body

TEXT = STREAM.completion.messages[0].content


FORMS = [
    Remedy(
        "usage.once",
        CHECKS["usage.once"].bad[0],
        """
usage = None
for chunk in stream:
    usage = chunk.usage or usage
result = usage.total_tokens
""",
        13,
    ),
    Remedy(
        "sse.json",
        CHECKS["sse.json"].bad[1],
        """
result, finish = "", None
try:
    for chunk in stream:
        for choice in chunk.choices:
            result += choice.delta.content or ""
            finish = choice.finish_reason or finish
except ValueError:
    if not finish: raise
""",
        TEXT,
    ),
    Remedy(
        "sse.no-error",
        CHECKS["sse.no-error"].bad[1],
        """
result = "no error"
try:
    for chunk in stream:
        for choice in chunk.choices:
            if getattr(choice, "error", None): raise RuntimeError(choice.error)
except RuntimeError as error:
    result = error.args[0]["message"]
""",
        "overloaded",
    ),
    *[
        Remedy(
            "sse.no-error",
            CHECKS["sse.no-error"].bad[number],
            """
result = "no error"
try:
    for chunk in stream:
        if chunk.choices is None: raise RuntimeError(chunk.model_extra)
except RuntimeError as error:
    result = "overloaded" if "overloaded" in str(error) else str(error)
""",
            "overloaded",
        )
        for number in (2, 4)
    ],
    Remedy(
        "sse.no-error",
        CHECKS["sse.no-error"].bad[3],
        """
result = "no error"
try:
    for line in stream.response.iter_lines():
        if line.startswith("error:"): raise RuntimeError(line)
except RuntimeError as error:
    result = "overloaded" if "overloaded" in str(error) else str(error)
""",
        "overloaded",
    ),
    Remedy(
        "sse.done-last",
        CHECKS["sse.done-last"].bad[0],
        """
import json

result = ""
for line in stream.response.iter_lines():
    data = line.removeprefix("data: ")
    if data == "[DONE]": break
    if data:
        for choice in json.loads(data)["choices"]:
            result += choice["delta"].get("content") or ""
""",
        TEXT,
    ),
    Remedy(
        "sse.final-blank-line",
        CHECKS["sse.final-blank-line"].bad[0],
        """
finish = None
for chunk in stream:
    for choice in chunk.choices:
        finish = choice.finish_reason or finish
result = finish
""",
        "stop",
    ),
    *[
        Remedy(
            "chunk.present",
            CHECKS["chunk.present"].bad[number],
            """
result = None
try:
    if not getattr(answer, "choices", None): raise RuntimeError("empty answer")
except RuntimeError as error:
    result = str(error)
""",
            "empty answer",
        )
        for number in (1, 2)
    ],
    *[
        Remedy(
            "chunk.created",
            CHECKS["chunk.created"].bad[number],
            f"""
import time

{loop}
    created = int(time.time())
result = time.gmtime(created).tm_year // 100
""",
            20,
        )
        for number, loop in ((2, "for chunk in stream:"), (4, "if answer.choices:"))
    ],
    Remedy(
        "chunk.choices",
        CHECKS["chunk.choices"].bad[0],
        """
result = ""
for chunk in stream:
    for choice in chunk.choices or []:
        result += choice.delta.content or ""
""",
        TEXT,
    ),
    Remedy(
        "chunk.choices",
        CHECKS["chunk.choices"].bad[3],
        """
result = ""
for chunk in stream:
    for choice in chunk.choices:
        if choice is None: continue
        result += choice.delta.content or ""
""",
        TEXT,
    ),
    Remedy(
        "chunk.choices-not-empty",
        CHECKS["chunk.choices-not-empty"].bad[1],
        """
seen = False
for choice in answer.choices:
    seen = True
try:
    if not seen: raise RuntimeError("empty answer")
except RuntimeError as error:
    result = str(error)
""",
        "empty answer",
    ),
    *[
        Remedy(
            "chunk.delta",
            CHECKS["chunk.delta"].bad[number],
            """
result, finish = "", None
for chunk in stream:
    for choice in chunk.choices:
        finish = choice.finish_reason or finish
        if choice.delta is None: continue
        result += choice.delta.content or ""
result = result, finish
""",
            (TEXT, "stop"),
        )
        for number in (0, 1)
    ],
    Remedy(
        "chunk.delta",
        CHECKS["chunk.delta"].bad[2],
        """
try:
    for choice in answer.choices:
        if choice.message is None: raise RuntimeError("no message")
except RuntimeError as error:
    result = str(error)
""",
        "no message",
    ),
    Remedy(
        "chunk.no-message",
        CHECKS["chunk.no-message"].bad[1],
        """
# It was asked for without `stream=True`.
result = "".join(choice.message.content for choice in answer.choices)
""",
        TEXT,
    ),
    Remedy(
        "role.value",
        CHECKS["role.value"].bad[2],
        """
history = []
text = answer.choices[0].message.content
history.append({"role": "assistant", "content": text})
result = history
""",
        [{"role": "assistant", "content": TEXT}],
    ),
    Remedy(
        "role.first",
        CHECKS["role.first"].bad[2],
        """
messages = {}
for chunk in stream:
    for choice in chunk.choices:
        message = messages.setdefault(choice.index, {"role": "assistant", "content": ""})
        message["content"] += choice.delta.content or ""
result = messages
""",
        {0: {"role": "assistant", "content": TEXT}},
    ),
    Remedy(
        "finish_reason.null-before-end",
        CHECKS["finish_reason.null-before-end"].bad[0],
        """
result = ""
for chunk in stream:
    for choice in chunk.choices:
        result += choice.delta.content or ""
        if choice.finish_reason: result += "|"
""",
        f"{TEXT}|",
    ),
    *[
        Remedy(
            "finish_reason.null-before-end",
            replace_in_body(STREAM, '"finish_reason":null', f'"finish_reason":{odd}', 1),
            """
result = ""
for chunk in stream:
    for choice in chunk.choices:
        result += choice.delta.content or ""
        if isinstance(choice.finish_reason, str) and choice.finish_reason: result += "|"
""",
            f"{TEXT}|",
        )
        for odd in ("false", "true", "7", "{}")
    ],
    Remedy(
        "structured.json",
        CHECKS["structured.json"].bad[0],
        """
import json

content = answer.choices[0].message.content
result = json.loads(content[content.index("{") : content.rindex("}") + 1])
""",
        {"city": "Lyon", "population": 522000},
    ),
    Remedy(
        "structured.json",
        CHECKS["structured.json"].bad[1],
        """
import json

text = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
try:
    result = json.loads(text)
except ValueError:
    result = "ask again"
""",
        "ask again",
    ),
    Remedy(
        "structured.object",
        CHECKS["structured.object"].bad[1],
        """
import json

result = answer = json.loads(answer.choices[0].message.content)
if not isinstance(answer, dict):
    result = "ask again"
""",
        "ask again",
    ),
    Remedy(
        "finish_reason.tool-calls",
        CHECKS["finish_reason.tool-calls"].bad[0],
        """
calls = {}
for chunk in stream:
    for choice in chunk.choices:
        for fragment in choice.delta.tool_calls or []:
            call = calls.setdefault(fragment.index, {"name": "", "arguments": ""})
            call["name"] = fragment.function.name or call["name"]
            call["arguments"] += fragment.function.arguments or ""
if calls:
    result = [call["name"] for call in calls.values()]
""",
        ["get_weather"],
    ),
    Remedy(
        "finish_reason.tool-calls",
        CHECKS["finish_reason.tool-calls"].bad[1],
        """
calls, text = [], ""
for chunk in stream:
    for choice in chunk.choices:
        calls += choice.delta.tool_calls or []
        text += choice.delta.content or ""
if not calls:
    result = text
""",
        TEXT,
    ),
]
