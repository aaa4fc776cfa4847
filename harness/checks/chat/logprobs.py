"""Checks log probabilities: their form, their values, and the text they belong to."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, complete_answer, uncut
from harness.checks.chat.probabilities import (
    LEGACY,
    LISTS,
    Token,
    TokenList,
    has_logprobs,
    has_tokens,
    is_byte,
    is_legacy,
    token_lists,
)
from harness.checks.kinds import n_of_m
from harness.checks.registry import rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body
from harness.wire.dumping import json_text
from harness.wire.exchange import Exchange

MUST, SHOULD = Level.MUST, Level.SHOULD

_BODY, _STREAM = recording(SCENARIOS["params.logprobs"])[0], recording(SCENARIOS["chat.logprobs"])[0]
_READ = ("chunk.present", "chunk.logprobs")
_WHOLE = (*_READ, "sse.no-error", "http.complete", "logprobs.form")
_KEYS = ("token", "logprob", "bytes", "top_logprobs")
_ROUNDING = 0.01
"""Tolerance for a logprob above 0: OpenAI's own reach 0.00003 by rounding."""
_SHOWN = 24
_NAMES = {"content": "text", "refusal": "refusal"}
_MARKS = re.compile(r"\s*(?:(?:<[^<>\s]{1,40}>|\[[A-Z_/]{2,20}\])\s*)*")
"""Tokens allowed around the text: begin and end marks, white space."""
_CUT = re.compile("\ufffd|<0x[0-9A-Fa-f]{2}>|bytes:|\\\\x[0-9a-f]{2}")
"""How a token is written that is part of a character, if its bytes are not given."""
_RAW = "ĠĊ▁"
"""How tokenizers write white space in their own tables."""
_PRINTABLE = {*range(33, 127), *range(161, 173), *range(174, 256)}
_BYTE_OF = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(256 + n): byte for n, byte in enumerate(byte for byte in range(256) if byte not in _PRINTABLE)
}
"""The letters that byte-level tokenizers write for each byte, as in GPT-2."""
_HELLO = "[228,189,160,229,165,189]"
_TOP = recording(SCENARIOS["params.top-logprobs"])[0]
_OTHER = '{"token":"你好z","logprob":-2.25,"bytes":[228,189,160,229,165,189,122]}'

_OLD_FORM = Advice(
    "`choice.logprobs.content` is None or raises AttributeError: the probabilities are in the fields of "
    "/v1/completions, which chat clients do not read.",
    "Pair them yourself: `list(zip(old.tokens, old.token_logprobs))`, where `old = choice.logprobs`.",
)
_ALL_SO_FAR = Advice(
    "Code that adds up the lists counts the first tokens again in each chunk.",
    "Keep the last list instead of adding them up: `tokens = choice.logprobs.content or tokens`.",
)
_RAW_PIECES = Advice(
    'Tokens that are shown or looked up contain the tokenizer\'s marks: `token == " there"` is never true.',
    'Restore white space, which leaves letters beyond ASCII: `token.token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\\n")`.',
)
_REASONING_TOO = Advice(
    "The confidence of the answer is computed over the reasoning as well, and positions in the text are wrong.",
    "Take the tokens from the end until they hold the text: "
    '`while start and not "".join(t.token for t in tokens[start:]).endswith(text): start -= 1`.',
)
_NO_TEXT = Advice(
    'Code that joins the tokens raises TypeError: `"".join(token.token for token in tokens)`.',
    "Skip values that are not strings: `isinstance(token.token, str)`.",
)
_NO_OBJECTS = Advice(
    "`token.top_logprobs[0].logprob` raises AttributeError: the alternatives are not a list of objects.",
    'Use only those that have a logprob: `[one for one in token.top_logprobs if hasattr(one, "logprob")]`.',
)
_NO_KEY = Advice(
    "Typed clients fail to decode the alternatives; reading the key raises AttributeError.",
    'Read each key with a default: `getattr(one, "bytes", None)`.',
)
_REPLACED = Advice(
    "The bytes of a character that two tokens share are lost: joined they are U+FFFD.",
    "Take the text from `message.content`, or `delta.content` in a stream, never from the bytes.",
)


