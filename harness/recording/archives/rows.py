"""
Reads recordings in JSON lines: an exchange, an event, a chunk or a response per row.

They are read row by row: logs can be larger than memory.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from harness.errors import BadArchive, HarnessError
from harness.recording.archives.bodies import event_data, events_of, is_chunk, stream_of
from harness.recording.archives.documents import completion_exchange, flat_exchange, is_completion, is_flat
from harness.recording.archives.envoy import is_tap, tap_exchange, tap_url
from harness.recording.archives.log_lines import is_log_line, log_line_exchange, log_line_provider, log_line_url
from harness.recording.archives.pairs import answer_in, exchange_of_pair, has_body, url_in
from harness.recording.large_rows import Row as LargeRow
from harness.wire.exchange import Exchange, Request, Response, Source
from harness.wire.limits import many_values, sizes
from harness.wire.shapes import Json, as_object

Row = tuple[int, bytes | None]

_DONE = (b"[DONE]", b"data: [DONE]")

_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Json, str], Exchange]], ...] = (
    (is_tap, tap_exchange),
    (is_flat, flat_exchange),
    (is_completion, completion_exchange),
    (is_log_line, log_line_exchange),
)
"""The forms of a row that is not a pair of request and response, in the order in which they are tried."""


def parsed_row(line: bytes | None, where: str) -> Json | None:
    """
    Return the object in a row; None if it is blank.

    Raises:
        BadArchive: it exceeds the limit, or is not a JSON object.
    """
    if line is None:
        raise BadArchive(f"{where}: a row of more than {sizes().row:,} bytes; leave it out, or raise --max-row")
    if not line or line.isspace():
        return None
    if many_values(line):
        raise BadArchive(f"{where}: more than {sizes().values:,} JSON values; leave it out, or raise --max-values")
    try:
        row = line.parsed() if isinstance(line, LargeRow) else orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadArchive(f"{where}: not JSON ({error}); one object a line") from None
    if not isinstance(row, dict):
        raise BadArchive(f"{where}: not an object; one object {{request, response}} a line")
    return row


def is_part_of_a_stream(row: Json | None) -> bool:
    """Return whether a row is an event or a chunk: then the file is one stream."""
    return row is not None and (event_data(row) is not None or is_chunk(row))


def stream_exchange(rows: Iterable[Row], place: str, unread: Callable[[HarnessError], None]) -> Exchange:
    """Return the exchange of a stream stored in a file, an event or a chunk per row, up to the size limit of a body."""
    kept: list[Json] = []
    size = 0
    for number, line in rows:
        if line is None or line.strip() in _DONE or size > sizes().body:
            continue
        try:
            row = parsed_row(line, f"{place}:{number}")
        except HarnessError as error:
            unread(error)
            continue
        size += len(line)
        kept += [row] if row else []
    events = all(event_data(row) is not None for row in kept)
    body = events_of(kept) if events else stream_of(kept, place)
    return Exchange(Request("POST", ""), Response(200, body=body.content), Source(fidelity=body.fidelity))


def url_of_row(row: Json) -> Any:
    """Return the URL in a row; None if there is none."""
    if isinstance(row.get("request"), dict):
        return url_in(row["request"]) or url_in(row)
    if is_tap(row):
        return tap_url(row)
    return url_in(row) or log_line_url(row)


def exchange_of_row(row: Json, where: str) -> Exchange:
    """
    Return the exchange of a row.

    Raises:
        BadArchive: it has none.
    """
    response = as_object(row.get("response"))
    if isinstance(row.get("request"), dict) and has_body(row, response):
        return exchange_of_pair(row, where)
    if "custom_id" in row and response:  # output of OpenAI's batches: the response, with the request in another file
        return Exchange(Request("POST", ""), *answer_in(row, response, where))
    for fits, read in _FORMS:
        if fits(row):
            return read(row, where)
    if not {"request", "response"} & row.keys():
        raise BadArchive(
            f"{where}: there is no response in it; leave it out, or log the bodies of requests and responses"
        )
    return exchange_of_pair(row, where)  # which reports what is missing


def provider_of_row(row: Json) -> str | None:
    """Return the provider that a row names: as ``provider``, or as gateways and OpenTelemetry name it."""
    provider = row.get("provider")
    return provider if isinstance(provider, str) else log_line_provider(row)
