"""Every displayed text has a Chinese translation of its current English."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from click.testing import CliRunner

from harness import checks, words
from harness.checks import CHECKS
from harness.cli import main
from harness.clients import workarounds
from harness.clients.client import REASONING, TEXT
from harness.matrix.dialects import EVERY_SCENARIO
from harness.reports import summary, terminal
from harness.results import Advice
from harness.site.build import NAV
from harness.site.pages import FATES, KINDS
from harness.site.questions import ASKED, MEANINGS
from harness.words import language, problems, translated

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "harness/words/zh.po"
ENTRIES = words.entries(FILE.read_text(encoding="utf-8"))
ZH = dict(ENTRIES)

KEPT = {"MUST ✗", "SHOULD ✗", "known", "blocked", "broken", "pass", "inconclusive", "role", "usage", "content-type", ""}
"""Words of outcomes, levels and fields that are the same in every language."""


def of_checks() -> Iterator[tuple[str, str]]:
    """The texts of each check, with their place."""
    for check in CHECKS.values():
        yield f"{check.id} title", check.title
        yield f"{check.id} breaks", check.impact
        yield f"{check.id} instead", check.workaround
        if not check.source.startswith("https://"):
            yield f"{check.id} source", check.source


def of_advice() -> Iterator[tuple[str, str]]:
    """The advice on each form of a problem: every ``Advice`` in a module of checks."""
    for name in [one.name for one in pkgutil.walk_packages(checks.__path__, "harness.checks.")]:
        for constant, value in vars(importlib.import_module(name)).items():
            for place, advice in inside(f"{name}.{constant}", value):
                yield f"{place} breaks", advice.breaks
                yield f"{place} instead", advice.instead


def inside(place: str, value: Any) -> Iterator[tuple[str, Advice]]:
    if isinstance(value, Advice):
        yield place, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from inside(f"{place}[{key!r}]", one)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from inside(f"{place}[{number}]", one)


def of_tables() -> Iterator[tuple[str, str]]:
    """The texts shown from a table, which no call of ``translated`` names."""
    yield "summary.LEGEND", summary.LEGEND
    yield from (
        ("summary", said)
        for said in (
            summary.SYNTHESISED,
            summary.REPLAYED,
            *summary.REPLAYS.values(),
            summary.NOT_RECORDED,
            summary.NOT_JUDGED,
        )
    )
    yield from (("summary.FEATURES", name) for name in summary.FEATURES)
    yield from ((f"{one.id} title", one.title) for one in EVERY_SCENARIO.values())
    remedies = vars(workarounds)
    told = [*(one[1] for one in remedies["_BY_EVENT"]), *remedies["_BY_FATE"].values(), remedies["_NO_OBJECT"]]
    yield from (("workarounds", said) for said in told)
    yield from (("clients.client", name) for name in (TEXT, REASONING))
    yield from (("words.problems", text) for text in problems.SEPARATORS)
    for name in ("_LEVELS", "_MEANINGS", "_PROVIDER_COLUMNS", "_FAMILY_COLUMNS"):
        table = vars(terminal)[name]
        yield from ((f"terminal.{name}", text) for text in (table.values() if isinstance(table, dict) else table))


def of_calls() -> Iterator[tuple[str, str]]:
    """The texts in a call of ``translated``, in a name passed to one, or in a label that is yielded."""
    for path in sorted((ROOT / "harness").rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        functions = ast.walk(ast.parse(code)) if "translated" in code else ()
        for function in [node for node in functions if isinstance(node, ast.FunctionDef)]:
            for text in in_function(function):
                yield f"{path.stem}.{function.name}", text


def in_function(function: ast.FunctionDef) -> Iterator[str]:
    assigned = {
        node.targets[0].id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "translated":
            yield from constants(node.args[0], assigned)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and function.name.startswith(LABELLED):
            yield from constants(node.value.elts[0], assigned)


LABELLED = ("_of_scenario", "_of_provider", "_of_model", "_of_deviation", "_evidence")
"""The functions of ``explain`` that yield lines, each a label and a text."""


def constants(node: ast.expr, assigned: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body, assigned)
        yield from constants(node.orelse, assigned)
    elif isinstance(node, ast.Name) and node.id in assigned:
        value = assigned[node.id]
        yield from constants(value, {})


def of_site() -> Iterator[tuple[str, str]]:
    """The texts of the site, in its templates, its code and its tables."""
    for path in sorted((ROOT / "harness/site").rglob("*.jinja")):
        text = path.read_text(encoding="utf-8")
        for call in re.findall(r"""\bt\(((?:[^()"']|"[^"]*"|'[^']*')*)\)""", text):
            yield from ((f"site.{path.name}", said) for said in re.findall(IN_TEMPLATE, call))
    for path in sorted((ROOT / "harness/site").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "said":
                yield from ((f"site.{path.stem}", said) for said in constants(node.args[0], {}))
    yield from (("site.pages.FATES", text) for text in FATES.values())
    yield from (("site.pages.KINDS", text) for text in KINDS.values())
    yield from (("site.questions", text) for one in ASKED for text in (one.title, one.short))
    yield from (("site.questions.MEANINGS", text) for text in MEANINGS.values())
    yield from (("site", text) for text in (*NAV.values(), *TABLED))


IN_TEMPLATE = r"""["']([^"']*[a-z][^"']*)["'](?!\s*:|\s*\])"""
TABLED = (
    "Switch to dark mode", "Switch to light mode",
    "recorded", "published", "reconstructed", "recording", "issue", "document", "described",
)  # fmt: skip
"""Texts of the site that are selected by a value."""

CALLS = list(of_calls())
FORMATS = {text for _, text in CALLS}
SHOWN = {
    text: place for place, text in [*CALLS, *of_tables(), *of_site(), *of_advice(), *of_checks()] if text not in KEPT
}


def test_nothing_lacks_its_chinese() -> None:
    missing = [f'#. {place}\nmsgid "{escaped(text)}"\nmsgstr ""\n' for text, place in SHOWN.items() if text not in ZH]
    assert not missing, f"add to {FILE.name}, each with its Chinese:\n\n" + "\n".join(missing)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def test_nothing_in_chinese_is_out_of_date() -> None:
    stale = [english for english in ZH if english not in SHOWN]
    assert not stale, f"their English is gone or was changed; change them in {FILE.name}:\n" + "\n".join(stale)


def test_a_text_stands_once() -> None:
    assert len(ENTRIES) == len(ZH)


def test_code_and_what_is_filled_in_stay_as_they_are() -> None:
    for english, chinese in ENTRIES:
        assert [code for code in re.findall(r"`+[^`]+`+", english) if code not in chinese] == [], chinese
        if english in FORMATS:
            assert fields(english) == fields(chinese), chinese


def fields(text: str) -> set[tuple[str, str]]:
    """The names of placeholders in a text; a number may be written with or without English commas."""
    return {(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name}


def test_chinese_keeps_to_its_punctuation_and_spaces() -> None:
    for chinese in ZH.values():
        prose = re.sub(r"\{\w[^}]*\}", "、", re.sub(r"`+[^`]+`+", "`", chinese))
        assert not re.search(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", prose), chinese
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9`<]|[A-Za-z0-9`>][\u4e00-\u9fff]", prose), chinese


def test_one_thing_has_one_word() -> None:
    others = {
        "供应商": "服务商", "端点": "接口", "应答": "响应", "令牌": "token", "重放": "回放", "磁带": "录制文件", "审计": "检查",
        "方言": "协议差异", "密钥": "API Key", "返回值": "响应", "正文": "content 或响应体", "崩溃": "抛出异常", "默示": "静默",
    }  # fmt: skip
    found = [f"{word}: {chinese}, use {others[word]}" for chinese in ZH.values() for word in others if word in chinese]
    assert found == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_locale_says_the_language(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_what_has_no_chinese_is_shown_in_english() -> None:
    assert translated("nobody translated this", "zh") == "nobody translated this"


def run(*arguments: str, **environment: str) -> str:
    return CliRunner(env={"COLUMNS": "100", **environment}).invoke(main, list(arguments)).stdout


def test_a_command_speaks_the_language_that_is_asked_for() -> None:
    assert "影响     只在 `choices` 为空时读取用量的客户端" in run("explain", "usage.own-chunk", "--lang", "zh")
    assert "breaks   Clients" in run("explain", "usage.own-chunk")
    assert "影响     只在" in run("explain", "usage.own-chunk", LC_ALL="zh_CN.UTF-8")
    assert "breaks   Clients" in run("explain", "usage.own-chunk", "--lang", "en", LC_ALL="zh_CN.UTF-8")
    assert "流采用 UTF-8 编码。" in run("checks", "sse", "--lang", "zh")


def test_an_audit_is_told_in_chinese_and_its_json_is_the_same(tmp_path: Path) -> None:
    folder = str(ROOT / "cassettes/deepseek/deepseek-chat/chat.capped.yaml")
    told = run("audit", folder, "--no-known", "--lang", "zh", "--results", str(tmp_path / "zh.jsonl"))
    for text in (
        "服务商     交互",
        "不通过的规则",
        "问题     用量出现在带 finish_reason 的数据块中",
        "影响     只在",
        "应对     从任何",
    ):
        assert text in told
    run("audit", folder, "--no-known", "--results", str(tmp_path / "en.jsonl"))
    chinese, english = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("zh.jsonl", "en.jsonl"))
    assert chinese[1:-1] == english[1:-1], "the first and the last line have the time"
    assert run("audit", folder, "--format", "json", "--lang", "zh") == run("audit", folder, "--format", "json")
    assert run("checks", "--format", "json", "--lang", "zh") == run("checks", "--format", "json")


def test_english_reads_no_file_of_another_language() -> None:
    code = (
        "import sys, harness.words as w; w.translated('x'); print(w.texts.cache_info().misses, 'rich' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0 False\n"
    )
