"""Legal variants of content: repeated words, reasoning between words, and responses that are not text."""

from typing import Any

from harness.simulate.chat.faults.between import asked
from harness.simulate.edits import (
    Change,
    any_chunk,
    chunks,
    compose,
    has_content,
    has_no_finish_reason,
    rebuild_stream,
    repeat,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Variant
from harness.wire.shapes import Json

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_DELTA, _MESSAGE = (f"{_OPENAPI}#L{line}" for line in (31819, 31629))
_REPEATS = "https://github.com/posit-dev/chatlas/issues/435"
_INTERLEAVED = "https://github.com/open-webui/open-webui/issues/24697"
_IMAGE = "https://github.com/agno-agi/agno/pull/8938"
_AUDIO = (
    "https://docs.rs/crate/openai-client-base/0.16.0/source/src/models/chat_completion_stream_response_delta_audio.rs"
)

_LAST = slice(-1, None)
_CONTENT, _THOUGHT = "choices/*/delta/content", "choices/*/delta/reasoning_content"
_SAID, _REASONED = "choices/*/message/content", "choices/*/message/reasoning_content"
_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
_CITED = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 2, "title": "A", "url": "https://example.org/a"}}  # fmt: skip
_SOUND = {"id": "audio_1", "data": "UklGRgAAAAA=", "expires_at": 1_760_003_600, "transcript": "你好! How can I help?"}
_STREAMED_SOUND = (
    {"id": "audio_1", "transcript": ""},
    {"transcript": "你好"},
    {"data": "UklGRgAAAAA="},
    {"data": "AAECAw=="},
    {"expires_at": 1_760_003_600},
)


def _saying(*pieces: str) -> Change:
    """Return the change of a stream to one with ``pieces`` as its text."""

    def make(found: list[Json]) -> list[Json]:
        said = [n for n, chunk in enumerate(found) if has_content(chunk)]
        model = found[said[0]]
        choice = model["choices"][0]
        new = [model | {"choices": [choice | {"delta": choice["delta"] | {"content": piece}}]} for piece in pieces]
        return [*found[: said[0]], *new, *found[said[-1] + 1 :]]

    return rebuild_stream(make)


def _sounding(found: list[Json]) -> list[Json]:
    """Return the chunks of a stream with the same content as audio."""
    first, end = found[0], found[-1]
    choice = first["choices"][0]
    pieces = [first | {"choices": [choice | {"delta": {"audio": piece}}]} for piece in _STREAMED_SOUND]
    head = first | {"choices": [choice | {"delta": {"role": "assistant", "content": None}}]}
    return [head, *pieces, end]


def _picturing(found: list[Json]) -> list[Json]:
    """Return the chunks of a stream with an image and an empty text."""
    first, end = found[0], found[-1]
    choice = first["choices"][0]
    delta = {"content": "", "images": [_PICTURE | {"index": 0}]}
    return [first, first | {"choices": [choice | {"delta": delta}]}, end]


def _refused(chunk: Json) -> None:
    """Turn the text of a chunk into a refusal."""
    delta = chunk["choices"][0]["delta"]
    delta["refusal"] = delta.pop("content")


def _in_body(key: str, value: Any, text: str | None) -> Change:
    return chunks(any_chunk, set_value(f"choices/*/message/{key}", value), set_value(_SAID, text))


# fmt: off
_WORDS = (
    Variant("words-laugh", "The text is ha ha haha haha.", "chat.stream", _REPEATS, _saying("ha", "ha", "haha", "haha")),
    Variant("words-line-twice", "The text is a line, and the same line.", "chat.stream", _REPEATS,
            _saying("Row", ",", " row", " your", " boat", "\n", "Row", ",", " row", " your", " boat", "\n")),
    Variant("words-refrain-at-once", "A refrain is sent in one piece each time.", "chat.stream", _DELTA,
            _saying("Happy birthday to you,\n", "Happy birthday to you,\n", "Happy birthday, dear reader,\n", "Happy birthday to you!")),
    Variant("words-of-a-loop", "The model says the same sentence until the token limit.", "chat.stream", _DELTA, _saying(*("I", " am", " sure", ".") * 20)),
    Variant("words-of-a-table", "The text is a table with equal rows.", "chat.stream", _DELTA,
            _saying("|", " a", " |", " b", " |\n", "|", "---", "|", "---", "|\n", *("|", " 1", " |", " 1", " |\n") * 3)),
    Variant("words-digits", "The text is a number whose digits repeat.", "chat.stream", _DELTA, _saying("11", "11", "22", "22", "1111", "2222")),
    Variant("words-code", "The text is code with the same line twice.", "chat.stream", _DELTA,
            _saying("x", " =", " f", "(x)", "\n", "x", " =", " f", "(x)", "\n", "print", "(x)")),
    Variant("words-bye", "A word is said twice in Chinese, in one piece each time.", "chat.stream", _DELTA, _saying("再见", "，", "再见", "，", "再见了", "！")),
    Variant("words-blank-first", "The text starts with two equal blank lines.", "chat.stream", _REPEATS, _saying("\n", "\n", "Here", " is", " the", " answer", ".")),
    Variant("words-list-twice", "Each line of a list is sent twice.", "chat.stream", _DELTA, _saying(*(f"{dash}{word}" for word in ("apple\n", "pear\n", "plum\n") for dash in ("- ", "- ")))),
    Variant("words-about-tokens", "The text explains special tokens and tags.", "chat.nonstream", _MESSAGE,
            compose(replace_bytes("你好".encode(), b"Each turn ends with `<|im_end|>`; the <|endoftext|> token ends a document, and (</think>) follows <think>."),
                    chunks(any_chunk, set_value("usage/completion_tokens", 32), set_value("usage/total_tokens", 41)))),
    Variant("words-about-mojibake", "The text speaks of letters that come of a wrong encoding.", "chat.nonstream", _MESSAGE,
            replace_bytes("你好".encode(), "Ã© is what é becomes, 20 °C and “so” are fine".encode())),
)

