r"""
Plays a script byte by byte over real sockets, including what no proper HTTP library would send.  For tests only.

How it works: a ``Script`` is a function of a request that yields steps: bytes are sent, a number is seconds to wait,
and an ``End`` ends the connection.  The server reads a whole request, does the steps of the script whose turn it is,
and goes on with the next request on the same connection.  So any behaviour is a short generator::

    def odd(_request):
        yield head(200, ("Content-Type", "text/event-stream"), CHUNKED) + chunk(b"data: 1\n\n")
        yield 0.1
        yield End.RESET

    with Server(odd, IDEAL) as server:  # the first request gets odd, all others the ideal provider
        httpx2.post(server.base_url + "/chat/completions", ...)

A script that chooses by request calls another one: ``lambda request: (IDEAL if request.nth else odd)(request)``.
"""

import contextlib
import enum
import fcntl
import itertools
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import termios
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import orjson
import pytest

from harness.simulate.chat import ideal as provider
from harness.simulate.completions import ideal as completions
from harness.simulate.messages import ideal as messages
from harness.wire.exchange import NO_ANSWER, Exchange, Request, Response

# What a script is made of.


class End(enum.StrEnum):
    """
    How a connection ends.  A reset comes after everything was sent; a hang lasts until the client leaves or the
    server stops.
    """

    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Received:
    """
    A request as received: ``headers`` in their order and case, ``begun`` and ``at`` the times (``time.monotonic``)
    of its first line and its last byte, ``number`` its number among all requests, ``nth`` among those of its
    connection.
    """

    method: str
    path: str
    version: str
    headers: list[tuple[str, str]]
    body: bytes
    begun: float
    at: float
    number: int
    connection: int
    nth: int

    def header(self, name: str) -> str | None:
        """Return a header, looked up in any case; None if there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def authorized(self) -> bool:
        """Whether it has a key."""
        return self.header("authorization") is not None

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


Step = bytes | float | End
Script = Callable[[Received], Iterable[Step]]
Answer = Exchange | Callable[[Received], Exchange]
Framing = Literal["chunked", "length", "close"]
Pair = tuple[str, str]

CHUNKED = ("Transfer-Encoding", "chunked")
LAST_CHUNK = b"0\r\n\r\n"
_STREAM = ("Content-Type", "text/event-stream; charset=utf-8")
_NO_BODY = {204, 304}


def head(status: int, *headers: Pair, version: str = "HTTP/1.1", reason: str = "") -> bytes:
    """Return the bytes of a status line and headers."""
    lines = [f"{version} {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return the bytes of one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# Proper answers.


def plays(
    answer: Answer, pieces: Sequence[bytes] | None = None, pace: float = 0.0, framing: Framing | None = None
) -> Script:
    """
    Send the response of an exchange, or of the one that ``answer`` makes of the request.

    A piece is one chunk and one send: ``pieces`` as given, or the recorded reads, or the events of a stream, or the
    whole body; ``pace`` is the seconds between them.  The headers are those of the exchange; the one that frames
    the body is added if missing, or replaced by ``framing``.  The connection ends as the exchange did.
    """

    def script(request: Received) -> Iterator[Step]:
        response = (answer(request) if callable(answer) else answer).response
        if response.status == NO_ANSWER:
            yield End.CLOSE
            return
        parts = [piece for piece in (_pieces(response) if pieces is None else pieces) if piece]
        how = framing or _framing(response, parts)
        yield _head_of(response, how, sum(map(len, parts)))
        for number, piece in enumerate(parts):
            if number and pace:
                yield pace
            yield chunk(piece) if how == "chunked" else piece
        if not response.eof:
            # Where the end of the connection is the end of the body, only a reset shows that it broke off.
            yield End.RESET if how == "close" else End.CLOSE
        elif how == "close":
            yield End.CLOSE
        elif how == "chunked" and response.status not in _NO_BODY:
            yield LAST_CHUNK

    return script


def _pieces(response: Response) -> list[bytes]:
    body = response.body
    if response.reads:
        ends = [0, *itertools.accumulate(response.reads.sizes), len(body)]
        return [body[start:end] for start, end in itertools.pairwise(ends)]
    streams = "event-stream" in response.headers.get("content-type", "")
    return re.findall(rb"(?s).+?(?:\n\n|\Z)", body) if streams else [body]


def _framing(response: Response, parts: list[bytes]) -> Framing:
    if response.http_version == "HTTP/1.0":
        return "close"
    streams = len(parts) > 1 or "event-stream" in response.headers.get("content-type", "")
    chunked = "transfer-encoding" in response.headers or (streams and "content-length" not in response.headers)
    return "chunked" if chunked else "length"


def _head_of(response: Response, framing: Framing, length: int) -> bytes:
    given = int(response.headers.get("content-length", "0"))
    # A body that was cut short had promised more.
    promised = length if response.eof else max(given, length + 1)
    framed = {"chunked": CHUNKED, "length": ("Content-Length", str(promised))}.get(framing)
    needed = None if response.status in _NO_BODY else framed
    headers = []
    for name, value in response.headers.pairs:
        if name.lower() not in {"transfer-encoding", "content-length"}:
            headers.append((name, value))
        elif needed and name.lower() == needed[0].lower():
            headers.append((name, needed[1]))
            needed = None
    version = "HTTP/1.0" if response.http_version == "HTTP/1.0" else "HTTP/1.1"
    return head(response.status, *headers, *([needed] if needed else []), version=version, reason=response.reason)


def ideal_answer(request: Received) -> Exchange:
    """Return the ideal provider's response; the key is ``good``."""
    keys = {request.header("authorization"), f"Bearer {request.header('x-api-key')}"} - {None, "Bearer None"}
    key = "own" if keys == {"Bearer good"} else "wrong"
    call = (request.method, request.path.partition("?")[0])
    if call[1].startswith("/v1/messages"):
        body = Request(*call, body=request.body).json or {}
        path = call[1].removeprefix("/v1/messages")
        return messages.exchange(body, path=path, key=key, raw=request.body, number=request.number)
    if call == ("POST", "/v1/chat/completions"):
        body = Request(*call, body=request.body).json or {}
        return provider.exchange(body, id_=f"chatcmpl-{request.number}", key=key, raw=request.body)
    if call == ("POST", "/v1/completions"):
        body = Request(*call, body=request.body).json or {}
        return completions.exchange(body, id_=f"cmpl-{request.number}", key=key, raw=request.body)
    response = provider.error(404, "There is nothing here.")
    if key != "own":
        response = provider.error(401, "The key is not valid.", code="invalid_api_key")
    elif request.method == "GET" and call[1].startswith("/v1/models"):
        response = provider.models(call[1].removeprefix("/v1")).response
    return Exchange(Request(*call), response)


