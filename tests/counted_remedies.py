"""Client code that follows the advice on counts, log probabilities, and JSON that parsers read differently."""

from remedies import Remedy

from harness.checks import CHECKS
from harness.simulate.faults import FAULTS
from harness.simulate.reference import REASONING_BODY, STREAM, replace_in_body

_LOGPROBS = [
    Remedy(
        "logprobs.form",
        FAULTS["logprobs-legacy"].apply(),
        """
choice = answer.choices[0]
old = choice.logprobs
result = list(zip(old.tokens, old.token_logprobs))
""",
        [("你好", -0.25), ("! How can I", -0.25), (" help?", -0.25)],
    ),
    Remedy(
        "logprobs.form",
        FAULTS["logprobs-map"].apply(),
        """
choice = answer.choices[0]
result = choice.logprobs.content if isinstance(choice.logprobs.content, list) else "none"
""",
        "none",
    ),
    Remedy(
        "logprobs.keys",
        FAULTS["logprobs-no-alternatives-key"].apply(),
        """
result = []
for token in answer.choices[0].logprobs.content:
    getattr(token, "bytes", None)
    result += getattr(token, "top_logprobs", None) or []
""",
        [],
    ),
    Remedy(
        "logprobs.range",
        FAULTS["logprob-first-is-a-probability"].apply(),
        """
tokens = answer.choices[0].logprobs.content
result = sum(token.logprob for token in tokens if isinstance(token.logprob, float) and token.logprob <= 0)
""",
        -0.5,
    ),
    Remedy(
        "logprobs.bytes",
        FAULTS["token-bytes-code-points"].apply(),
        """
result = b"".join(token.token.encode() for token in answer.choices[0].logprobs.content).decode()
""",
        "你好! How can I help?",
    ),
    Remedy(
        "logprobs.bytes",
        FAULTS["token-bytes-replaced"].apply(),
        """
# `delta.content` in a stream
message = answer.choices[0].message
result = message.content
""",
        "你好! How can I help?",
    ),
    Remedy(
        "logprobs.joins",
        FAULTS["tokens-marked"].apply(),
        """
result = ""
for token in answer.choices[0].logprobs.content:
    result += token.token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\\n")
""",
        "你好! How can I help?",
    ),
    Remedy(
        "logprobs.joins",
        FAULTS["tokens-of-reasoning-too"].apply(),
        """
choice = answer.choices[0]
text, tokens = choice.message.content, choice.logprobs.content
start = len(tokens)
while start and not "".join(t.token for t in tokens[start:]).endswith(text): start -= 1
result = len(tokens[start:])
""",
        3,
    ),
    Remedy(
        "logprobs.joins",
        FAULTS["tokens-all-so-far"].apply(),
        """
tokens = []
for chunk in stream:
    for choice in chunk.choices:
        if choice.logprobs:
            tokens = choice.logprobs.content or tokens
result = "".join(token.token for token in tokens)
""",
        "你好! How can I help?",
    ),
    Remedy(
        "logprobs.joins",
        FAULTS["tokens-of-another-text"].apply(),
        """
text, at, result = answer.choices[0].message.content, 0, []
for token in answer.choices[0].logprobs.content:
    found = text.find(token.token, at)
    if found >= 0:
        result.append(token.token)
        at = found + len(token.token)
""",
        ["! How can I", " help?"],
    ),
    Remedy(
        "logprobs.covers",
        FAULTS["tokens-first-of-each"].apply(),
        """
text, tokens = answer.choices[0].message.content, answer.choices[0].logprobs.content
whole = "".join(token.token for token in tokens) == text
result = tokens if whole else None
""",
        None,
    ),
    Remedy(
        "logprobs.covers-reasoning",
        FAULTS["reasoning-without-logprobs"].apply(),
        """
tokens = []
for chunk in stream:
    for choice in chunk.choices:
        tokens += choice.logprobs.content if choice.logprobs else []
result = "".join(token.token for token in tokens)
""",
        "你好! How can I help?",
    ),
    Remedy(
        "logprobs.top-order",
        FAULTS["alternatives-unordered"].apply(),
        """
result = [sorted(token.top_logprobs, key=lambda one: -one.logprob)[0].token for token in answer.choices[0].logprobs.content]
""",
        ["你好", "! How can I", " help?"],
    ),
    Remedy(
        "logprobs.top-order",
        FAULTS["alternatives-chosen-first"].apply(),
        """
result = []
for chunk in stream:
    for token in chunk.choices[0].logprobs.content if chunk.choices and chunk.choices[0].logprobs else []:
        result += [sorted(token.top_logprobs, key=lambda one: -one.logprob)[0].token]
""",
        ["Hi", "Hi", "Hi"],
    ),
    Remedy(
        "logprobs.top-own",
        FAULTS["alternatives-of-the-first"].apply(),
        """
tokens = answer.choices[0].logprobs.content
result = [token.token for token in tokens if any(one.token == token.token for one in token.top_logprobs)]
""",
        ["你好"],
    ),
    Remedy(
        "logprobs.top-own",
        FAULTS["alternatives-two-values"].apply(),
        """
result = [token.logprob for token in answer.choices[0].logprobs.content]
""",
        [-1.5, -1.5, -1.5],
    ),
    Remedy(
        "logprobs.top-count",
        FAULTS["alternatives-one-fewer"].apply(),
        """
wanted, result = 2, []
for token in answer.choices[0].logprobs.content:
    for one in token.top_logprobs[:wanted]:
        result.append(one.token)
""",
        ["你好", "! How can I", " help?"],
    ),
]

