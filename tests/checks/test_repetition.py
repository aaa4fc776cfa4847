"""Text that was sent twice is distinguished from repetitive text."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checks.chat.repetition import Form, repetition, said_once

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("harness/checks/**/*.py")]
_TOKEN = re.compile(r" ?[^\W\d_]+| ?\d{1,3}| ?[^\w\s]+|\s+|_")
WORDS = ("We", " need", " to", " greet", " the", " user", ".")
SAID = "".join(WORDS)
RUN = (" how", " the", " tide", " comes", " back", " over", " all", " this", " wide", " sand")


def cuts(text: str) -> Iterator[list[str]]:
    """Yield ``text`` in fragments: as a tokenizer, a line reader, a gateway and a slow network split it."""
    tokens = _TOKEN.findall(text)
    yield tokens
    yield text.splitlines(keepends=True)
    yield [text[start : start + 6] for start in range(0, len(text), 6)]
    yield [text[start : start + 80] for start in range(0, len(text), 80)]
    yield [
        "".join(tokens[start : start + size])
        for start, size in zip(range(0, len(tokens), 4), (1, 4) * 9999, strict=False)
    ]
    yield list(text[:400])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_documentation_code_and_tables_do_not_come_twice(path: Path) -> None:
    text = path.read_text(encoding="utf-8")[:60_000]
    starts = [0, *(found.end() for found in re.finditer("\n\n", text))][:60]
    parts = [text[start : start + size] for start in starts for size in (80, 700)]
    assert [found for part in parts for pieces in cuts(part) if (found := repetition(pieces))] == []


@pytest.mark.parametrize(
    ("form", "pieces"),
    [
        ("whole", (SAID * 2,)),
        ("grows", ("We need", "We need to", SAID)),
        ("so far", (*WORDS, SAID)),
        ("so far", (*WORDS[:4], "We need to greet them now", ". Done")),
        ("so far", (*WORDS, f"\n{SAID} [1]")),
        ("so far", (*WORDS[:4], "\n\n", *WORDS[4:-1], " warmly", ".", "We need to greet the user warmly. Bye.")),
        ("so far", ("今天", "天气", "很好", "，", "今天天气很好，", "出门")),
        ("last again", ("Hm", ". ", *WORDS, SAID)),
        ("doubled", tuple(word * 2 for word in WORDS)),
        ("twice", tuple(word for word in WORDS for _ in range(2))),
        ("twice", tuple(word for word in WORDS for _ in range(3))),
        ("twice", ("No", ",", *(word for word in WORDS for _ in range(2)), " Fine", ".")),
        ("twice", ("The user greets me.",) * 2 + (" I greet back.",) * 2),
        ("restart", (*WORDS[:5], *WORDS)),
        ("restart", WORDS * 2),
        ("replayed", ("Now", " we", " saw", *RUN, *RUN, " again", ".")),
        ("interleaved", ("We", " need", "We", " to", " need", " greet", " to", " user", " greet", ".", " user", ".")),
    ],
)
def test_what_comes_twice_is_told_by_its_form(form: Form, pieces: tuple[str, ...]) -> None:
    found = repetition(pieces)
    assert found is not None
    assert found.form == form


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        ("haha",),
        ("ha", "ha", "haha", "haha"),
        ("1", "10", "100"),
        ("OK", "OK"),
        (*WORDS, " ", *WORDS),
        (*WORDS, "\n", *WORDS, "\n"),
        (*WORDS[:3],) * 6,
        ("Row, row, row your boat\n", "Row, row, row your boat\n", "gently"),
        ("- a\n", "- a\n", "- b\n", "- b\n", "- c\n", "- c\n"),
        ("11", "11", "22", "22", "33", "33"),
        ("再见", "，", "再见", "！"),
        ("Now", " we", " saw", *RUN, *RUN, *RUN, " again", "."),
        ("Now", " we", " saw", ",", *RUN, ",", *RUN, ",", " again", "."),
        ("Now", " we", " saw", ".", *RUN, ".", *RUN, ".", " Again", "."),
        ("So", ":", "\n", *RUN, "\n", *RUN, "\n", "Again", "."),
        ("Now", " we", " saw", *RUN[:7], *RUN[:7], " again", "."),
    ],
)
def test_what_a_model_may_say_twice_is_left_alone(pieces: tuple[str, ...]) -> None:
    assert repetition(pieces) is None


def test_a_text_that_comes_twice_is_read_once() -> None:
    assert said_once([word for word in WORDS for _ in range(2)]) == SAID
    assert said_once(["We need", "We need to", SAID]) == SAID
    assert said_once([*WORDS, SAID]) == SAID
    assert said_once(WORDS) == SAID