_THOUGHTS = (
    Variant("thought-after-text", "A delta of the reasoning follows the text.", "reasoning.stream", _INTERLEAVED,
            repeat(has_content, set_value(_CONTENT, None), set_value(_THOUGHT, " It is said."), only=_LAST)),
    Variant("thought-between-texts", "A delta of the reasoning is between two of the text.", "reasoning.stream", _INTERLEAVED,
            repeat(has_content, set_value(_CONTENT, None), set_value(_THOUGHT, " And now the mark."))),
    Variant("thought-is-answer", "Short reasoning is, word for word, the answer.", "reasoning.nonstream", _MESSAGE,
            chunks(any_chunk, set_value(_REASONED, "你好!"), set_value(_SAID, "你好!"))),
    Variant("thought-to-the-cap", "The token limit is reached within the reasoning.", "reasoning.nonstream", _MESSAGE,
            compose(asked(max_tokens=11), chunks(any_chunk, set_value(_SAID, ""), set_value("choices/*/finish_reason", "length")))),
)

_OTHERS = (
    Variant("image-alone", "The answer is an image, and its text empty.", "chat.nonstream", _IMAGE, _in_body("images", [_PICTURE], "")),
    Variant("image-alone-streamed", "A stream has an image and an empty text.", "chat.stream", _IMAGE, rebuild_stream(_picturing)),
    Variant("image-beside-text", "An image of an http URL is beside the text.", "chat.nonstream", _IMAGE,
            _in_body("images", [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}], "Here it is.")),
    Variant("audio-alone", "The answer is audio, and its text null.", "chat.nonstream", _MESSAGE, _in_body("audio", _SOUND, None)),
    Variant("audio-streamed", "A stream has audio, and ends with its expiry time.", "chat.stream", _AUDIO, rebuild_stream(_sounding)),
    Variant("sources-beside-text", "The chunks have citations and search results beside their choices.", "chat.stream",
            "https://github.com/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages/perplexity/src/__fixtures__/perplexity-citations.chunks.txt",
            chunks(any_chunk, set_value("citations", ["https://example.org/a"]), set_value("search_results", [{"title": "A", "url": "https://example.org/a"}]))),
    Variant("filter-results", "Each choice has the results of a content filter.", "chat.stream",
            "https://github.com/traceloop/openllmetry/blob/93429cfb9767e6b51db6cb35f6b70f758117669a/packages/opentelemetry-instrumentation-openai/tests/traces/cassettes/test_azure/test_chat_content_filtering.yaml",
            chunks(has_no_finish_reason, set_value("choices/*/content_filter_results", {"hate": {"filtered": False, "severity": "safe"}}))),
    Variant("audio-null", "A message of text has audio null.", "chat.nonstream", _MESSAGE, chunks(any_chunk, set_value("choices/*/message/audio", None))),
    Variant("annotations-streamed", "A stream has a citation after its text.", "chat.stream", "https://github.com/vercel/ai/issues/10199",
            repeat(has_content, set_value(_CONTENT, ""), set_value("choices/*/delta/annotations", [_CITED]), only=_LAST)),
    Variant("refusal-streamed", "A stream refuses, piece by piece.", "chat.stream", _DELTA,
            chunks(has_content, _refused)),
    Variant("refusal-alone", "A message refuses, and its content is null.", "chat.nonstream", _MESSAGE, _in_body("refusal", "I can't help with that.", None)),
)
# fmt: on

VARIANTS = (*_WORDS, *_THOUGHTS, *_OTHERS)