@rule(
    "logprobs.form", MUST, "`logprobs` has the form of chat completions: an array of tokens under `content`.",
    sources.LOGPROBS, has_logprobs,
    good=(_BODY, _STREAM, replace_in_body(_BODY, '"refusal":null},"finish', '"refusal":[]},"finish')),
    bad=(
        replace_in_body(_BODY, '"logprobs":{"content":', '"logprobs":{"text_offset":[0],"tokens":["你好"],"token_logprobs":[-0.25],"items":'),
        replace_in_body(_STREAM, '"logprobs":{"content":', '"logprobs":{"content":{},"items":'),
        replace_in_body(_BODY, '"logprobs":{"content":', '"logprobs":{"content":[-0.25],"items":'),
    ),
    depends_on=_READ,
)  # fmt: skip
def form(exchange: Exchange) -> Iterator[Problem]:
    """
    `for token in choice.logprobs.content` raises TypeError, or AttributeError at the first token.

    Instead: Use only a list of objects: `isinstance(choice.logprobs.content, list)`.
    """
    for given in (one for choice in exchange.columns.choices.values() for one in choice.logprobs):
        if is_legacy(given.value):
            named = ", ".join(key for key in LEGACY if key in given.value)
            yield Problem(
                f"the probabilities have the form of /v1/completions: {named}",
                ((given.chunk, given.pointer),),
                _OLD_FORM,
            )
            return
        for key in LISTS:
            wrong = _no_list(given.value.get(key))
            if wrong:
                yield Problem(f"{key} of logprobs {wrong}", ((given.chunk, f"{given.pointer}/{key}"),))
                return


def _no_list(value: Any) -> str | None:
    """Return what is wrong with a value that should be a list of objects, or null."""
    if value is not None and not isinstance(value, list):
        return f"is not an array: {json_text(value)[:_SHOWN]}"
    odd = next((one for one in value or () if not isinstance(one, dict)), None)
    return (
        None
        if odd is None and None not in (value or ())
        else f"has an item that is not an object: {json_text(odd)[:_SHOWN]}"
    )


@rule(
    "logprobs.keys", MUST, "Every token has the fields `token`, `logprob`, `bytes` and `top_logprobs`.",
    sources.LOGPROBS, has_tokens,
    good=(_BODY, _STREAM),
    bad=(
        replace_in_body(_BODY, f'"bytes":{_HELLO},', ""), replace_in_body(_STREAM, '"token":"你好",', ""), replace_in_body(_BODY, '"top_logprobs":[]', '"top_logprobs":null'),
        replace_in_body(_BODY, '"token":"你好"', '"token":57668'), replace_in_body(_TOP, _OTHER, '{"你好z":-2.25}'),
        replace_in_body(_TOP, _OTHER, '"你好z"'), replace_in_body(_TOP, _OTHER, _OTHER.replace('"你好z"', "null")),
    ),
    depends_on=(*_READ, "logprobs.form"),
)  # fmt: skip
def keys(exchange: Exchange) -> Iterator[Problem]:
    """
    Typed clients fail to decode it; `token.bytes` raises AttributeError, `for one in token.top_logprobs` TypeError.

    Instead: Read each with a default: `getattr(token, "bytes", None)`, `getattr(token, "top_logprobs", None) or []`.
    """
    tokens = _tokens(exchange)
    for key in _KEYS:
        lacking = [one for one in tokens if key not in one.value or (key == _KEYS[-1] and one.value[key] is None)]
        if lacking:
            how = "absent from" if key not in lacking[0].value else "null in"
            where = n_of_m(len(lacking), len(tokens), "token")
            yield Problem(f"{key} is {how} {where}", ((lacking[0].chunk, lacking[0].pointer),))
    others = [one for token in tokens for one in token.others]
    yield from islice(_odd_texts(tokens, "token"), 1)
    yield from islice(chain(_odd_lists(tokens), _incomplete(others), _odd_texts(others, "alternative")), 1)


