"""
Keeps small facts of judged exchanges, so that later ones of the same provider can be compared with them.

Their size does not depend on the response, and of an endless archive only the latest are kept: texts are kept as
digests, enough to tell that two are equal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness.wire.dialect import DialectName
from harness.wire.dumping import json_text

_KEPT, _LEAST = 5_000, 100
"""Maximum number of facts of each kind per provider, the latest; with many providers at least the second."""
_KEPT_IN_ALL = 10_000
"""Maximum for all providers of a file together, shared equally."""
_PROVIDERS = 500
"""Maximum number of providers, the latest met."""
_OF_ALL_DIALECTS = {
    "model", "messages", "system", "tools", "tool_choice", "max_tokens", "max_completion_tokens", "stream", "stream_options",
    "temperature", "top_p", "user", "metadata",
}  # fmt: skip
"""The parameters that mean the same in every dialect, or do not affect the response."""
_START, _STARTS = 6, (32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096)
"""Bytes of a short digest, and the lengths in characters of the beginnings that are digested."""
_WHOLE = 1_000
"""Characters: longer texts are not kept unchanged."""
_FORM = {"stream", "stream_options"}
"""The parameters that affect how a response is sent, not its content."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """
    An earlier exchange of the same provider: its request, and facts of its response that others must or must not
    share.

    ``question`` is a digest of all that was asked but for the form of the answer, empty if that is not known, and
    ``messages`` one of the messages alone; ``body`` one of the answer as it came, ``said`` one of its texts and
    calls, ``text`` one of what it shows, without white space around it; ``letters`` one of that without any white
    space, and ``all_letters`` likewise of thought and text, empty if either is.  ``date`` is that of the answer's
    header in seconds, 0 if there is none; ``model`` the one that was asked for.  ``prompt_bytes`` are those of the
    texts sent, 0 if they are not all of the prompt. ``asked`` is a digest of what was asked whatever the dialect,
    empty where more was asked than is the same in all. ``thought`` is whether its usage tells of thinking:
    reasoning is counted, or more tokens than what is shown has bytes. ``shown`` is its text, ``pondered`` its
    reasoning and ``sent`` the arguments of its calls, None if it is too long to be kept; of longer ones ``starts``
    are short digests of the beginnings of the text, and ``tails`` of its ends, read backwards; ``length`` is that
    of all of it in characters, ``breaks_off`` whether it ends with no end of a sentence, ``hangs`` whether with
    what no text ends with, and ``starts_within`` whether it begins within one. ``prompt`` is a digest of all that a
    prompt of Messages is made of, and ``counted`` whether it was counted and not answered. ``altered`` is whether a
    publisher put something else in the answer, ``answered`` whether it is whole.
    """

    question: bytes
    messages: bytes
    is_stream: bool
    body: bytes
    said: bytes
    text: bytes
    letters: bytes
    all_letters: bytes
    ids: tuple[str, ...]
    call_ids: tuple[str, ...]
    created: int | None
    date: int
    model: str
    prompt_tokens: Any
    prompt_bytes: int
    channels: frozenset[str]
    finish_reason: str | None
    tools: tuple[str, ...]
    altered: bool
    answered: bool
    dialect: DialectName = "chat"
    asked: bytes = b""
    thought: bool = False
    starts: bytes = b""
    tails: bytes = b""
    length: int = 0
    breaks_off: bool = False
    hangs: bool = False
    completion_tokens: Any = None
    starts_within: bool = False
    shown: str | None = None
    pondered: str | None = None
    sent: str | None = None
    prompt: bytes = b""
    counted: bool = False

    def ends_as(self, other: "Sibling") -> bool:
        """Return whether one text ends with the other, judging by the digests of their ends."""
        return _alike(self.tails, other.tails, min(self.length, other.length))

    def begins_as(self, other: "Sibling") -> bool:
        """Return whether one text begins with the other, judging by the digests of their beginnings."""
        return _alike(self.starts, other.starts, min(self.length, other.length))

    def repeats(self, other: "Sibling") -> bool:
        """
        Return whether both are one response: the same bytes, or the same words for the same question or time.

        A cache gives such responses, and so does a log of both ends of a gateway.
        """
        alike = self.question == other.question or (self.created is not None and self.created == other.created)
        return self.body == other.body or (self.said == other.said and alike)


class Siblings:
    """The kept facts of the exchanges of one provider so far, indexed."""

    def __init__(self, siblings: Iterable[Sibling] = ()) -> None:
        self._most = _KEPT
        self._by_id: dict[str, Sibling] = {}
        self._by_call: dict[str, Sibling] = {}
        self._by_question: dict[tuple[bytes, bool], Sibling] = {}
        self._by_asked: dict[tuple[bytes, str], Sibling] = {}
        self._by_created: dict[int, Sibling] = {}
        self._by_prompt: dict[tuple[bytes, bool], Sibling] = {}
        self._by_count: dict[tuple[str, int], tuple[Sibling, Sibling]] = {}
        self.earliest: Sibling | None = None
        """The one with the least ``created`` among those with a known date; ``latest`` the one with the greatest."""
        self.latest: Sibling | None = None
        for one in siblings:
            self.add(one)

    def add(self, one: Sibling) -> None:
        """Keep the facts of an exchange."""
        for name in one.ids:
            self._keep(self._by_id, name, one)
        for name in one.call_ids:
            self._keep(self._by_call, name, one)
        if one.question and one.answered:
            self._keep(self._by_question, (one.question, one.is_stream), one)
        if one.asked and one.answered:
            self._keep(self._by_asked, (one.asked, one.dialect), one)
        if one.prompt and type(one.prompt_tokens) is int:
            self._keep(self._by_prompt, (one.prompt, one.counted), one)
        self._add_created(one)
        if one.prompt_bytes and type(one.prompt_tokens) is int:
            key = (one.model, one.prompt_tokens)
            least, most = self._by_count.get(key, (one, one))
            self._keep(self._by_count, key, (min(least, one, key=_size), max(most, one, key=_size)))

    def _add_created(self, one: Sibling) -> None:
        if one.created is None or not one.date:
            return
        if one.created not in self._by_created:
            self._keep(self._by_created, one.created, one)
        if self.earliest is None or one.created < (self.earliest.created or 0):
            self.earliest = one
        if self.latest is None or one.created > (self.latest.created or 0):
            self.latest = one

    def with_id(self, name: str) -> Sibling | None:
        """Return the latest exchange whose response has this id."""
        return self._by_id.get(name)

    def with_call_id(self, name: str) -> Sibling | None:
        """Return the latest exchange with a tool call of this id in its response."""
        return self._by_call.get(name)

    def counterpart(self, one: Sibling) -> Sibling | None:
        """Return the latest exchange with the same request as ``one`` but the opposite ``stream``."""
        return self._by_question.get((one.question, not one.is_stream)) if one.question else None

    def in_dialect(self, one: Sibling, dialect: DialectName) -> Sibling | None:
        """Return the latest exchange with the same request as ``one`` in another dialect."""
        return self._by_asked.get((one.asked, dialect)) if one.asked else None

    def of_prompt(self, one: Sibling) -> Sibling | None:
        """Return the latest exchange that counts the prompt of ``one``, or the message for a counted one."""
        return self._by_prompt.get((one.prompt, not one.counted)) if one.prompt else None

    def with_created(self, created: int) -> Sibling | None:
        """Return the first exchange with a known date and this ``created``."""
        return self._by_created.get(created)

    def with_prompt_tokens(self, one: Sibling) -> tuple[Sibling, ...]:
        """Return the exchanges with the shortest and the longest prompt of those with the token count of ``one``."""
        return self._by_count.get((one.model, one.prompt_tokens), ())

    @property
    def any_id(self) -> bool:
        """Whether any response had an id."""
        return bool(self._by_id)

    def keep(self, most: int) -> None:
        """Limit the facts of each kind to a number; the oldest are dropped."""
        self._most = most
        tables = (
            self._by_id,
            self._by_call,
            self._by_question,
            self._by_asked,
            self._by_created,
            self._by_prompt,
            self._by_count,
        )
        for table in tables:
            self._cut(table)

    def _keep(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an entry as the latest; drop the oldest if there are too many."""
        table.pop(key, None)
        table[key] = value
        self._cut(table)

    def _cut(self, table: dict[Any, Any]) -> None:
        while len(table) > self._most:
            del table[next(iter(table))]


