"""Renders the guides of ``docs/`` as pages; a guide without a translation is shown in English."""

import re
from collections.abc import Iterator
from pathlib import Path

from harness.site.pages import SitePage, Writer

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_SUFFIX = ".zh-CN.md"
_BOTH = re.compile(r"\A# ([^\u4e00-\u9fff\n]*[^\s\u4e00-\u9fff]) ([\u4e00-\u9fff].*)")
_LONGEST = 220
_NO_PROSE = re.compile(r"#|```|\||<|[-*] |\d+\. ")
_HAN_LETTER = re.compile(r"[\u4e00-\u9fff]")
_HAN = re.compile(r"(?m)^# .*[\u4e00-\u9fff]")
_ORDER = (
    "guide-app", "guide-endpoint", "guide-recordings", "install", "commands", "method", "formats", "figures",
    "claims", "fidelity", "registry", "profiles", "masking",
)  # fmt: skip
"""The order of the guides in their list; others follow by name."""

_NOT_SHOWN = frozenset({"pypi"})
"""Documents shown elsewhere: on the package index."""

_SWITCH = re.compile(r"^\[(中文|English)\]\([^)]*\)\n", re.MULTILINE)


def guide_pages(writer: Writer) -> Iterator[SitePage]:
    """Yield the list of guides, then each; none if the project has no ``docs/``."""
    found = _guides(writer.facts.root / "docs", writer.language)
    if not found:
        return
    texts = {name: _in_one_language(path.read_text(encoding="utf-8"), writer.language) for name, path in found.items()}
    yield SitePage("guides", writer.said("Guides"), _list(writer, texts))
    for name, text in texts.items():
        yield SitePage(f"guides/{name}", _title(text), _linked(_SWITCH.sub("", text), name, texts))


def _guides(folder: Path, language: str) -> dict[str, Path]:
    """Return the guides by name, in the order of their list: in Chinese if available, else in English."""
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    every = sorted(
        folder.glob("*.md"), key=lambda path: (ranks.get(path.name.partition(".")[0], len(ranks)), path.name)
    )
    every = [path for path in every if path.stem not in _NOT_SHOWN]
    english = {path.stem: path for path in every if not path.name.endswith(_SUFFIX)}
    chinese = {path.name.removesuffix(_SUFFIX): path for path in every if path.name.endswith(_SUFFIX)}
    return english if language == "en" else english | chinese


def _title(text: str) -> str:
    return next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), "")


def _in_one_language(text: str, language: str) -> str:
    """Return a guide whose bilingual title is reduced to one language."""

    def title(found: re.Match[str]) -> str:
        return f"# {found[1] if language == 'en' else found[2]}"

    return _BOTH.sub(title, text)


def _about(text: str, language: str) -> str:
    """Return the first sentence of a guide as plain text; empty if it is too long for a list."""
    paragraphs = re.split(r"\n\s*\n", _SWITCH.sub("", text))
    prose = [one for one in paragraphs if one.strip() and not _NO_PROSE.match(one.strip())]
    wanted = [one for one in prose if _HAN_LETTER.search(one)] if language != "en" and _HAN.search(text) else prose
    sentence = re.split(r"(?<=\.)\s|(?<=。)", " ".join(wanted[0].split()) if wanted else "", maxsplit=1)[0]
    return _LINK.sub(r"\1", sentence) if len(sentence) <= _LONGEST else ""


def _anchors(text: str) -> set[str]:
    """Return the anchors of a guide: explicit ones, and those generated for headings in ASCII."""
    slugs = (re.sub(r"[^a-z0-9_\s-]", "", heading.lower()).strip() for heading in re.findall(r"(?m)^#+ (.*)$", text))
    return {re.sub(r"[-\s]+", "-", slug) for slug in slugs} | set(re.findall(r'id="([^"]+)"', text))


def _list(writer: Writer, texts: dict[str, str]) -> str:
    foreign = "" if writer.language == "en" else f"（{writer.said('in English')}）"
    lines = [
        f"- [{_title(text)}]({name}/index.md){'' if _HAN.search(text) else foreign}<br>{_about(text, writer.language)}"
        for name, text in texts.items()
    ]
    return f"# {writer.said('Guides')}\n\n" + "\n".join(lines) + "\n"


def _linked(text: str, name: str, there: dict[str, str]) -> str:
    """Return a guide whose links lead to pages of the site; links to anything else become plain text."""

    def link(found: re.Match[str]) -> str:
        said, target = found[1], found[2]
        path, _, anchor = target.partition("#")
        if "://" in target or not path:
            return found[0]
        other = path.removesuffix(_SUFFIX).removesuffix(".md")
        if other in there:
            place = f"#{anchor}" if anchor in _anchors(there[other]) else ""
            return f"[{said}](../{other}/index.md{place})" if other != name else said
        return said

    return _LINK.sub(link, text)
