"""Client code that follows the advice on request parameters, and on repetitions of other responses."""

from remedies import Remedy

from harness.simulate.faults import FAULTS

ASKED = [
    Remedy(
        "params.stop",
        FAULTS["stop-kept-at-end"].apply(),
        """
text, stop = answer.choices[0].message.content, "7"
text = text.removesuffix(stop)
result = text
""",
        "1, 2, 3, 4, 5, 6, ",
    ),
    Remedy(
        "params.stop",
        FAULTS["stop-ignored"].apply(),
        """
text, stop = answer.choices[0].message.content, "7"
result = text.partition(stop)[0]
""",
        "1, 2, 3, 4, 5, 6, , ",
    ),
    Remedy(
        "params.cap",
        FAULTS["cap-not-enforced"].apply(),
        """
text, cap = "", 12
for chunk in stream:
    if chunk.choices:
        text += chunk.choices[0].delta.content or ""
    if len(text) > 8 * cap: stream.close()
    if len(text) > 8 * cap:
        break
result = "closed" if stream.response.is_closed else "open"
""",
        "closed",
    ),
    Remedy(
        "identity.call-id-unique",
        FAULTS["call-id-starts-again"].apply(),
        """
from uuid import uuid4
history = {"get_weather:0"}
calls = [call.model_dump() for call in answer.choices[0].message.tool_calls]
for call in calls:
    call["id"] = f"call_{uuid4().hex}"
result = len(history | {call["id"] for call in calls})
""",
        2,
    ),
    Remedy(
        "identity.call-id-unique",
        FAULTS["call-id-of-other-answer"].apply(),
        """
results = {(1, "call_0"): "rain"}
for answer_number, answer in enumerate([answer], start=2):
    for call in answer.choices[0].message.tool_calls:
        results[answer_number, call.id] = "sun"
result = sorted(results.values())
""",
        ["rain", "sun"],
    ),
    Remedy(
        "identity.model-served",
        FAULTS["model-substituted"].apply(),
        """
family = "gpt"
result = "as asked" if family in answer.model.lower() else "another"
""",
        "another",
    ),
    Remedy(
        "identity.created-moves",
        FAULTS["created-goes-back"].apply(),
        """
import time
before, answer = {"at": time.time() - 3600, "created": 1759999500}, answer.model_dump()
answer["at"] = time.time()
result = answer["at"] > before["at"], answer["created"] > before["created"]
""",
        (True, False),
    ),
    Remedy(
        "usage.prompt-moves",
        FAULTS["prompt-tokens-stand-still"].apply(),
        """
import json
messages = [{"role": "user", "content": "Bread is baked in an oven that is hot. " * 12}]
result = len(json.dumps(messages)) // 4 // answer.usage.prompt_tokens
""",
        10,
    ),
    Remedy(
        "finish_reason.length",
        FAULTS["stop-at-cap-in-body"].apply(),
        """
cap = 7
result = "length" if answer.usage.completion_tokens >= cap else answer.choices[0].finish_reason
""",
        "length",
    ),
]
