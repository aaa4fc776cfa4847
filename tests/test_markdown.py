"""Tables of the pages: the content of a cell never ends it."""

import pytest

from harness.markdown import cell, padded_table, table


def test_a_table_has_a_header_a_rule_and_rows() -> None:
    assert table(["name", "count"], [["a", "1"]], ["count"]) == "| name | count |\n|---|--:|\n| a | 1 |"


def test_a_padded_table_aligns_chinese_text() -> None:
    lines = padded_table(["名", "count"], [["服务商", "1"], ["a", "22"]]).splitlines()
    assert lines == ["| 名     | count   |", "|--------|---------|", "| 服务商 | 1       |", "| a      | 22      |"]


# Messages of providers as they came: a pipe, a line break, both, a pipe that a message had escaped itself.
@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("type must be object | null", "type must be object \\| null"),
        ("invalid request\nsee the docs", "invalid request\\nsee the docs"),
        ("<|im_end|>", "&lt;\\|im_end\\|>"),
        ("", ""),
    ],
)
def test_what_is_in_a_cell_never_ends_it(message: str, shown: str) -> None:
    assert table(["m"], [[cell(message)]]).splitlines()[2:] == [f"| {shown} |"]
    assert padded_table(["m"], [[cell(message)]]).splitlines()[2].strip("| ").rstrip() == shown.strip("| ")
