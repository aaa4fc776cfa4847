"""
Faults of responses that lack a part in one mode, or have one too many: left-overs of templates, words for
nothing.
"""

from typing import Any

from harness.simulate.chat import ideal
from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    Change,
    Edit,
    NothingChanged,
    any_chunk,
    chunks,
    compose,
    has_choice,
    only_if,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.simulate.reference import in_archive, with_request_params
from harness.wire.exchange import Exchange

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_TAIL = f"{_GITHUB}/Blaizzy/mlx-vlm/pull/1845"
_CUT = f"{_GITHUB}/sgl-project/sglang/issues/34214"
_THOUGHT_TAIL = f"{_GITHUB}/smg-project/smg/issues/1998"
_BEFORE_CALL = f"{_GITHUB}/waybarrios/vllm-mlx/pull/690"
_NO_CALL = f"{_GITHUB}/ddalcu/mlx-serve/issues/287"
_MOVED = f"{_GITHUB}/vllm-project/vllm/issues/31501"
_NO_TAGS = f"{_GITHUB}/raullenchai/Rapid-MLX/issues/447"
_ANSWER_TAG = f"{_GITHUB}/vllm-project/vllm/issues/58127"
_ZEROS = f"{_GITHUB}/router-for-me/CLIProxyAPI/issues/3076"
_LIST = "Here they are: Mercury, Venus, Earth and Mars."
_FORM = ("stream", "stream_options")
_SAID = "choices/*/message/content"
_USER = "The user wants a greeting. I should keep it short and friendly."


def _counts(exchange: Exchange) -> bool:
    return bool(exchange.columns.usages)


def _beside_body(**values: Any) -> Change:
    """Return the change that puts a body, asked for the same at a temperature of 0, with these keys of its message ahead of it."""

    def change(exchange: Exchange) -> Exchange:
        stream = with_request_params(exchange, temperature=0)
        body = ideal.exchange({key: value for key, value in (stream.request.json or {}).items() if key not in _FORM})
        edits = [set_value(f"choices/*/message/{key}", value) for key, value in values.items()]
        return in_archive(stream, chunks(any_chunk, set_value("id", "chatcmpl-before"), *edits)(body))

    return change


def _beside_stream(text: str) -> Change:
    """Return the change that puts a stream, asked for the same, with this text at its beginning ahead of a body."""

    def change(exchange: Exchange) -> Exchange:
        exchange = with_request_params(exchange, temperature=0)
        asked_for = (exchange.request.json or {}) | {"stream": True, "stream_options": {"include_usage": True}}
        said = chunks(has_choice, set_value("choices/*/delta/content", text), only=slice(0, 1))
        named = chunks(any_chunk, set_value("id", "chatcmpl-before"))
        return in_archive(exchange, compose(said, named)(ideal.exchange(asked_for)))

    return alone(change)


def alone(change: Change) -> Change:
    """
    Return a change that applies only to the reference: a response changed otherwise does not match the other
    mode.
    """

    def changed(exchange: Exchange) -> Exchange:
        body = ideal.exchange(exchange.request.json or {}).response.body
        if exchange.siblings is not None or exchange.response.body != body:
            raise NothingChanged
        return change(exchange)

    return changed


def _by_chance(change: Change) -> Change:
    """Return the change without the temperature: the model may say more one time than another."""
    return lambda exchange: with_request_params(change(exchange), temperature=None)


def _counted(tokens: int) -> tuple[Edit, ...]:
    return set_value("usage/completion_tokens", tokens), set_value("usage/total_tokens", 9 + tokens)


def _said(text: str) -> Change:
    return chunks(any_chunk, set_value(_SAID, text))


def _calls(*cities: str) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{city}", "type": "function", "function": {"name": "get_weather", "arguments": f'{{"city":"{city}"}}'}}
        for city in cities
    ]  # fmt: skip


