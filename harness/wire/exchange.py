"""Defines an exchange: one HTTP request and its response as received."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload
from urllib.parse import urlsplit

import orjson

from harness.wire.altered import altered_fields
from harness.wire.chat.chunks import Columns
from harness.wire.dialect import DialectName, dialect_of
from harness.wire.limits import sizes
from harness.wire.pointer import locate
from harness.wire.reading import Reading, parse_json, read
from harness.wire.unpacking import GZIP, inflate

if TYPE_CHECKING:  # modules that derive values from the columns are imported on first use
    from harness.wire.chat.calls import JoinedCall
    from harness.wire.chat.completion import Completion
    from harness.wire.messages.columns import MessageColumns
    from harness.wire.siblings import Sibling, Siblings
    from harness.wire.turn import Turn

Provenance = Literal["recorded", "published", "reconstructed", "synthesised"]
Fidelity = Literal["wire", "lines", "reserialized", "chunks", "transcript"]

OK = 200
NO_ANSWER = 0
"""The status of an exchange without a response."""

CLOSED = "closed before the end"
"""How an exchange ended if its reader closed it early; a reason may follow."""

_REDIRECT, _ERROR = 300, 400
_EXCERPT = 160
_BEGINNING = 1 << 20
"""How much of a response that is too large is read to tell its dialect and form, bytes."""
_LIMIT = re.compile(r"LimitReached: (.* (?:bytes|events))", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_Default = TypeVar("_Default")
_OF_ANSWER = ("dialect", "reading", "message", "turn", "calls", "completion")
"""The derived values that depend only on the URL and the bytes of the response."""


class Headers(Mapping[str, str]):
    """Header fields in their original order and case, looked up case-insensitively; repeated ones joined by a comma."""

    def __init__(self, pairs: tuple[tuple[str, str], ...] = ()) -> None:
        self.pairs = pairs
        self._by_name: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._by_name[key] = f"{self._by_name[key]}, {value}" if key in self._by_name else value

    def __getitem__(self, name: str) -> str:
        return self._by_name[name.lower()]

    def __contains__(self, name: object) -> bool:  # this and get, since those of Mapping raise and catch an error
        return isinstance(name, str) and name.lower() in self._by_name

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: _Default, /) -> str | _Default: ...
    def get(self, name: str, default: _Default | None = None, /) -> str | _Default | None:
        """Return the value of a field, or ``default`` if there is none."""
        return self._by_name.get(name.lower(), default)

    def __iter__(self) -> Any:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


@dataclass(frozen=True)
class Request:
    """A request.  ``body`` is None if the recorder did not keep it."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes | None = None

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object; None if there is none."""
        return object_in(self.body or b"")

    def get(self, key: str) -> Any:
        """Return a top-level parameter of the body; None if absent or unknown."""
        return self.json.get(key) if self.json else None

    @property
    def include_usage(self) -> bool:
        """Whether ``stream_options.include_usage`` is true."""
        return include_usage(self.json or {})

    @cached_property
    def host(self) -> str:
        """The host of the URL, with its port unless it is the default; empty if there is none."""
        try:
            parts = urlsplit(self.url)
            return (parts.hostname or "") + (f":{parts.port}" if parts.port not in {None, 80, 443} else "")
        except ValueError:  # such as an unclosed bracket of an IPv6 address
            return ""


def object_in(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object that ``content`` is; None if it is none."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def include_usage(body: Mapping[str, Any]) -> bool:
    """Return whether the body of a request sets ``stream_options.include_usage``."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


@dataclass(frozen=True, slots=True)
class Reads:
    """
    The reads in which a body arrived: their sizes in bytes, and microseconds since the one before.

    ``dt_us`` is empty if the recorder kept no times.
    """

    sizes: tuple[int, ...]
    dt_us: tuple[int, ...] = ()


