"""
Reads recordings that other tools made.

The form of a file is detected by its content; its name decides only if that is ambiguous.  ``documents`` lists the
forms of JSON and YAML, ``rows`` those of JSON lines, ``texts`` the others; ``pairs`` and ``bodies`` parse their
common parts: a request, a response, and the body in many forms.
"""

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from harness.errors import BadArchive, BadCassette, HarnessError
from harness.recording.archives.days import day_of
from harness.recording.archives.documents import UNKNOWN, form_of, is_completion
from harness.recording.archives.others import refuse_others
from harness.recording.archives.rows import (
    Row,
    exchange_of_row,
    is_part_of_a_stream,
    parsed_row,
    provider_of_row,
    stream_exchange,
    url_of_row,
)
from harness.recording.archives.tables import PARQUET, exchange_of_table_row, holds_findings, rows_of_table
from harness.recording.archives.texts import TextReader, text_reader
from harness.recording.cassette import load_yaml
from harness.recording.dialects import (
    MODELS,
    OTHER,
    PLURALS,
    STORED,
    dialect_of,
    dialect_of_answer,
    is_judged,
    is_models,
)
from harness.recording.files import in_utf8, opened, read_whole, rows_of
from harness.wire.dialect import DIALECTS, DialectName
from harness.wire.exchange import Exchange, Request, Response, Source
from harness.wire.limits import many_values, sizes
from harness.wire.shapes import Json

SUFFIXES = (".yaml", ".yml", ".json", ".json5", ".har", ".jsonl", ".ndjson", ".sse", ".httprr", ".chlsj", ".parquet")
"""File name suffixes of recordings; in a folder, files with other names are read if they begin like a recording."""

_ROWS = (".jsonl", ".ndjson")
_YAML = re.compile(rb"---|%YAML|#|[\w'\"-]+ ?:(?:[ \r\n]|$)|- ")
_JSON5 = re.compile(rb"[{\[]\s*(?:[{\[]\s*)?(?:[A-Za-z_$][\w$]*|'[^'\n]*')\s*:")
_ASKS_NOTHING = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
_RECORDING = re.compile(rb"httprr trace|(?:#+ )?HTTP/\d|[*<>] |[A-Z]{3,7} \S+ HTTP/\d|(?:data|event): ?[{\w]|[\s\S]{0,4000}^(?:http_)?interactions:|when:|\s*[{\[][\s\S]{0,4000}\"(?:choices|http_interactions|interactions|request)\"", re.MULTILINE)  # fmt: skip
_OWN = frozenset({"deviations.yaml", "profile.yaml", "providers.yaml"})
_OWN_BEGINS = re.compile(
    rb'\{"kind":"run"|\{"provider":"[^"\n]*","model":"[^"\n]*","scenario":"[^"\n]*","check":"'  # results, findings
    rb'|(?:#[^\n]*\n|\s)*deviations:|\{\s*"\$schema": "https://docs\.oasis-open\.org/sarif/'  # baselines, SARIF
)
_LOOKED_AT = 4096
_CHAT: tuple[DialectName, ...] = ("chat",)


class Entry(NamedTuple):
    """An exchange of an archive: its file and place, and the provider if the archive names one."""

    exchange: Exchange
    origin: str
    provider: str | None = None


def archives_in(path: Path) -> list[Path]:
    """
    Return ``path`` itself, or the archives below it if it is a folder; of the files of harness only cassettes.

    Raises:
        BadArchive: it is missing, or a folder without recordings.
    """
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.exists() and not p.is_dir() and _is_recording(p))
        if not found:
            raise BadArchive(f"{path}: no recordings in it; give a folder or file of {', '.join(SUFFIXES)}")
        return found
    if not path.exists():
        raise BadArchive(f"{path}: no such file or folder")
    return [path]


def _suffix(path: Path) -> str:
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix


def _is_recording(path: Path) -> bool:
    if path.name in _OWN or path.name.startswith("."):
        return False
    named = _suffix(path) in SUFFIXES
    if not path.is_file():
        return named  # it is refused by name, like anything that is not a regular file
    try:
        with opened(path) as file:
            begins = file.read(_LOOKED_AT)
    except (OSError, EOFError, zlib.error):
        return named
    if begins.startswith(PARQUET):
        return not holds_findings(path)
    unnamed = path.suffix != ".gz" and bool(_RECORDING.match(begins))
    return not _OWN_BEGINS.match(begins) and (named or unnamed)


