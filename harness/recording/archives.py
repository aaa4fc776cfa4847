"""Recordings that other tools made: vcrpy cassettes (YAML, JSON), HAR files, and JSON lines."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from harness.errors import BadArchive, HarnessError
from harness.recording.cassette import exchange_of, interactions_of, load_yaml
from harness.recording.dialects import dialect_of, dialect_of_answer, is_chat
from harness.recording.files import in_utf8, read_whole, rows_of
from harness.wire.dumping import json_text, python_text
from harness.wire.exchange import Exchange, Fidelity, Headers, Provenance, Reads, Request, Response, Source
from harness.wire.limits import many_values, sizes

SUFFIXES = (".yaml", ".yml", ".json", ".har", ".jsonl", ".ndjson")

_FIDELITIES: dict[str, Fidelity] = {
    "reserialized": "reserialized",
    "chunk-json": "chunks",
    "transcript": "transcript",
    "lines": "lines",
}

PassedOver = Callable[[str], None]
"""Is told what an exchange is that is no chat completion, by its name in the plural."""


class Entry(NamedTuple):
    """An exchange of an archive: where in which file it stands, and the provider if the archive names one."""

    exchange: Exchange
    origin: str
    provider: str | None = None


def archives_in(path: Path) -> list[Path]:
    """
    Return ``path`` itself, or the archives below it if it is a folder.

    Raises:
        BadArchive: it is not there, or a folder without recordings.
    """
    if path.is_dir():
        found = sorted(
            p for p in path.rglob("*") if p.exists() and not p.is_dir() and _suffix(p) in SUFFIXES and _is_recording(p)
        )
        if not found:
            raise BadArchive(f"{path}: no recordings in it; give a folder or file of {', '.join(SUFFIXES)}")
        return found
    if not path.exists():
        raise BadArchive(f"{path}: no such file or folder")
    return [path]


def _suffix(path: Path) -> str:
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix


def _is_recording(path: Path) -> bool:
    return path.name not in {"deviations.yaml", "profile.yaml"} and not path.name.startswith(".")


def raised(error: HarnessError) -> None:
    """Raise ``error``: for those to whom one row that can't be read is the end of its file."""
    raise error


def ignored(_: str) -> None:
    """Take no notice of what is no chat completion."""


def read_archive(
    path: Path, unread: Callable[[HarnessError], None] = raised, passed_over: PassedOver = ignored
) -> Iterator[Entry]:
    """
    Yield the exchanges of one file, of any kind; what is no chat completion is left out, and told to ``passed_over``.

    Of JSON lines, a row that can't be read is told to ``unread``; where that returns, the rows after it are read.

    Raises:
        BadArchive: the file can't be read, or is none of these kinds.
    """
    if path.exists() and not path.is_file():  # to open a pipe without a writer would wait for ever
        raise BadArchive(f"{path}: not a regular file; save what it gives to a file, or leave it out")
    lines = _suffix(path) in {".jsonl", ".ndjson"}
    for entry in _json_lines(path, unread, passed_over) if lines else _document(path, passed_over):
        exchange = entry.exchange
        other = None if exchange.request.url else dialect_of_answer(exchange.response.content)
        if other:
            passed_over(other)
        else:
            yield entry


def _document(path: Path, passed_over: PassedOver) -> Iterator[Entry]:
    content = read_whole(path)
    if not content.strip():
        raise BadArchive(f"{path}: empty; restore it, or leave it out")
    if _suffix(path) in {".yaml", ".yml"}:
        return _vcr(path, load_yaml(content, path), passed_over)
    if many_values(content):
        raise BadArchive(f"{path}: more than {sizes().values:,} JSON values; cut it into files, or raise --max-values")
    try:
        document = orjson.loads(in_utf8(content))
    except orjson.JSONDecodeError as error:
        raise BadArchive(f"{path}: not JSON ({error}); restore it, or leave it out") from None
    if isinstance(document, dict) and isinstance(document.get("log"), dict):
        return _har(path, document["log"], passed_over)
    if isinstance(document, dict) and "interactions" in document:
        return _vcr(path, document, passed_over)
    raise BadArchive(f"{path}: neither a HAR file (log) nor a vcrpy cassette (interactions); leave it out")


