"""Observed values, and outcomes of clients, are translated; names of fields and data stay."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import words
from harness.checks import CHECKS
from harness.checks.registry import CannotJudge
from harness.words.problems import templates
from harness.words.values import translated_outcome, translated_value

ROOT = Path(__file__).resolve().parents[1]
GAP = re.compile(r"\{\d\}")
OF_DATA = {
    "chunk.vendor-keys", "usage.vendor-keys", "messages.more-keys", "messages.usage-keys", "http.request-id", "http.rate-limit",
    "http.media-type", "error.words", "sse.comments", "messages.unknown-events", "messages.block-kinds",
}  # fmt: skip
"""Observations whose values are names of fields, of headers, or words of the provider, without translations."""


def seen() -> Iterator[tuple[str, str]]:
    """The values of each observation on its examples."""
    for check in CHECKS.values():
        for exchange in (*check.good, *check.bad) if check.observe else ():
            try:
                yield check.id, check.observe(exchange) if check.observe else ""
            except CannotJudge:
                continue


DATA = re.compile(
    r"`[^`]*`|<\w+>|\"[^\"]*\"|[\w-]+…|\b[a-z]+_(?!\w)|\w*[._/-]\w+(?:[._/-]\w+)*|[A-Z]\w*|\w*\d\w*|\[DONE\]"
    r"|\b(?:data|retry|event|id|type|name|arguments|content|reasoning|charset|chunked|gzip|br|null|token|logprobs|refusal|models"
    r"|meta|n|stop|seed|store|message|code|param|detail|errors|chat|developer|choice|result)\b"
)


def test_what_observations_see_in_their_examples_has_its_chinese() -> None:
    values = {value: check for check, value in seen() if check not in OF_DATA}
    assert len(values) > 80
    english = {
        f"{check}: {translated_value(value, 'zh')}"
        for value, check in values.items()
        if re.search(r"[A-Za-z]{2,}", DATA.sub("", translated_value(value, "zh")))
    }
    assert english == set(), "add their words to zh.values.po"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("finish chunk + x_groq (not asked)", "结束块 + x_groq（未请求）"),
        ('content "", then reasoning ""/null', 'content ""，之后 reasoning ""/null'),
        ("missing/null", "没有该字段/null"),
        ("beside the list: models, adds aliases", "列表之外：models，增加 aliases"),
        ("text/event-stream; charset=utf-8 | application/json", "text/event-stream; charset=utf-8 | application/json"),
        (": keepalive 90/91 ×1; : keepalive 91/91 ×1", ": keepalive 90/91 ×1; : keepalive 91/91 ×1"),
        ("id, type, name", "id, type, name"),
        ("x_unknown_parameter: refused (400)", "x_unknown_parameter：被拒绝（400）"),
        ("null", "null"),
        ("", ""),
    ],
)
def test_a_value_is_told_word_by_word(value: str, expected: str) -> None:
    assert translated_value(value, "zh") == expected
    assert translated_value(value, "en") == value


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("None tokens instead of 13", "没有用量，应为 13 个 token"),
        (
            "an error at status 200, reported as success, finish length",
            "状态码 200 的错误响应，却当作成功，finish length",
        ),
        ("IndexError: list index out of range @ a.py:1", "IndexError: list index out of range @ a.py:1"),
        ('"388" instead of "88"', '"388"，应为 "88"'),
    ],
)
def test_what_became_of_a_client_is_told(message: str, expected: str) -> None:
    assert translated_outcome(message, "zh") == expected
    assert translated_outcome(message, "en") == message


def code_of(*folders: str) -> str:
    files = (path for folder in folders for path in (ROOT / "harness" / folder).rglob("*.py"))
    return "".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize(("kind", "folders"), [("values", ("checks", "reports", "wire")), ("outcomes", ("clients",))])
def test_no_value_is_out_of_date_or_stands_twice(kind: str, folders: tuple[str, ...]) -> None:
    pairs = words.entries(words.file_of("zh", kind).read_text(encoding="utf-8"))
    code, examples = code_of(*folders), " ".join(value for _, value in seen())
    gone = [
        english
        for english, _ in pairs
        for word in re.findall(r"[a-z]{3,}", english)
        if word not in code and word not in examples
    ]
    assert gone == [], f"no code says these; delete them from zh.{kind}.po"
    assert len(pairs) == len({english for english, _ in pairs}) == len(templates("zh", kind))
    for english, chinese in pairs:
        assert sorted(GAP.findall(english)) == sorted(GAP.findall(chinese)), english
