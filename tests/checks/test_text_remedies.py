"""The workarounds of the rules about text work, for each form."""

import pytest
from judging import findings
from remedies import Remedy

from harness.checks import CHECKS, advice_on
from harness.checks.chat import content_once
from harness.results import Outcome
from harness.simulate.reference import REASONING_BODY, replace_in_body

_PIECES = """
import collections, json, re
pieces = [choice.delta.content for chunk in stream for choice in chunk.choices if choice.delta.content]
"""
_THOUGHTS = """
import re
reasoning = answer.choices[0].message.reasoning_content
"""
_GREETING = "The user greets me."


def remedy(rule: str, number: int, code: str, right: object) -> Remedy:
    return Remedy(rule, CHECKS[rule].bad[number], code, right)


REMEDIES = [
    remedy(
        "content.increments",
        0,
        f"""{_PIECES}
text = ""
for piece in pieces:
    text = piece or text
result = text
""",
        "你好! How can I help?",
    ),
    Remedy(
        "content.once",
        content_once.WHOLE,
        """
text = answer.choices[0].message.content
if text == text[: len(text) // 2] * 2: text = text[: len(text) // 2]
result = text
""",
        "你好! How can I help?",
    ),
    Remedy(
        "content.once",
        content_once.SO_FAR,
        f"""{_PIECES}
text = ""
for piece in pieces:
    if len(text) > 7 and piece.strip().startswith(text.strip()): piece = piece.strip()[len(text.strip()):]
    text += piece
result = text
""",
        _GREETING,
    ),
    Remedy(
        "content.once",
        content_once.LAST_AGAIN,
        f"""{_PIECES}
text = ""
for piece in pieces:
    if len(piece) > 15 and text.endswith(piece): continue
    text += piece
result = text
""",
        f"Hello! {_GREETING} Fine.",
    ),
    Remedy(
        "content.once",
        content_once.DOUBLED,
        f"""{_PIECES}
text = ""
for piece in pieces:
    text += piece[: len(piece) // 2]
result = text
""",
        _GREETING,
    ),
    Remedy(
        "content.once",
        content_once.TWICE,
        f"""{_PIECES}
text = "".join(pieces[::2])
result = text
""",
        _GREETING,
    ),
    Remedy(
        "content.once",
        content_once.RESTART,
        f"""{_PIECES}
text = "".join(pieces)
again = next((n for n in range(15, len(text)) if text.startswith(text[:n], n)), 0)
result = text[again:]
""",
        _GREETING,
    ),
    Remedy(
        "content.once",
        content_once.INTERLEAVED,
        f"""{_PIECES}
text, shown = "", collections.deque()
for piece in pieces:
    if shown and shown[0] == piece: shown.popleft()
    else:
        shown.append(piece)
        text += piece
result = text
""",
        _GREETING,
    ),
    remedy(
        "content.type",
        1,
        """
import json
content = answer.choices[0].message.content
result = content if isinstance(content, str) else json.dumps(content)
""",
        '{"text": "\\u4f60\\u597d"}',
    ),
    Remedy(
        "content.said",
        replace_in_body(REASONING_BODY, '"content":"你好!"', '"content":null'),
        """
text, reasoning = answer.choices[0].message.content, answer.choices[0].message.reasoning_content
shown = text or reasoning
result = shown
""",
        _GREETING,
    ),
    remedy(
        "content.refusal-alone",
        0,
        """
message = answer.choices[0].message
shown = message.refusal or message.content
result = shown
""",
        "I can't help with that.",
    ),
    remedy(
        "reasoning.type",
        1,
        """
piece = answer.choices[0].message.reasoning_content
piece = piece.get("text") or "" if isinstance(piece, dict) else piece
result = piece
""",
        "The user",
    ),
    remedy(
        "content.no-mojibake",
        0,
        f"""{_PIECES}
text = "".join(pieces)
result = text.encode("latin-1").decode()
""",
        "你好! How can I help?",
    ),
    remedy(
        "content.no-controls",
        0,
        f"""{_PIECES}
text = "".join(pieces)
result = "".join(c for c in text if c >= " " or c in "\\n\\t")
""",
        "你好! How can I help?",
    ),
    remedy(
        "reasoning.no-markup",
        0,
        f"""{_THOUGHTS}
thought, _, rest = reasoning.removeprefix("<think>").partition("</think>")
result = thought
""",
        _GREETING,
    ),
    remedy(
        "reasoning.no-markup",
        1,
        f"""{_THOUGHTS}
result = re.sub(r"<\\|.*?\\|>", "", reasoning)
""",
        f"{_GREETING}assistantfinal",
    ),
    remedy(
        "reasoning.no-markup",
        2,
        f"""{_THOUGHTS}
result = re.search(r"<tool_call>(.*?)</tool_call>", reasoning, re.S)[1]
""",
        '{"name":"get_weather","arguments":{}}',
    ),
    remedy(
        "reasoning.no-markup",
        3,
        f"""{_THOUGHTS}
reasoning, _, rest = reasoning.partition("assistantfinal")
result = rest
""",
        "Hello.",
    ),
    remedy(
        "reasoning.legible",
        1,
        f"""{_THOUGHTS}
result = reasoning.encode("latin-1").decode()
""",
        "你好",
    ),
    remedy(
        "reasoning.legible",
        2,
        f"""{_THOUGHTS}
result = "".join(c for c in reasoning if c >= " " or c in "\\n\\t")
""",
        _GREETING,
    ),
    remedy(
        "reasoning.not-in-content",
        0,
        f"""{_THOUGHTS}
text = answer.choices[0].message.content
text = text.strip().removeprefix(reasoning.strip()).lstrip() or text
result = text
""",
        "你好!",
    ),
    remedy(
        "reasoning.not-in-content",
        1,
        """
text = reasoning = ""
for chunk in stream:
    for choice in chunk.choices:
        text += choice.delta.content or ""
        reasoning += getattr(choice.delta, "reasoning_content", None) or ""
if reasoning.strip() == text.strip(): reasoning = ""
result = reasoning, text
""",
        ("", "The user greets me. I greet back.你好!"),
    ),
    remedy(
        "content.images",
        0,
        """
urls = [image["image_url"]["url"] for image in answer.choices[0].message.images]
result = [url if ":" in url else f"data:image/png;base64,{url}" for url in urls]
""",
        ["data:image/png;base64,iVBORw0KGgo="],
    ),
    remedy(
        "content.audio",
        0,
        """
audio = answer.choices[0].message.audio
result = answer.choices[0].message.content
if audio and audio.data:
    result = "sound"
""",
        "你好! How can I help?",
    ),
    remedy(
        "content.audio",
        2,
        """
audio = answer.choices[0].message.audio
result = {"id": audio.id} if getattr(audio, "id", None) else audio.transcript
""",
        "你好",
    ),
    remedy(
        "content.annotations",
        0,
        """
result = []
for chunk in stream:
    for choice in chunk.choices:
        for annotation in getattr(choice.delta, "annotations", None) or ():
            cited = annotation.get("url_citation") or annotation
            result.append(cited.get("url"))
""",
        ["https://example.org/a"],
    ),
]


@pytest.mark.parametrize("remedy", REMEDIES, ids=[f"{n}-{one.rule}" for n, one in enumerate(REMEDIES)])
def test_code_that_follows_the_advice_comes_out_right(remedy: Remedy) -> None:
    finding = findings(remedy.bad)[remedy.rule]
    assert finding.outcome is Outcome.FAIL, "the advice is about a problem"
    assert remedy.left_out(advice_on(finding)) == [], "the code does what the advice says"
    assert remedy.result() == remedy.right
