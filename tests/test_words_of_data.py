"""Names of faults and reasons of deviations, shown beside data on the pages, have translations too."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import words
from harness.clients.catalogue import CLIENTS
from harness.evidence.stand_ins import NOTE
from harness.judging.deviations import folder_of, load_deviations
from harness.matrix.project import project_matrix
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT
from harness.site.pages import MAIN

ROOT = Path(__file__).resolve().parents[1]


def reasons(*providers: str) -> set[str]:
    """The texts of the listed deviations of some providers, by default of all."""
    found = [
        one
        for provider in project_matrix(ROOT).providers
        if not providers or provider.id in providers
        for one in load_deviations(folder_of(provider, ROOT))
    ]
    return {text for one in found for text in (one.reason, one.breaks, one.instead) if text}


def titles() -> set[str]:
    return {one.title for one in (*EVERY_FAULT.values(), *EVERY_VARIANT.values())}


def entries(kind: str) -> list[tuple[str, str]]:
    return words.entries(words.file_of("zh", kind).read_text(encoding="utf-8"))


def test_what_is_listed_of_the_main_providers_has_its_chinese() -> None:
    missing = sorted(reasons(*MAIN) - words.texts("zh").keys())
    assert len(missing) < len(reasons(*MAIN)) / FEW, "add them to zh.reasons.po:\n" + "\n".join(missing)


FEW = 25
"""One in so many may be new and untranslated for a while, marked as such on the pages."""


def of_clients() -> set[str]:
    """Titles and descriptions of client code, without names that are the same in every language."""
    told = [text for one in CLIENTS.values() for text in (one.title, one.about)]
    return {text for text in told if re.search(r"[a-z]{3,} [a-z]", re.sub(r"`[^`]*`", "", text)) or text in ZH}


def of_matrix() -> set[str]:
    """The texts about providers, and their descriptive names."""
    told = [NOTE]
    for provider in project_matrix(ROOT).providers:
        told += [provider.name, provider.note or "", *(other.what for other in provider.other_urls)]
        told += [one.note or "" for one in (*provider.models, *filter(None, dict(provider.dialects).values()))]
    return {text for text in told if re.search(r"[a-z]{3,} [a-z]|, ", text) or text in ZH}


ZH = words.texts("zh")
EVERY = [("faults", titles), ("reasons", reasons), ("clients", of_clients), ("matrix", of_matrix)]


@pytest.mark.parametrize(("kind", "there"), EVERY)
def test_nearly_all_of_them_have_their_chinese(kind: str, there: Callable[[], set[str]]) -> None:
    missing = sorted(there() - words.texts("zh").keys())
    assert len(missing) < len(there()) / FEW, f"add them to zh.{kind}.po:\n" + "\n".join(missing)


@pytest.mark.parametrize(("kind", "there"), EVERY)
def test_nothing_of_them_is_out_of_date_or_stands_twice(kind: str, there: Callable[[], set[str]]) -> None:
    english = [one for one, _ in entries(kind)]
    assert sorted(set(english) - there()) == [], f"their English is gone or was changed; change them in zh.{kind}.po"
    assert len(english) == len(set(english))


@pytest.mark.parametrize("kind", ["faults", "reasons", "clients", "matrix", "values"])
def test_their_chinese_keeps_to_its_punctuation_and_spaces(kind: str) -> None:
    for _, chinese in entries(kind):
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9`<,;:!?()]|[A-Za-z0-9`>,;:!?()][\u4e00-\u9fff]", chinese), (
            chinese
        )
