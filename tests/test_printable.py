"""Terminal controls are escaped; ordinary text stays unchanged."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.printable import printable, printable_json, printable_lines

# As reported of other programs: https://github.com/vercel/ai/pull/20052, https://trojansource.codes,
# https://github.com/starhaven-io/pinprick/pull/210, https://docs.rs/omni-dev (joiners stay).
SHOWN = {
    "\x1b]52;c;cHduZWQ=\x1b\\": r"\x1b]52;c;cHduZWQ=\x1b" + "\\",
    "\x1b]8;;https://evil.example\x07text\x1b]8;;\x07": r"\x1b]8;;https://evil.example\x07text\x1b]8;;\x07",
    "\x1b[2J\x1b[6n\x1bc": r"\x1b[2J\x1b[6n\x1bc",
    "\x9b31m\x9d0;title\x9c": r"\x9b31m\x9d0;title\x9c",
    "one\r\ntwo\tthree\x08\x00\x7f": r"one\r\ntwo\tthree\x08\x00\x7f",
    "invoice\u202efdp.exe": r"invoice\u202efdp.exe",
    "a\u2066b\u2069\u200f\u061c": r"a\u2066b\u2069\u200f\u061c",
    "a\u2028b\u2029\x85": r"a\u2028b\u2029\x85",
    "pass\u200bword\ufeff\u00ad\u2060": r"pass\u200bword\ufeff\xad\u2060",
    "a\u200db\u200c": r"a\u200db\u200c",
    "é\u200d\u200d": r"é\u200d\u200d",
    "\U000e0041\U000e0042": r"\U000e0041\U000e0042",  # letters that only machines read
    "a\ufe01\U000e0150": r"a\ufe01\U000e0150",  # bytes hidden in selectors
    "é\ufe0f\ufe0f\ufe01": "é\ufe0f" + r"\ufe0f\ufe01",
    "\ud83d half": r"\ud83d half",
    "\udcff.jsonl": r"\udcff.jsonl",
    "\u3164\u115f": r"\u3164\u115f",
}
KEPT = [
    'plain text, {"a": 1} \\x1b as six letters',
    "日本語、中文和한국어",
    "שלום עולם, مرحبا",
    "می‌خواهم",  # Persian, with a non-joiner
    "क्‍ष",  # Devanagari, with a joiner
    "e\u0301 a\u0308 \u0e01\u0e33",
    "🙂 👩‍🔬 👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 👍🏽 1️⃣ 🇩🇪",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
    "葛\U000e0100城",
    "a\u00a0b\u3000c",
]  # fmt: skip
TEXTS = st.text(st.characters(), max_size=12) | st.text(
    "a1é🙂\n\x1b\u200d\ufe0f\u202e\u200b\ud800\U000e0067", max_size=8
)


@pytest.mark.parametrize("text", SHOWN, ids=ascii)
def test_what_is_obeyed_or_hidden_is_shown_as_an_escape(text: str) -> None:
    assert printable(text) == SHOWN[text]


@pytest.mark.parametrize("text", KEPT, ids=ascii)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == printable_lines(text) == printable_json(text) == text


@given(TEXTS)
def test_showing_twice_changes_nothing_and_one_line_stays_one(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert len(shown.splitlines()) <= 1
    assert printable_lines(shown) == shown
    shown.encode()


def test_a_character_alone_is_shown_as_it_is_after_one_that_must_be_looked_at() -> None:
    every = (chr(code) for code in range(0x80, sys.maxunicode + 1))
    assert [char for char in every if char.isprintable() and printable(f"\n{char}") != f"\\n{printable(char)}"] == []


@given(TEXTS)
def test_lines_keep_their_ends_and_tabs_alone(text: str) -> None:
    lines = text.split("\n")
    assert printable_lines(text).split("\n") == [
        "\t".join(printable(cell) for cell in line.split("\t")) for line in lines
    ]


@given(st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_means_the_same(value: object) -> None:
    for written in (json.dumps(value, ensure_ascii=False), json.dumps(value, ensure_ascii=False, indent=2)):
        shown = printable_json(written)
        assert json.loads(shown) == value
        assert printable_lines(shown) == shown