def _vcr(path: Path, document: Any, passed_over: PassedOver) -> Iterator[Entry]:
    for number, item in enumerate(interactions_of(document, path)):
        request = item.get("request") if isinstance(item, dict) else None
        url = request.get("uri") if isinstance(request, dict) else None
        if not is_chat(url):
            passed_over(dialect_of(url))
            continue
        parsed = _restore(path, number, item)
        exchange = exchange_of(item, f"{path}: interactions/{number}", ours=False)
        if parsed:
            exchange = replace(exchange, source=replace(exchange.source, fidelity="reserialized"))
        yield Entry(exchange, f"{path}#{number}")


def _restore(path: Path, number: int, item: Any) -> bool:
    """Undo the body forms of vcrpy's serializers in place; tell whether JSON was parsed and written again."""
    parsed = False
    for side in ("request", "response"):
        message = item.get(side) if isinstance(item, dict) else None
        if not isinstance(message, dict):
            continue
        if "parsed_body" in message:
            text = _written(message["parsed_body"], f"{path}: interactions/{number}/{side}/parsed_body")
            message["body"] = {"string": text} if side == "response" else text
            parsed = parsed or side == "response"
        body = message.get("body")
        if isinstance(body, dict) and "base64_string" in body:
            body["string"] = _unbase64(
                body["base64_string"], f"{path}: interactions/{number}/{side}/body/base64_string"
            )
        if side == "request" and isinstance(body, dict):
            message["body"] = body.get("string")
    return parsed


