"""Reads stubs: responses for mock servers, recorded or written by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import BadArchive
from harness.recording.archives.bodies import body_in
from harness.recording.archives.pairs import answer_in, exchange_of_pair, headers_in, part, request_in, source_of
from harness.recording.files import file_beside, read_whole
from harness.wire.dumping import json_text, python_text
from harness.wire.exchange import Exchange, Request, Response
from harness.wire.shapes import as_object, objects_in

_WANTED = ("equalToJson", "equalTo")
_STUB_URLS = ("url", "urlPath", "urlPathTemplate", "urlPattern", "urlPathPattern")


def is_httpmock(item: Any) -> bool:
    """Return whether an object is a mock of httpmock: ``when`` matches the request, ``then`` is the response."""
    return isinstance(item, dict) and isinstance(item.get("when"), dict) and isinstance(item.get("then"), dict)


def httpmock_exchange(item: dict[str, Any], where: str) -> Exchange:
    """Return the exchange of a mock of httpmock, which does not store the host."""
    return exchange_of_pair({"request": item["when"], "response": item["then"]}, where)


def is_nock(item: Any) -> bool:
    """Return whether an object is a recorded call of nock."""
    return isinstance(item, dict) and {"scope", "path", "response"} <= item.keys()


def nock_exchange(item: dict[str, Any], where: str) -> Exchange:
    """Return the exchange of a recorded call of nock; a JSON response was parsed, a compressed one is in hex."""
    asked = item.get("body")
    request = {"method": item.get("method"), "url": f"{item['scope']}{item['path']}", "body": asked or None}
    request["headers"] = item.get("reqheaders")
    body = body_in(item["response"], f"{where}/response")
    headers = headers_in(item.get("rawHeaders", item.get("headers")))
    status = item.get("status")
    if type(status) is not int:
        raise BadArchive(f"{where}: status is {python_text(status)!r}, not a number")
    answer = Response(status, headers, body.content, reads=body.reads)
    return Exchange(request_in(request, f"{where}/request"), answer, source_of(item, headers, body.fidelity))


def mountebank_items(document: Any) -> list[Any] | None:
    """Return the responses of the imposters of mountebank, each with its request."""
    imposters = as_object(document).get("imposters", [document])
    stubs = [stub for imposter in objects_in(imposters) for stub in objects_in(imposter.get("stubs"))]
    given = [(stub, as_object(one.get("is"))) for stub in stubs for one in objects_in(stub.get("responses"))]
    return [{"request": _wanted(stub), "response": answer} for stub, answer in given if answer] or None


def _wanted(stub: dict[str, Any]) -> dict[str, Any]:
    """Return the request that the predicates of a stub match."""
    wanted: dict[str, Any] = {}
    for predicate in objects_in(stub.get("predicates")):
        for how in ("deepEquals", "equals", "startsWith", "contains", "matches"):
            wanted |= as_object(predicate.get(how))
    return wanted


def mockoon_items(document: Any) -> list[Any] | None:
    """Return the responses of the routes of Mockoon, each with its route."""
    routes = objects_in(as_object(document).get("routes"))
    given = [(route, one) for route in routes if "endpoint" in route for one in objects_in(route.get("responses"))]
    return [
        {"request": {"method": route.get("method"), "url": f"/{route['endpoint']}"}, "response": answer}
        for route, answer in given
    ] or None


def talkback_items(document: Any) -> list[Any] | None:
    """Return the exchange of a tape of talkback, which stores binary bodies in base64."""
    meta, asked, answer = (as_object(as_object(document).get(key)) for key in ("meta", "req", "res"))
    if not asked or not answer:
        return None
    request = {**asked, "url": f"{meta.get('host') or ''}{asked.get('url') or ''}"}
    sides = ((request, "reqHumanReadable"), (answer, "resHumanReadable"))
    for side, readable in sides:
        if meta.get(readable) is not True and isinstance(side.get("body"), str):
            side["body_b64"] = side.pop("body")
    return [{"meta": meta, "request": request, "response": answer}]


def is_wiremock(item: Any) -> bool:
    """Return whether an object is a stub mapping of WireMock."""
    request, response = (as_object(as_object(item).get(side)) for side in ("request", "response"))
    forms = {"urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate", "bodyPatterns"} & request.keys()
    return bool(forms or {"jsonBody", "base64Body", "bodyFileName"} & response.keys())


def wiremock_exchange(item: dict[str, Any], where: str, path: Path) -> Exchange:
    """Return the exchange of a stub mapping; its response may be in a file of ``__files`` beside the mappings."""
    asked, answer = part(item, "request", where), part(item, "response", where)
    patterns = (pattern.get(form) for pattern in objects_in(asked.get("bodyPatterns")) for form in _WANTED)
    wanted = next((one for one in patterns if one), None)
    body = wanted.encode() if isinstance(wanted, str) else json_text(wanted).encode() if wanted else None
    request = Request(python_text(asked.get("method") or "POST"), wiremock_url(asked), body=body)
    if isinstance(answer.get("bodyFileName"), str):
        answer = {**answer, "body": _file_of(path, answer["bodyFileName"], where)}
    elif not {"body", "jsonBody", "base64Body"} & answer.keys():
        answer = {**answer, "body": ""}
    return Exchange(request, *answer_in(item, answer, where))


def wiremock_url(asked: dict[str, Any]) -> str:
    """Return the URL that a stub mapping matches, or its pattern."""
    return next((python_text(asked[key]) for key in _STUB_URLS if asked.get(key)), "")


def _file_of(path: Path, name: str, where: str) -> bytes:
    folders = [folder / "__files" for folder in (path.parent, *path.parents[1:3])]
    folder = next((one for one in folders if (one / name).is_file()), folders[0])
    return read_whole(file_beside(folder, name, f"{where}/response/bodyFileName"))


def stubs_in(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the stub mappings of a document: those under ``mappings``, or the document itself."""
    mappings = item.get("mappings")
    yield from objects_in(mappings) if isinstance(mappings, list) else [item]