# fmt: off
FAULTS = (
    Fault("rest-of-text-lost", "A stream ends where the text of a body goes on.", "chat.stream-usage", _CUT,
          alone(compose(saying("Here they are: ", "Mercury,"), _beside_body(content=_LIST))), "parity.ends"),
    Fault("end-of-text-lost", "A stream is without the last letters of the text that a body has.", "chat.stream-usage", _TAIL,
          alone(compose(saying("Here they are: ", "Mercury, Venus, Earth and M"), _beside_body(content=_LIST))), "parity.ends"),
    Fault("middle-of-text-lost", "A stream is without a word of the text that a body has.", "chat.stream-usage", _CUT,
          alone(compose(saying("Here they are: ", "Mercury, ", "Earth and Mars."), _beside_body(content=_LIST))), "parity.ends"),
    Fault("end-of-thought-lost", "A stream is without the end of the thought that a body has.", "reasoning.stream", _THOUGHT_TAIL,
          alone(compose(replace_bytes(b" I greet back.", b" I greet"), _beside_body(reasoning_content="The user greets me. I greet back."))), "parity.ends"),
    Fault("text-before-call-lost", "A body is without the text that stands before the tool call of a stream.", "tools.nonstream", _BEFORE_CALL, _beside_stream("I will look at the weather in that city first."), "parity.ends"),
    Fault("key-of-arguments-lost", "The tool call of a stream is without a key of the arguments that a body has.", "tools.auto", _NO_CALL,
          alone(_beside_body(tool_calls=[_calls("Paris")[0] | {"function": {"name": "get_weather", "arguments": '{"city":"Paris","unit":"celsius"}'}}])), "parity.ends"),
    Fault("second-call-lost", "A stream calls the tool once, and a body twice.", "tools.auto", _NO_CALL, alone(_beside_body(tool_calls=_calls("Paris", "Oslo"))), "parity.tool-calls"),
    Fault("thought-ends-elsewhere", "The end of the thought stands in the text of a stream.", "reasoning.stream", _MOVED,
          alone(_beside_body(reasoning_content="The user greets me. I greet", content="back.你好!")), "parity.channels"),
    Fault("thought-without-tags", "The text begins with a thought about the user, and no tag.", "params.seed", _NO_TAGS, _said(f"{_USER}\n\nHello!"), "content.no-think-tags"),
    Fault("nan-in-json", "NaN stands in the JSON that was asked for.", "json.object", f"{_OPENAPI}#L33105", _said('{"city":"Lyon","population":NaN}'), "structured.json"),
    Fault("pad-token-left", "The text ends with pad tokens.", "chat.stream", None, saying("Hello", ".", "<pad>", "<pad>"), "content.no-special-tokens"),
    Fault("answer-tag-left", "The text ends with the tag of an answer that nothing opens.", "chat.stream", _ANSWER_TAG, saying("\nHello", ".", "\n</answer>"), "content.no-special-tokens"),
    Fault("turn-of-user-first", "The text begins with the turn of the user, as the template writes it.", "params.user", None, _said("user\nGreet me.\nassistant\nHello!"), "content.no-special-tokens"),
    Fault("undefined-at-the-end", "The word undefined is the last delta of the text.", "chat.stream", None, saying("Hello", " there.", "undefined"), "content.written-once"),
    Fault("usage-of-zeros-first", "Usage counts nothing in a chunk before the one that counts.", "chat.stream-usage", _ZEROS,
          only_if(_counts, chunks(has_choice, set_value("usage", {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}), only=slice(1, 2))), "usage.once"),
)

VARIANTS = (
    Variant("text-longer-by-chance", "A body says a sentence more, and the temperature leaves it the choice.", "chat.stream", f"{_OPENAPI}#L33105",
            _by_chance(compose(saying("The capital of Norway ", "is Oslo."), _beside_body(content="The capital of Norway is Oslo. It lies in the south.")))),
    Variant("cap-cuts-one-of-two", "The cap cuts the stream, and the body says all.", "chat.stream", f"{_OPENAPI}#L33105",
            compose(saying("Here they are: ", "Mercury, Venus"), replace_bytes(b'"finish_reason":"stop"', b'"finish_reason":"length"'), asked(max_tokens=7), _beside_body(content=_LIST))),
    Variant("text-about-the-user", "The text describes what the user of a page does.", "params.seed", f"{_OPENAPI}#L31629",
            compose(_said("The user wants to sign in, so the page shows a form. The user enters a name, and the page checks it."), chunks(any_chunk, *_counted(25)))),
    Variant("answer-in-tags", "The text is an answer between tags.", "chat.stream", f"{_OPENAPI}#L31819", saying("<answer>", "42", "</answer>")),
    Variant("text-ends-in-undefined", "The text ends with the word undefined.", "chat.stream", f"{_OPENAPI}#L31819", saying("The value of x", " is", " undefined")),
)
# fmt: on