_USAGE = [
    Remedy(
        "usage.given",
        FAULTS["usage-in-choice"].apply(),
        """
result = None
for chunk in stream:
    for choice in chunk.choices:
        found = getattr(choice, "usage", None)
        result = found["total_tokens"] if found else result
# `chunk.choices`
""",
        13,
    ),
    Remedy(
        "usage.once",
        FAULTS["usage-in-choice-and-again"].apply(),
        """
usage = None
for chunk in stream:
    usage = chunk.usage or usage
result = usage.total_tokens
""",
        13,
    ),
    Remedy(
        "usage.not-unasked",
        FAULTS["usage-unasked"].apply(),
        """
result = ""
for chunk in stream:
    if not chunk.choices: continue
    result += chunk.choices[0].delta.content or ""
""",
        "你好! How can I help?",
    ),
    Remedy(
        "usage.not-unasked",
        FAULTS["usage-unasked-in-choice"].apply(),
        """
text = ""
for chunk in stream:
    for choice in chunk.choices:
        text += choice.delta.content or ""
result = text
""",
        "你好! How can I help?",
    ),
    Remedy(
        "usage.integers",
        FAULTS["count-unsigned"].apply(),
        """
tokens = answer.usage.completion_tokens
result = tokens if 0 <= tokens < 10**9 else None
""",
        None,
    ),
    Remedy(
        "usage.proportion",
        FAULTS["count-beyond-any-model"].apply(),
        """
tokens = answer.usage.prompt_tokens
result = tokens if tokens < 10**8 else None
""",
        None,
    ),
    Remedy(
        "usage.sum",
        FAULTS["total-without-thought"].apply(),
        """
usage = answer.usage
result = max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens)
""",
        110,
    ),
    Remedy(
        "usage.sum",
        FAULTS["cached-in-total-only"].apply(),
        """
usage = answer.usage
prompt = usage.total_tokens - usage.completion_tokens
result = prompt
""",
        17,
    ),
    Remedy(
        "usage.sum",
        FAULTS["total-without-cached"].apply(),
        """
usage = answer.usage
total = usage.prompt_tokens + usage.completion_tokens
result = total
""",
        2064,
    ),
    Remedy(
        "usage.sum",
        FAULTS["total-counts-thought-twice"].apply(),
        """
usage = answer.usage
total = usage.prompt_tokens + usage.completion_tokens
result = total
""",
        REASONING_BODY.columns.usages[0].value["total_tokens"],
    ),
    Remedy(
        "usage.within-totals",
        FAULTS["cached-outside-prompt"].apply(),
        """
usage = None
for chunk in stream:
    usage = chunk.usage or usage
prompt, cached = usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens
prompt += cached if cached > prompt else 0
result = prompt
""",
        2057,
    ),
    Remedy(
        "usage.within-totals",
        FAULTS["thought-counted-in-details-only"].apply(),
        """
output, reasoning = answer.usage.completion_tokens, answer.usage.completion_tokens_details.reasoning_tokens
output += reasoning if reasoning > output else 0
result = output
""",
        12,
    ),
    Remedy(
        "usage.within-totals",
        FAULTS["rejected-beyond-completion"].apply(),
        """
usage = None
for chunk in stream:
    usage = chunk.usage or usage
output = usage.completion_tokens
result = output
""",
        4,
    ),
    Remedy(
        "usage.within-totals",
        FAULTS["audio-beyond-prompt"].apply(),
        """
whole, part = answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.audio_tokens
whole += part if part > whole else 0
result = whole
""",
        1_000_000_009,
    ),
    Remedy(
        "usage.grows",
        FAULTS["usage-of-each-chunk"].apply(),
        """
output = 0
for chunk in stream:
    if chunk.usage:
        output += chunk.usage.completion_tokens
result = "more" if output > 6 else "less"
""",
        "more",
    ),
    Remedy(
        "usage.grows",
        FAULTS["usage-added-up"].apply(),
        """
text = ""
for chunk in stream:
    for choice in chunk.choices:
        text += choice.delta.content or ""
output = len(text.encode()) // 4 + 1
result = output
""",
        6,
    ),
]

