"""Checks optional parts of a chunk: service_tier, system_fingerprint, several choices at once."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import stream, success_status
from harness.checks.kinds import n_of_m, wrong_kinds
from harness.checks.registry import observation, rule
from harness.results import Level, Problem
from harness.simulate.reference import BODY, STREAM, ask, replace_in_body
from harness.wire.dialect import WITH_CHOICES
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_READ = ("http.stream-asked", "http.body-asked", "http.no-error", "chunk.present")
_CHOICE = BODY.response.body.decode()
_CHOICE = _CHOICE[_CHOICE.index('{"index"') : _CHOICE.index("],")]
_TWO = ask(stream=True, n=2)
_PAIRED = replace_in_body(
    STREAM,
    '"choices":[{"index":0,"delta":{"content":"你好"}',
    '"choices":[{"index":1,"delta":{"role":"assistant"}},{"index":0,"delta":{"content":"你好"}',
)
_TIERS = {"auto", "default", "flex", "scale", "priority", "fast"}


@rule(
    "chunk.service-tier", MUST, "`service_tier`, if present, is a value from the specification, or `null`.",
    sources.TIER, success_status,
    good=(STREAM, BODY, replace_in_body(STREAM, '"service_tier":"default",', ""), replace_in_body(BODY, '"default"', "null")),
    bad=(replace_in_body(STREAM, '"service_tier":"default"', '"service_tier":""'), replace_in_body(BODY, '"default"', '"on_demand"'), replace_in_body(BODY, '"default"', "1")),
    depends_on=_READ,
)  # fmt: skip
def service_tier(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail on the unknown member.

    Instead: Declare it as a plain string.
    """
    for value, seen in exchange.columns.values["service_tier"].items():
        if value is not None and value not in _TIERS:
            where = n_of_m(seen.count, exchange.columns.chunk_count, "chunk")
            yield Problem(f"service_tier is {value!r} in {where}", ((seen.first, "/service_tier"),))
            return


@rule(
    "chunk.fingerprint", SHOULD, "`system_fingerprint`, if present, is a string or `null`.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY, replace_in_body(STREAM, '"fp_reference"', "null")),
    bad=(replace_in_body(BODY, '"fp_reference"', "7"), replace_in_body(STREAM, '"fp_reference"', '{"id":"fp"}')),
    depends_on=_READ,
    dialects=WITH_CHOICES,
)  # fmt: skip
def fingerprint(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it.

    Instead: Leave it out of your models: it is deprecated.
    """
    yield from wrong_kinds(exchange, "/system_fingerprint", {"text", '""', "null", "missing"})


@observation(
    "chunk.fingerprint-form", "The form of `system_fingerprint`.",
    sources.CHUNK, success_status,
    good=(STREAM, BODY),
    bad=(replace_in_body(STREAM, '"system_fingerprint":"fp_reference",', ""), replace_in_body(BODY, '"fp_reference"', "null"), replace_in_body(BODY, '"fp_reference"', '""')),
    depends_on=_READ,
)  # fmt: skip
def fingerprint_form(exchange: Exchange) -> str:
    """
    It is optional; a program that compares it between responses to detect a backend change sees none.

    Instead: Do not rely on it: it is deprecated.
    """
    return ", ".join(sorted(exchange.columns.kinds("/system_fingerprint"))) or "missing"


@observation(
    "chunk.choices-together", "Whether each choice of a stream comes in its own chunks.",
    sources.CHUNK, lambda x: stream(x) or (None if len(x.columns.choices) > 1 else "there is one choice only"),
    good=(_TWO,),
    bad=(_PAIRED,),
    depends_on=_READ,
    harmful=lambda value: value == "several in a chunk",
)  # fmt: skip
def choices_together(exchange: Exchange) -> str:
    """
    Code that reads `chunk.choices[0]` alone loses the others.

    Instead: Loop over `chunk.choices`, and keep each by its `index`.
    """
    together = any("/choices/1" in shape.kinds for shape in exchange.columns.shapes)
    return "several in a chunk" if together else "each in its own"
