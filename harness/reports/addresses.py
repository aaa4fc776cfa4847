"""Builds links to the pages of rules on the published site, if ``HARNESS_SITE_URL`` names the site."""

import os

VARIABLE = "HARNESS_SITE_URL"
"""The variable with the URL of the published site, such as ``https://example.com/compat/``."""


def published(below: str) -> str | None:
    """Return the URL of the path ``below`` on the published site; None if no site is named."""
    site = os.environ.get(VARIABLE)
    return f"{site.rstrip('/')}/{below}" if site else None


def page_of(check: str) -> str | None:
    """Return the URL of a rule's page on the published site; None if no site is named."""
    return published(f"rules/{check}/")
