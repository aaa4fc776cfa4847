r"""
What people read, in the language they read.

How it works: texts are written in English where they are meant, and looked up by their English when they are shown, in
``zh.po`` and its neighbours beside this file: gettext's format, which translators' tools open, read here as it stands.  A text whose
English changed is no longer found and is shown in English until it is translated anew: nothing out of date is told.
Only what is shown is looked up, never what is kept or read by programs; data stay as they are.
"""

import hashlib
import json
import lzma
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
"""The languages there are, by their two letters; what is written in the code is the first."""

FILES = ("", "faults", "reasons", "clients", "matrix")
"""
What kinds of texts are looked up whole: those of the code, names of faults and variants, reasons of deviations, what client
code is, and notes on providers.
"""

PACK = "words.xz"
"""
What a wheel holds in the place of all files of texts: together they take less, since their words are much alike.

Of the texts that are looked up whole it has a key in the place of the English one, which stands in the code as well.
"""

KEYED = "keyed"
_KEY = 4  # bytes: one in a million of other texts has the key of one of these by chance

_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_chosen: str | None = None


def set_language(language: str | None) -> None:
    """Show texts in ``language``; None leaves it to the locale."""
    global _chosen  # noqa: PLW0603 - one language for one process, as its locale is
    _chosen = language


def language() -> str:
    """Return the language that texts are shown in: the one that was set, else that of the locale, else English."""
    return _chosen or _of_locale()


def _of_locale() -> str:
    """Return the language of the first variable that is set, as POSIX reads them."""
    locale = next(filter(None, map(os.environ.get, _VARIABLES)), "")
    return next((one for one in LANGUAGES if locale.lower().startswith(one)), LANGUAGES[0])


def translated(text: str, into: str | None = None) -> str:
    """Return a text in a language, that of :func:`language` unless one is named; in English where it has no other."""
    chosen = into or language()
    return text if chosen == LANGUAGES[0] else _by_key(chosen).get(key_of(text), text)


def key_of(text: str) -> str:
    """Return the key that stands for an English text in a wheel."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_KEY).hexdigest()


@cache
def _by_key(language: str) -> Mapping[str, str]:
    """Return the texts of a language by the keys of the English ones."""
    if file_of(language, "").exists():
        return keyed(texts(language))
    told: dict[str, str] = json.loads(_packed(Path(__file__).with_name(PACK))[f"{language}.{KEYED}"])
    return told


def keyed(texts: Mapping[str, str]) -> dict[str, str]:
    """
    Return texts by the keys of the English ones.

    Raises:
        ValueError: two English texts have one key.
    """
    told = {key_of(english): other for english, other in texts.items()}
    if len(told) < len(texts):
        raise ValueError("two texts have one key: take a longer one")
    return told


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return what a language's files of texts hold, by the English texts."""
    return dict(pair for kind in FILES for pair in entries(read(file_of(language, kind))))


def read(file: Path) -> str:
    """Return what a file of texts holds; in a wheel it is packed."""
    if file.exists():
        return file.read_text(encoding="utf-8")
    return _packed(file.with_name(PACK))[file.name]


@cache
def _packed(pack: Path) -> Mapping[str, str]:
    """Return the files of texts of a wheel by their names; before each stands its name as a comment, and there is no other."""
    texts = f"\n{lzma.decompress(pack.read_bytes()).decode()}".split("\n# ")[1:]
    return {name: text for name, _, text in (one.partition("\n") for one in texts)}


def file_of(language: str, kind: str) -> Path:
    """Return the file of one kind of texts: ``kind`` is empty for those of the code."""
    return Path(__file__).parent / (f"{language}.{kind}.po" if kind else f"{language}.po")


def entries(text: str) -> list[tuple[str, str]]:
    """
    Return the English and the other text of each entry of a file in gettext's format, in the order of the file.

    Of the format it knows comments, ``msgid``, ``msgstr`` and lines that go on; the entry with an empty ``msgid``, which is
    about the file, and those that are not translated yet are left out.
    """
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        keyword, quote, rest = line.partition('"')
        if not quote or line.startswith("#"):
            continue
        if keyword.strip() == "msgid":
            found.append(([], []))
        elif keyword.strip() == "msgstr":
            found[-1][1].append("")
        found[-1][1 if found[-1][1] else 0].append(rest[:-1] if _is_plain(rest) else json.loads(quote + rest))
    pairs = [("".join(english), "".join(other)) for english, other in found]
    return [(english, other) for english, other in pairs if english and other]


def _is_plain(rest: str) -> bool:
    """Tell whether a string without its first quote has nothing to unescape, as most have: telling so is quicker."""
    return "\\" not in rest and rest.find('"') == len(rest) - 1
