"""The guides of ``docs/``, as pages; where a language has no guide of its own, its list names the English one."""

import re
from collections.abc import Iterator
from pathlib import Path

from harness.site.pages import SitePage, Writer

_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_SUFFIX = ".zh-CN.md"
_HAN = re.compile(r"(?m)^# .*[\u4e00-\u9fff]")
_SWITCH = re.compile(r"^\[(中文|English)\]\([^)]*\)\n", re.MULTILINE)


def guide_pages(writer: Writer) -> Iterator[SitePage]:
    """Yield the list of guides, then each; none where the project has no ``docs/``."""
    found = _guides(writer.facts.root / "docs", writer.language)
    if not found:
        return
    texts = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
    yield SitePage("guides", writer.said("Guides"), _list(writer, texts))
    for name, text in texts.items():
        yield SitePage(f"guides/{name}", _title(text), _linked(_SWITCH.sub("", text), name, texts))


def _guides(folder: Path, language: str) -> dict[str, Path]:
    """Return the guides by name: in Chinese where there is one, else in English."""
    every = sorted(folder.glob("*.md"))
    english = {path.stem: path for path in every if not path.name.endswith(_SUFFIX)}
    chinese = {path.name.removesuffix(_SUFFIX): path for path in every if path.name.endswith(_SUFFIX)}
    return english if language == "en" else english | chinese


def _title(text: str) -> str:
    return next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), "")


def _anchors(text: str) -> set[str]:
    """Return the anchors that a guide has: those it sets, and those that its headings in ASCII get."""
    slugs = (re.sub(r"[^a-z0-9_\s-]", "", heading.lower()).strip() for heading in re.findall(r"(?m)^#+ (.*)$", text))
    return {re.sub(r"[-\s]+", "-", slug) for slug in slugs} | set(re.findall(r'id="([^"]+)"', text))


def _list(writer: Writer, texts: dict[str, str]) -> str:
    foreign = "" if writer.language == "en" else f"（{writer.said('in English')}）"
    lines = [
        f"- [{_title(text)}]({name}/index.md){'' if _HAN.search(text) else foreign}" for name, text in texts.items()
    ]
    return f"# {writer.said('Guides')}\n\n" + "\n".join(lines) + "\n"


def _linked(text: str, name: str, there: dict[str, str]) -> str:
    """Return a guide whose links lead to pages of the site; what is not on it is named without a link."""

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