PassedOver = Callable[[str], None]
"""Receives the plural name of the kind of an exchange that is not judged."""


def raised(error: HarnessError) -> None:
    """Raise ``error``: for callers that stop a file at the first unreadable exchange."""
    raise error


def ignored(_: str) -> None:
    """Ignore an exchange that is not judged."""


def read_archive(
    path: Path,
    unread: Callable[[HarnessError], None] = raised,
    passed_over: PassedOver = ignored,
    dialects: Collection[DialectName] = _CHAT,
    *,
    models: bool = False,
) -> Iterator[Entry]:
    """
    Yield the exchanges of one file, of any form; those in none of ``dialects`` are reported to ``passed_over``.

    A request for ``models`` has no dialect, and is yielded only if asked for.

    An exchange that can't be parsed is passed to ``unread``; if that returns, reading continues.

    Raises:
        BadArchive: the file can't be read, or has an unknown form.
    """
    if path.exists() and not path.is_file():  # opening a pipe without a writer would block forever
        raise BadArchive(f"{path}: not a regular file; save its output to a file, or leave it out")
    if _begins_as_table(path):
        return _only(_in_table(path, unread, passed_over), dialects, passed_over, models=models)
    first = [row and bytes(row) for _, row in islice(_not_blank(rows_of(path)), 2)]  # without what was cut from them
    if not first:
        raise BadArchive(f"{path}: empty; restore it, or leave it out")
    begins = (first[0] or b"").lstrip()
    refuse_others(begins, str(path))
    reader = text_reader(begins)
    if reader:
        return _only(_in_text(path, reader), dialects, passed_over, models=models)
    if _suffix(path) in _ROWS or (begins.startswith(b"{") and len(first) > 1 and (first[1] or b"").startswith(b"{")):
        return _only(_in_rows(path, begins, unread, passed_over), dialects, passed_over, models=models)
    return _only(_document(path, begins, unread, passed_over), dialects, passed_over, models=models)


def _not_blank(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row[1] is None or not row[1].isspace())


def _only(
    entries: Iterable[Entry], dialects: Collection[DialectName], passed_over: PassedOver, *, models: bool
) -> Iterator[Entry]:
    """Skip exchanges in other dialects, by URL, or if that was not kept by the response."""
    for entry in entries:
        name = other_kind(entry.exchange, dialects)
        name = None if models and _lists_models(entry.exchange) else name
        if name:
            passed_over(name)
        else:
            yield entry


def other_kind(exchange: Exchange, dialects: Collection[DialectName] = DIALECTS) -> str | None:
    """Return the plural name of an exchange in none of ``dialects``; None if it is in one."""
    url = exchange.request.url
    if exchange.request.method in _ASKS_NOTHING:
        if is_models(url):
            return MODELS
        return STORED if url and is_judged(url) and exchange.response.body else OTHER
    other = dialect_of_answer(exchange.response.content, known=bool(url)) if not url or _by_answer(url) else None
    other = other if not url or _by_answer(url) or is_judged(url) else dialect_of(url)
    return other or (None if exchange.dialect in dialects else PLURALS[exchange.dialect])


def _lists_models(exchange: Exchange) -> bool:
    """Return whether an exchange lists models in OpenAI's form; Anthropic and Google use such URLs too."""
    asked, content = exchange.request, exchange.response.content
    theirs = "anthropic-version" in asked.headers or b'"name": "models/' in content or b'"name":"models/' in content
    return asked.method == "GET" and is_models(asked.url) and not theirs


def _is_read(url: Any) -> bool:
    """Return whether a request to a URL may be selected."""
    return is_judged(url) or is_models(url) or _by_answer(url)


def _by_answer(url: Any) -> bool:
    """Return whether a URL, such as a gateway's, leaves the dialect to the response."""
    return not is_judged(url) and dialect_of(url) == OTHER


def _in_text(path: Path, reader: TextReader) -> Iterator[Entry]:
    for number, exchange in enumerate(reader(in_utf8(read_whole(path)), str(path))):
        yield Entry(exchange, f"{path}#{number}")