_LINES = """
import ast, json, math, re
text = ""
for line in stream.response.iter_lines():
    if not line.startswith("data: ") or "[DONE]" in line:
        continue
    PARSE
    for chunk in chunks:
        text += chunk["choices"][0]["delta"].get("content") or "" if chunk["choices"] else ""
result = text
"""
"""Reads the lines of a stream itself; PARSE stands for the code that parses a line."""

_SEVERAL = """chunks, decoder, text_of, at = [], json.JSONDecoder(), line[5:].strip(), 0
    while at < len(text_of):
        text, kept = text_of, text
        found, at = decoder.raw_decode(text, at)
        text = kept
        chunks += [found] if "choices" in found else []"""

_SUM = """
import math
numbers = []
for chunk in stream:
    for choice in chunk.choices:
        numbers += [token.logprob for token in choice.logprobs.content] if choice.logprobs else []
result = sum([one for one in numbers if math.isfinite(one)])
"""

_PYTHON = """
try:
        chunks = [json.loads(line[5:])]
    except ValueError:
        chunks = [ast.literal_eval(line[5:].strip())]""".lstrip()

_SAID = "你好! How can I help?"

_JSON = [
    Remedy("sse.json", FAULTS["json-python-throughout"].apply(), _LINES.replace("PARSE", _PYTHON), _SAID),
    Remedy(
        "sse.json", FAULTS["json-without-blank-line"].apply(), _LINES.replace("PARSE", _SEVERAL), "1, 2, 3, 4, 5, 6, "
    ),
    Remedy("sse.json", FAULTS["json-glued"].apply(), _LINES.replace("PARSE", _SEVERAL), ""),
    Remedy(
        "sse.json",
        FAULTS["json-marked"].apply(),
        _LINES.replace("PARSE", 'chunks = [json.loads(line[5:].strip().lstrip("\\ufeff"))]'),
        _SAID,
    ),
    Remedy(
        "sse.json",
        FAULTS["json-closing-comma"].apply(),
        _LINES.replace("PARSE", 'chunks = [json.loads(re.sub(r",(\\s*[}\\]])", r"\\1", line[5:]))]'),
        _SAID,
    ),
    Remedy(
        "sse.json",
        replace_in_body(STREAM, "data: {", "data: data: {"),
        _LINES.replace("PARSE", 'chunks = [json.loads(line.removeprefix("data: ").removeprefix("data: "))]'),
        _SAID,
    ),
    Remedy("sse.json", FAULTS["json-infinity"].apply(), _SUM, -0.5),
    Remedy("sse.json", FAULTS["json-beyond-a-double"].apply(), _SUM, -0.5),
    Remedy(
        "sse.object",
        FAULTS["json-encoded-twice"].apply(),
        _LINES.replace(
            "PARSE",
            "given = json.loads(line[5:])\n    given = json.loads(given) if isinstance(given, str) else given\n    chunks = [given]",
        ),
        _SAID,
    ),
    Remedy(
        "http.body-asked",
        FAULTS["json-body-encoded-twice"].apply(),
        """
import json
given = answer
given = json.loads(given) if isinstance(given, str) else given
result = given["choices"][0]["message"]["content"]
""",
        _SAID,
    ),
    Remedy(
        "chunk.keys-once",
        CHECKS["chunk.keys-once"].bad[0],
        _LINES.replace(
            "PARSE",
            "data = line[5:]\n    chunks = [json.loads(data, object_pairs_hook=lambda pairs: "
            "dict(sorted(pairs, key=lambda pair: pair[1] is not None)))]",
        ),
        _SAID,
    ),
    Remedy(
        "chunk.keys-once",
        FAULTS["keys-twice-the-same"].apply(),
        _LINES.replace("PARSE", "data = line[5:]\n    chunks = [json.loads(data)]"),
        _SAID,
    ),
    Remedy(
        "chunk.no-nul",
        FAULTS["nul-in-body"].apply(),
        r"""
text = answer.choices[0].message.content
result = text.replace("\x00", "")
""",
        "Kf2rsou! How can I help?",
    ),
    Remedy(
        "chunk.whole-characters",
        FAULTS["surrogates-split"].apply(),
        """
text = ""
for chunk in stream:
    text += chunk.choices[0].delta.content or "" if chunk.choices else ""
result = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
""",
        "😀! How can I help?",
    ),
]

COUNTED = [*_LOGPROBS, *_USAGE, *_JSON]
"""The advice of the families logprobs and usage, and on the JSON text."""
