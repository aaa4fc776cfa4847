"""The built site: its URLs, its links, its size."""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from harness.errors import Unwritable
from harness.site.build import build_site
from harness.site.facts import Facts

pytestmark = pytest.mark.thorough


class Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag in {"img", "script", "link"} and (url := given.get("src") or given.get("href")):
            self.sources.append(url)
        self.ids |= {str(given[name]) for name in ("id", "name") if given.get(name)}


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Links]:
    return {path: Links(path.read_text(encoding="utf-8")) for path in built.rglob("*.html") if path.name != "404.html"}


@pytest.mark.parametrize(
    "path", ["", "providers/deepseek", "rules/usage.once", "clients/langchain-openai", "guides/guide-app"]
)
@pytest.mark.parametrize("language", ["", "zh"])
def test_short_addresses(built: Path, language: str, path: str) -> None:
    assert (built / language / path / "index.html").is_file()


def test_no_link_is_dead(pages: dict[Path, Links], built: Path) -> None:
    dead = []
    for path, found in pages.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() or parts.path.endswith("/") else target
            if (target not in pages and not target.is_file()) or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids
            ):
                dead.append(f"{path.relative_to(built)}: {link}")
    assert sorted(set(dead)) == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Links]) -> None:
    assert [url for found in pages.values() for url in found.sources if urlsplit(url).netloc] == []


def test_no_page_is_heavy(built: Path) -> None:
    weights = {path: len(gzip.compress(path.read_bytes())) for path in built.rglob("*.html")}
    assert max(weights.values()) < 200_000
    assert weights[built / "index.html"] < 100_000


def test_every_sentence_of_the_chinese_pages_is_chinese(built: Path) -> None:
    """What stands in English there says so: a language of its own, or code."""
    text = (built / "zh/rules/usage.once/index.html").read_text(encoding="utf-8")
    body = re.sub(
        r"(?s)<(code|script|style|pre)\b.*?</\1>|<[^>]*lang=\"en\"[^>]*>[^<]*|<[^>]+>",
        " ",
        text.partition("<article")[2],
    )
    assert re.findall(r"[A-Za-z]+(?: [a-z]+){3,}", body.partition("</article>")[0]) == []


def test_the_folder_of_somebody_else_is_left_alone(facts: Facts, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Unwritable, match="does not contain a site made by harness"):
        build_site(facts, tmp_path)
    assert (tmp_path / "thesis.txt").exists()
