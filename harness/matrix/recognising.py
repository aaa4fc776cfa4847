"""Which ``providers.yaml`` is one of ours: other programs have files of that name too."""

import re
from pathlib import Path

from harness.wire.limits import read_regular

SCHEMA_LINE = "# yaml-language-server: $schema=llm-compat-harness.schema.json"
"""What a providers.yaml begins with that is drafted: editors know the schema by it, and pytest that it is one of ours."""

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
    """Tell whether a file names the schema of ours near its beginning; one that can't be read does not."""
    try:
        return path.is_file() and bool(_SCHEMA_LINE.search(_head(path)))
    except OSError:
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def looks_like_ours(path: Path) -> bool:
    """
    Tell whether a file is meant as a matrix of ours: it says so, or has most of the keys that one must have.

    It is read as text, since one with a slip in it is meant all the same, and the slip is to be told.  So is one that
    says something without any key and is no list: nothing shows that it is another program's.
    """
    if has_schema_line(path):
        return True
    try:
        text = read_regular(path, _LARGEST).decode(errors="replace")
    except OSError:
        return True  # and why it can't be read is told as well
    if not _ANY_KEY.search(text):
        return bool(text.strip()) and not text.lstrip().startswith("- ")
    return bool(_LIST.search(text)) and len(set(_KEY.findall(text))) >= _ENOUGH