@dataclass(frozen=True)
class Response:
    """
    A response.  ``body`` is as it was sent, compression included.

    ``eof`` is whether the body ended properly, ``error`` how it ended otherwise: ``LimitReached`` and the limit if
    harness ended it.
    """

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    reason: str = ""
    reads: Reads | None = None
    eof: bool = True
    error: str | None = None
    http_version: str | None = None

    @cached_property
    def content(self) -> bytes:
        """The body without its content-encoding; unchanged if decoding fails (``undecodable``)."""
        return self._decoded[0]

    @property
    def undecodable(self) -> str | None:
        """What is wrong with the compressed body; None if nothing is."""
        return self._decoded[1]

    @cached_property
    def too_large(self) -> str | None:
        """Which limit the body exceeds; None if it exceeds none."""
        met, most = _LIMIT.fullmatch(self.error or ""), sizes().body
        if met:
            return met[1]
        return self._decoded[2] or (f"more than {most:,} bytes" if len(self.body) > most else None)

    def beside(self, **changes: Any) -> "Response":
        """Return a copy with changes that do not affect its content, which is not decoded again."""
        other = replace(self, **changes)
        vars(other)["_decoded"] = self._decoded
        return other

    @cached_property
    def date(self) -> int:
        """The date header as seconds since 1970; 0 if it is missing or can't be parsed."""
        text = self.headers.get("date")
        if not text:
            return 0
        from email.utils import parsedate_to_datetime  # imports sockets and more

        try:
            return int(parsedate_to_datetime(text).timestamp())
        except (TypeError, ValueError, OverflowError):
            return 0

    @property
    def closed_by_us(self) -> bool:
        """Whether the reader closed it before its end, for its own reasons."""
        return not self.eof and (self.error or "").startswith(CLOSED)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return OK <= self.status < _REDIRECT

    @property
    def is_error(self) -> bool:
        """Whether the status is 4xx or 5xx."""
        return self.status >= _ERROR

    @property
    def unsupported_encoding(self) -> str | None:
        """Why this tool can't read the body, through no fault of the provider; None if it can."""
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in {"br", "zstd"} and self.body and not _is_text(self.body):
            return f"content-encoding {encoding} is not one this tool can undo"
        return None

    @cached_property
    def _decoded(self) -> tuple[bytes, str | None, str | None]:
        encoding = self.headers.get("content-encoding", "").strip().lower()
        # Recorders often keep the header and store the decoded text: believe the bytes.
        if encoding in {"gzip", "x-gzip"} and self.body[:2] == GZIP:
            return inflate(self.body, zlib.MAX_WBITS | 16)
        if encoding == "deflate" and self.body[:1] == b"\x78":
            return inflate(self.body, zlib.MAX_WBITS)
        # A recorder that keeps the times of reads keeps the original bytes.
        named = encoding in {"gzip", "deflate"} or (encoding in {"br", "zstd"} and _is_text(self.body))
        if named and self.reads and self.reads.dt_us:
            return self.body, f"the body is called {encoding}, and is not", None
        return self.body, None, None


def _is_text(body: bytes) -> bool:
    return b"\0" not in body[:64] and body[:1] in {b"{", b"[", b"d", b":", b"e", b'"', b"<"}


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where an exchange comes from.

    ``fidelity`` says what may be judged: ``wire`` everything; ``lines`` the lines but not the blank ones between
    them; ``reserialized`` not key order and white space; ``chunks`` the JSON alone, its framing having been
    rebuilt; ``transcript`` the same, and parts may be missing.  ``at`` is the date of recording as ISO 8601 text.
    ``ours`` is whether this program recorded it from the provider, so that it is unaltered. ``failed_before`` is
    the status of a first attempt at the same request that was rejected or failed while others succeeded.
    """

    provenance: Provenance = "recorded"
    at: str | None = None
    url: str | None = None
    note: str | None = None
    fidelity: Fidelity = "wire"
    ours: bool = False
    failed_before: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What the sender knows about a request.

    ``statuses`` are the acceptable ones, empty if unknown; ``tested_parameter`` is the parameter or form that the
    request tests; ``cancelled_by_client`` is whether harness closed the response after its first event.
    """

    statuses: tuple[int, ...] = ()
    tested_parameter: str | None = None
    cancelled_by_client: bool = False

    @property
    def answer(self) -> bool:
        """Whether a completion is expected: the provider serves such requests."""
        return self.statuses == (OK,)

    @property
    def refusal(self) -> bool:
        """Whether the request is invalid, so that a successful response to it is."""
        return bool(self.statuses) and OK not in self.statuses


