"""Checks the fields of an error: its type, its code, and the wrong parameter."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import error_status
from harness.checks.error_causes import IN_JSON, NO_WORD, inner_error, kind_of
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import error, exchange
from harness.simulate.reference import (
    replace_in_body,
    with_body,
    with_expected_status,
    with_request_params,
    with_response,
)
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_REFUSED = with_expected_status(exchange({"model": "no-such-model", "messages": []}), 404, 400)
_KEY = with_expected_status(exchange({}, key="wrong"), 401, 403)
_SHOWN, _SERVER_ERROR = 60, 500
_OF_SERVERS = {"servererror", "internalerror", "internalservererror", "internalserver"}
_OTHER_SIDE = Advice(
    "Clients that branch on the type ask again what can never succeed, and blame the server for it.",
    "Branch on the status: retry at 429 and 5xx only, whatever the type says.",
)
_UNNAMED = b'{"error":{"message":"Unsupported parameter: \'reasoning_effort\'.","type":"invalid_request_error","param":null,"code":"unsupported_parameter"}}'
_NAMED = re.compile(
    r"(?:unsupported|unknown|unrecognized) (?:request )?(?:param(?:eter)?|argument|value)[^'`\"\n]{0,20}['`\"](\w+)['`\"]",
    re.IGNORECASE,
)
_NOT_NAMED = Advice(
    "A client that leaves out what was refused and asks again, as LiteLLM and Codex do, does not know what.",
    "Find it in the words: `re.search(r\"[Uu]nsupported \\w+: '(\\w+)'\", str(error))`.",
)


@rule(
    "error.type", SHOULD, "An error has a `type`, a string.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(replace_in_body(_REFUSED, '"type":"invalid_request_error",', ""), replace_in_body(_REFUSED, '"type":"invalid_request_error"', '"type":null'), replace_in_body(_REFUSED, '"type":"invalid_request_error"', '"type":"None"'), replace_in_body(_REFUSED, '"type":"invalid_request_error"', '"type":"server_error"')),
    depends_on=IN_JSON,
    explained_by=("error.envelope",),
)  # fmt: skip
def has_type(exchange: Exchange) -> Iterator[Problem]:
    """
    Clients that branch on it treat the error as unknown.

    Instead: Branch on the status first, and on type only if it is present.
    """
    yield from _text(exchange, "type", nullable=False)
    kind, status = inner_error(exchange).get("type"), exchange.response.status
    of_chat = exchange.dialect in WITH_CHOICES  # of Messages another rule says which type a status has
    if of_chat and status < _SERVER_ERROR and isinstance(kind, str) and kind.lower().replace("_", "") in _OF_SERVERS:
        yield Problem(f"type is {kind[:_SHOWN]} at status {status}", ((0, "/error/type"),), _OTHER_SIDE)


@rule(
    "error.code", SHOULD, "An error has a `code`, a string or `null`.",
    sources.ERROR, error_status,
    good=(_REFUSED, with_response(_KEY, body=error(401, "No key.").body)),
    bad=(replace_in_body(_REFUSED, '"code":"model_not_found"', '"code":404'), replace_in_body(_REFUSED, ',"code":"model_not_found"', "")),
    depends_on=IN_JSON,
    explained_by=("error.envelope",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def has_code(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode a number, so the decoding error hides the provider's.

    Instead: Compare as strings: `str(error.code)`.
    """
    yield from _text(exchange, "code", nullable=True)


@rule(
    "error.param", SHOULD, "An error has a `param`, a string or `null`.",
    sources.ERROR, error_status,
    good=(_REFUSED,),
    bad=(replace_in_body(_REFUSED, '"param":null,', ""), replace_in_body(_REFUSED, '"param":null', '"param":["model"]'), with_body(with_request_params(_REFUSED, reasoning_effort="high"), _UNNAMED)),
    depends_on=IN_JSON,
    explained_by=("error.envelope",),
    dialects=WITH_CHOICES,
)  # fmt: skip
def has_param(exchange: Exchange) -> Iterator[Problem]:
    """
    `error["param"]` raises KeyError in clients that parse the body themselves.

    Instead: Read it with a default: `body.get("param")`.
    """
    yield from _text(exchange, "param", nullable=True)
    inner = inner_error(exchange)
    named = _NAMED.search(inner["message"]) if isinstance(inner.get("message"), str) else None
    if named and inner.get("param", "") is None and named[1] in (exchange.request.json or {}):
        yield Problem(
            f"param is null, and the message names the parameter {named[1]}", ((0, "/error/param"),), _NOT_NAMED
        )


def _text(exchange: Exchange, key: str, *, nullable: bool) -> Iterator[Problem]:
    inner = inner_error(exchange)
    if key not in inner:
        yield Problem(f"{key} is absent", ((0, f"/error/{key}"),))
    elif not isinstance(inner[key], str) and not (nullable and inner[key] is None):
        shown = str(inner[key]) if isinstance(inner[key], int | float) else kind_of(inner[key])
        yield Problem(f"{key} is {shown[:_SHOWN]}, not a string", ((0, f"/error/{key}"),))
    elif inner[key] in NO_WORD or (key == "type" and not inner[key]):
        yield Problem(f"{key} is the string {inner[key]!r}, not a name", ((0, f"/error/{key}"),))
