"""
Translates what people read.

How it works: the code contains English texts, which are looked up on display in ``zh.po`` and similar files beside
this one, in gettext's format, which translators' tools open.  A text whose English changed is not found and is
shown in English until it is translated again, so no translation is outdated. Only displayed text is translated,
never what is stored or read by programs; data stay unchanged.
"""

import bz2
import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
"""The available languages, by two-letter code; the first is that of the code."""

FILES = ("", "faults", "reasons", "clients", "matrix")
"""
The kinds of texts that are looked up whole: those of the code, names of faults and variants, reasons of deviations,
descriptions of client code, and notes on providers.
"""

PACK = "words.bz2"
"""
The file in a wheel that replaces all files of texts: together they compress better, since their words are similar, and
by a tenth better in blocks of sorted contexts than with references to what came before.

For texts that are looked up whole it has a key instead of the English, which is in the code as well.
"""

KEYED = "keyed"
_KEY = 4  # bytes: one in a million of other texts has the key of one of these by chance
_DIGITS = 2 * _KEY

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
    """Return the language of the first locale variable that is set, in POSIX's order."""
    locale = next(filter(None, map(os.environ.get, _VARIABLES)), "")
    return next((one for one in LANGUAGES if locale.lower().startswith(one)), LANGUAGES[0])


def translated(text: str, into: str | None = None) -> str:
    """Return a text in a language, by default that of :func:`language`; in English without a translation."""
    chosen = into or language()
    return text if chosen == LANGUAGES[0] else _by_key(chosen).get(key_of(text), text)


def key_of(text: str) -> str:
    """Return the key of an English text in a wheel."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_KEY).hexdigest()


@cache
def _by_key(language: str) -> Mapping[str, str]:
    """Return the texts of a language by the keys of the English ones."""
    if file_of(language, "").exists():
        return keyed(texts(language))
    keys, others = json.loads(_packed(Path(__file__).with_name(PACK))[f"{language}.{KEYED}"])
    return {keys[at * _DIGITS : (at + 1) * _DIGITS]: other for at, other in enumerate(others)}


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


def for_pack(texts: Mapping[str, str]) -> str:
    """Return texts in a wheel's form: all keys in one string, which compresses best, then the texts, as JSON."""
    told = keyed(texts)
    return json.dumps(["".join(told), list(told.values())], ensure_ascii=False, separators=(",", ":"))


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return the translations of a language by the English texts."""
    return dict(pair for kind in FILES for pair in entries(read(file_of(language, kind))))


def read(file: Path) -> str:
    """Return the content of a file of texts; in a wheel it is packed."""
    if file.exists():
        return file.read_text(encoding="utf-8")
    return _packed(file.with_name(PACK))[file.name]


@cache
def _packed(pack: Path) -> Mapping[str, str]:
    """Return the files of texts of a wheel by name; each follows its name, the only kind of comment."""
    texts = f"\n{bz2.decompress(pack.read_bytes()).decode()}".split("\n# ")[1:]
    return {name: text for name, _, text in (one.partition("\n") for one in texts)}


def file_of(language: str, kind: str) -> Path:
    """Return the file of one kind of texts: ``kind`` is empty for those of the code."""
    return Path(__file__).parent / (f"{language}.{kind}.po" if kind else f"{language}.po")


def entries(text: str) -> list[tuple[str, str]]:
    """
    Return the English and the other text of each entry of a file in gettext's format, in the order of the file.

    It supports comments, ``msgid``, ``msgstr`` and continuation lines; the entry with an empty ``msgid``, which is
    the header, and untranslated ones are left out.
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
    """Return whether a string without its first quote has nothing to unescape, like most: the check saves time."""
    return "\\" not in rest and rest.find('"') == len(rest) - 1
