"""Checks for texts that the model did not generate: an API's response, event or error, an image, or the prompt."""

import re
from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import complete_answer, success_status
from harness.checks.chat.marked_text import begun_answer, last_asked, marked
from harness.checks.failure_words import ABOUT_FAILURES, NOT_SAID, error_in, failure_at_end, failure_in, read_object
from harness.checks.kinds import place_of
from harness.checks.registry import rule
from harness.results import Advice, Level, Problem
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_request_params
from harness.wire.chat.calls import values_in_row
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_SAID = "你好! How can I help?"
_LONG_SAID = replace_in_body(
    replace_in_body(
        BODY, _SAID, "Error 429: what it tells. " + " ".join(f"Rule {n} is to wait {n} s." for n in range(20))
    ),
    '"completion_tokens":4,"total_tokens":13',
    '"completion_tokens":160,"total_tokens":169',
)
"""A text that begins with an error and is too long for a gateway's words."""
_AN_ERROR = Advice(
    "The client shows the error as the model's answer and never retries: status, finish_reason and SDK report success.",
    "Check it before you show it: `if text.startswith('{\"error\"'):` raise, and ask again.",
)
_AN_IMAGE = Advice(
    "The user reads thousands of letters instead of a picture, and sent back they fill the context.",
    'Show it as an image, for this provider only: `f"data:image/png;base64,{text}"`.',
)
_CUT_OFF = Advice(
    "The answer is cut short, and the client shows the reason as the model's own words: finish_reason reports success.",
    "Look for the words of this gateway at the end of a text, and mark the answer as cut: `if text.endswith(known_failures):`.",
)
_COMMENTED = Advice(
    "The user reads signs of the transfer between the words, and JSON and code break there.",
    "Remove them, for this provider only: `re.sub(r': ?keep-alive\\n\\n', '', text)`, with the word named here.",
)
_IN_JSON = Advice(
    "The user reads JSON around each piece of the answer: a server wrote its own event as text.",
    'Take the piece out, for this provider only: `text += json.loads(delta.content)["content"]`.',
)
_EVENT = re.compile(r"(?:\A|\n)\s*data: ?\{\"")
_COMMENT = re.compile(r": ?(?:keep-?alive|ping|heartbeat|[A-Z]+ PROCESSING) *\n\n")
_PIECE, _FEW = re.compile(r'\{"(?:content|text|delta|response|token)":'), 3
"""The beginning of an object that holds a piece of text, and how many in a row may be the model's."""
_ANSWERS = {"chat.completion", "chat.completion.chunk", "text_completion", "response", "message"}
_IMAGE = re.compile(
    r"\s*(?:data:image/[\w.+-]+;base64,)?(?:iVBORw0KGgo|/9j/4|R0lGOD|UklGR)[A-Za-z0-9+/\s]{60,}={0,2}\s*"
)


