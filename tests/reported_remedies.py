"""Client code that follows the advice on forms reported in 2026."""

from remedies import Remedy

from harness.simulate.chat.faults import FAULTS
from harness.simulate.reference import REASONING, STREAM

TEXT = STREAM.completion.messages[0].content
_THOUGHT = REASONING.completion.messages[0].reasoning

REPORTED = [
    Remedy(
        "chunk.present",
        FAULTS["completion-in-envelope"].apply(),
        """
import json
raw = client.chat.completions.with_raw_response.create(**asked)
result = json.loads(raw.text)["data"]["choices"][0]["message"]["content"]
""",
        TEXT,
    ),
    Remedy(
        "chunk.no-message",
        FAULTS["message-at-the-end"].apply(),
        """
# It was asked for with `stream=True`.
text = ""
for chunk in stream:
    for choice in chunk.choices:
        text += choice.delta.content or "" if choice.delta else ""
result = text
""",
        TEXT,
    ),
    Remedy(
        "reasoning.one-field",
        FAULTS["thought-in-two-fields-in-turn"].apply(),
        """
thought = ""
for chunk in stream:
    for choice in chunk.choices:
        delta = choice.delta.to_dict()
        thought += (delta.get("reasoning_content") or "") + (delta.get("reasoning") or "")
result = thought
""",
        f"{_THOUGHT} They want a word.",
    ),
    Remedy(
        "tool_calls.name-once",
        FAULTS["call-id-and-name-emptied"].apply(),
        """
calls = {}
for chunk in stream:
    for choice in chunk.choices:
        for call in choice.delta.tool_calls or []:
            entry = calls.setdefault(call.index, {})
            if call.function and call.function.name: entry["name"] = call.function.name
result = [one["name"] for one in calls.values()]
""",
        ["get_weather"],
    ),
    Remedy(
        "content.annotations",
        FAULTS["citation-in-bytes-within"].apply(),
        """
message = answer.choices[0].message
text, cited = message.content, message.annotations[0].url_citation
start, end = cited.start_index, cited.end_index
result = text.encode()[start:end].decode(errors="ignore")
""",
        "[A](https://example.org/a)",
    ),
]