def ideal(pace: float = 0.0) -> Script:
    """Respond as the ideal provider does: a stream event by event, anything else with its length."""
    return plays(ideal_answer, pace=pace)


IDEAL = ideal()


def whole(status: int, body: bytes = b"", *headers: Pair) -> Script:
    """Answer with a body and its length, in one send."""
    return lambda _: [head(status, *headers, ("Content-Length", str(len(body)))) + body]


def refuses(status: int, *headers: Pair, message: str = "Not now.") -> Script:
    """Answer with an error in the form of the specification."""
    body = provider.error(status, message).body
    return whole(status, body, ("Content-Type", "application/json"), *headers)


RETRY_AFTER: dict[str, Callable[[], list[Pair]]] = {
    "none": list,
    "seconds": lambda: [("Retry-After", "1")],
    "zero": lambda: [("Retry-After", "0")],
    "fraction": lambda: [("Retry-After", "0.5")],
    "date": lambda: [("Retry-After", formatdate(time.time() + 2, usegmt=True))],
    "date-past": lambda: [("Retry-After", formatdate(time.time() - 3600, usegmt=True))],
    "date-far": lambda: [("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT")],
    "milliseconds": lambda: [("retry-after-ms", "50")],
    "both": lambda: [("Retry-After", "1"), ("retry-after-ms", "50")],
    "twice": lambda: [("Retry-After", "1"), ("Retry-After", "2")],
    "year": lambda: [("Retry-After", "31536000")],
    "huge": lambda: [("Retry-After", "9" * 400)],
    "negative": lambda: [("Retry-After", "-5")],
    "infinite": lambda: [("Retry-After", "inf")],
    "nan": lambda: [("Retry-After", "nan")],
    "words": lambda: [("Retry-After", "soon")],
    "empty": lambda: [("Retry-After", "")],
}
"""The forms of Retry-After, made on demand, since dates pass."""


def too_many(form: str = "seconds") -> Script:
    """Answer 429, with Retry-After in one of the forms."""
    return refuses(429, *RETRY_AFTER[form](), message="Too many requests.")


def html_error(status: int = 502) -> Script:
    """Answer with a gateway's error page."""
    page = b"<html>\r\n<head><title>Bad Gateway</title></head>\r\n<body><h1>Bad Gateway</h1></body>\r\n</html>\r\n"
    return whole(status, page, ("Content-Type", "text/html"), ("Server", "nginx"))


