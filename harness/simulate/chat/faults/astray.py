"""Faults of pieces that come once more, in another's place, or without what is around them."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    Change,
    Edit,
    NothingChanged,
    any_chunk,
    chunks,
    compose,
    has_content,
    has_tool_calls,
    has_usage,
    only_if,
    rebuild_stream,
    remove,
    repeat,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_AGAIN = f"{_GITHUB}/local-inference-lab/vllm/pull/29"
_UNMARKED = f"{_GITHUB}/zai-org/GLM-V/issues/243"
_HEADLESS = f"{_GITHUB}/oracle/langchain-oracle/pull/254"
_WORDS = ("The", " river", " runs", " to", " the", " wide", " sea", " of", " the", " north", ".")
_TRIMMED = (
    "The river runs", "to the sea", "and it is", "the longest", "of all", "that flow", "in this land", "where", "the people", "fish", "for trout",
)  # fmt: skip
_EMPTY_CUSTOM = "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes/test_snowflake/test_snowflake_tool_calling.yaml"
_CUSTOM_OPEN = f"{_GITHUB}/braintrustdata/lingua/pull/342"
_CUSTOM = [{"type": "custom", "custom": {"name": "run_sql"}}]
_ARGUMENTS = "choices/*/delta/tool_calls/*/function/arguments"
_THOUGHT = (
    "They say hello, so a short greeting is enough; a question after it keeps the talk going. 你好! How can I help?"
)


def _counted(tokens: int) -> tuple[Edit, ...]:
    return set_value("usage/completion_tokens", tokens), set_value("usage/total_tokens", 9 + tokens)


def _thought_too(found: list[Json]) -> list[Json]:
    """Return chunks with each piece of text as reasoning before the text."""
    said = [(chunk, choice) for chunk in found if has_content(chunk) for choice in chunk["choices"]]
    if not said:
        raise NothingChanged
    thought = [
        chunk | {"choices": [choice | {"delta": {"reasoning_content": choice["delta"]["content"]}}]}
        for chunk, choice in said
    ]
    at = found.index(said[0][0])
    return [*found[:at], *thought, *found[at:]]


def _custom(call: Json) -> Change:
    """Return the change of a response to one that calls a custom tool with ``call``, which lacks an id."""
    whole = [{"id": "call_1"} | call]
    return compose(asked(tools=_CUSTOM), chunks(any_chunk, set_value("choices/*/message/tool_calls", whole)))


def _calls_paris(exchange: Exchange) -> bool:
    return [call.arguments for call in exchange.calls.get(0, ())] == ['{"city":"Paris"}']


def _calls_two(exchange: Exchange) -> bool:
    return len({call.index for call in exchange.calls.get(0, ()) if call.arguments}) > 1


# fmt: off
FAULTS = (
    Fault("piece-beyond-the-count", "A delta of text comes twice, and its token is counted once.", "chat.stream-usage", _AGAIN,
          compose(saying(*_WORDS[:6], " wide", *_WORDS[6:]), chunks(has_usage, *_counted(len(_WORDS)))), "content.once"),
    Fault("pieces-trimmed", "Pieces of several words lose the space between them.", "chat.stream", None, saying(*_TRIMMED), "content.spaces"),
    Fault("thought-unmarked-as-text", "Reasoning is in the text without a mark, and is counted as reasoning.", "chat.stream-usage", _UNMARKED,
          compose(saying(*(_THOUGHT[at : at + 5] for at in range(0, len(_THOUGHT), 5))), chunks(has_usage, *_counted(26), set_value("usage/completion_tokens_details", {"reasoning_tokens": 22}))), "usage.enough"),
    Fault("failure-stuck-to-text", "The report of a failure follows the last word.", "chat.stream", None, saying("The first train", " leaves", "[ERROR] upstream timed out"), "content.unwrapped"),
    Fault("head-of-second-call-lost", "The first fragment of the second tool call is lost.", "tools.parallel", _HEADLESS,
          only_if(_calls_two, remove(has_tool_calls, only=slice(3, 4))), "tool_calls.id"),
    Fault("end-in-the-other-call", "The last fragment of a tool call has the index of another.", "tools.parallel", None,
          only_if(_calls_two, compose(repeat(has_tool_calls, only=slice(-1, None)), chunks(has_tool_calls, set_value(_ARGUMENTS, '{"zone":"C'), only=slice(-2, -1)),
                  chunks(has_tool_calls, set_value(_ARGUMENTS, 'ET"}'), set_value("choices/*/delta/tool_calls/*/index", 0), only=slice(-1, None)))), "tool_calls.arguments-json"),
    Fault("custom-call-as-function-object", "A custom call has its input in the object function.", "tools.nonstream", _CUSTOM_OPEN, _custom({"type": "custom", "function": {"name": "run_sql", "arguments": "SELECT 1"}}), "tool_choice.kind"),
    Fault("custom-input-as-object", "The input of a custom call is an object.", "tools.nonstream", None, _custom({"type": "custom", "custom": {"name": "run_sql", "input": {"sql": "SELECT 1"}}}), "tool_choice.kind"),
    Fault("answer-as-thought-too", "Each delta of the text comes first as reasoning, and is counted once.", "chat.stream-usage", None,
          compose(saying(*_WORDS), rebuild_stream(_thought_too), chunks(has_usage, *_counted(len(_WORDS) + 1))), "reasoning.not-in-content"),
    Fault("unknown-token-for-a-word", "A token for unknown words is in a sentence.", "chat.stream", None, saying("The train to ", "<unk>", " leaves at nine."), "content.no-special-tokens"),
    Fault("arguments-in-text-too", "The text beside a tool call is its arguments.", "tools.nonstream", None,
          only_if(_calls_paris, chunks(any_chunk, set_value("choices/*/message/content", '{"city":"Paris"}'))), "tool_calls.not-in-text"),
    Fault("comment-line-as-text", "A comment line of the stream is in the text.", "chat.stream", None, saying("The first train", ": keep-alive\n\n", " leaves at nine."), "content.unwrapped"),
    Fault("pieces-as-json", "Each delta of the text is JSON.", "chat.stream", None, saying(*(f'{{"content":"{word}"}}' for word in _WORDS)), "content.unwrapped"),
)

VARIANTS = (
    Variant("word-twice-as-counted", "A model says a word twice, and both are counted.", "chat.stream-usage", f"{_OPENAPI}#L31819",
            compose(saying(*_WORDS[:6], " wide", *_WORDS[6:]), chunks(has_usage, *_counted(len(_WORDS) + 1)))),
    Variant("empty-custom-beside-function", "A function call has an empty object custom too.", "tools.nonstream", _EMPTY_CUSTOM,
            chunks(any_chunk, set_value("choices/*/message/tool_calls/*/custom", {"input": "", "name": ""}))),
    Variant("unknown-token-explained", "A text explains the token for unknown words.", "chat.stream", f"{_OPENAPI}#L31819", saying("The model uses the token", " <unk>", " for words it lacks.")),
    Variant("text-names-an-error", "The text ends with an error in brackets, as a log has it.", "chat.stream", f"{_OPENAPI}#L31819", saying("The log", " says", " [ERROR] upstream timed out")),
)
# fmt: on
