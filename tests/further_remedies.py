"""Client code that follows the advice on packed bodies, waits in words, remarks as data, lists of models and tokens listed."""

from remedies import Remedy

from harness.checks import CHECKS
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

READ = [
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
    ("messages.object", 0, 'data = body\ntext = data["choices"][0]["message"]["content"]\nresult = text', "Hi."),
]
"""Code that reads what is no chat, given as ``body``, in bytes as ``raw``: the rule, the number of its bad example, and what is right."""
