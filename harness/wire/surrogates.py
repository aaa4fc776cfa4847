"""Characters that JSON writes as two halves, where the halves came apart."""


def whole_characters(text: str) -> str:
    """Return ``text`` with the two halves of a surrogate pair as one character, as JavaScript has them anyway."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text
