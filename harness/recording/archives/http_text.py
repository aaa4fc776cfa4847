"""Reads HTTP messages as text: the output of curl, and the traces of Go's httprr."""

import re
from collections.abc import Iterator

from harness.errors import BadArchive
from harness.recording.archives.bodies import KeptBody, in_reads
from harness.recording.archives.pairs import source_of
from harness.wire.exchange import Exchange, Headers, Request, Response

HTTPRR = b"httprr trace v1"
CURL_I = re.compile(rb"(?:#+ )?HTTP/\d(?:\.\d)? \d{3}")
MESSAGES = re.compile(rb"[A-Z]{3,7} (?:\S+ HTTP/\d|(?:/|https?://)\S+[ \t]*\r?\n)")
CURL_V = re.compile(rb"[*<>] |\*$")

_STATUS_LINE = re.compile(rb"(?:#+ )?HTTP/(\d(?:\.\d)?) (\d{3})(?: (.*))?")
_REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+)(?: HTTP/\d(?:\.\d)?)?")
_BODY_LINE = re.compile(rb"^body: (.+?)\r?\n?\Z", re.MULTILINE)
_LENGTHS = re.compile(rb"(\d+) (\d+)\r?\n")
_BETWEEN = re.compile(rb"\r?\n\r?\n")
_PROGRESS = re.compile(rb"(?:[*] |[{}] \[\d+ bytes data\]|\*$)")


def httprr_exchanges(content: bytes, where: str) -> Iterator[Exchange]:
    """
    Yield the exchanges of a trace: a line with two lengths, then a request and a response of so many bytes.

    Raises:
        BadArchive: the lengths do not fit the trace.
    """
    at = content.find(b"\n") + 1
    while at < len(content):
        lengths = _LENGTHS.match(content, at)
        end = lengths.end() + int(lengths[1]) + int(lengths[2]) if lengths else 0
        if not lengths or end > len(content):
            raise BadArchive(f"{where}: no two lengths that fit it at byte {at}; restore it, or leave it out")
        between = lengths.end() + int(lengths[1])
        response = _response(content[between:end], where)
        yield Exchange(_request(content[lengths.end() : between], where), response, source_of({}, response.headers))
        at = end


def exchange_of_messages(content: bytes, where: str) -> Exchange:
    """
    Return the exchange of a request followed by a response, as proxies save them.

    Raises:
        BadArchive: no response follows the request.
    """
    answer = re.search(rb"^HTTP/\d", content, re.MULTILINE)
    if not answer:
        raise BadArchive(f"{where}: a request without a response; leave the file out")
    asked = content[: answer.start()].rstrip() + b"\n"
    among = _BODY_LINE.search(asked)  # node's replay keeps a body among the headers, with its quotes escaped
    request = _request(asked[: among.start()] + b"\n" + among[1].replace(b'\\"', b'"') if among else asked, where)
    response = _response(content[answer.start() :], where)
    return Exchange(request, response, source_of({}, response.headers))


def curl_i_exchange(content: bytes, where: str) -> Exchange:
    """
    Return the exchange that ``curl -i`` printed: the response alone, after the headers of proxies and redirects.

    Raises:
        BadArchive: its head does not end.
    """
    response = _response(content, where)
    return Exchange(Request("POST", ""), response, source_of({}, response.headers))


def curl_v_exchange(content: bytes, where: str) -> Exchange:
    """Return the exchange that ``curl -v`` printed: ``>`` marks lines of the request, ``<`` of the response headers."""
    asked: list[bytes] = []
    answered: list[bytes] = []
    body: list[bytes] = []
    for line in content.splitlines(keepends=True):
        if line.strip() in {b"<", b">"}:
            continue
        if line.startswith(b"> "):
            asked.append(line[2:])
        elif line.startswith(b"< "):
            answered.append(line[2:])
        elif not _PROGRESS.match(line):
            body.append(line)
    request = _request(b"".join(asked) + b"\n", where)
    response = _response(b"".join(answered) + b"\n" + b"".join(body), where)
    return Exchange(request, response, source_of({}, response.headers))


def _request(message: bytes, where: str) -> Request:
    head, body = _parts(message, where)
    first, *lines = head.splitlines()
    asked = _REQUEST_LINE.fullmatch(first.strip())
    if not asked:
        raise BadArchive(
            f"{where}: {first[:40].decode('utf-8', 'replace')!r} is not the start of a request; leave the file out"
        )
    headers = _headers(lines)
    target = asked[2].decode("latin-1")
    host = headers.get("host", "")
    url = target if "://" in target or not host else f"https://{host}{target}"
    return Request(asked[1].decode(), url, headers, body or None)


def _response(message: bytes, where: str) -> Response:
    """Return the last of the responses whose headers follow one another."""
    while True:
        head, body = _parts(message, where)
        first, *lines = head.splitlines()
        status = _STATUS_LINE.fullmatch(first.strip())
        if not status:
            raise BadArchive(
                f"{where}: {first[:40].decode('utf-8', 'replace')!r} is not the start of a response; leave the file out"
            )
        if not CURL_I.match(body):
            break
        message = body
    headers = _headers(lines)
    kept = _unchunked(body) if "chunked" in headers.get("transfer-encoding", "").lower() else KeptBody(body)
    reason = (status[3] or b"").decode("latin-1").strip()
    return Response(int(status[2]), headers, kept.content, reason, reads=kept.reads, http_version=status[1].decode())


def _parts(message: bytes, where: str) -> tuple[bytes, bytes]:
    found = _BETWEEN.search(message)
    if found:
        return message[: found.start()], message[found.end() :]
    if message.strip() and message.endswith(b"\n"):  # headers without a body
        return message.rstrip(), b""
    raise BadArchive(f"{where}: the headers have no end; restore the file, or leave it out")


def _headers(lines: list[bytes]) -> Headers:
    pairs = (line.decode("latin-1").partition(":") for line in lines if b":" in line)
    return Headers(tuple((name.strip(), value.strip()) for name, _, value in pairs))


def _unchunked(body: bytes) -> KeptBody:
    """Decode a chunked body, taking chunks for reads; unchanged if it has no chunks, since curl joins them."""
    pieces: list[bytes] = []
    at = 0
    while found := re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?\r?\n").match(body, at):
        size = int(found[1], 16)
        if not size:
            return in_reads(pieces)
        end = found.end() + size
        if body[end : end + 2] != b"\r\n" and body[end : end + 1] != b"\n":
            break
        pieces.append(body[found.end() : end])
        at = end + (2 if body[end : end + 2] == b"\r\n" else 1)
    return in_reads(pieces) if pieces and at == len(body) else KeptBody(body)
