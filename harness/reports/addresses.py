"""Where the published site has the page of a rule: what reports link to, where ``HARNESS_SITE_URL`` names the site."""

import os

VARIABLE = "HARNESS_SITE_URL"
"""Names where the site is published, such as ``https://example.com/compat/``."""


def published(below: str) -> str | None:
    """Return the address of what stands at ``below`` on the published site; None where no site is named."""
    site = os.environ.get(VARIABLE)
    return f"{site.rstrip('/')}/{below}" if site else None


def page_of(check: str) -> str | None:
    """Return the address of a rule's page on the published site; None where no site is named."""
    return published(f"rules/{check}/")
