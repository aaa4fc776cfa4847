"""Joins surrogate pairs that were split between JSON strings."""


def whole_characters(text: str) -> str:
    """Return ``text`` with surrogate pairs joined, as JavaScript has them anyway, and lone ones as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
