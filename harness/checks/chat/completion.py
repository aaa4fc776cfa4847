"""Checks what only non-streaming responses have."""

from harness.checks import sources
from harness.checks.applies import body
from harness.checks.registry import observation
from harness.simulate.reference import BODY, replace_in_body, with_body
from harness.wire.exchange import Exchange

_READ = ("chunk.present",)
_LETTER = {"/choices/*/logprobs": "logprobs", "/choices/*/message/refusal": "refusal"}


@observation(
    "completion.letter", "Fields the specification requires but few providers send.",
    sources.BODY, body,
    good=(BODY,),
    bad=(replace_in_body(BODY, '"logprobs":null,', ""), replace_in_body(BODY, ',"refusal":null', "")),
    depends_on=_READ,
)  # fmt: skip
def letter(exchange: Exchange) -> str:
    """
    Decoders generated from the specification fail on most providers.

    Instead: Make logprobs and refusal optional in generated models.
    """
    absent = [name for place, name in _LETTER.items() if "missing" in exchange.columns.kinds(place)]
    return f"{', '.join(absent)} absent" if absent else "all there"


@observation(
    "completion.start", "What precedes the first brace of the body.",
    sources.JSON_UTF8, body,
    good=(BODY,),
    bad=(with_body(BODY, b"\n\n" + BODY.response.body), with_body(BODY, b"\xef\xbb\xbf" + BODY.response.body)),
    depends_on=_READ,
)  # fmt: skip
def start(exchange: Exchange) -> str:
    """
    Blank lines keep the connection open while the model thinks; they are legal, and byte order marks are not.

    Instead: Parse with a JSON library that skips white space, and set the read timeout between bytes.
    """
    head = exchange.response.content[: exchange.reading.start]
    return "a byte order mark" if head[:1] == b"\xef" else "white space" if head else "nothing"
