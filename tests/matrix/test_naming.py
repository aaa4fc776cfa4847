"""Providers are found by their common names, in both languages."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import UnknownName
from harness.matrix.naming import called, names_of, spoken
from harness.matrix.providers import Matrix, load_matrix

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(ROOT / "providers.yaml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("深度求索", "deepseek"), ("DeepSeek", "deepseek"), ("硅基流动", "siliconflow"), ("SiliconFlow", "siliconflow"),
        ("阿里云百炼", "bailian"), ("百炼", "bailian"), ("通义千问", "bailian"), ("Qwen", "bailian"), ("DashScope", "bailian"),
        ("百度千帆", "qianfan"), ("文心一言", "qianfan"), ("ERNIE", "qianfan"), ("ernie-bot", "qianfan"),
        ("火山方舟", "volcengine"), ("豆包", "volcengine"), ("Doubao", "volcengine"), ("智谱", "zhipu"), ("Z.ai", "zhipu"),
        ("月之暗面", "moonshot"), ("Kimi", "moonshot"), ("混元", "hunyuan"), ("讯飞星火", "spark"), ("grok", "xai"),
    ],
)  # fmt: skip
def test_a_provider_is_found_by_its_names(matrix: Matrix, name: str, expected: str) -> None:
    found = called(name, matrix.providers)
    assert found is not None
    assert found.id == expected
    assert matrix.meant([name]) == (found,)


def test_no_two_providers_are_called_alike(matrix: Matrix) -> None:
    names = [(spoken(name), one.id) for one in matrix.providers for name in set(names_of(one))]
    owners = {name: {owner for other, owner in names if other == name} for name, _ in names}
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", ["nosuch", "", "·", "豆腐"])
def test_a_name_that_nobody_has_finds_nothing(matrix: Matrix, name: str) -> None:
    assert called(name, matrix.providers) is None
    with pytest.raises(UnknownName, match="unknown provider"):
        matrix.meant([name])


def test_an_id_stands_before_what_others_are_called(matrix: Matrix) -> None:
    own = matrix.providers[0].model_copy(update={"id": "qwen", "name": "Mine", "called": (), "aliases": ()})
    found = called("qwen", (*matrix.providers, own))
    assert found is own


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, [*arguments, "--root", str(ROOT)])
    return result.exit_code, result.output


def test_commands_take_those_names_or_say_the_id() -> None:
    assert run("explain", "豆包")[1].startswith("volcengine")
    assert run("explain", "AWS Bedrock")[0] == 2
    assert run("explain", "Bedrock")[1].startswith("bedrock-openai")
    assert "bailian/qwen-plus" in run("providers", "通义千问")[1]
    code, said = run("run", "--provider", "文心一言")
    assert (code, said) == (2, "harness: unknown provider '文心一言'; its id here is qianfan\n")