def redirects(to: str, status: int = 307) -> Script:
    """
    Redirect the client to another URL.  Whether it sent the key along: ``requests[0].authorized`` of the other
    server.
    """
    return whole(status, b"", ("Location", to))


# Faults.  Those of framing are made of an answer, the others of any script.


def raw(*pieces: bytes) -> Script:
    """Send these bytes, whatever they are, and close."""
    return lambda _: [*pieces, End.CLOSE]


SILENT = raw()
NO_HTTP = raw(b"this is no HTTP\r\n\r\n")


def cut(script: Script, size: int, end: End, *, body: bool = False) -> Script:
    """
    Close the connection after ``size`` bytes as sent; with ``body``, of those after the headers, chunk sizes
    included.
    """

    def cut_off(request: Received) -> Iterator[Step]:
        left = size
        for step, in_body in _placed(script(request)):
            if isinstance(step, bytes) and (in_body or not body):
                if len(step) >= left:
                    yield step[:left]
                    break
                left -= len(step)
            yield step
        yield end

    return cut_off


def resets(script: Script = IDEAL, size: int = 0, *, body: bool = False) -> Script:
    """Reset the connection after ``size`` bytes, as ``cut`` counts them."""
    return cut(script, size, End.RESET, body=body)


def stalls(script: Script = IDEAL, size: int = 0, *, body: bool = False) -> Script:
    """Send nothing more after ``size`` bytes, and keep the connection."""
    return cut(script, size, End.HANG, body=body)


def cut_chunk(script: Script = IDEAL, number: int = 1, keep: int = 3, end: End = End.CLOSE) -> Script:
    """Close inside chunk ``number``, counted from 0, after ``keep`` of its announced bytes."""

    def cut_off(request: Received) -> Iterator[Step]:
        chunks = itertools.count()
        for step, in_body in _placed(script(request)):
            if in_body and isinstance(step, bytes) and next(chunks) == number:
                yield step[: step.index(b"\r\n") + 2 + keep]
                break
            yield step
        yield end

    return cut_off


def wrong_length(answer: Answer = ideal_answer, by: int = 10) -> Script:
    """Announce ``by`` bytes too many, and close early; or, below 0, too few, so that bytes are left over."""

    def lie(sent: bytes) -> list[Step]:
        before, name, length, rest = re.split(rb"(?i)(\ncontent-length: )(\d+)", sent, maxsplit=1)
        return [before + name + b"%d" % (int(length) + by) + rest]

    script = _edited_head(plays(answer, framing="length"), lie)
    return followed(script, End.CLOSE) if by > 0 else script


def slow(script: Script = IDEAL, pace: float = 1.0, size: int = 1) -> Script:
    """Send ``size`` bytes of the body every ``pace`` seconds."""

    def slowed(request: Received) -> Iterator[Step]:
        for step, in_body in _placed(script(request)):
            if in_body and isinstance(step, bytes):
                for start in range(0, len(step), size):
                    yield from (pace, step[start : start + size])
            else:
                yield step

    return slowed


def slow_head(script: Script = IDEAL, pace: float = 1.0) -> Script:
    """Send the headers line by line, ``pace`` seconds apart."""
    return _edited_head(script, lambda sent: [step for line in sent.splitlines(keepends=True) for step in (pace, line)])


def big_header(script: Script = IDEAL, size: int = 1 << 20) -> Script:
    """Add a header line of ``size`` bytes."""
    line = b"X-Big: %b\r\n" % (b"x" * (size - 9))
    return _edited_head(script, lambda sent: [sent[:-2] + line + sent[-2:]])


def http10(answer: Answer = ideal_answer) -> Script:
    """Answer like HTTP/1.0: without framing, the end of the connection ends the body."""
    return _edited_head(plays(answer, framing="close"), lambda sent: [sent.replace(b"HTTP/1.1", b"HTTP/1.0", 1)])


def interim(script: Script = IDEAL, status: int = 103, *headers: Pair, times: int = 1) -> Script:
    """Send 100, 103 or another interim response before the response."""
    return lambda request: itertools.chain([head(status, *headers)] * times, script(request))


def trailing(script: Script = IDEAL, extra: bytes = b"trailing garbage") -> Script:
    """Send more after the last chunk, in the same segment."""
    return lambda request: (LAST_CHUNK + extra if step == LAST_CHUNK else step for step in script(request))


def endless(event: bytes = b'data: {"choices":[]}\n\n', pace: float = 0.0, start: bytes = b"") -> Script:
    """Send events forever, each a chunk."""
    begin = head(200, _STREAM, CHUNKED) + (chunk(start) if start else b"")
    return lambda _: itertools.chain([begin], itertools.cycle([chunk(event), pace]))


