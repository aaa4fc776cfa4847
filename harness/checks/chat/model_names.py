"""Derives the maker from the name of a model."""

import re

_FAMILIES = (
    ("gpt", "chatgpt", "davinci", "babbage", "codex"),
    ("claude", "opus", "sonnet", "haiku"),
    ("gemini", "gemma", "palm", "bison", "learnlm"),
    ("llama", "vicuna"),
    ("mistral", "mixtral", "ministral", "codestral", "magistral", "devstral", "pixtral", "voxtral"),
    ("qwen", "qwq", "qvq"),
    ("deepseek",),
    ("glm", "chatglm"),
    ("kimi", "moonshot"),
    ("grok",),
    ("command", "aya"),
    ("ernie",),
    ("hunyuan",),
    ("doubao", "seed"),
    ("minimax", "abab"),
    ("baichuan",),
    ("internlm",),
    ("phi",),
    ("nemotron",),
    ("granite",),
    ("jamba",),
    ("sonar",),
    ("falcon",),
    ("yi",),
    ("nova", "titan"),
)
"""
The words in the names of public models, by maker: a maker may serve one model for another.

The makers' own names are left out: in a name such as ``openai/my-model`` they name the API.
"""
_MAKER = {word: makers[0] for makers in _FAMILIES for word in makers}
_WORD = re.compile(r"[a-z]+")
_O_SERIES = re.compile(r"(?:^|/)o[1-9](?:$|-)")


_PATH = re.compile(r"(?:/|~/|\.{1,2}/|[A-Za-z]:[\\/]|file:|\\\\)")
_FILE = re.compile(r"\.(?:gguf|ggml|safetensors|bin|pth?|onnx|llamafile|mlmodelc?)$", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\\/]")


_DATED = re.compile(r"-(?:latest|preview|\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4})$")
_SMALLER = {"mini", "nano", "lite", "tiny", "small", "micro"}


def smaller(asked: str, served: str) -> set[str]:
    """Return the words that mark the responding model as smaller than the requested one."""
    words = [set(re.split(r"[-._ ]", _plain(name))) for name in (asked, served)]
    return (words[1] - words[0]) & _SMALLER if _plain(served).startswith(_plain(asked)) else set()


_TIERS = {"opus", "sonnet", "haiku", "pro", "flash", "ultra", "max", "plus", "turbo", "air"}
_REVISION = re.compile(r"(?<=\d{8})-v\d$|-\d{2}-\d{4}$")
_POINT = re.compile(r"(?<=\d)p(?=\d)")
_NUMBER = re.compile(r"(?!(?:q|fp|int|bf|w|e|a)\d)[a-z]*?v?(\d{1,2}(?:\.\d{1,2})?)(o?)(?:[nsv]|$)")
_DIGITS = re.compile(r"\d{1,2}")


def another(asked: str, served: str) -> str | None:
    """
    Return how the responding model differs from the requested one of the same maker: its version, or its variant.

    Both names must be specific; an alias, a date and the size of an open model are not.
    """
    versions = _version(asked), _version(served)
    if all(versions) and versions[0] != versions[1]:
        return "another version"
    tiers = [_TIERS.intersection(re.split(r"[-._ ]", _plain(name))) for name in (asked, served)]
    return "another model of the maker" if all(tiers) and not tiers[0] & tiers[1] else None


def _version(name: str) -> str | None:
    """Return the first version in a name, such as 3.5 of ``claude-3-5-sonnet``; None if there is none."""
    parts = re.split(r"[-_ @]", _POINT.sub(".", _REVISION.sub("", _plain(name))))
    for at, part in enumerate(parts):
        found = _NUMBER.fullmatch(part)
        if found:
            following = parts[at + 1] if at + 1 < len(parts) and _DIGITS.fullmatch(part) else ""
            minor = f".{following}" if _DIGITS.fullmatch(following) and not following.startswith("0") else ""
            return f"{found[1]}{minor}".removesuffix(".0") + found[2]
    return None


def _plain(name: str) -> str:
    """Return a name without vendor prefix, date and ``latest``."""
    return _DATED.sub("", _DATED.sub("", name.lower().rpartition("/")[2].partition(":")[0]))


def is_path(name: str) -> bool:
    """Return whether a name is the path of a file or folder; ``org/model`` is not."""
    return bool(_PATH.match(name)) or "\\" in name or bool(_FILE.search(name))


def makers(name: str) -> set[str]:
    """Return the makers of a model, a word each; none for an alias, a deployment or a router."""
    # The names of a file's parent folders say nothing about it.
    lowered = (_SEPARATOR.split(name)[-1] if is_path(name) else name).lower()
    found = {_MAKER[word] for word in _WORD.findall(lowered) if word in _MAKER}
    return found | ({"gpt"} if _O_SERIES.search(lowered) else set())
