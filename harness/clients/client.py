"""Defines client code: a file, its environment, and the parts of a response it reads."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.errors import UnknownName, unknown
from harness.wire.dialect import DialectName

HERE = Path(__file__).parent

TEXT, REASONING, FINISH, USAGE, TOOLS = "text", "reasoning", "finish", "usage", "tools"

_SOURCE = re.compile(r"Source: (\S+)(?: .*)?$", re.MULTILINE)
_READS = re.compile(r"Reads: ([a-z, ]+)")
_SPEAKS_MESSAGES = re.compile(r"ANTHROPIC_BASE_URL|@anthropic-ai/|@ai-sdk/anthropic|\b(?:import|from) \w*anthropic\b")
_SPEAKS_COMPLETIONS = re.compile(
    r"(?<!chat)\.completions\.create\b|(?<!chat)/completions\b|\btext_completion\(|\bCompletion\.create\b"
)
_BLOCK = re.compile(r'\A\s*(?:"""(.*?)"""|/\*(.*?)\*/|((?:[ \t]*//.*\n)+))', re.DOTALL)


@dataclass(frozen=True)
class Client:
    """
    Some client code: an idiom, that is a few lines that people write, or a third-party library.

    Its file at ``path`` has the entry ``read(question, out)``: it asks ``question`` (model, messages or a prompt,
    and tools if the response has calls) at ``OPENAI_BASE_URL``, in Messages at ``ANTHROPIC_BASE_URL``, and passes
    ``out`` what its user gets; if it ``loops``, the entry ``loop`` also runs the tools and sends their results
    back.  ``reads`` are the parts of a response it passes on; ``streams`` is whether it asks for a stream.  ``env``
    names its environment.  ``only`` is ``json`` for a client that parses the response into an object.  ``dialect``
    is its dialect.
    """

    id: str
    title: str
    env: str
    path: Path
    reads: frozenset[str]
    streams: bool = True
    loops: bool = False
    only: str | None = None
    dialect: DialectName = "chat"

    @property
    def idiom(self) -> bool:
        """Whether it is a few lines to read, rather than a library."""
        return self.path.parent.name != "real"

    @cached_property
    def code(self) -> str:
        """The file, without its docstring."""
        return _BLOCK.sub("", self._text, count=1).strip() + "\n"

    @cached_property
    def about(self) -> str:
        """The description in its file."""
        found = _BLOCK.match(self._text)
        said = next((part for part in found.groups() if part), "") if found else ""
        lines = [line.strip().lstrip("/*").strip() for line in said.partition("Source:")[0].splitlines()]
        return " ".join(line for line in lines if line)

    @cached_property
    def source(self) -> str | None:
        """Where such code is public; None if no public place was found, or it was written here."""
        found = _SOURCE.search(self._text)
        return found[1] if found and found[1].startswith("http") else None

    @cached_property
    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8")


def client_of_file(path: Path) -> Client:
    """
    Return the user's own client code: it runs in harness's environment, or in Node.js if its suffix is ``.mjs``.

    A line ``Reads: text, reasoning, finish, usage, tools`` at its head says which parts of a response it passes on;
    without one, the text.  Its dialect is Messages if it imports a library of Anthropic's or reads
    ``ANTHROPIC_BASE_URL``, and legacy completions if it calls ``completions.create`` or uses ``/completions``
    without ``chat`` before it.

    Raises:
        UnknownName: it is not there, or reads what there is not.
    """
    try:
        head = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownName(
            f"{path}: {getattr(error, 'strerror', None) or error}; name a client or a file with its code"
        ) from None
    said = _READS.search(head)
    reads = frozenset(re.findall("[a-z]+", said[1])) if said else frozenset({TEXT})
    unknown_words = reads - {TEXT, REASONING, FINISH, USAGE, TOOLS}
    if unknown_words:
        wrong = unknown("thing to read", min(unknown_words), [TEXT, REASONING, FINISH, USAGE, TOOLS])
        raise UnknownName(f"{path}: {wrong}")
    env = "node" if path.suffix in {".mjs", ".js"} else "own"
    dialect = _spoken_by(head)
    return Client(path.stem, path.name, env, path.resolve(), reads, loops="loop(" in head, dialect=dialect)


def _spoken_by(code: str) -> DialectName:
    if _SPEAKS_MESSAGES.search(code):
        return "messages"
    return "completions" if _SPEAKS_COMPLETIONS.search(code) else "chat"
