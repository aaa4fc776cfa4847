"""Characters that JSON writes as two halves, where the halves came apart."""


def whole_characters(text: str) -> str:
    """Return ``text`` with two halves in a row as one character, as JavaScript has them anyway, and others as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