def _in_rows(
    path: Path, begins: bytes, unread: Callable[[HarnessError], None], passed_over: PassedOver
) -> Iterator[Entry]:
    if _is_stream(begins):
        yield Entry(stream_exchange(rows_of(path), str(path), unread), f"{path}#0")
        return
    del begins  # here and below: a row may be large, and is not needed once it is parsed
    for number, line in rows_of(path):
        where = f"{path}:{number}"
        try:
            row = parsed_row(line, where)
        except HarnessError as error:
            _told(error, None, unread, passed_over)
            continue
        del line
        entry = _of_row(row, where, exchange_of_row, unread, passed_over) if row is not None else None
        del row
        if entry:
            yield entry


def _of_row(
    row: Json, where: str, exchange_of: Callable[[Json, str], Exchange],
    unread: Callable[[HarnessError], None], passed_over: PassedOver,
) -> Entry | None:  # fmt: skip
    """Return the exchange of a row, if it is to be judged."""
    url = None
    try:
        url = url_of_row(row)
        if not _is_read(url):
            passed_over(dialect_of(url))
            return None
        return Entry(exchange_of(row, where), where, provider_of_row(row))
    except HarnessError as error:
        _told(error, url, unread, passed_over)
        return None


def _begins_as_table(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(PARQUET)) == PARQUET
    except OSError:
        return False  # what reads rows says why


def _in_table(path: Path, unread: Callable[[HarnessError], None], passed_over: PassedOver) -> Iterator[Entry]:
    for number, row in enumerate(rows_of_table(path), 1):
        entry = _of_row(row, f"{path}:{number}", exchange_of_table_row, unread, passed_over)
        del row
        if entry:
            yield entry


def _is_stream(line: bytes) -> bool:
    try:
        return is_part_of_a_stream(parsed_row(line, ""))
    except HarnessError:
        return False


def _document(
    path: Path, begins: bytes, unread: Callable[[HarnessError], None], passed_over: PassedOver
) -> Iterator[Entry]:
    content = read_whole(path)
    in_json = begins[:1] in {b"{", b"["} and not _is_yaml(path)
    document = _json(content, path) if in_json else _yaml(content, path)
    if in_json and is_completion(document):  # whoever saved it may have reformatted it
        answer = Response(200, body=in_utf8(content))
        yield Entry(Exchange(Request("POST", ""), answer, Source(fidelity="reserialized")), f"{path}#0")
        return
    form, items = form_of(document, path)
    day = day_of(document)
    for number, item in enumerate(items):
        where, url = f"{path}: {form.place}/{number}" if form.place else str(path), None
        try:
            url = form.url(item)
            if not _is_read(url):
                passed_over(dialect_of(url))
                continue
            entry = Entry(_dated(form.exchange(item, where, path), day), f"{path}#{number}")
        except HarnessError as error:
            _told(error, url, unread, passed_over)
            continue
        yield entry


def _dated(exchange: Exchange, day: str | None) -> Exchange:
    """Return an exchange without a date with that of its document."""
    dated = exchange.source.at or day is None
    return exchange if dated else replace(exchange, source=replace(exchange.source, at=day))


def _told(error: HarnessError, url: Any, unread: Callable[[HarnessError], None], passed_over: PassedOver) -> None:
    """Report an unreadable exchange, unless its URL leaves open whether it would be judged."""
    if url and not is_judged(url):
        passed_over(MODELS if is_models(url) else OTHER)
    else:
        unread(error)


def _is_yaml(path: Path) -> bool:
    return _suffix(path) in {".yaml", ".yml"}


def _json(content: bytes, path: Path) -> Any:
    if many_values(content):
        raise BadArchive(f"{path}: more than {sizes().values:,} JSON values; cut it into files, or raise --max-values")
    try:
        return orjson.loads(in_utf8(content))
    except orjson.JSONDecodeError as error:
        if _JSON5.match(content.lstrip()):  # its bare keys, single quotes and last commas are YAML as well
            with suppress(BadCassette):
                return load_yaml(content, path)
        raise BadArchive(f"{path}: not JSON ({error}); restore it, or leave it out") from None


def _yaml(content: bytes, path: Path) -> Any:
    if not _is_yaml(path) and not _YAML.match(content.lstrip()):
        raise BadArchive(f"{path}: {UNKNOWN}")
    try:
        document = load_yaml(content, path, several=True)
    except BadCassette:
        if _is_yaml(path):
            raise
        raise BadArchive(f"{path}: {UNKNOWN}") from None
    if isinstance(document, dict) and document.keys() == {"interactions"}:
        raise BadCassette(f"{path}: no version line, so the file is truncated; restore it or record it again")
    return document
