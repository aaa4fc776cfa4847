"""Faults of text: repetition, foreign marks and letters, and responses that are not text."""

from typing import Any

from harness.simulate.edits import (
    Change,
    Edit,
    NothingChanged,
    any_chunk,
    chunks,
    has_content,
    has_finish_reason,
    has_reasoning,
    rebuild_stream,
    repeat,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Fault
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

_SNOWFLAKE = "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes/test_snowflake/test_snowflake_model_streaming.yaml"
_DELTA = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml#L31819"
_SO_FAR = "https://github.com/NVIDIA/TensorRT-LLM/issues/3280"
_AT_END = "https://github.com/infiniflow/ragflow/pull/15443"
_EACH_TWICE = "https://github.com/MagnivOrg/prompt-layer-library/issues/4"
_THOUGHT_TWICE = "https://github.com/maximhq/bifrost/issues/6427"
_REPLAYED = "https://github.com/BerriAI/litellm/pull/36267"
_CHANNEL_TOKENS = "https://github.com/vllm-project/vllm/issues/32587"
_CHANNEL_WORDS = "https://github.com/oobabooga/textgen/issues/7374"
_MOJIBAKE = "https://github.com/ultrasev/llmproxy-vercel/issues/1"
_IMAGE = "https://github.com/agno-agi/agno/pull/8938"
_CITATION = "https://github.com/vercel/ai/issues/10199"

_SECOND, _LAST, _ALL = slice(1, 2), slice(-1, None), slice(None)
_CONTENT, _THOUGHT = "choices/*/delta/content", "choices/*/delta/reasoning_content"
_SAID, _REASONED = "choices/*/message/content", "choices/*/message/reasoning_content"
_HELLO = "你好".encode()
_READ_AS_LATIN = "你好".encode().decode("latin-1")
_SOUND = {"id": "audio_1", "data": "UklGRgAAAAA=", "expires_at": 1_760_003_600, "transcript": "你好"}


def _text(pieces: str) -> Edit:
    return set_value(_CONTENT, pieces)


def _growing(path: str) -> Change:
    """Return the change that puts all earlier fragments at ``path`` into each."""

    def change(exchange: Exchange) -> Exchange:
        said: list[str] = []

        def grown(piece: str) -> str:
            said.append(piece)
            return "".join(said)

        return chunks(any_chunk, set_value(path, grown))(exchange)

    return change


def _again(found: list[Json]) -> list[Json]:
    """Return the chunks with those before the last one, of text or thought, sent again."""
    said = [chunk for chunk in found if has_content(chunk) or has_reasoning(chunk)]
    end = next((n for n, chunk in enumerate(found) if has_finish_reason(chunk)), len(found))
    return [*found[:end], *said, *found[end:]]


def _broken_off(found: list[Json]) -> list[Json]:
    """Return the chunks of a stream that restarts its text after the second fragment."""
    said = [n for n, chunk in enumerate(found) if has_content(chunk)]
    if len(said) < 2:  # noqa: PLR2004
        raise NothingChanged("there is no second piece")
    return [*found[: said[1] + 1], *found[said[0] :]]


def _copied(chunk: Json) -> None:
    """Copy the content of a chunk into both fields."""
    delta = chunk["choices"][0]["delta"]
    said = delta.get("content") or delta.get("reasoning_content")
    delta |= {"content": said, "reasoning_content": said}


def _says_something(chunk: Json) -> bool:
    return has_content(chunk) or has_reasoning(chunk)


def _brought(key: str, value: Any) -> Change:
    """Return the change that adds ``value`` to the first text fragment."""
    return chunks(has_content, set_value(f"choices/*/delta/{key}", value), only=slice(0, 1))


def _in_body(key: str, value: Any) -> Change:
    return chunks(any_chunk, set_value(f"choices/*/message/{key}", value))


# fmt: off
_TWICE = (
    Fault("text-so-far-in-one-piece", "A piece in the middle contains all of the text so far.", "chat.stream-usage", _SO_FAR,
          repeat(has_content, _text("你好! How can I"), only=_SECOND), "content.once"),
    Fault("text-again-at-end", "The chunk with the finish_reason has all of the text again.", "chat.unicode", _AT_END,
          chunks(has_finish_reason, _text("你好! How can I help?")), "content.once"),
    Fault("text-pieces-twice", "Each delta of text is sent twice.", "chat.stream-usage", _EACH_TWICE, repeat(has_content, only=_ALL), "content.once"),
    Fault("text-pieces-doubled", "Each delta of text says its words twice.", "chat.stream", None, chunks(has_content, set_value(_CONTENT, lambda old: old * 2)), "content.once"),
    Fault("text-restarts", "The text breaks off and begins again.", "chat.long", _REPLAYED, rebuild_stream(_broken_off), "content.once"),
    Fault("text-whole-again", "All of the text is sent again, piece by piece.", "chat.stream-usage", _REPLAYED, rebuild_stream(_again), "content.once"),
    Fault("text-twice-in-body", "The text of a body says the same twice.", "params.seed", None,
          chunks(any_chunk, set_value(_SAID, lambda old: old * 2)), "content.once"),
    Fault("thought-pieces-twice", "Each delta of the reasoning is sent twice.", "reasoning.stream", _THOUGHT_TWICE, repeat(has_reasoning, only=_ALL), "reasoning.once"),
    Fault("thought-grows", "Each delta of the reasoning contains all before it.", "reasoning.stream", "https://github.com/0xPlaygrounds/rig/pull/2191",
          _growing(_THOUGHT), "reasoning.once"),
    Fault("thought-beside-each-piece", "Each piece is sent as text and as reasoning.", "reasoning.stream", None, chunks(_says_something, _copied), "reasoning.not-in-content"),
)

_MARKS = (
    Fault("channels-in-text", "The names of the model's channels are in the text.", "chat.nonstream", _CHANNEL_WORDS,
          chunks(any_chunk, set_value(_SAID, lambda old: f"analysisThey greet me.assistantfinal{old}")), "content.no-special-tokens"),
    Fault("channel-tokens-in-text", "The tokens of the model's channels are in the text.", "chat.stream", _CHANNEL_TOKENS,
          chunks(has_content, set_value(_CONTENT, lambda old: f"<|channel|>final<|message|>{old}"), only=slice(0, 1)), "content.no-special-tokens"),
    Fault("thinking-tags", "The text starts with reasoning in tags of another name.", "chat.stream", None,
          chunks(has_content, set_value(_CONTENT, lambda old: f"<thought>They greet.</thought>{old}"), only=slice(0, 1)), "content.no-think-tags"),
    Fault("thought-with-tag", "The reasoning starts with its tag.", "reasoning.stream", None,
          chunks(has_reasoning, set_value(_THOUGHT, lambda old: f"<think>{old}"), only=slice(0, 1)), "reasoning.no-markup"),
    Fault("thought-with-answer", "The reasoning contains its closing tag, and the answer after it.", "reasoning.nonstream", None,
          chunks(any_chunk, set_value(_REASONED, lambda old: f"{old}</think>\n\n你好!")), "reasoning.no-markup"),
    Fault("thought-with-tokens", "Special tokens are in the reasoning.", "reasoning.stream", _CHANNEL_TOKENS,
          chunks(has_reasoning, set_value(_THOUGHT, lambda old: f"{old}<|end|><|start|>assistant"), only=_LAST), "reasoning.no-markup"),
    Fault("thought-with-call", "A tool call is in the reasoning, as markup.", "reasoning.stream", None,
          chunks(has_reasoning, set_value(_THOUGHT, lambda old: f'{old}<tool_call>{{"name":"get_weather"}}</tool_call>'), only=_LAST), "reasoning.no-markup"),
    Fault("thought-with-replacement", "U+FFFD is in the reasoning.", "reasoning.stream", None,
          chunks(has_reasoning, set_value(_THOUGHT, lambda old: f"{old} \ufffd"), only=_LAST), "reasoning.legible"),
    Fault("thought-mojibake", "The reasoning is UTF-8 that was read as Latin-1.", "multi_turn.reasoning-back", _MOJIBAKE,
          chunks(any_chunk, set_value(_REASONED, lambda old: f"{old} {_READ_AS_LATIN}")), "reasoning.legible"),
    Fault("text-mojibake", "The text is UTF-8 that was read as Latin-1.", "chat.unicode", _MOJIBAKE, replace_bytes(_HELLO, _READ_AS_LATIN.encode()), "content.no-mojibake"),
    Fault("text-mojibake-in-body", "The text of a body is UTF-8 that was read as Windows-1252.", "chat.nonstream", "https://github.com/six2dez/burp-ai-agent/issues/61",
          chunks(any_chunk, set_value(_SAID, "It’s a café.".encode().decode("cp1252"))), "content.no-mojibake"),
    Fault("text-bell", "A control character is in the text.", "chat.unicode", None, replace_bytes(_HELLO, b"\\u0007"), "content.no-controls"),
    Fault("text-escape", "A control sequence of a terminal is in the text of a body.", "chat.nonstream", None,
          chunks(any_chunk, set_value(_SAID, lambda old: f"\x1b[1m{old}\x1b[0m")), "content.no-controls"),
)

_OTHER = (
    Fault("image-bare-base64", "The URL of an image is bare base64.", "parity.chat", _IMAGE,
          _in_body("images", [{"type": "image_url", "image_url": {"url": "iVBORw0KGgo="}}]), "content.images"),
    Fault("image-cut", "The data of an image is cut.", "chat.stream", None,
          _brought("images", [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KG"}}]), "content.images"),
    Fault("audio-empty", "A message of text has audio that contains nothing.", "chat.nonstream", _SNOWFLAKE,
          _in_body("audio", {"data": "", "expires_at": 0, "id": "", "transcript": ""}), "content.audio"),
    Fault("audio-without-id", "Streamed audio has no id.", "chat.stream", _DELTA, _brought("audio", {"data": "UklGRgAAAAA=", "transcript": "你好"}), "content.audio"),
    Fault("audio-not-base64", "The data of audio is not base64.", "parity.chat", _DELTA, _in_body("audio", _SOUND | {"data": "RIFF...."}), "content.audio"),
    Fault("refusal-beside-text", "A message refuses and answers.", "parity.chat", None, _in_body("refusal", "I can't help with that."), "content.refusal-alone"),
    Fault("refusal-beside-streamed-text", "A stream refuses at the end of its text.", "chat.long", None,
          repeat(has_content, set_value(_CONTENT, None), set_value("choices/*/delta/refusal", "I can't help with that."), only=_LAST), "content.refusal-alone"),
    Fault("annotation-flat", "An annotation in a stream has its URL beside no type.", "chat.stream", _CITATION,
          _brought("annotations", [{"url": "https://example.org/a", "title": "A"}]), "content.annotations"),
    Fault("annotation-flat-in-body", "An annotation has its URL beside its type.", "chat.nonstream", _CITATION,
          _in_body("annotations", [{"type": "url_citation", "url": "https://example.org/a"}]), "content.annotations"),
)
# fmt: on

FAULTS = (*_TWICE, *_MARKS, *_OTHER)