@dataclass(frozen=True)
class Exchange:
    """
    A request, its response and where they come from.

    ``expected`` is what is known of the request beforehand; ``earlier`` the preceding exchanges of its recording,
    for rules that compare; ``siblings`` the facts of preceding exchanges of the same provider in an archive.
    """

    request: Request
    response: Response
    source: Source = field(default_factory=Source)
    expected: Expected = Expected()
    earlier: tuple["Exchange", ...] = ()
    siblings: "Siblings | None" = field(default=None, compare=False, repr=False)

    def beside(self, **changes: Any) -> "Exchange":
        """Return a copy with changes beside request and response, which are not parsed again."""
        other, known = replace(self, **changes), vars(self)
        vars(other).update({name: known[name] for name in _OF_ANSWER if name in known})
        return other

    @cached_property
    def dialect(self) -> DialectName:
        """The dialect of the request."""
        return dialect_of(self.request.url, self.response.content)

    @cached_property
    def reading(self) -> Reading:
        """The result of one pass over the body; computed once."""
        content = self.response.content
        return read(content[:_BEGINNING] if self.response.too_large else content, self.dialect)

    @property
    def too_large(self) -> str | None:
        """Which limit the response exceeds, so that its rest can't be judged; None if none."""
        return self.response.too_large or self.reading.too_large

    @property
    def columns(self) -> Columns:
        """The columns of a chat or legacy completion; empty ones in another dialect."""
        return self.reading.columns

    @cached_property
    def message(self) -> "MessageColumns":
        """The columns of a Messages response; empty ones in another dialect."""
        from harness.wire.messages.columns import MessageColumns

        return self.reading.messages or MessageColumns("message")

    @cached_property
    def turn(self) -> "Turn":
        """The content of the response, in a form common to all dialects."""
        if self.dialect == "messages":
            from harness.wire.messages import turn as of_messages

            return of_messages.turn_of(self.message)
        from harness.wire.chat import turn as of_chat

        return of_chat.turn_of(self.completion)

    @cached_property
    def calls(self) -> "dict[int, list[JoinedCall]]":
        """The tool calls of each choice, joined from their fragments."""
        from harness.wire.chat.calls import calls_of

        return {index: calls_of(choice) for index, choice in self.columns.choices.items()}

    @cached_property
    def completion(self) -> "Completion":
        """The message the response adds up to."""
        from harness.wire.chat.completion import complete

        return complete(self.columns)

    @cached_property
    def altered(self) -> frozenset[str]:
        """The fields of the chunks in which a publisher put placeholders; see ``wire/altered.py``."""
        return frozenset() if self.source.ours else altered_fields(self.reading.own.values)

    @cached_property
    def facts(self) -> "Sibling":
        """The facts that later exchanges are compared with."""
        if self.dialect == "messages":
            from harness.wire.messages import facts as of_messages

            return of_messages.facts_of(self)
        from harness.wire.chat import facts as of_chat

        return of_chat.facts_of(self)

    @cached_property
    def before(self) -> "Siblings":
        """The preceding exchanges of its recording or its archive."""
        from harness.wire.siblings import Siblings

        return Siblings(one.facts for one in self.earlier) if self.siblings is None else self.siblings

    @property
    def model(self) -> str | None:
        """The requested model; if the request is unknown, the first that the response names; else None."""
        names = (self.request.get("model"), *self.reading.own.values["model"])
        return next((name for name in names if isinstance(name, str) and name), None)

    @property
    def is_models_request(self) -> bool:
        """Whether this is a request for the list of models."""
        return self.request.method == "GET"

    @cached_property
    def is_stream(self) -> bool:
        """Whether the request asks for a stream; if the request is unknown, whether the response is one."""
        asked = self.request.get("stream")
        return bool(asked) if self.request.json is not None else self.reading.body_kind == "stream"

    def chunk(self, number: int) -> Any:
        """Return chunk ``number`` parsed, or the body; None if it is not JSON, or absent.  For data not in columns."""
        parser = self.reading.parser
        if parser is None:
            return self._body
        return parse_json(parser.events.data[number])[0] if number < len(parser.events) else None

    @cached_property
    def _body(self) -> Any:
        if self.too_large or self.reading.body_kind == "json":
            return None if self.too_large else self.reading.body
        return parse_json(self.response.content[self.reading.start :])[0]

    def place(self, event: int | None, pointer: str | None = None) -> tuple[int, str]:
        """
        Return the byte offset and an excerpt of the value at ``pointer`` in event number ``event``.

        For a body that is not a stream, ``event`` is ignored.  A pointer to a key that is absent shows its
        container.
        """
        content = self.response.content
        parser = self.reading.parser
        if parser is None:
            start, data, exact = self.reading.start, content[self.reading.start :], True
        elif event is None or event >= len(parser.events):
            return 0, _excerpt(content, 0, 0)
        else:
            found = parser.events[event]
            start, data, exact = found.data_at, found.data, found.single_line
        begin, end = locate(data, pointer or "")
        return start + begin if exact else start, _excerpt(data, begin, end)

    def excerpt(self, offset: int) -> str:
        """Return a short excerpt of the body at a byte offset."""
        return _excerpt(self.response.content, offset, offset + _EXCERPT)


def _excerpt(data: bytes, begin: int, end: int) -> str:
    """Return the bytes from ``begin`` to ``end``, truncated to a line, as text that JSON can carry."""
    piece = data[begin : min(end, begin + 4 * _EXCERPT)].decode("utf-8", "backslashreplace")
    shown = _CONTROL.sub(lambda found: repr(found[0])[1:-1], piece)
    return shown if len(shown) <= _EXCERPT else shown[: _EXCERPT - 1] + "…"
