"""Finds the installed release of the OpenAI SDK, and whether harness supports it, without importing it."""

OLDEST = (2, 20)
"""The oldest supported release, tested by ``make test-openai2``: 2.0 can't send a body that is not JSON."""


def version() -> str | None:
    """Return the version of the SDK, without importing it; None if it is not installed."""
    from importlib import metadata

    try:
        return metadata.version("openai")
    except metadata.PackageNotFoundError:
        return None


def unusable() -> str | None:
    """Return why the SDK can't be used, and what to do; None if it can."""
    found, oldest = version(), ".".join(map(str, OLDEST))
    if found is None:
        return f"the OpenAI SDK is not installed; run: pip install 'openai>={oldest}'"
    if release_of(found) < OLDEST:
        return f"openai {found}: this needs {oldest} or later; run: pip install 'openai>={oldest}'"
    return None


def release_of(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(part) for part in version.split(".")[:2])
