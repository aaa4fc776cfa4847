"""Reads HAR files of browsers, proxies and Polly.JS, which stores binary content as segments in base64 or hex."""

import json
from pathlib import Path
from typing import Any

from harness.errors import BadArchive
from harness.recording.archives.bodies import HEX, KeptBody, as_bytes, in_reads, parsed, unbase64
from harness.recording.archives.pairs import headers_in, part, source_of, status_of
from harness.recording.files import file_beside, read_whole
from harness.wire.dumping import python_text
from harness.wire.exchange import Exchange, Request, Response


def har_exchange(entry: Any, where: str, path: Path) -> Exchange:
    """
    Return the exchange of an entry of a HAR file.

    Raises:
        BadArchive: a part of it is missing, or has the wrong type.
    """
    asked, response = part(entry, "request", where), part(entry, "response", where)
    posted = asked.get("postData")
    text = posted.get("text") if isinstance(posted, dict) else None
    request = Request(
        python_text(asked.get("method", "POST")),
        python_text(asked.get("url", "")),
        headers_in(asked.get("headers")),
        as_bytes(text) if isinstance(text, str) else _parsed(posted, where),
    )
    body = _content(part(response, "content", f"{where}/response"), f"{where}/response/content", path)
    status, reason = status_of({"status": response.get("status")}, where)
    headers = headers_in(response.get("headers"))
    read = Response(status, headers, body.content, reason or python_text(response.get("statusText", "")), body.reads)
    return Exchange(request, read, source_of(entry, headers, body.fidelity))


def _parsed(posted: Any, where: str) -> bytes | None:
    """Return a request body that was stored parsed, as in HAR files written as YAML."""
    value = posted.get("textJSON") if isinstance(posted, dict) else None
    return parsed(value, f"{where}/request/postData/textJSON", dense=True).content if value is not None else None


def _content(content: dict[str, Any], where: str, path: Path) -> KeptBody:
    where, text = f"{where}/text", content.get("text")
    if text is None and isinstance(content.get("_file"), str):
        return KeptBody(read_whole(file_beside(path.parent, content["_file"], where)))
    if text is None and type(content.get("size")) is int and content["size"] > 0:
        raise BadArchive(f"{where}: the body was not saved; save the HAR file with response content")
    pieces = _pieces(text)
    if content.get("encoding") == "base64":
        return in_reads(unbase64(one, where) for one in pieces) if pieces else KeptBody(unbase64(text or "", where))
    if pieces and all(map(HEX.fullmatch, pieces)):
        return in_reads(map(bytes.fromhex, pieces))
    return KeptBody(as_bytes(python_text(text or "")))


def _pieces(text: Any) -> list[str]:
    """Return the segments of a body in a JSON list; none if the text is not such a list."""
    if not isinstance(text, str) or not text.startswith('["'):
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return found if all(isinstance(one, str) for one in found) else []
