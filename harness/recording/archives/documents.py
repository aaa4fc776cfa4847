"""Lists the forms of recordings that are one document, JSON or YAML, and detects them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BadArchive
from harness.recording.archives import mocks
from harness.recording.archives.bodies import body_in, is_chunk, stream_of
from harness.recording.archives.envoy import is_tap, tap_exchange, tap_url
from harness.recording.archives.har import har_exchange
from harness.recording.archives.log_lines import log_line_exchange, log_line_url
from harness.recording.archives.nested import log_lines_within, pairs_within
from harness.recording.archives.pairs import answer_in, exchange_of_pair, url_in
from harness.recording.cassette import exchange_of
from harness.wire.exchange import Exchange, Request, Response, Source
from harness.wire.shapes import as_object

UNKNOWN = (
    "not a recording in a format that harness reads, such as HAR, a VCR cassette or JSON lines; leave it out, or see "
    "docs/formats.md in the repository for all formats"
)
"""The message for a file of an unknown form."""

_NO_REQUEST = Request("POST", "")
_COMPLETIONS = ("chat.completion", "text_completion", "response", "list")


@dataclass(frozen=True, slots=True)
class DocumentForm:
    """
    One form of a recording.

    ``items`` returns the items of a document that each hold an exchange, None if it has another form; ``place`` is
    the path to these items, for messages.  ``url`` returns the URL of an item without parsing the rest, and
    ``exchange`` parses it.
    """

    title: str
    items: Callable[[Any], list[Any] | None]
    exchange: Callable[[Any, str, Path], Exchange]
    url: Callable[[Any], str] = lambda item: url_in(as_object(item).get("request"))
    place: str = ""


def _listed(key: str) -> Callable[[Any], list[Any] | None]:
    def items(document: Any) -> list[Any] | None:
        found = as_object(document).get(key)
        return found if isinstance(found, list) else None

    return items


def _one(fits: Callable[[Any], bool]) -> Callable[[Any], list[Any] | None]:
    """Return the items of a document that is one item, or a list of them: YAML may hold several documents."""

    def items(document: Any) -> list[Any] | None:
        found = document if isinstance(document, list) else [document]
        return found if found and all(map(fits, found)) else None

    return items


def _har_items(document: Any) -> list[Any] | None:
    log = as_object(document).get("log")
    if not isinstance(log, dict):
        return None
    entries = log.get("entries")
    return entries if isinstance(entries, list) else []


def _stub_items(document: Any) -> list[Any] | None:
    stubs = list(mocks.stubs_in(document)) if isinstance(document, dict) else []
    return stubs if stubs and all(map(mocks.is_wiremock, stubs)) else None


def _interaction(item: Any, where: str, _path: Path) -> Exchange:
    if {"x_source", "x_stream"} & as_object(as_object(item).get("response")).keys():
        return exchange_of(item, where, ours=False)
    return exchange_of_pair(item, where)


def _is_pair(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("request"), dict) and isinstance(item.get("response"), dict)


def is_flat(item: Any) -> bool:
    """Return whether an object is a request with its response in it."""
    return isinstance(item, dict) and isinstance(item.get("response"), dict) and bool(url_in(item))


def flat_exchange(item: dict[str, Any], where: str, _path: Path | None = None) -> Exchange:
    """Return the exchange of a request with its response in it."""
    asked = {**item, "body": item.get("requestBody", item.get("body"))}
    return exchange_of_pair({**item, "request": asked}, where)


def is_answer(item: Any) -> bool:
    """Return whether an object is a response alone: a status and a body."""
    keys = as_object(item).keys()
    return bool({"status", "status_code", "statusCode"} & keys) and bool({"body", "content", "body_text"} & keys)


def _answer(item: dict[str, Any], where: str, _path: Path) -> Exchange:
    return Exchange(_NO_REQUEST, *answer_in({}, item, where))


def is_completion(item: Any) -> bool:
    """Return whether an object is a response body without a wrapper."""
    return isinstance(item, dict) and (isinstance(item.get("choices"), list) or item.get("object") in _COMPLETIONS)


def completion_exchange(item: dict[str, Any], where: str, _path: Path | None = None) -> Exchange:
    """Return the exchange of a parsed response body without a wrapper."""
    body = body_in(item, where)
    return Exchange(_NO_REQUEST, Response(200, body=body.content), Source(fidelity=body.fidelity))


def _chunk_list(document: Any) -> list[Any] | None:
    chunks = document if isinstance(document, list) else []
    whole = bool(chunks) and all(isinstance(one, dict) and is_chunk(one) for one in chunks)
    return [chunks] if whole else None


def chunks_exchange(chunks: Any, where: str) -> Exchange:
    """Return the exchange of a stream stored as the JSON of its chunks."""
    body = stream_of(chunks, where)
    return Exchange(_NO_REQUEST, Response(200, body=body.content), Source(fidelity=body.fidelity))


def _pair(item: Any, where: str, _path: Path) -> Exchange:
    return exchange_of_pair(item, where)


def _nothing(_item: Any) -> str:
    return ""


DOCUMENT_FORMS = (
    DocumentForm("HAR 1.2, of browsers, mitmproxy and Polly.JS", _har_items, har_exchange, place="log/entries"),
    DocumentForm("vcrpy, go-vcr, opencassette and symfony", _listed("interactions"), _interaction, place="interactions"),
    DocumentForm(
        "VCR of Ruby and of R, betamax", _listed("http_interactions"),
        lambda item, where, _: exchange_of_pair(item, where), place="http_interactions",
    ),
    DocumentForm(
        "httpmock: when and then", _one(mocks.is_httpmock), lambda item, where, _: mocks.httpmock_exchange(item, where),
        url=lambda item: url_in(item["when"]),
    ),
    DocumentForm(
        "WireMock: stub mappings", _stub_items, mocks.wiremock_exchange,
        url=lambda item: mocks.wiremock_url(as_object(item.get("request"))), place="mappings",
    ),
    DocumentForm(
        "nock: recorded calls", _one(mocks.is_nock), lambda item, where, _: mocks.nock_exchange(item, where),
        url=lambda item: f"{item['scope']}{item['path']}",
    ),
    DocumentForm("mountebank: imposters", mocks.mountebank_items, _pair),
    DocumentForm("Mockoon: routes", mocks.mockoon_items, _pair),
    DocumentForm(
        "Envoy: traces of the tap filter", _one(is_tap), lambda item, where, _: tap_exchange(item, where), url=tap_url
    ),
    DocumentForm("talkback: tapes", mocks.talkback_items, _pair),
    DocumentForm(
        "{request, response} or a list of these", _one(_is_pair), lambda item, where, _: exchange_of_pair(item, where)
    ),
    DocumentForm("{method, url, response} or a list of these", _one(is_flat), flat_exchange, url=url_in),
    DocumentForm("{status, headers, body}: a response alone", _one(is_answer), _answer, url=_nothing),
    DocumentForm("a list of chunks", _chunk_list, lambda item, where, _: chunks_exchange(item, where), url=_nothing),
    DocumentForm("a completion, or a list of these", _one(is_completion), completion_exchange, url=_nothing),
    DocumentForm(
        "request and response pairs deep in a document", pairs_within,
        lambda item, where, _: exchange_of_pair(item, where), place="…",
    ),
    DocumentForm(
        "log lines or spans deep in a document", log_lines_within,
        lambda item, where, _: log_line_exchange(item, where), url=log_line_url, place="…",
    ),
)  # fmt: skip
"""The known forms, in the order in which they are tried."""


def form_of(document: Any, path: Path) -> tuple[DocumentForm, list[Any]]:
    """
    Return the form of a document, and its items.

    Raises:
        BadArchive: it has none of the forms.
    """
    for form in DOCUMENT_FORMS:
        items = form.items(document)
        if items is not None:
            return form, items
    raise BadArchive(f"{path}: {UNKNOWN}")
