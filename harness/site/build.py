"""Builds the site: renders the pages of each language into Markdown, and runs Zensical on them."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.errors import HarnessError, Unwritable
from harness.recording.atomic import write_atomically
from harness.reports.start_table import Language
from harness.site.clients import client_pages
from harness.site.facts import Facts
from harness.site.guides import guide_pages
from harness.site.pages import SitePage, Writer
from harness.site.providers import provider_pages
from harness.site.rules import rule_pages
from harness.site.start import start_page

HERE = Path(__file__).parent
MARKER = ".llm-compat-harness-site"
"""File that marks a folder as a built site, which may be replaced; no other folder is."""

_RAW_HTML = "harness.site.raw_html"
"""Our extension of Python-Markdown, by the name that Zensical loads it by."""

_LANGUAGES: dict[Language, dict[str, str]] = {
    "en": {"folder": "", "name": "中文", "lang": "zh", "from_root": "zh/"},
    "zh": {"folder": "zh", "name": "English", "lang": "en", "from_root": "../"},
}
NAV = {"": "Start", "providers": "Providers", "rules": "Rules", "clients": "Client code", "guides": "Guides"}


def build_site(facts: Facts, into: Path, site_url: str | None = None) -> int:
    """
    Build the site into a folder, which is replaced if it holds one, and return how many pages it has.

    Raises:
        Unwritable: the folder holds something else.
        HarnessError: Zensical is not installed, or rejects a page.
    """
    if into.exists() and not (into / MARKER).exists() and any(into.iterdir()):
        raise Unwritable(
            f"{into}: the folder does not contain a site made by harness; name another folder, or delete it"
        )
    if find_spec("zensical") is None:
        raise HarnessError("Zensical is not installed; install it with: pip install 'llm-compat-harness[site]'")
    with TemporaryDirectory() as work:
        count, building = 0, dict[Path, subprocess.Popen[bytes]]()
        for language, other in _LANGUAGES.items():
            count += _write_sources(Writer(facts, language, site_url), Path(work) / language, other, site_url)
            log = Path(work) / f"{language}.txt"
            building[log] = _start_zensical(Path(work) / language, log)  # while the next language is written
        for log, process in building.items():
            _wait_for(process, log)
        _put(Path(work), into, facts)
    return count


def _put(work: Path, into: Path, facts: Facts) -> None:
    if into.exists():
        shutil.rmtree(into)
    shutil.move(work / "en/site", into)
    shutil.move(work / "zh/site", into / "zh")
    for provider, svg in facts.badges.items():
        write_atomically(into / f"badges/{provider}.svg", svg.encode())
    for name in (MARKER, ".nojekyll"):
        (into / name).touch()


def _write_sources(writer: Writer, work: Path, other: dict[str, str], site_url: str | None) -> int:
    """Write the pages of one language as Markdown, with their configuration, and return how many there are."""
    pages = [
        *start_page(writer),
        *provider_pages(writer),
        *rule_pages(writer),
        *client_pages(writer),
        *guide_pages(writer),
    ]
    for page in pages:
        _write(work / "docs", page)
    shutil.copytree(HERE / "assets", work / "docs/assets")
    shutil.copytree(HERE / "overrides", work / "overrides")
    config = _configuration(writer, pages, other, site_url)
    (work / "mkdocs.yml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
    return len(pages)


def _start_zensical(work: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "zensical", "build", "--config-file", "mkdocs.yml", "--clean"]
    with log.open("wb") as output:  # a pipe would fill up, since nobody reads meanwhile
        return subprocess.Popen(command, cwd=work, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603 - our own words


def _wait_for(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.wait():
        raise HarnessError(f"zensical: {log.read_text(encoding='utf-8').strip().splitlines()[-1:]}")


def _write(docs: Path, page: SitePage) -> None:
    path = docs / page.path / "index.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.source, encoding="utf-8")


def _configuration(
    writer: Writer, pages: list[SitePage], other: dict[str, str], site_url: str | None
) -> dict[str, Any]:
    there = {page.path for page in pages}
    base = f"{site_url.rstrip('/')}/{other['folder']}" if site_url else None
    palette = [
        {"media": f"(prefers-color-scheme: {media})", "scheme": scheme, "toggle": {"icon": icon, "name": writer.said(name)}}
        for media, scheme, icon, name in (
            ("light", "default", "lucide/sun", "Switch to dark mode"),
            ("dark", "slate", "lucide/moon", "Switch to light mode"),
        )
    ]  # fmt: skip
    return {
        "site_name": writer.said("LLM API compatibility"),
        **({"site_url": base} if base else {}),
        "nav": [{writer.said(name): f"{path}/index.md".lstrip("/")} for path, name in NAV.items() if path in there],
        "theme": {
            "language": writer.language,
            "font": False,
            "custom_dir": "overrides",
            "features": ["navigation.tabs", "navigation.top", "search.highlight", "toc.follow"],
            "palette": palette,
            "icon": {"logo": "lucide/braces"},
        },
        "plugins": ["search"],
        "extra": {"generator": False, "alternate": [other], "other": other},
        "extra_css": ["assets/site.css"],
        "extra_javascript": ["assets/site.js"],
        "markdown_extensions": ["tables", "attr_list", "fenced_code", {"toc": {"permalink": False}}, _RAW_HTML],
    }
