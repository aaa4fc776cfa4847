"""Builds the short URL of each page: a provider, a rule or observation, a client."""

from pathlib import Path

from harness.reports.addresses import published

BUILT = "site"
"""The folder of a project that `make site` writes to."""


def path_of(kind: str, name: str) -> str:
    """Return the path of a page below the start page: ``kind`` is ``providers``, ``rules`` or ``clients``."""
    return f"{kind}/{name}/"


def address_of(kind: str, name: str, root: Path, language: str = "en") -> str | None:
    """
    Return the URL of the page: on the published site if ``HARNESS_SITE_URL`` names it, else the file built in the
    project at ``root``; None if there is neither.
    """
    below = ("" if language == "en" else f"{language}/") + path_of(kind, name)
    online = published(below)
    if online:
        return online
    built = root.resolve() / BUILT / below / "index.html"
    return built.as_uri() if built.is_file() else None
