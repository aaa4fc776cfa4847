"""Client code that follows the advice on counts that are too small, alternatives to a token, and fingerprints."""

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.faults import FAULTS

UNCOUNTED = [
    Remedy(
        "usage.enough",
        FAULTS["output-of-last-chunk"].apply(),
        """
usage, text = answer.usage, answer.choices[0].message.content
result = max(usage.completion_tokens, len(text.encode()) // 16)
""",
        13,
    ),
    Remedy(
        "usage.enough",
        FAULTS["thought-beyond-the-count"].apply(),
        """
usage, reasoning = answer.usage, answer.choices[0].message.reasoning_content
output = usage.completion_tokens + len(reasoning) // 4
result = "more" if output > usage.completion_tokens + 80 else "as many"
""",
        "more",
    ),
    Remedy(
        "logprobs.top-distinct",
        FAULTS["alternatives-of-one-text"].apply(),
        """
import math
result = []
for token in answer.choices[0].logprobs.content:
    table = {}
    for one in token.top_logprobs:
        table[one.token] = table.get(one.token, 0) + math.exp(one.logprob)
    result.append(round(sum(table.values()), 3))
""",
        [0.884, 0.884, 0.884],
    ),
    Remedy(
        "logprobs.keys",
        FAULTS["token-number"].apply(),
        """
result = [token.token for token in answer.choices[0].logprobs.content if isinstance(token.token, str)]
""",
        [],
    ),
    Remedy(
        "logprobs.keys",
        CHECKS["logprobs.keys"].bad[5],
        """
result = []
for token in answer.choices[0].logprobs.content:
    result += [one for one in token.top_logprobs if hasattr(one, "logprob")]
result = len(result)
""",
        5,
    ),
    Remedy(
        "logprobs.keys",
        FAULTS["alternatives-without-bytes"].apply(),
        """
tokens = answer.choices[0].logprobs.content
result = [[getattr(one, "bytes", None) for one in token.top_logprobs][1] for token in tokens]
""",
        [None, None, None],
    ),
    Remedy(
        "identity.fingerprint-constant",
        FAULTS["fingerprint-changes"].apply(),
        """
seen = {chunk.system_fingerprint for chunk in stream}
result = "two" if len(seen - {None, ""}) > 1 else "one"
""",
        "two",
    ),
    Remedy(
        "chunk.every",
        FAULTS["ping-event-as-data"].apply(),
        """
result = ""
for chunk in stream:
    if not chunk.choices: continue
    result += chunk.choices[0].delta.content or ""
""",
        "你好! How can I help?",
    ),
    Remedy(
        "error.status",
        FAULTS["limit-as-400"].apply(),
        """
result = "give up"
if "rate limit" in str(error).lower():
    result = "ask again"
""",
        "ask again",
    ),
    Remedy(
        "error.status",
        FAULTS["length-as-429"].apply(),
        """
result = "ask again"
if "context" in str(error).lower():
    result = "shorten"
""",
        "shorten",
    ),
    Remedy(
        "usage.integers",
        FAULTS["usage-named-as-in-messages"].apply(),
        """
usage = answer.usage
result = getattr(usage, "prompt_tokens", None) or usage.input_tokens
""",
        9,
    ),
    Remedy(
        "sse.json",
        FAULTS["json-unclosed"].apply(),
        """
import json
result = ""
for line in stream.response.iter_lines():
    try:
        chunk = json.loads(line[5:])
    except ValueError:
        continue
    if "error" in chunk:
        result += " and " + chunk["error"]["message"]
        break
    result += chunk["choices"][0]["delta"].get("content") or ""
""",
        "你好! How can I help? and stream read error",
    ),
    Remedy(
        "sse.json",
        CHECKS["sse.json"].bad[2],
        """
import json
result, pending = "", ""
for line in stream.response.iter_lines():
    if not line.startswith("data:") or line.endswith("[DONE]"):
        continue
    pending += line[5:].strip()
    try:
        chunk = json.loads(pending)
    except ValueError:
        continue
    pending = ""
    result += chunk["choices"][0]["delta"].get("content") or ""
""",
        "你好! How can I help?",
    ),
]
"""Code that gives the right result for each bad response."""