def _odd_texts(tokens: list[Token], name: str) -> Iterator[Problem]:
    """Yield the tokens whose text is not a string."""
    odd = [one for one in tokens if "token" in one.value and not one.has_text]
    if odd:
        said = f"token is {json_text(odd[0].value['token'])[:_SHOWN]}, not a string, in {n_of_m(len(odd), len(tokens), name)}"
        yield Problem(said, ((odd[0].chunk, f"{odd[0].pointer}/token"),), _NO_TEXT)


def _odd_lists(tokens: list[Token]) -> Iterator[Problem]:
    """Yield the alternatives that are not a list of objects."""
    for token in tokens:
        wrong = _no_list(token.value.get("top_logprobs"))
        if wrong:
            yield Problem(f"top_logprobs {wrong}", ((token.chunk, f"{token.pointer}/top_logprobs"),), _NO_OBJECTS)


def _incomplete(others: list[Token]) -> Iterator[Problem]:
    """Yield the keys that alternatives lack."""
    for key in _KEYS[:-1]:
        lacking = [one for one in others if key not in one.value]
        if lacking:
            where = n_of_m(len(lacking), len(others), "alternative")
            yield Problem(f"{key} is absent from {where}", ((lacking[0].chunk, lacking[0].pointer),), _NO_KEY)


def _tokens(exchange: Exchange) -> list[Token]:
    return [token for one in token_lists(exchange) for token in one.tokens]


@rule(
    "logprobs.range", MUST, "`logprob` is a number of at most 0.",
    sources.LOGPROBS, has_tokens,
    good=(_BODY, _STREAM, replace_in_body(_BODY, "-0.25", "-9999.0"), replace_in_body(_BODY, "-0.25", "0.000030517578125")),
    bad=(replace_in_body(_BODY, "-0.25", "0.25", 1), replace_in_body(_STREAM, "-0.25", "null", 1), replace_in_body(_BODY, "-0.25", '"-0.25"')),
    depends_on=(*_READ, "logprobs.form"),
)  # fmt: skip
def in_range(exchange: Exchange) -> Iterator[Problem]:
    """
    `math.exp(token.logprob)` is more than 1, or raises TypeError on null and strings: sums and averages are wrong.

    Instead: Leave such tokens out: `isinstance(token.logprob, float) and token.logprob <= 0`.
    """
    tokens = _tokens(exchange)
    for name, found in (("token", tokens), ("alternative", [one for token in tokens for one in token.others])):
        wrong = [(one, said) for one in found if (said := _wrong_number(one))]
        if wrong:
            token, said = wrong[0]
            where = n_of_m(len(wrong), len(found), name)
            yield Problem(f"a logprob is {said}, in {where}", ((token.chunk, token.pointer),))
            return


def _wrong_number(token: Token) -> str | None:
    """Return what the logprob of a token is instead of a valid number."""
    value = token.value.get("logprob", 0)
    if type(value) not in {int, float}:
        return json_text(value)[:_SHOWN]
    return f"{value:g}, which is above 0" if value > _ROUNDING else None


@rule(
    "logprobs.bytes", MUST, "The bytes of a token are those of its text in UTF-8, or `null`.",
    sources.LOGPROBS, has_tokens,
    good=(_BODY, _STREAM, replace_in_body(_BODY, f'"bytes":{_HELLO}', '"bytes":null')),
    bad=(
        replace_in_body(_BODY, f'"bytes":{_HELLO}', '"bytes":[20320,22909]'),
        replace_in_body(_STREAM, f'"bytes":{_HELLO}', '"bytes":"5L2g5aW9"'),
        replace_in_body(_BODY, f'"bytes":{_HELLO}', '"bytes":[228,189]'),
        replace_in_body(_BODY, f'"token":"你好","logprob":-0.25,"bytes":{_HELLO}', '"token":"\ufffd","logprob":-0.25,"bytes":[239,191,189]'),
        replace_in_body(_TOP, _OTHER, _OTHER.replace("228,189,160", "20320")),
    ),
    depends_on=_READ,
)  # fmt: skip
def token_bytes(exchange: Exchange) -> Iterator[Problem]:
    """
    `bytes(token.bytes)` raises, or joins to a different text.

    Instead: Take the bytes of the text, `token.token.encode()`.
    """
    for one in token_lists(exchange):
        found = (_wrong_bytes(token, one.text) for token in one.tokens)
        # The text of an alternative that is part of a character says nothing.
        others = (_wrong_bytes(other, "\ufffd") for token in one.tokens for other in token.others)
        problem = next((problem for problem in chain(found, others) if problem), None)
        if problem:
            yield problem
            return