@rule(
    "content.unwrapped", SHOULD, "The text is not an API response, event or error, not a failure report, and not image data.",
    sources.REFERENCE, success_status,
    good=(STREAM, BODY, replace_in_body(BODY, _SAID, "An error of the API is JSON: {}."), replace_in_body(BODY, _SAID, "[Note] A rate limit is a number of requests."), _LONG_SAID),
    bad=(
        replace_in_body(BODY, _SAID, '{\\"object\\":\\"chat.completion\\",\\"choices\\":[{\\"index\\":0}]}'),
        replace_in_body(STREAM, "你好", 'data: {\\"choices\\":[]}\\n\\ndata: [DONE]\\n\\n'),
        replace_in_body(BODY, _SAID, '{\\"error\\":{\\"message\\":\\"upstream timed out\\",\\"code\\":504}}'),
        replace_in_body(BODY, _SAID, "The first train: keep-alive\\n\\n leaves at nine."),
        replace_in_body(BODY, _SAID, '{\\"content\\":\\"The\\"}' * 4),
        replace_in_body(BODY, _SAID, f"iVBORw0KGgo{'AAAA' * 20}"),
        replace_in_body(BODY, _SAID, "[Gateway] Upstream returned an empty response. Please retry."),
        replace_in_body(BODY, _SAID, "Error: out of memory on node 2 while running inference"),
        replace_in_body(BODY, _SAID, "[Error: the model produced only reasoning, and no text]"),
        replace_in_body(BODY, _SAID, '{\\"detail\\":\\"Rate limit exceeded\\"}'),
        replace_in_body(BODY, _SAID, "The first train leaves\\n\\n[Error: stream timed out after 60s]"),
        replace_in_body(BODY, _SAID, f"data:image/png;base64,iVBORw0KGgo{'AAAA' * 20}"),
    ),
    depends_on=("chunk.present",),
)  # fmt: skip
def unwrapped(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads JSON of the API: a gateway took another's response as its own text.

    Instead: Extract the text, for this provider only: `json.loads(text)["choices"][0]["message"]["content"]`.
    """
    words = "the text is not the model's, but the report of a failure: {mark}"
    yield from marked(exchange, ("content",), failure_in, words, NOT_SAID, ABOUT_FAILURES.search)
    words = "the text ends with the report of a failure: {mark}"
    yield from marked(exchange, ("content",), failure_at_end, words, _CUT_OFF, ABOUT_FAILURES.search)
    words = "a comment line of the stream is in the text: {mark}"
    yield from marked(exchange, ("content",), _comment, words, _COMMENTED)
    if exchange.request.get("response_format"):
        return
    words = "each piece of the text is JSON: {mark}"
    yield from marked(exchange, ("content",), _pieces, words, _IN_JSON, _asks_for_data)
    words = "the text is an API error as JSON: {mark}"
    yield from marked(exchange, ("content",), error_in, words, _AN_ERROR, _asks_for_data)
    words = "the text is an API response as JSON: {mark}"
    yield from marked(exchange, ("content",), _answer, words, asked_for=_asks_for_data)
    words = "the text is the data of an image: {mark}"
    yield from marked(exchange, ("content",), _image, words, _AN_IMAGE, _asks_for_data)


def _asks_for_data(asked: str) -> bool:
    return any(word in asked for word in ("JSON", "json", "base64"))


def _answer(text: str) -> str | None:
    """Return the sign that a text is an API's response, or its events."""
    event = _EVENT.search(text)
    if event and text.count("data:") > 1:
        return event[0].strip()
    kind, read = "", read_object(text)
    if isinstance(read.get("choices"), list) or isinstance(read.get("candidates"), list):
        kind = str(read.get("object", "choices" if "choices" in read else "candidates"))
    return kind or (str(read["object"]) if read.get("object") in _ANSWERS else None)


def _comment(text: str) -> str | None:
    found = _COMMENT.search(text)
    return found[0].strip() if found else None


def _pieces(text: str) -> str | None:
    """Return the first of the objects in a row that a text is, each with a piece of it."""
    row = values_in_row(text) if _PIECE.match(text) else []
    return row[0] if len(row) > _FEW and all(map(_PIECE.match, row)) else None


def _image(text: str) -> str | None:
    return text.strip()[:11] if text.strip()[:1] in {"i", "/", "R", "U", "d"} and _IMAGE.fullmatch(text) else None


_LONG, _PREFIX = 30, 12
_CONTINUED = Advice(
    "Programs that put the beginning and the answer together have the beginning twice.",
    "Remove it, for this provider only: `text = text.removeprefix(prefix)`.",
)
_REPEATS = re.compile(
    r"repeat|echo|copy|verbatim|translat|proofread|correct|rewrite|fix|spell|complete|continue|quote|重复|翻译|续写|原样",
    re.IGNORECASE,
)
_ASKED = "What is the capital of Norway, and where is it?"
_TURNS = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": "The capital of Norway is"}]
_BEGUN = with_request_params(BODY, messages=_TURNS, continue_final_message=True)
_OF_NORWAY = with_request_params(BODY, messages=[{"role": "user", "content": _ASKED}])


@rule(
    "content.no-echo", SHOULD, "The text does not begin with the question, or with the text that it continues.",
    sources.REFERENCE, complete_answer,
    good=(_OF_NORWAY, STREAM, BODY, replace_in_body(_BEGUN, _SAID, "Oslo, in the south."), with_request_params(replace_in_body(_BEGUN, _SAID, "The capital of Norway is Oslo."), echo=True), replace_in_body(_OF_NORWAY, _SAID, "The capital of Norway is Oslo.")),
    bad=(replace_in_body(_OF_NORWAY, _SAID, f"{_ASKED}\\nOslo, in the south."), replace_in_body(_BEGUN, _SAID, "The capital of Norway is Oslo.")),
    depends_on=("chunk.present",),
)  # fmt: skip
def no_echo(exchange: Exchange) -> Iterator[Problem]:
    """
    The user reads the question again, and sent back it is in the context twice.

    Instead: Remove it, for this provider only: `text = text.removeprefix(question).lstrip()`.
    """
    prefix = begun_answer(exchange).strip()
    asked = prefix or last_asked(exchange).strip()
    if len(asked) < (_PREFIX if prefix else _LONG):
        return
    for choice in exchange.columns.choices.values():
        pieces = choice.fragments("content")
        if pieces.text.lstrip().startswith(asked) and (prefix or not _REPEATS.search(asked)):
            place = place_of(exchange, choice, pieces.chunks[0], "/{part}/content")
            said = (
                "the text begins with the answer that it was to continue"
                if prefix
                else "the text begins with the whole question"
            )
            yield Problem(said, (place,), _CONTINUED if prefix else None)
