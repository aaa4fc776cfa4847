"""Which release of the OpenAI SDK is installed, and whether it can be driven; told without importing it."""

OLDEST = (2, 20)
"""The oldest that is driven, which ``make test-openai2`` tries: 2.0 can't send a body that is no JSON."""


def version() -> str | None:
    """Return the version of the SDK, without importing it; None where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version("openai")
    except metadata.PackageNotFoundError:
        return None


def unusable() -> str | None:
    """Return why the SDK can't be driven, and what to do; None where it can."""
    found, oldest = version(), ".".join(map(str, OLDEST))
    if found is None:
        return f"the OpenAI SDK is not installed; run: pip install 'openai>={oldest}'"
    if release_of(found) < OLDEST:
        return f"openai {found}: this needs {oldest} or later; run: pip install 'openai>={oldest}'"
    return None


def release_of(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(part) for part in version.split(".")[:2])