def _written(parsed: Any, where: str) -> str:
    """Return as JSON what YAML held; it can hold more than JSON: sets, dates, and what contains itself."""
    try:
        return json.dumps(parsed, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadArchive(f"{where}: cannot be JSON ({error}); restore the file, or leave it out") from None


def _har(path: Path, log: dict[str, Any], passed_over: PassedOver) -> Iterator[Entry]:
    for number, item in enumerate(_list(log, "entries")):
        where = f"{path}: log/entries/{number}"
        started = item.get("startedDateTime") if isinstance(item, dict) else None
        request = _part(item, "request", where)
        if not is_chat(request.get("url")):
            passed_over(dialect_of(request["url"]))
            continue
        response = _part(item, "response", where)
        source = Source("recorded", started[:10] if isinstance(started, str) else None)
        yield Entry(Exchange(_har_request(request), _har_response(response, where), source), f"{path}#{number}")


def _har_request(request: dict[str, Any]) -> Request:
    posted = request.get("postData")
    text = posted.get("text") if isinstance(posted, dict) else None
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else None
    return Request(
        python_text(request.get("method", "POST")),
        python_text(request.get("url", "")),
        _pairs(request.get("headers")),
        body,
    )


def _har_response(response: dict[str, Any], where: str) -> Response:
    content = _part(response, "content", f"{where}/response")
    text = python_text(content.get("text") or "")
    packed = content.get("encoding") == "base64"
    body = _unbase64(text, f"{where}/response/content/text") if packed else text.encode("utf-8", "surrogatepass")
    reason = python_text(response.get("statusText", ""))
    return Response(_status(response.get("status"), where), _pairs(response.get("headers")), body, reason)


def _pairs(headers: Any) -> Headers:
    items = headers if isinstance(headers, list) else []
    return Headers(
        tuple(
            (python_text(h["name"]), python_text(h["value"]))
            for h in items
            if isinstance(h, dict) and {"name", "value"} <= h.keys()
        )
    )


def _json_lines(path: Path, unread: Callable[[HarnessError], None], passed_over: PassedOver) -> Iterator[Entry]:
    number = 0
    for number, line in rows_of(path):
        try:
            entry = _entry(line, f"{path}:{number}", passed_over)
        except HarnessError as error:
            unread(error)
            continue
        if entry:
            yield entry
    if not number:
        raise BadArchive(f"{path}: empty; restore it, or leave it out")


def _entry(line: bytes | None, where: str, passed_over: PassedOver) -> Entry | None:
    if line is None:
        raise BadArchive(f"{where}: a row of more than {sizes().row:,} bytes; leave it out, or raise --max-row")
    if not line.strip():
        return None
    if many_values(line):
        raise BadArchive(f"{where}: more than {sizes().values:,} JSON values; leave it out, or raise --max-values")
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadArchive(f"{where}: not JSON ({error}); one object a line") from None
    if not isinstance(row, dict):
        raise BadArchive(f"{where}: not an object; one object {{request, response}} a line")
    url = _part(row, "request", where).get("url")
    if not is_chat(url):
        passed_over(dialect_of(url))
        return None
    provider = row.get("provider")
    return Entry(_row(row, where), where, provider if isinstance(provider, str) else None)


def _row(row: dict[str, Any], where: str) -> Exchange:
    request, response = _part(row, "request", where), _part(row, "response", where)
    asked = request.get("body")
    body = _row_body(response, where)
    lengths = response.get("transport_chunk_lengths")
    whole = isinstance(lengths, list) and all(type(n) is int and n >= 0 for n in lengths) and sum(lengths) == len(body)
    reads = Reads(tuple(lengths)) if lengths and whole else None
    return Exchange(
        Request(
            python_text(request.get("method") or "POST"),
            python_text(request.get("url") or ""),
            _mapping(request.get("headers")),
            asked.encode("utf-8", "surrogatepass")
            if isinstance(asked, str)
            else None
            if asked is None
            else json_text(asked).encode(),
        ),
        Response(_status(response.get("status"), where), _mapping(response.get("headers")), body, reads=reads),
        _row_source(row, _mapping(response.get("headers"))),
    )


def _row_body(response: dict[str, Any], where: str) -> bytes:
    if isinstance(response.get("body_b64"), str):
        return _unbase64(response["body_b64"], f"{where}: response/body_b64")
    if isinstance(response.get("body_text"), str):
        return str(response["body_text"]).encode("utf-8", "surrogatepass")
    raise BadArchive(f"{where}: response has neither body_text nor body_b64")


def _row_source(row: dict[str, Any], headers: Headers) -> Source:
    provenance: Provenance = "published" if row.get("authenticity") == "transcript" else "recorded"
    origin = row.get("source")
    repo, path = (origin.get("repo"), origin.get("path")) if isinstance(origin, dict) else (None, None)
    return Source(
        provenance,
        _day(row.get("captured_at")) or _day(headers.get("date")),
        url=f"https://github.com/{repo}/blob/{origin.get('commit', 'HEAD')}/{path}"
        if isinstance(origin, dict) and repo
        else None,
        fidelity=_FIDELITIES.get(python_text(row.get("fidelity")), "wire"),
    )


def _day(text: Any) -> str | None:
    """Return the day of an ISO 8601 or HTTP date as ISO 8601 text."""
    from datetime import datetime
    from email.utils import parsedate_to_datetime

    if not isinstance(text, str):
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text).date().isoformat()
        except (ValueError, TypeError):
            continue
    return None


def _mapping(headers: Any) -> Headers:
    pairs: list[tuple[str, str]] = []
    for name, value in headers.items() if isinstance(headers, dict) else ():
        pairs += [(python_text(name), python_text(one)) for one in (value if isinstance(value, list) else [value])]
    return Headers(tuple(pairs))


def _status(value: Any, where: str) -> int:
    if not isinstance(value, int):
        raise BadArchive(f"{where}: response/status is {python_text(value)!r}, not a number")
    return value


def _part(container: Any, key: str, where: str) -> dict[str, Any]:
    value = container.get(key) if isinstance(container, dict) else None
    if not isinstance(value, dict):
        raise BadArchive(f"{where}: {key} is missing or not an object")
    return value


def _list(container: Any, key: str) -> list[Any]:
    value = container.get(key) if isinstance(container, dict) else None
    return value if isinstance(value, list) else []


def _unbase64(text: Any, where: str) -> bytes:
    try:
        return base64.b64decode("".join(python_text(text).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadArchive(f"{where}: bad base64 ({error}); the file is damaged") from None
