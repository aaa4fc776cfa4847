"""Faults of texts that the model did not generate, or that were encoded twice; and related legal variants."""

from typing import Any

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    Change,
    any_chunk,
    chunks,
    compose,
    has_choice,
    has_content,
    has_message,
    has_reasoning,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.shapes import Json, as_object

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml#L31819"
_TAGS = f"{_GITHUB}/youssofal/MTPLX/pull/149"
_SIZED = f"{_GITHUB}/nbramia/LifeOS/pull/568"
_TEXT = "choices/*/message/content"
_QUESTION = "What is the capital of Norway, and where is it?"
_ASKED = asked(messages=[{"role": "user", "content": _QUESTION}])
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_WORDS = ("The", " river", " begins", " in", " hills", " and", " runs", " south", " to", " small", " towns", ".")
_CITED: dict[str, Any] = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 2, "title": "A", "url": "https://example.org/a"},
}
_CHUNK = 'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Oslo"}}]}\n\n'


def _text(text: str, *, question: bool = False) -> Change:
    """Return the change of a body to one with the text ``text``, and a plausible token count."""
    count = (len(text) // 4 + 3) | 1  # not a round number, which might be a limit
    usage = {"prompt_tokens": 9, "completion_tokens": count, "total_tokens": 9 + count}
    said = chunks(has_message, set_value(_TEXT, text), set_value("usage", usage))
    return compose(_ASKED, said) if question else said


def _role_up(chunk: Json) -> None:
    """Move the role of a delta into its choice."""
    role = as_object(chunk["choices"][0].get("delta")).pop("role", None)
    if role:
        chunk["choices"][0]["role"] = role


def _text_up(chunk: Json) -> None:
    """Move the text of a delta into its choice."""
    chunk["choices"][0]["text"] = as_object(chunk["choices"][0].get("delta")).pop("content", None)


# fmt: off
FAULTS = (
    Fault("thought-between-sentences", "Reasoning is between tags after a sentence.", "chat.nonstream", _TAGS, _text("Let me see.\n<reasoning>They ask of Oslo.</reasoning>\nIt is Oslo."), "content.no-think-tags"),
    Fault("think-tag-in-capitals", "The think tags are written in capitals.", "chat.nonstream", None, _text("<THINK>They greet.</THINK>Hello."), "content.no-think-tags"),
    Fault("scratchpad-in-text", "A scratchpad is before the text.", "chat.nonstream", None, _text("<scratchpad>They greet.</scratchpad>Hello."), "content.no-think-tags"),
    Fault("channel-of-gemma-in-text", "The text starts with the name of the channel of reasoning.", "chat.nonstream", None, _text("thought\nThey greet me.\nHello."), "content.no-special-tokens"),
    Fault("citation-marks-in-text", "The marks by which a search cites its sources are in the text.", "chat.nonstream", None, _text("It is Oslo. \ue200cite\ue202turn0search0\ue201"), "content.no-special-tokens"),
    Fault("letters-escaped-for-json", "Letters beyond ASCII are escaped twice.", "chat.nonstream", None, _text("caf\\u00e9, cr\\u00e8me, br\\u00fbl\\u00e9e"), "content.written-once"),
    Fault("text-escaped-for-urls", "The text is escaped for URLs.", "chat.nonstream", None, _text("It%20is%20Oslo%2C%20in%20the%20south."), "content.written-once"),
    Fault("text-is-undefined", "The text is the word undefined.", "chat.nonstream", None, _text("undefined"), "content.written-once"),
    Fault("order-mark-in-text", "A byte order mark begins the text.", "chat.nonstream", None, _text("\ufeffIt is Oslo."), "content.no-controls"),
    Fault("line-for-each-piece", "Each delta of the text ends its line.", "chat.stream", None, saying(*(f"{word}\n" for word in _WORDS)), "content.spaces"),
    Fault("answer-within-text", "The text is the answer of another server, as JSON.", "chat.nonstream", None, _text('{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Oslo"}}]}'), "content.unwrapped"),
    Fault("events-within-text", "The text is the events of another server.", "chat.nonstream", None, _text(2 * _CHUNK), "content.unwrapped"),
    Fault("error-within-text", "The text is the error of another server, as JSON.", "chat.nonstream", None, _text('{"error":{"message":"upstream timed out","type":"server_error","code":504}}'), "content.unwrapped"),
    Fault("detail-within-text", "The text is the error of a web framework, as JSON.", "chat.nonstream", None, _text('{"detail":"Rate limit exceeded, try again in 20 s"}'), "content.unwrapped"),
    Fault("image-within-text", "The text is the data of an image.", "chat.nonstream", None, _text(_PIXEL), "content.unwrapped"),
    Fault("image-url-within-text", "The text is an image as a data URL.", "chat.nonstream", f"{_GITHUB}/foxhui/WebAI2API/issues/84", _text(f"data:image/png;base64,{_PIXEL}"), "content.unwrapped"),
    Fault("closing-tag-in-capitals", "A closing tag of reasoning in capitals begins the text.", "chat.nonstream", f"{_GITHUB}/aula-id/koma/pull/63", _text("</THINK>\nHello."), "content.no-think-tags"),
    Fault("first-piece-twice", "The first delta of the text is sent twice.", "chat.stream", None, saying("The", "The", " river", " is", " long", "."), "content.once"),
    Fault("first-brace-twice", "The first brace of JSON is sent twice.", "chat.stream", f"{_GITHUB}/mudler/LocalAI/issues/9363", saying("{", "{", '"city"', ":", '"Oslo"', "}"), "content.once"),
    Fault("role-in-choice", "The role is in the choice.", "chat.stream", None, chunks(has_choice, _role_up), "chunk.places"),
    Fault("text-in-choice", "The text is in the choice, beside a delta of the role alone.", "chat.stream", None, chunks(has_content, _text_up), "chunk.places"),
    Fault("annotation-again", "The same annotation is sent twice.", "chat.nonstream", None, chunks(any_chunk, set_value("choices/*/message/annotations", 2 * [_CITED])), "content.annotations"),
    Fault("annotation-without-scheme", "The URL of an annotation has no scheme.", "chat.nonstream", None, chunks(any_chunk, set_value("choices/*/message/annotations", [_CITED | {"url_citation": _CITED["url_citation"] | {"url": "example.org/a"}}])), "content.annotations"),
    Fault("reasoning-details-as-text", "reasoning_details is a text.", "reasoning.stream", None, chunks(has_reasoning, set_value("choices/*/delta/reasoning_details", "They greet.")), "reasoning.type"),
    Fault("json-as-python", "JSON that was requested is written as Python does.", "json.object", None, chunks(any_chunk, set_value(_TEXT, "{'city': 'Lyon', 'far': True}")), "structured.json"),
    Fault("json-under-a-key", "The object that was requested is in another.", "json.schema", None, chunks(any_chunk, set_value(_TEXT, '{"answer":{"city":"Lyon","population":522000}}')), "structured.schema"),
    Fault("schema-as-answer", "The schema comes instead of the answer.", "json.schema", None, chunks(any_chunk, set_value(_TEXT, '{"type":"object","properties":{"city":{"type":"string"}}}')), "structured.schema"),
    Fault("reason-is-the-word-null", "The reason is the word null before the end.", "chat.stream", None, chunks(has_content, set_value("choices/*/finish_reason", "null")), "finish_reason.vocabulary"),
    Fault("question-before-answer", "The text starts with the question.", "chat.nonstream", None, _text(f"{_QUESTION}\n\nIt is Oslo, in the south.", question=True), "content.no-echo"),
)

VARIANTS = (
    Variant("text-speaks-of-think-tags", "The text speaks of tags within its sentences.", "chat.nonstream", _OPENAPI, _text("The tag <think> opens a thought. </think> closes it. <reasoning> and </reasoning> do the same.")),
    Variant("text-holds-json", "The text is JSON, and no answer of an API.", "chat.nonstream", _OPENAPI, _text('{"object": "chair", "error": null, "choices": 3}')),
    Variant("text-shows-an-event", "The text shows an event of a stream.", "chat.nonstream", _SIZED, _text('Each event is a line `data: {"choices": []}`.')),
    Variant("text-of-one-word-a-line", "The text is a list of words, one a line.", "chat.stream", _OPENAPI, saying(*(f"{word}\n" for word in ("Oslo", "Rome", "Paris", "Bern", "Wien", "Riga", "Kyiv", "Bonn", "Lima", "Nice", "Cork", "Bath")))),
    Variant("text-repeats-a-part", "The text starts with a part of the question.", "chat.nonstream", _OPENAPI, _text("What is the capital of Norway? It is Oslo.", question=True)),
    Variant("text-of-byebye", "The text starts with one word twice.", "chat.stream", _OPENAPI, saying("bye", "bye", " now", ".")),
    Variant("text-is-json-of-a-name", "The text is JSON with a name.", "chat.nonstream", _OPENAPI, _text('{"name": "Oslo", "parameters": 3}')),
    Variant("two-annotations-of-one-source", "Two annotations cite one source at different places.", "chat.nonstream", _OPENAPI, chunks(any_chunk, set_value("choices/*/message/annotations", [_CITED, _CITED | {"url_citation": _CITED["url_citation"] | {"start_index": 1}}]))),
    Variant("text-of-thoughts", "The text starts with the word thought.", "chat.nonstream", _OPENAPI, _text("thoughtful words are few.")),
)
# fmt: on