def endless_line(piece: bytes = b"x" * 1000, pace: float = 0.0) -> Script:
    """Begin an event and never end its one line."""
    return endless(piece, pace, b"data: ")


def gzip_bomb(megabytes: int = 100, filler: bytes = b" ", media_type: str = "text/event-stream") -> Script:
    """Send about a kilobyte per megabyte of decompressed size, compressed while sending."""

    def script(_request: Received) -> Iterator[Step]:
        yield head(200, ("Content-Type", media_type), ("Content-Encoding", "gzip"), CHUNKED)
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        megabyte = (filler * (1 + (1 << 20) // len(filler)))[: 1 << 20]
        for left in range(megabytes, -1, -1):
            packed = packer.compress(megabyte) if left else packer.flush()
            if packed:
                yield chunk(packed)
        yield LAST_CHUNK

    return script


def followed(script: Script, *then: Step) -> Script:
    """Append steps to a script: ``End.CLOSE`` closes a connection without having announced it."""
    return lambda request: itertools.chain(script(request), then)


def stale(script: Script = IDEAL) -> Script:
    """
    Answer the first request of a connection; close without a byte at the next, like an expired keep-alive
    connection.
    """
    return lambda request: (SILENT if request.nth else script)(request)


def _placed(steps: Iterable[Step]) -> Iterator[tuple[Step, bool]]:
    """Yield steps, and whether they come after the headers; a segment with the end of the headers is split there."""
    sent, in_body = b"", False
    for step in steps:
        if in_body or not isinstance(step, bytes):
            yield step, in_body
            continue
        before, sent = len(sent), sent + step
        end = _end_of_head(sent)
        in_body = end is not None
        yield sent[before:end], False
        if end is not None and sent[end:]:
            yield sent[end:], True


def _end_of_head(sent: bytes) -> int | None:
    """Return where the headers end, interim responses before them included."""
    found = re.match(rb"(?s)(?:HTTP/1\.1 1\d\d.*?\r\n\r\n)*(?!HTTP/1\.1 1).+?\r\n\r\n", sent)
    return found.end() if found else None


def _edited_head(script: Script, edit: Callable[[bytes], Iterable[Step]]) -> Script:
    """Return the script with other steps instead of its headers, which must be sent in one segment."""

    def edited(request: Received) -> Iterator[Step]:
        for step, in_body in _placed(script(request)):
            if isinstance(step, bytes) and not in_body and _end_of_head(step):
                yield from edit(step)
            else:
                yield step

    return edited


# The server.


@dataclass(slots=True)
class Connection:
    """A connection: ``ended`` says how (client, close, reset, stopped, error), ``done`` is set then."""

    number: int
    opened: float
    closed: float | None = None
    requests: int = 0
    sent: int = 0
    ended: str = ""
    done: threading.Event = field(default_factory=threading.Event)


class _Gone(Exception):
    """The client left, or the server stops: not a fault of a script."""


class Server:
    """
    A server on a free port: each request gets the next script, the last one stays.

    ``requests`` and ``connections`` are those received.  At exit all connections end, and errors of scripts are
    raised (an ``ExceptionGroup``), or noted on the current exception.
    """

    def __init__(self, *scripts: Script, host: str = "127.0.0.1", tls: bool = False) -> None:
        self.requests: list[Received] = []
        self.connections: list[Connection] = []
        self.errors: list[Exception] = []
        self.certificate = ""
        self._tls = self._context() if tls else None
        self._scripts: list[Script] = list(scripts or (IDEAL,))
        self._host = host
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def answers(self, *scripts: Script) -> None:
        """Set the scripts of the next requests; the last one stays."""
        with self._lock:
            self._scripts = list(scripts)

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/v1"

    def _context(self) -> ssl.SSLContext:
        """Make a self-signed certificate; ``certificate`` holds it, for clients that must trust it."""
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not installed, so there is no certificate to serve")
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = Path(folder, "key.pem"), Path(folder, "certificate.pem")
            names = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
            making = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
            subprocess.run(
                [openssl, *making.split(), "-addext", names, "-keyout", key, "-out", certificate],
                check=True, capture_output=True, timeout=20,
            )  # fmt: skip
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.certificate = certificate.read_text(encoding="ascii")
        return context

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listener = socket.create_server((self._host, 0), family=family, backlog=128)
        self._listener.settimeout(0.02)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.stop()
        if error is not None:
            for failed in self.errors:
                error.add_note(f"a script of the server failed, too: {failed!r}")
        elif self.errors:
            raise ExceptionGroup("scripts of the server failed", self.errors)

    def stop(self) -> None:
        """End all connections and threads, within a second."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        deadline = time.monotonic() + 0.9
        self._accepting.join(0.9)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                # Wakes a thread that reads or sends; past TLS, whose own shutdown would pull the rug from under it.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                self.errors.append(RuntimeError(f"{thread.name} has not ended: its script does not give back control"))

    def _accept(self) -> None:
        while not self._stopping.is_set():
            # A client may be gone before it is let in.
            with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
                sock = self._listener.accept()[0]
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls:
                    sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        connection = Connection(len(self.connections), time.monotonic())
        name = f"connection {connection.number}"
        thread = threading.Thread(target=self._serve, args=(connection, sock), name=name, daemon=True)
        self.connections.append(connection)
        self._sockets.append(sock)
        self._threads.append(thread)
        thread.start()

    def _serve(self, connection: Connection, sock: socket.socket) -> None:
        reader = sock.makefile("rb")
        try:
            with _network():
                if isinstance(sock, ssl.SSLSocket):
                    sock.do_handshake()
            while not connection.ended:
                request, script = self._take(reader, sock, connection)
                connection.ended = self._play(sock, script(request), connection) or _unkept(request)
        except _Gone:
            connection.ended = "stopped" if self._stopping.is_set() else "client"
        except Exception as error:  # noqa: BLE001 - raised at exit
            self.errors.append(error)
            connection.ended = "error"
        with contextlib.suppress(OSError):
            self._end(sock, connection.ended)
        reader.close()
        sock.close()
        connection.closed = time.monotonic()
        connection.done.set()

    def _take(self, reader: BinaryIO, sock: socket.socket, connection: Connection) -> tuple[Received, Script]:
        """Read a request, and return the next script."""
        with _network():
            first, begun = _line(reader), time.monotonic()
            method, path, version = first.decode("latin-1").split()
            lines = [line.decode("latin-1").partition(":") for line in iter(lambda: _line(reader), b"\r\n")]
            headers = [(name, value.strip()) for name, _, value in lines]
            told = {name.lower(): value.lower() for name, value in headers}
            if told.get("expect") == "100-continue":
                sock.sendall(head(100, reason="Continue"))
            body = _body(reader, told)
        with self._lock:
            nth, connection.requests = connection.requests, connection.requests + 1
            times = (begun, time.monotonic())
            request = Received(method, path, version, headers, body, *times, len(self.requests), connection.number, nth)
            self.requests.append(request)
            return request, self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]

    def _play(self, sock: socket.socket, steps: Iterable[Step], connection: Connection) -> str:
        """Run the steps; return how they ended the connection, nothing if they did not."""
        for step in steps:
            if self._stopping.is_set():
                raise _Gone
            match step:
                case bytes():
                    with _network():
                        sock.sendall(step)
                    connection.sent += len(step)
                case End.HANG:
                    with _network():
                        while sock.recv(4096):
                            pass
                    raise _Gone
                case End.CLOSE | End.RESET:
                    return step.value
                case seconds:
                    self._stopping.wait(seconds)
        return ""

    def _end(self, sock: socket.socket, how: str) -> None:
        if how in {"reset", "error"}:
            _let_arrive(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "close" and isinstance(sock, ssl.SSLSocket):
            sock.settimeout(0)  # says goodbye in TLS, without waiting for the client's
            sock.unwrap()


@contextlib.contextmanager
def _network() -> Iterator[None]:
    try:
        yield
    except (ConnectionError, ssl.SSLError) as error:
        raise _Gone from error


def _line(reader: BinaryIO) -> bytes:
    line = reader.readline()
    if not line.endswith(b"\n"):
        raise _Gone
    return line


def _body(reader: BinaryIO, told: dict[str, str]) -> bytes:
    if "chunked" not in told.get("transfer-encoding", ""):
        return _exactly(reader, int(told.get("content-length", "0")))
    pieces = []
    while size := int(_line(reader).partition(b";")[0], 16):
        pieces.append(_exactly(reader, size))
        _line(reader)
    while _line(reader) != b"\r\n":
        pass
    return b"".join(pieces)


def _exactly(reader: BinaryIO, size: int) -> bytes:
    read = reader.read(size)
    if len(read) < size:
        raise _Gone
    return read


def _unkept(request: Received) -> str:
    """Return ``close`` if the client does not keep connections alive."""
    asked = (request.header("connection") or "").lower()
    return "close" if asked == "close" or (request.version == "HTTP/1.0" and asked != "keep-alive") else ""


def _let_arrive(sock: socket.socket) -> None:
    """Wait until the client's machine has received everything: a reset discards what is still under way."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline and any(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))):
        time.sleep(0.001)
