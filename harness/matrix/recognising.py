"""Recognizes a ``providers.yaml`` of harness: other programs have files of that name too."""

import re
from pathlib import Path

from harness.wire.limits import read_regular

SCHEMA_LINE = "# yaml-language-server: $schema=llm-compat-harness.schema.json"
"""The first line of a drafted providers.yaml: editors find the schema by it, and pytest recognizes the file."""

_SCHEMA_LINE = re.compile(
    rb"^#.*\$schema\s*[=:]\s*\S*(?:llm-compat-harness|harness/matrix/providers\.schema\.json)", re.MULTILINE
)
_HEAD = 4096
_LARGEST = 8 << 20
_LIST = re.compile(r"""^["']?providers["']?\s*:""", re.MULTILINE)
_KEY = re.compile(r"""(?:^|[-{,])\s*["']?(id|base_url|key_env|docs|models|thinking)["']?\s*:""", re.MULTILINE)
_ANY_KEY = re.compile(r"^[^#\n]*:", re.MULTILINE)
_ENOUGH = 4


def has_schema_line(path: Path) -> bool:
    """Return whether a file names harness's schema near its beginning; False if it can't be read."""
    try:
        return path.is_file() and bool(_SCHEMA_LINE.search(_head(path)))
    except OSError:
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def looks_like_ours(path: Path) -> bool:
    """
    Return whether a file is meant as a matrix of harness: it says so, or has most of the required keys.

    It is read as text, since a file with a syntax error is still meant as one, and the error is to be reported.  So
    is a file with some content but no keys that is not a list: nothing shows that it is another program's.
    """
    if has_schema_line(path):
        return True
    try:
        text = read_regular(path, _LARGEST).decode(errors="replace")
    except OSError:
        return True  # and the reason why it can't be read is reported
    if not _ANY_KEY.search(text):
        return bool(text.strip()) and not text.lstrip().startswith("- ")
    return bool(_LIST.search(text)) and len(set(_KEY.findall(text))) >= _ENOUGH
