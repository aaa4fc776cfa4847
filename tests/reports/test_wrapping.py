"""Texts without spaces are wrapped."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from harness.reports.wrapping import wrapped
from harness.words import texts

CONSOLE = Console(file=io.StringIO(), width=200)


def test_chinese_breaks_between_characters_and_not_before_its_punctuation() -> None:
    assert wrapped("客户端什么都收不到，也没有异常。", 18, CONSOLE) == ["客户端什么都收不", "到，也没有异常。"]
    assert wrapped("解析，用（httpx）", 10, CONSOLE) == ["解析，用", "（httpx）"]


def test_code_is_not_cut_where_a_line_has_room_for_it() -> None:
    assert wrapped("用 `choice.delta` 读取", 16, CONSOLE) == ["用", "`choice.delta`", "读取"]


def test_what_is_longer_than_a_line_is_cut() -> None:
    assert wrapped(f"见 {'x' * 25}。", 10, CONSOLE) == ["见", "x" * 10, "x" * 10, f"{'x' * 5}。"]


@pytest.mark.parametrize("room", [30, 61, 80])
def test_no_text_is_lost_and_no_line_too_wide(room: int) -> None:
    for text in texts("zh").values():
        lines = wrapped(text, room, CONSOLE)
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert max(map(cell_len, lines), default=0) <= room
        assert not [line for line in lines[1:] if line[0] in "，。；："]


def test_english_is_wrapped_as_it_was() -> None:
    assert wrapped("one two three", 8, CONSOLE) == ["one two", "three"]
