"""Defines the command that builds the site."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from harness.cli.common import ROOT, one_line_errors
from harness.cli.outlet import say
from harness.errors import HarnessError
from harness.printable import count_of


@click.command()
@click.option(
    "--results", type=click.Path(path_type=Path), help="Results of the checks  [default: ROOT/reports/results.jsonl]."
)
@click.option(
    "--clients", type=click.Path(path_type=Path), help="Results of client code  [default: ROOT/reports/clients.jsonl]."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="Folder for the site, replaced if it holds one  [default: ROOT/site].",
)
@click.option(
    "--url", help="Where the site will be published, for its sitemap and badges  [default: HARNESS_SITE_URL]."
)
@ROOT
@one_line_errors
def site(results: Path | None, clients: Path | None, into: Path | None, url: str | None, root: Path) -> None:
    """
    Build the site from results: static pages for each question, provider, rule and client, in English and Chinese.

    Any static server shows it: python -m http.server -d site.
    """
    from harness.reports.addresses import published

    if find_spec("harness.site.build") is None:  # a wheel leaves it out
        raise HarnessError("the site is built in a checkout of the repository; clone it, and run there: make site")
    from harness.site.build import build_site
    from harness.site.facts import load_facts

    reports, folder = root / "reports", into or root / "site"
    with _uncollected():
        facts = load_facts(root, results or reports / "results.jsonl", clients or reports / "clients.jsonl")
        count = build_site(facts, folder, url or published(""))
    say(f"{count_of(count, 'page')} in {folder}; open them with: python -m http.server -d {folder}", err=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep garbage collection off: nearly all objects live until the end, and examining them takes half of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
