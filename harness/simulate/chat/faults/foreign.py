"""Faults of texts that the model did not say, or that were written out once more on their way; and what is legal beside them."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import Change, any_chunk, chunks, compose, set_value
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml#L31819"
_TAGS = f"{_GITHUB}/youssofal/MTPLX/pull/149"
_SIZED = f"{_GITHUB}/nbramia/LifeOS/pull/568"
_TEXT = "choices/*/message/content"
_QUESTION = "What is the capital of Norway, and where is it?"
_ASKED = asked(messages=[{"role": "user", "content": _QUESTION}])
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_WORDS = ("The", " river", " begins", " in", " hills", " and", " runs", " south", " to", " small", " towns", ".")
_CHUNK = 'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Oslo"}}]}\n\n'


def _text(text: str, *, question: bool = False) -> Change:
    """Return the change of a body to one that says ``text``, and counts about as many tokens as it has."""
    count = len(text) // 4 + 2
    usage = {"prompt_tokens": 9, "completion_tokens": count, "total_tokens": 9 + count}
    said = chunks(any_chunk, set_value(_TEXT, text), set_value("usage", usage))
    return compose(_ASKED, said) if question else said


# fmt: off
FAULTS = (
    Fault("thought-between-sentences", "A thought stands between tags after a sentence.", "chat.nonstream", _TAGS, _text("Let me see.\n<reasoning>They ask of Oslo.</reasoning>\nIt is Oslo."), "content.no-think-tags"),
    Fault("think-tag-in-capitals", "The think tags are written in capitals.", "chat.nonstream", None, _text("<THINK>They greet.</THINK>Hello."), "content.no-think-tags"),
    Fault("scratchpad-in-text", "A scratchpad stands before the text.", "chat.nonstream", None, _text("<scratchpad>They greet.</scratchpad>Hello."), "content.no-think-tags"),
    Fault("channel-of-gemma-in-text", "The text begins with the name of the channel of thought.", "chat.nonstream", None, _text("thought\nThey greet me.\nHello."), "content.no-special-tokens"),
    Fault("citation-marks-in-text", "The marks by which a search cites its sources stand in the text.", "chat.nonstream", None, _text("It is Oslo. \ue200cite\ue202turn0search0\ue201"), "content.no-special-tokens"),
    Fault("letters-escaped-for-json", "Letters beyond ASCII are escaped twice.", "chat.nonstream", None, _text("caf\\u00e9, cr\\u00e8me, br\\u00fbl\\u00e9e"), "content.written-once"),
    Fault("text-escaped-for-urls", "The text is escaped for URLs.", "chat.nonstream", None, _text("It%20is%20Oslo%2C%20in%20the%20south."), "content.written-once"),
    Fault("text-is-undefined", "The text is the word undefined.", "chat.nonstream", None, _text("undefined"), "content.written-once"),
    Fault("order-mark-in-text", "A byte order mark begins the text.", "chat.nonstream", None, _text("\ufeffIt is Oslo."), "content.no-controls"),
    Fault("line-for-each-piece", "Each piece of the text ends its line.", "chat.stream", None, saying(*(f"{word}\n" for word in _WORDS)), "content.spaces"),
    Fault("answer-within-text", "The text is the answer of another server, as JSON.", "chat.nonstream", None, _text('{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Oslo"}}]}'), "content.unwrapped"),
    Fault("events-within-text", "The text is the events of another server.", "chat.nonstream", None, _text(2 * _CHUNK), "content.unwrapped"),
    Fault("error-within-text", "The text is the error of another server, as JSON.", "chat.nonstream", None, _text('{"error":{"message":"upstream timed out","type":"server_error","code":504}}'), "content.unwrapped"),
    Fault("image-within-text", "The text is the data of an image.", "chat.nonstream", None, _text(_PIXEL), "content.unwrapped"),
    Fault("question-before-answer", "The text begins with the question.", "chat.nonstream", None, _text(f"{_QUESTION}\n\nIt is Oslo, in the south.", question=True), "content.no-echo"),
)

VARIANTS = (
    Variant("text-speaks-of-think-tags", "The text speaks of tags within its sentences.", "chat.nonstream", _OPENAPI, _text("The tag <think> opens a thought. </think> closes it. <reasoning> and </reasoning> do the same.")),
    Variant("text-holds-json", "The text is JSON, and no answer of an API.", "chat.nonstream", _OPENAPI, _text('{"object": "chair", "error": null, "choices": 3}')),
    Variant("text-shows-an-event", "The text shows an event of a stream.", "chat.nonstream", _SIZED, _text('Each event is a line `data: {"choices": []}`.')),
    Variant("text-of-one-word-a-line", "The text is a list of words, one a line.", "chat.stream", _OPENAPI, saying(*(f"{word}\n" for word in ("Oslo", "Rome", "Paris", "Bern", "Wien", "Riga", "Kyiv", "Bonn", "Lima", "Nice", "Cork", "Bath")))),
    Variant("text-repeats-a-part", "The text begins with a part of the question.", "chat.nonstream", _OPENAPI, _text("What is the capital of Norway? It is Oslo.", question=True)),
    Variant("text-of-thoughts", "The text begins with the word thought.", "chat.nonstream", _OPENAPI, _text("thoughtful words are few.")),
)
# fmt: on