def _size(one: Sibling) -> int:
    return one.prompt_bytes


class SiblingsOfFile:
    """The kept facts of the exchanges of a file so far, by provider, in bounded memory."""

    def __init__(self) -> None:
        self._of: dict[str, Siblings] = {}

    def of(self, provider: str) -> Siblings:
        """Return the facts of a provider."""
        known = self._of.pop(provider, None)
        self._of[provider] = siblings = known or Siblings()
        if known is None:
            self._share()
        return siblings

    def _share(self) -> None:
        if len(self._of) > _PROVIDERS:
            del self._of[next(iter(self._of))]
        for one in self._of.values():
            one.keep(min(_KEPT, max(_LEAST, _KEPT_IN_ALL // len(self._of))))


def digest(*texts: bytes | str | None) -> bytes:
    """Return a digest that distinguishes texts."""
    import hashlib  # loads OpenSSL, which a single response never needs

    sum_of = hashlib.blake2b(digest_size=12)
    for text in texts:
        sum_of.update(text.encode("utf-8", "replace") if isinstance(text, str) else text or b"")
        sum_of.update(b"\0")
    return sum_of.digest()


def starts_of(text: str) -> bytes:
    """Return short digests of the beginnings of a text, one per length in ``_STARTS``, or of all if shorter."""
    import hashlib  # as in digest

    sum_of, found, done = hashlib.blake2b(digest_size=_START), b"", 0
    for length in _STARTS:
        sum_of.update(text[done:length].encode("utf-8", "replace"))
        found, done = found + sum_of.digest(), length
    return found


def _alike(one: bytes, other: bytes, length: int) -> bool:
    """Return whether two texts, the shorter of ``length`` characters, begin alike according to ``starts_of``."""
    common = _START * sum(start <= length for start in _STARTS)
    return bool(common) and one[:common] == other[:common]


def as_it_is(text: str | None) -> str | None:
    """Return a text stripped, without a lone surrogate at its end; None if it is too long to keep."""
    bare = (text or "").strip().rstrip("\ufffd")
    return bare if len(bare) <= _WHOLE else None


def breaks_off(text: str) -> bool:
    """Return whether a text ends within a sentence: with a letter, or with a character that ends no sentence."""
    return hangs(text) or text[-1:].isalnum()


def hangs(text: str) -> bool:
    """Return whether a text ends with a sign that more follows."""
    return bool(text) and text[-1] in ",;:-(，；：、"


def starts_within(text: str) -> bool:
    """Return whether a text begins within a sentence: with a small letter, or a character that begins no sentence."""
    return bool(text) and (text[0].islower() or text[0] in ",;:.)，；：、。")


def letters_of(*texts: str | None) -> bytes:
    """Return a digest of texts without their white space; empty if one of them is blank."""
    bare = ["".join((text or "").split()) for text in texts]
    return digest("".join(bare)) if all(bare) else b""


def question_of(url: str, body: Mapping[str, Any] | None) -> bytes:
    """Return a digest of URL and request except the form of the response; empty if unknown."""
    if not body or not _said_to(body):
        return b""
    asked = {key: value for key, value in body.items() if key not in _FORM and value is not None}
    return digest(_path(url) + _written(asked))


def asked_of(model: str | None, body: Mapping[str, Any] | None) -> bytes:
    """Return a digest of a request that is the same in every dialect; empty if it has more than texts and tools."""
    if not body or not body.keys() <= _OF_ALL_DIALECTS or body.get("tool_choice") not in (None, "auto"):
        return b""
    said: list[tuple[Any, Any]] = [("system", body["system"])] if body.get("system") else []
    listed = body.get("messages")
    said += (
        [(one.get("role"), one.get("content")) for one in listed if isinstance(one, dict)]
        if isinstance(listed, list)
        else []
    )
    if not said or not all(isinstance(content, str) for _, content in said):
        return b""
    tools = [_tool_name(tool) for tool in body.get("tools") or () if isinstance(tool, dict)]
    return digest(_written([model, said, tools]))


def _tool_name(tool: Mapping[str, Any]) -> Any:
    function = tool.get("function")
    return function.get("name") if isinstance(function, dict) else tool.get("name")


def _path(url: str) -> bytes:
    try:
        return urlsplit(url).path.encode("utf-8", "replace")
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return b""


def _written(value: Any) -> bytes:
    return json_text(value, in_order=True).encode("utf-8", "replace")


def prompt_of(body: Mapping[str, Any] | None) -> bytes:
    """Return a digest of the whole prompt of a Messages request; empty if unknown."""
    if not body or not body.get("messages"):
        return b""
    return digest(_written([body.get(key) for key in ("model", "system", "messages", "tools")]))


def messages_of(body: Mapping[str, Any] | None) -> bytes:
    """Return a digest of the messages of a request."""
    return digest(_written(_said_to(body))) if body else b""


def _said_to(body: Mapping[str, Any]) -> Any:
    """Return the input of the model: messages, or the prompt of a legacy completion."""
    return body.get("messages", body.get("prompt"))


def text_bytes(body: Mapping[str, Any] | None) -> int:
    """Return the size of the texts and tools of a request; 0 if a part of it is not text, or none is known."""
    if body and "messages" not in body and isinstance(body.get("prompt"), str):
        return len(_written([body["prompt"], body.get("suffix")]))
    listed = body.get("messages") if body else None
    messages = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not body or not messages or _has_media(messages):
        return 0
    # Many templates leave out reasoning that is sent back.
    sent = [one.get(key) for one in messages for key in ("content", "tool_calls")]
    return len(_written([sent, body.get("tools"), body.get("response_format")]))


def _has_media(messages: list[dict[str, Any]]) -> bool:
    """Return whether a message has a part that is not text."""
    lists = (message.get("content") for message in messages if isinstance(message.get("content"), list))
    return any(not isinstance(part, dict) or part.get("type") != "text" for content in lists for part in content or ())