def _wrong_bytes(token: Token, text: str) -> Problem | None:
    """Return what is wrong with the bytes of a token; a token that is part of a character has no text of its own."""
    given, at = token.value.get("bytes"), ((token.chunk, f"{token.pointer}/bytes"),)
    if given is None:
        return None
    if token.bytes is None:
        odd = next((value for value in given if not is_byte(value)), None) if isinstance(given, list) else given
        return Problem(f"bytes of a token holds {json_text(odd)[:_SHOWN]}, not a byte", at)
    if "\ufffd".encode() in token.bytes and "\ufffd" not in text:
        return Problem("the bytes of a token are those of U+FFFD, which the text does not hold", at, _REPLACED)
    if token.has_text and not _CUT.search(token.text) and token.bytes != token.text.encode("utf-8", "replace"):
        said = token.bytes.decode("utf-8", "replace")
        return Problem(f"the bytes of the token {_short(token.text)} are those of {_short(said)}", at)
    return None


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


@rule(
    "logprobs.joins", MUST, "The tokens add up to the text.",
    sources.LOGPROBS, lambda x: has_tokens(x) or complete_answer(x) or uncut(x),
    good=(_BODY, _STREAM),
    bad=(
        replace_in_body(_BODY, '"token":"! How can I","logprob":-0.25,"bytes":[33,32,72,111,119,32,99,97,110,32,73]', '"token":"!ĠHowĠcanĠI","logprob":-0.25,"bytes":null'),
        replace_in_body(_BODY, '"content":"你好! How can I help?"', '"reasoning_content":"! How can I","content":" help?"'),
        replace_in_body(_BODY, '"content":"你好! How can I help?"', '"content":"Good morning"'),
        replace_in_body(_BODY, '"token":"你好","logprob":-0.25,"bytes":[228,189,160,229,165,189]', '"token":"ä½łå¥½","logprob":-0.25,"bytes":null'),
    ),
    depends_on=(*_WHOLE, "logprobs.bytes", "content.type"),
)  # fmt: skip
def joins(exchange: Exchange) -> Iterator[Problem]:
    """
    Probabilities laid over the text mark the wrong words.

    Instead: Find each token in the text, `found = text.find(token.token, at)`, and ignore those not found.
    """
    for one in _judged(exchange):
        problem = None if _agrees(one, exchange) or _is_part(one) else _another_text(one)
        if problem:
            yield problem
            return


def _judged(exchange: Exchange) -> Iterator[TokenList]:
    """Yield the token lists whose content was sent as text, not as calls or parts."""
    for one in token_lists(exchange):
        choice = one.choice
        filtered = any(finish.value == "content_filter" for finish in choice.finish_reasons)
        unknown = any(_unreadable(token, one.text) for token in one.tokens)
        if not (choice.tools or choice.part_types or filtered or unknown):
            yield one


def _unreadable(token: Token, text: str) -> bool:
    """Return whether a token's content is unknown: part of a character, or nothing, without its bytes."""
    cut = not token.has_text or _CUT.search(token.text) is not None
    return cut and (not token.bytes or ("\ufffd".encode() in token.bytes and "\ufffd" not in text))


def _agrees(one: TokenList, exchange: Exchange) -> bool:
    """
    Return whether tokens add up to their text.

    They may continue where the text was cut: with a stop sequence, the end mark, white space, part of a character.
    """
    text = one.text.strip()
    for said in (one.by_bytes, one.by_token):
        head, found, rest = said.partition(text) if text else ("", "", said)
        cut = exchange.request.get("stop") or _MARKS.fullmatch(rest.rstrip("\ufffd"))
        if (found or not text) and _MARKS.fullmatch(head) and cut:
            return True
    return False


