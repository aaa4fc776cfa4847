"""Client code that follows what is advised on counts, probabilities, and JSON that two readers read differently."""

from remedies import Remedy

from harness.simulate.faults import FAULTS

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
        FAULTS["tokens-raw"].apply(),
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

COUNTED = [*_LOGPROBS]
"""What is advised in the families logprobs and usage, and on the text of JSON."""
