"""Messages of checks are translated too: their templates, and the phrases that fill them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness import words
from harness.checks import CHECKS
from harness.checks.registry import CannotJudge
from harness.words.problems import templates, translated_problem

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "harness/words"
FILES = ("problems", "phrases")
GAP = re.compile(r"\{\d\}")


@cache
def shown_by_examples() -> tuple[str, ...]:
    """The messages of all checks on their own bad examples."""
    said: dict[str, None] = {}
    for check in CHECKS.values():
        for bad in () if check.observe else check.bad:
            try:
                said |= dict.fromkeys(problem.message for problem in check.problems(bad)[0])
            except CannotJudge:
                continue
    return tuple(said)


@cache
def written_in_code() -> tuple[str, ...]:
    """The sentences in the code of checks, with ``~`` for what is filled in."""
    found: dict[str, None] = {}
    for path in sorted((ROOT / "harness/checks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                found |= dict.fromkeys(sentence(node.args[0]))
    return tuple(found)


def sentence(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "~" for part in node.values)


def listed() -> Iterator[str]:
    """The messages that deviations expect."""
    for path in sorted((ROOT / "cassettes").rglob("deviations.yaml")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.match(r"""\s*-?\s*message: (?:"(.*)"|'(.*)'|(.*))$""", line)
            if found:
                yield next(filter(None, found.groups()), "").replace('\\"', '"').replace("''", "'")


def entries(kind: str) -> list[tuple[str, str]]:
    return words.entries((FOLDER / f"zh.{kind}.po").read_text(encoding="utf-8"))


def test_nearly_all_that_checks_find_in_their_examples_has_its_chinese() -> None:
    assert len(shown_by_examples()) > 500
    missing = [said for said in shown_by_examples() if not known(said)]
    assert len(missing) < len(shown_by_examples()) / FEW, "add to zh.problems.po:\n" + "\n".join(missing)


def test_nearly_every_sentence_of_the_code_of_checks_has_its_chinese() -> None:
    """Those with few words of their own are left to the examples: what they say hangs on what is filled in."""
    assert len(written_in_code()) > 200
    telling = [said for said in written_in_code() if len(re.findall(r"[a-z]{2,}", said)) >= OWN_WORDS]
    missing = [said for said in telling if not any(known(said.replace("~", fill)) for fill in FILLS)]
    assert len(missing) < len(telling) / FEW, "add to zh.problems.po:\n" + "\n".join(missing)


SEEN = (
    "2 blocks have no data (first: unknown-field)",
    "2 events follow [DONE]",
    "1 later fragment brings an id",
    "1 later fragment brings a name",
    '1 later fragment brings ""',
    "2 events have empty data",
    "gpt-4o-mini can't think",
    "kimi-k3 can't answer without thinking",
    "the text holds the tag </think>",
    "usage came in a chunk without choices",
    "the only chunk has usage inside a choice",
    "/choices/0/delta/content occurs 2 times, with different values",
    "/choices occurs 2 times, with the same value, in 1 of 5 chunks",
    "3 of 3 blocks stop late, first index 0",
)
"""Messages on recordings that no example shows."""

OWN_WORDS = 4
FEW = 25
"""One in so many may be new and untranslated for a while, marked as such on the pages."""
FILLS = ("~", "", "~ to ~", "with the finish_reason")


def known(said: str) -> bool:
    return translated_problem(said, "zh") != said


def test_no_sentence_is_out_of_date() -> None:
    """One is used by an example, by a listed deviation, or all its pieces stand in the code."""
    said = [*shown_by_examples(), *written_in_code(), *listed(), *SEEN]
    all_of_them = templates("zh", "problems")
    fits = [next((told for told in all_of_them if told.found_in(one)), None) for one in said]
    used = {told.english: told for told in fits if told}.values()
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "harness").rglob("*.py"))
    pieces = {english: [piece.strip(" ,:;()") for piece in GAP.split(english)] for english, _ in entries("problems")}
    stale = [
        english
        for english, parts in pieces.items()
        if not any(told.found_in(english) for told in used) and not all(part in code for part in parts)
    ]
    assert stale == [], "no check says these; delete them from zh.problems.po"


@pytest.mark.parametrize("kind", FILES)
def test_what_is_filled_in_is_filled_in_there_too_and_once(kind: str) -> None:
    pairs = entries(kind)
    assert len({english for english, _ in pairs}) == len(pairs)
    for english, chinese in pairs:
        assert sorted(GAP.findall(english)) == sorted(GAP.findall(chinese)), english


@pytest.mark.parametrize("kind", FILES)
def test_its_chinese_keeps_to_its_punctuation(kind: str) -> None:
    for _, chinese in entries(kind):
        prose = re.sub(r"`[^`]*`|\{\d?\}", "", chinese)
        assert not re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", prose), chinese
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9`<]|[A-Za-z0-9`>][\u4e00-\u9fff]", prose), chinese


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("usage came 2 times", "用量出现了 2 次"),
        ("1 of 50 chunks have usage", "1/50 个数据块带有用量"),
        ("id is absent from the only chunk", "唯一的数据块中没有 id"),
        ("usage came in a chunk with the finish_reason (and 2 more)", "用量出现在带 finish_reason 的数据块中（另有 2 处）"),
        ("the text holds the special token <|end|>", "文本中有特殊 token <|end|>"),
        ("an error came in the stream: Token limit reached", "流中出现了错误：Token limit reached"),
        (
            "usage came 3 times; expected: usage came 2 times",
            "用量出现了 3 次；列出的是：用量出现了 2 次",
        ),
        ("1 of * chunks have usage", "1/* 个数据块带有用量"),
        ("not sent: the limit of 5 requests is reached", "未请求：已达到 5 个请求的上限"),
        ("tools refused with 404: no tools here", "拒绝 tools，状态码 404：no tools here"),
        ("refused as tools.auto is, with status 400", "与 tools.auto 一样被拒绝，状态码为 400"),
        ("nobody wrote this sentence", "nobody wrote this sentence"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_sentence_is_told_in_chinese_and_what_was_filled_in_as_it_is(english: str, chinese: str) -> None:
    assert translated_problem(english, "zh") == chinese
    assert translated_problem(english, "en") == english


def test_text_of_a_provider_is_no_phrase_of_ours() -> None:
    said = translated_problem("an error came with status 200: 你好 world, the model is overloaded", "zh")
    assert said == "状态码是 200，内容却是错误：你好 world, the model is overloaded"