def _is_part(one: TokenList) -> bool:
    """Return whether the tokens occur in the text in order, with gaps between them."""
    at, found = 0, 0
    for token in one.tokens:
        place = one.text.find(token.text, at)
        found += place >= 0
        at = place + len(token.text) if place >= 0 else at
    return found == len(one.tokens) and len(one.by_token) < len(one.text)


def _decoded(text: str) -> str:
    """Return the meaning of a tokenizer's raw tokens: byte tokens, or those that mark words."""
    pieces = (bytes([_BYTE_OF[letter]]) if letter in _BYTE_OF else letter.encode("utf-8", "replace") for letter in text)
    return b"".join(pieces).decode("utf-8", "replace").replace("▁", " ")


def _another_text(one: TokenList) -> Problem:
    at = ((one.tokens[0].chunk, one.tokens[0].pointer),)
    raw = _decoded(one.by_token)
    thought = one.choice.fragments(one.choice.reasoning).text.strip() if one.choice.reasoning else ""
    if one.grows:
        return Problem("each chunk holds all the tokens so far", at, _ALL_SO_FAR)
    if raw.strip().startswith(one.text.strip()) and raw != one.by_token and one.text:
        marked = (token.text for token in one.tokens if any(mark in token.text for mark in _RAW))
        example = next(marked, one.tokens[0].text)
        return Problem(f"tokens are the tokenizer's internal pieces, not text: {_short(example)}", at, _RAW_PIECES)
    holds_thought = thought in one.by_token if thought else "</think>" in one.by_token
    if holds_thought and one.text.strip() in one.by_token:
        return Problem("the tokens of the content hold the reasoning too", at, _REASONING_TOO)
    return Problem(f"the tokens add up to {_short(one.by_token)}, the text is {_short(one.text)}", at)


@rule(
    "logprobs.covers", MUST, "`logprobs` covers all of the text.",
    sources.LOGPROBS, lambda x: has_tokens(x) or complete_answer(x) or uncut(x),
    good=(_BODY, _STREAM),
    bad=(
        replace_in_body(_BODY, ',{"token":" help?","logprob":-0.25,"bytes":[32,104,101,108,112,63],"top_logprobs":[]}', ""),
    ),
    depends_on=(*_WHOLE, "logprobs.joins"),
)  # fmt: skip
def covers(exchange: Exchange) -> Iterator[Problem]:
    """
    Confidence is computed over part of the answer and presented as that of the whole.

    Instead: Compare before use, `whole = "".join(token.token for token in tokens) == text`; if they differ, treat
    the answer as one without probabilities.
    """
    for one in _judged(exchange):
        if not _agrees(one, exchange) and _is_part(one):
            counts = f"{len(one.by_token)} of {len(one.text)} characters of the {_NAMES.get(one.channel, 'reasoning')}"
            yield Problem(f"the probabilities cover {counts}", ((one.tokens[-1].chunk, one.tokens[-1].pointer),))
            return


@rule(
    "logprobs.covers-reasoning", SHOULD, "If reasoning is streamed with `logprobs`, they cover it.",
    sources.REASONING_CONTENT, lambda x: all_of(has_tokens, complete_answer)(x) or (None if x.is_stream else "no stream was asked for"),
    good=(_STREAM,),
    bad=(replace_in_body(_STREAM, '"content":"","refusal":null},', '"reasoning_content":"greet"},'),),
    depends_on=_WHOLE,
)  # fmt: skip
def covers_reasoning(exchange: Exchange) -> Iterator[Problem]:
    """
    The confidence of a reasoned answer comes from its last words only.

    Instead: Say so where it is shown, and continue without: `tokens += choice.logprobs.content if choice.logprobs else []`.
    """
    for choice in exchange.columns.choices.values():
        thought = choice.fragments(choice.reasoning) if choice.reasoning else None
        if thought is None:
            continue
        with_tokens = {given.chunk for given in choice.logprobs if any(given.value.get(key) for key in LISTS)}
        bare = [number for number in thought.chunks if number not in with_tokens]
        if bare:
            where = n_of_m(len(bare), len(thought.chunks), "piece")
            yield Problem(
                f"the probabilities do not cover the text: {where} of reasoning came without",
                ((bare[0], "/choices/0"),),
            )
            return
