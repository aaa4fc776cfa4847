"""
Defines the faults of Messages, and the legal variants.

Those of the order are generated from the grammar: each event is dropped, repeated, swapped with the next or given
another index, and the table says which rule must catch that; None if the response stays valid, or the change is
undetectable.
"""

from collections.abc import Callable, Iterator

from harness.matrix.messages import MESSAGES
from harness.simulate.edits import Change, Where, body, chunks, compose, drop, header, replace_bytes, set_value, status
from harness.simulate.fault import Fault, Variant
from harness.simulate.messages.edits import added, doubled, dropped, moved_last, saying, swapped, typed, without_block
from harness.simulate.messages.ideal import error, of_other, recording
from harness.simulate.reference import in_archive
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json, as_object

_ISSUES = "https://github.com/"
_STREAMING = "https://platform.claude.com/docs/en/build-with-claude/streaming"

_START, _DELTA, _STOP = "message_start", "message_delta", "message_stop"
_BEGIN, _PIECE, _END = "content_block_start", "content_block_delta", "content_block_stop"


def _reindexed(where: Where) -> Change:
    """Give the first event an index without a block."""
    return chunks(where, set_value("index", 9), only=slice(0, 1))


DEEDS: dict[str, tuple[str, Callable[[Where], Change]]] = {
    "drop": ("is missing", dropped),
    "double": ("is sent twice", doubled),
    "swap": ("is sent after the next event", swapped),
    "reindex": ("has an index without a block", _reindexed),
}
"""The changes of an event, with their names."""

ORDER: dict[tuple[str, str], str | None] = {
    ("drop", _START): "messages.begins",
    ("double", _START): "messages.begins-once",
    ("swap", _START): "messages.begins",
    ("drop", _BEGIN): "messages.block-started",
    ("double", _BEGIN): "messages.block-started-once",
    ("swap", _BEGIN): "messages.block-started",
    ("reindex", _BEGIN): "messages.block-started",
    ("drop", _PIECE): "messages.input-json",
    ("double", _PIECE): "messages.input-json",
    ("swap", _PIECE): "messages.delta-in-time",
    ("reindex", _PIECE): "messages.block-started",
    ("drop", _END): "messages.blocks-stopped",
    ("double", _END): "messages.block-stopped-once",
    ("swap", _END): "messages.blocks-stopped",
    ("reindex", _END): "messages.block-started",
    ("drop", _DELTA): "messages.told-why",
    ("double", _DELTA): None,
    ("swap", _DELTA): "messages.last",
    ("drop", _STOP): "messages.ends",
    ("double", _STOP): "messages.last",
    ("drop", "ping"): None,
    ("double", "ping"): None,
    ("swap", "ping"): None,
}
"""The changes of each event of ``messages.tool``, to the last of its kind, and the rule that each breaks."""

_BODY = recording(MESSAGES["messages.nonstream"])[0].response.body
_SOURCES = {
    ("double", _START): "BerriAI/litellm/issues/32357",
    ("drop", _BEGIN): "QuantumNous/new-api/issues/5482",
    ("double", _END): "BerriAI/litellm/issues/37273",
    ("drop", _PIECE): "BerriAI/litellm/issues/29491",
}


def _last(name: str) -> Where:
    """
    Return a predicate for a type's last event in ``messages.tool``: the call's, whose last fragment closes the
    JSON.
    """
    if name == _PIECE:
        return lambda chunk: (
            typed(_PIECE, "input_json_delta")(chunk) and "ris" in str(chunk["delta"].get("partial_json"))
        )
    return typed(name, index=1) if name.startswith("content_block") else typed(name)


def _of_the_order() -> Iterator[Fault]:
    for (deed, name), rule in ORDER.items():
        words, make = DEEDS[deed]
        source = _SOURCES.get((deed, name))
        if rule:
            title = f"A {name} {words}."
            place = f"{_ISSUES}{source}" if source else None
            yield Fault(
                f"messages-{deed}-{name.replace('_', '-')}", title, "messages.tool", place, make(_last(name)), rule
            )


def _fault(  # noqa: PLR0913, PLR0917 - a row of the table
    name: str, rule: str, title: str, on: str, change: Change, source: str | None = None
) -> Fault:
    place = f"{_ISSUES}{source}" if source else None
    return Fault(f"messages-{name}", title, f"messages.{on}", place, change, f"messages.{rule}")


def _any(_chunk: Json) -> bool:
    return True


def _in_start(path: str, value: object) -> Change:
    return chunks(typed(_START), set_value(f"message/{path}", value))


def _in_delta(path: str, value: object) -> Change:
    return chunks(typed(_DELTA), set_value(path, value))


def _whole(path: str, value: object) -> Change:
    return chunks(_any, set_value(path, value))


_SENTENCE = "Four trains leave today; the next at nine."
_TOOLS = (recording(MESSAGES["messages.tool"])[0].request.json or {}).get("tools")


def _counted_before(exchange: Exchange) -> Exchange:
    """Put a count of the same prompt before the message, many times its own."""
    asked = exchange.request.json or {}
    counted = recording(MESSAGES["messages.count-tokens"])[0]
    same = of_other(counted, **{key: asked.get(key) for key in ("model", "system", "messages", "tools")})
    return in_archive(exchange, chunks(_any, set_value("input_tokens", 9_000))(same))


_CALL, _TEXT = typed(_BEGIN, "tool_use"), typed(_PIECE, "text_delta")
_ARGUMENTS, _SIGNED = typed(_PIECE, "input_json_delta"), typed(_PIECE, "signature_delta")
_SAID_TWICE = {"type": _PIECE, "index": 0, "delta": {"type": "signature_delta", "signature": "EqoB"}}
_BLOCK = (
    {"type": _BEGIN, "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": _PIECE, "index": 1, "delta": {"type": "text_delta", "text": "Bye."}},
    {"type": _END, "index": 1},
)
_EMPTY = (_BLOCK[0], _BLOCK[2])
_ANSWERED = recording(MESSAGES["messages.nonstream"])[0].response.body
_UNCOUNTED = compose(_in_start("usage/output_tokens", 0), _in_delta("usage/output_tokens", 0))

_ESTIMATED = compose(
    lambda exchange: of_other(
        exchange, messages=[{"role": "user", "content": "The sky is blue, since its light comes from all sides. " * 90}]
    ),
    _in_start("usage/input_tokens", 12),
    _in_delta("usage/input_tokens", 12),
)

_UNNAMED = replace_bytes(
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" How',
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" How',
)
_RESPONSE = b'{"object":"response","id":"resp_1","model":"claude-haiku-4-5","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi."}]}]}'
_TIMEOUT = b'event: error\ndata: {"type":"timeout_error","message":"Too slow"}\n\nevent: message_delta\n'
_MARKUP = '<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>'
_CHAT = b'{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"claude-haiku-4-5","choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}'
_CHUNKS = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"claude-haiku-4-5","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi."},"finish_reason":null}]}\n\n'
_CHAT_ERROR = b'{"error":{"message":"Content blocked","type":"None","param":"None","code":"400"}}'
_FAULTS = (
    _fault("no-event-names", "event-name", "The events have no names.", "stream", replace_bytes(b"event: content_block_delta\n", b""), "BerriAI/litellm/issues/27442"),
    _fault("other-event-name", "event-name", "The name of an event differs from its type.", "stream", replace_bytes(b"event: message_delta\n", b"event: message\n")),
    _fault("no-type", "event-type", "An event has no type.", "stream", chunks(_TEXT, drop("type"))),
    _fault("no-index", "event-keys", "The deltas have no index.", "stream", chunks(_TEXT, drop("index"))),
    _fault("text-index", "event-keys", "The index of a content_block_stop is a string.", "stream", chunks(typed(_END), set_value("index", "0"))),
    _fault("null-text", "delta-keys", "The text of a delta is null.", "stream", chunks(_TEXT, set_value("delta/text", None), only=slice(0, 1))),
    _fault("parsed-arguments", "delta-keys", "The arguments of a tool call are parsed objects.", "tool", chunks(_ARGUMENTS, set_value("delta/partial_json", {"city": "Paris"}))),
    _fault("thinking-as-text", "delta-kind", "Reasoning is sent in a text block.", "stream", chunks(_TEXT, set_value("delta", {"type": "thinking_delta", "thinking": "hm"}), only=slice(1, 2)), "BerriAI/litellm/issues/33224"),
    _fault("text-in-call", "delta-kind", "Text is sent in a tool call block.", "tool", chunks(_ARGUMENTS, set_value("delta", {"type": "text_delta", "text": "I"}), only=slice(0, 1)), "sgl-project/sglang/issues/24293"),
    _fault("key-twice", "keys-once", "A key appears twice.", "stream", replace_bytes(b'"delta":{"type"', b'"delta":{"type":"text_delta","type"', 1)),
    _fault("blocks-overlap", "one-block-open", "Blocks overlap and all stop at the end.", "two-tools", moved_last(typed(_END, index=1)), "orangeboyChen/codebuddy2api/pull/11"),
    _fault("blocks-stop-together", "one-block-open", "Both blocks stop at the end, in order.", "thinking-stream", compose(moved_last(typed(_END, index=0)), moved_last(typed(_END, index=1))), "ggml-org/llama.cpp"),
    Fault("messages-body-for-stream", "A stream is requested, and one JSON body is sent.", "messages.stream", None, compose(body(lambda _: _BODY), header("content-type", "application/json")), "http.stream-asked"),
    _fault("one-index", "block-started-once", "Two tool calls share an index and stop once.", "two-tools", compose(chunks(lambda chunk: chunk.get("index") == 2, set_value("index", 1)), dropped(typed(_END, index=1))), "ollama/ollama/issues/17101"),  # noqa: PLR2004
    _fault("calls-in-one-block", "input-json", "The fragments of two tool calls are in one block.", "two-tools", compose(dropped(typed(_END, index=1)), dropped(typed(_BEGIN, index=2)), chunks(lambda chunk: chunk.get("index") == 2, set_value("index", 1))), "sgl-project/sglang/issues/39782"),  # noqa: PLR2004
    _fault("index-from-1", "block-index", "Indices start at 1.", "stream", chunks(lambda chunk: "index" in chunk, set_value("index", lambda index: index + 1)), "ollama/ollama/issues/14816"),
    _fault("hole", "block-index", "An index is skipped.", "two-tools", chunks(lambda chunk: chunk.get("index") == 2, set_value("index", 3)), "QuantumNous/new-api/issues/5482"),  # noqa: PLR2004
    _fault("late-block", "no-late-block", "A block follows message_delta.", "stream", added(typed(_DELTA), *_BLOCK)),
    _fault("late-delta", "delta-in-time", "A delta follows the end of its block.", "stream", added(typed(_END), {"type": _PIECE, "index": 0, "delta": {"type": "text_delta", "text": " Bye."}})),
    _fault("other-type", "object", "The type has another value.", "nonstream", replace_bytes(b'"type":"message"', b'"type":"chat"')),
    _fault("role-user", "object", "The role is user.", "stream", _in_start("role", "user")),
    _fault("no-id", "id", "A message has no id.", "stream", chunks(typed(_START), drop("message/id"))),
    _fault("empty-model", "model", "The model is empty.", "nonstream", _whole("model", "")),
    _fault("text-content", "content-list", "content is a string.", "nonstream", _whole("content", "How can I help?")),
    _fault("content-at-start", "content-list", "message_start already has the text.", "stream", _in_start("content", [{"type": "text", "text": "How"}])),
    _fault("no-stop-at-start", "stop-null", "message_start lacks stop_reason.", "stream", chunks(typed(_START), drop("message/stop_reason"))),
    _fault("null-stop", "stop-reason", "stop_reason is null at the end.", "stream", _in_delta("delta/stop_reason", None)),
    _fault("chat-stop", "stop-known", "stop_reason has a value of chat completions.", "stream", _in_delta("delta/stop_reason", "stop")),
    _fault("no-stop-sequence", "stop-sequence-key", "message_delta lacks stop_sequence.", "stream", chunks(typed(_DELTA), drop("delta/stop_sequence")), "vllm-project/vllm/issues/55324"),
    _fault("end-turn-at-sequence", "stop-sequence", "stop_reason is end_turn beside a stop_sequence.", "stop", _in_delta("delta/stop_reason", "end_turn"), "vllm-project/vllm/pull/45807"),
    _fault("other-sequence", "stop-asked", "stop_sequence is not one that was requested.", "stop", _in_delta("delta/stop_sequence", "8")),
    _fault("end-turn-after-call", "stop-tool-use", "stop_reason is end_turn after a tool call.", "tool", _in_delta("delta/stop_reason", "end_turn"), "maximhq/bifrost/issues/3638"),
    _fault("tool-use-without-call", "stop-tool-use", "stop_reason is tool_use without a tool call.", "stream", _in_delta("delta/stop_reason", "tool_use")),
    _fault("id-again", "id-unique", "The response has the id of the previous one.", "history", replace_bytes(b"msg_reference2", b"msg_reference1")),
    _fault("thought-in-one-form", "parity", "Reasoning is sent only in one of stream and non-stream.", "both-forms", chunks(_any, set_value("content", [{"type": "thinking", "thinking": "hm", "signature": "EqoBCkgIARABGAI"}, {"type": "text", "text": "Hi."}]))),
    _fault("no-input", "block-keys", "A tool call starts without input.", "tool", chunks(_CALL, drop("content_block/input"))),
    _fault("no-call-id", "block-keys", "A tool call has no id.", "tool", chunks(_CALL, drop("content_block/id"))),
    _fault("input-at-start", "input-empty", "A tool call has its input at its start.", "tool", chunks(_CALL, set_value("content_block/input", {"city": "Paris"}))),
    _fault("text-twice", "begins-empty", "A block starts with its text, which is sent again.", "stream", chunks(typed(_BEGIN, "text"), set_value("content_block/text", "你好 there! 👋")), "cline/cline/pull/9215"),
    _fault("thought-at-start", "begins-empty", "Reasoning is at the start of its block, not in deltas.", "thinking-stream", compose(chunks(typed(_PIECE, "thinking_delta"), set_value("delta/thinking", "")), chunks(typed(_BEGIN, "thinking"), set_value("content_block/thinking", "The user greets me."))), "Compresr-ai/Context-Gateway/pull/32"),
    _fault("input-as-list", "input-json", "The input of a tool call is a list.", "tool", chunks(_ARGUMENTS, set_value("delta/partial_json", lambda text: text.replace("{", "[").replace('": "', '", "').replace("}", "]"))), "zai-org/zai-coding-plugins/issues/14"),
    _fault("one-call-id", "tool-id-unique", "Two tool calls have the same id.", "two-tools", replace_bytes(b"toolu_reference2", b"toolu_reference1")),
    _fault("other-tool", "tool-offered", "A tool is called that was not offered.", "tool", chunks(_CALL, set_value("content_block/name", "functions.get_weather"))),
    _fault("input-lost", "tool-fits", "The input of a tool call is lost.", "tool-nonstream", _whole("content/1/input", {}), "BerriAI/litellm/issues/25561"),
    _fault("empty-text", "text-not-empty", "The response ends with an empty text.", "stream", added(typed(_END), *_EMPTY), "BerriAI/litellm/issues/34692"),
    _fault("think-tag", "text-clean", "The reasoning is in the text.", "nonstream", _whole("content/0/text", "<think>hm</think>Hi.")),
    _fault("special-token", "text-clean", "A chat template token is in the text.", "nonstream", _whole("content/0/text", "Hi.<|im_end|>")),
    _fault("no-signature-key", "thinking-keys", "A thinking block starts without signature.", "thinking-stream", chunks(typed(_BEGIN, "thinking"), drop("content_block/signature"))),
    _fault("unsigned", "signed", "A thinking block is not signed.", "thinking-stream", dropped(_SIGNED), "ggml-org/llama.cpp/pull/18551"),
    _fault("signed-early", "signed-last", "Reasoning continues after its signature.", "thinking-stream", swapped(lambda chunk: str(as_object(chunk.get("delta")).get("thinking")).startswith(" so"))),
    _fault("signed-in-pieces", "signed-last", "A signature is sent in two deltas.", "thinking-stream", added(_SIGNED, _SAID_TWICE)),
    _fault("no-usage-at-start", "usage-at-start", "message_start has no usage.", "stream", chunks(typed(_START), drop("message/usage")), "anthropics/anthropic-sdk-python/issues/1806"),
    _fault("no-usage", "usage-told", "message_delta has no usage.", "stream", chunks(typed(_DELTA), drop("usage")), "NousResearch/hermes-agent/issues/60683"),
    Fault("messages-other-prompt", "The prompt token count differs from chat completions.", "messages.both-dialects", None, _whole("usage/input_tokens", 99), "parity.dialects"),
    Fault("messages-call-in-chat-only", "A tool is called only in chat completions.", "messages.both-dialects-tool", None, compose(_whole("content", [{"type": "text", "text": "Sunny."}]), _whole("stop_reason", "end_turn")), "parity.dialects"),
    _fault("text-count", "usage-whole-numbers", "A token count is a string.", "nonstream", _whole("usage/cache_read_input_tokens", "0")),
    _fault("count-falls", "usage-grows", "output_tokens decreases.", "stream", _in_start("usage/output_tokens", 40)),
    _fault("no-output-count", "output-counted", "The output is not counted.", "stream", _UNCOUNTED),
    _fault("no-input-count", "input-counted", "The prompt count is 0 in message_start.", "stream", _in_start("usage/input_tokens", 0), "sgl-project/sglang/issues/20678"),
    _fault("count-error-200", "count-told", "Counting is not supported, with status 200.", "count-tokens", status(200, b'{"error":"Unexpected endpoint or method."}'), "lmstudio-ai/lmstudio-bug-tracker/issues/2055"),
    _fault("input-falls", "input-kept", "The prompt count decreases: the first one includes cached tokens.", "stream", _in_delta("usage/input_tokens", 5), "maximhq/bifrost/pull/5355"),
    _fault("input-zero-at-end", "input-kept", "The prompt count is 0 at the end.", "stream", _in_delta("usage/input_tokens", 0), "BerriAI/litellm/issues/41067"),
    _fault("input-estimated", "input-counted", "A prompt of thousands of words counts as a few tokens.", "stream", _ESTIMATED, "BerriAI/litellm/issues/41067"),
    _fault("cache-within", "input-disjoint", "input_tokens includes the cached tokens.", "both-forms", _whole("usage/cache_read_input_tokens", 40), "vllm-project/vllm/issues/33923"),
    _fault("cap-ignored", "cap-kept", "The token limit is ignored.", "capped", _in_delta("usage/output_tokens", 40)),
    _fault("cap-not-told", "cap-told", "An answer that the cap ended says end_turn.", "capped", _in_delta("delta/stop_reason", "end_turn")),
    _fault("stop-ignored", "stop-kept", "The text goes on after the stop sequence.", "stop", chunks(_TEXT, set_value("delta/text", lambda text: f"{text}7, 8" if "6" in text else text))),
    _fault("openai-error", "error-envelope", "An error has OpenAI's format.", "no-cap", chunks(_any, drop("type"))),
    _fault("chat-body", "object", "A response has the format of chat completions.", "nonstream", status(200, _CHAT), "agentgateway/agentgateway/issues/3040"),
    _fault("chat-chunks", "event-type", "A stream has the format of chat completions.", "stream", body(lambda _: _CHUNKS), "agentgateway/agentgateway/issues/3040"),
    _fault("responses-body", "object", "A response has the format of the Responses API.", "nonstream", status(200, _RESPONSE), "BerriAI/litellm/issues/31551"),
    _fault("error-without-envelope", "error-event", "An error in a stream is at the top of its event.", "stream", replace_bytes(b"event: message_delta\n", _TIMEOUT), "kekzl/imp/pull/1702"),
    _fault("other-model", "model-served", "Another model responds.", "nonstream", _whole("model", "gpt-4o-mini"), "QuantumNous/new-api/issues/7418"),
    _fault("call-as-markup", "call-in-block", "A tool call is in the text as markup.", "tool-nonstream", compose(_whole("content", [{"type": "text", "text": _MARKUP}]), _whole("stop_reason", "end_turn")), "anthropics/claude-code/issues/61367"),
    _fault("cache-counted-twice", "input-disjoint", "input_tokens includes cached tokens: the prompt has more tokens than bytes.", "nonstream", _whole("usage", {"input_tokens": 3712, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3712, "output_tokens": 14}), "jundot/omlx/issues/1487"),
    _fault("chat-error", "error-envelope", "An error has the format of chat completions, with type None.", "no-cap", status(400, _CHAT_ERROR), "BerriAI/litellm/pull/39037"),
    _fault("error-type", "error-type", "The type of an error does not match its status.", "bad-key", _whole("error/type", "not_found_error")),
    _fault("error-without-type", "error-event", "An error in a stream has no type.", "stream", added(typed(_END), {"error": {"message": "Overloaded"}})),
    _fault("error-in-stream", "no-error", "An error is sent in the stream.", "stream", added(typed(_END), {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})),
    _fault("error-in-200", "no-error", "An error has status 200.", "nonstream", status(200, error(429, "Too many requests").body)),
    _fault("no-cap-taken", "cap-required", "A request without max_tokens is answered.", "no-cap", status(200, _ANSWERED)),
    _fault("system-refused", "system-taken", "A message with role system is rejected.", "system-role", status(400, error(400, "messages.1.role: unknown").body), "vllm-project/vllm/issues/44000"),
    _fault("no-count", "count-served", "There is no count_tokens.", "count-tokens", status(404, error(404, "Not found").body), "BerriAI/litellm/issues/30043"),
    _fault("null-usage-at-start", "sdk-reads", "message_start has usage null.", "stream", _in_start("usage", None)),
    _fault("unnamed-piece", "sdk-loses-nothing", "The last piece of text has no event name.", "stream", _UNNAMED),
    _fault("error-without-message", "sdk-error-shown", "An error has no message.", "bad-key", chunks(_any, drop("error/message"))),
    _fault("count-0", "count-told", "The token count is 0.", "count-tokens", _whole("input_tokens", 0), "vercel/ai/issues/17326"),
    _fault("cut", "ends", "The stream breaks off within a call.", "tool", compose(dropped(_last(_END)), compose(dropped(typed(_DELTA)), dropped(typed(_STOP)))), "kekzl/imp/issues/1553"),
    _fault("failure-as-text", "text-said", "The text is the failure of an upstream.", "nonstream", _whole("content/0/text", 'API Error: 400 {"error":{"status":"INVALID_ARGUMENT"}}'), "su-kaka/gcli2api/issues/330"),
    _fault("cache-counted-late", "input-disjoint", "All of the prompt is counted at the start, and at the end again as cached.", "stream", compose(_in_start("usage", {"input_tokens": 3602, "output_tokens": 1}), _in_delta("usage", {"output_tokens": 14, "cache_read_input_tokens": 3604})), "jeremychone/rust-genai/pull/258"),
    _fault("input-sum-of-cache", "input-disjoint", "input_tokens is the sum of both cache counts.", "nonstream", _whole("usage", {"input_tokens": 240, "cache_creation_input_tokens": 140, "cache_read_input_tokens": 100, "output_tokens": 14}), "jundot/omlx/issues/1487"),
    _fault("nothing-said", "said", "Tokens are counted, and content is empty.", "nonstream", _whole("content", [])),
    _fault("empty-block-type", "content-list", "The type of a block is empty.", "nonstream", _whole("content/0/type", "")),
    _fault("null-usage", "usage-told", "The usage of message_delta is null.", "stream", _in_delta("usage", None), "karthink/gptel/pull/1331"),
    _fault("input-as-text", "block-keys", "The input of a call is JSON in a string.", "tool-nonstream", _whole("content/1/input", '{"city":"Paris"}')),
    _fault("key-twice-in-body", "keys-once", "A key stands twice in a body.", "nonstream", replace_bytes(b'"type":"text"', b'"type":"text","text":"Bye."', 1)),
    _fault("counted-otherwise", "count-agrees", "count_tokens told another count of the same prompt.", "bearer", _counted_before, "router-for-me/CLIProxyAPI/issues/679"),
    _fault("text-so-far", "said-once", "Each delta brings all of the text so far.", "tool-result", saying(_TEXT, "text", *(_SENTENCE[:end] for end in (5, 11, 17, 28, 41)))),
    _fault("text-doubled", "said-once", "Each delta of a text comes twice.", "tool-result", saying(_TEXT, "text", *(f"{word} " for word in _SENTENCE.split() for _ in range(2))), "maximhq/bifrost/issues/6427"),
    _fault("thought-doubled", "said-once", "Each delta of a thought comes twice.", "thinking-stream", saying(typed(_PIECE, "thinking_delta"), "thinking", *(f"{word} " for word in _SENTENCE.split() for _ in range(2)))),
    _fault("input-so-far", "input-json", "Each piece brings all of the input so far.", "tool", saying(_ARGUMENTS, "partial_json", *('{"city": "Paris"}'[:end] for end in (4, 9, 13, 17)))),
    _fault("half-character", "whole-characters", "Half a character is replaced.", "stream", replace_bytes("你好".encode(), "你\ufffd".encode())),
    _fault("half-surrogate", "whole-characters", "Half of a surrogate pair stands in a text.", "stream", replace_bytes("你好".encode(), b"\\ud83d")),
    _fault("surrogates-split", "whole-characters", "A character is in two deltas, half in each.", "bearer", compose(replace_bytes("你好".encode(), b"\\ud83d"), replace_bytes(b'" there"', b'"\\ude00 there"')), "CherryHQ/cherry-studio/pull/20614"),
    _fault("nul-in-text", "whole-characters", "A text holds NUL.", "stream", replace_bytes("你好".encode(), b"\\u0000")),
    _fault("text-garbled", "whole-characters", "A text is UTF-8 that was read as another encoding.", "image", _whole("content/0/text", "Die ZÃ¼ge fahren Ã¼ber Parma.")),
    _fault("forced-tool-not-called", "tool-choice", "A tool that must be called is not.", "x-api-key", lambda exchange: of_other(exchange, tools=_TOOLS, tool_choice={"type": "any"})),
    _fault("other-tool-called", "tool-choice", "Another tool is called than must be.", "tool-nonstream", lambda exchange: of_other(exchange, tool_choice={"type": "tool", "name": "get_time"})),
    _fault("forbidden-tool-called", "tool-choice", "A tool is called though none may be.", "tool", lambda exchange: of_other(exchange, tool_choice={"type": "none"})),
    _fault("parallel-though-off", "tool-choice", "Two tools are called where one at a time was asked for.", "two-tools", lambda exchange: of_other(exchange, tool_choice={"type": "auto", "disable_parallel_tool_use": True})),
    _fault("thinking-though-off", "thinking-off", "A thought comes though thinking is disabled.", "thinking-stream", lambda exchange: of_other(exchange, thinking={"type": "disabled"})),
    _fault("cap-told-falsely", "cap-told", "A whole answer says that the cap ended it.", "history", _whole("stop_reason", "max_tokens")),
    _fault("usage-of-chat", "usage-at-start", "usage has the names of chat completions.", "image", _whole("usage", {"prompt_tokens": 45, "completion_tokens": 14, "total_tokens": 59})),
    _fault("two-stop-reasons", "stop-reason", "Two message_delta name different reasons.", "bearer", added(typed(_DELTA), {"type": _DELTA, "delta": {"stop_reason": "max_tokens", "stop_sequence": None}, "usage": {"output_tokens": 14}}, before=True)),
    _fault("stop-beside-delta", "stop-reason", "stop_reason stands beside delta.", "stream", compose(chunks(typed(_DELTA), drop("delta/stop_reason")), _in_delta("stop_reason", "end_turn"))),
)  # fmt: skip

FAULTS: dict[str, Fault] = {fault.id: fault for fault in (*_of_the_order(), *_FAULTS)}
"""Every fault of Messages by id."""


def _variant(name: str, title: str, on: str, source: str, change: Change) -> Variant:
    return Variant(f"messages-{name}", title, f"messages.{on}", source, change)


_CACHED = {"input_tokens": 3, "cache_read_input_tokens": 42}
_THOUGHT = {"type": "thinking", "thinking": "A greeting.", "signature": "EqoBCkgIARABGAI"}
_SAID_BEFORE = {"type": _DELTA, "delta": {"stop_reason": None, "stop_sequence": None}, "usage": {"output_tokens": 9}}
_REPOSITORY = "https://github.com/"
_TALKCODY = f"{_REPOSITORY}talkcody/talkcody"
_PYDANTIC = f"{_REPOSITORY}pydantic/pydantic-ai"
_RIG = f"{_REPOSITORY}0xPlaygrounds/rig"
_AXONHUB = f"{_REPOSITORY}looplj/axonhub"

VARIANTS: dict[str, Variant] = {
    variant.id: variant
    for variant in (
        _variant("text-at-start", "A block starts with its first text.", "stream", f"{_REPOSITORY}earendil-works/pi/issues/7283", chunks(typed(_BEGIN), set_value("content_block/text", "Oh, "))),
        _variant("no-ping", "No ping is sent.", "stream", _RIG, dropped(typed("ping"))),
        _variant("ping-first", "A ping is sent first.", "stream", _STREAMING, added(typed(_START), {"type": "ping"}, before=True)),
        _variant("ping-last", "A ping is sent before the end.", "stream", _STREAMING, added(typed(_DELTA), {"type": "ping"})),
        _variant("two-deltas", "There are two message_delta.", "stream", _STREAMING, added(typed(_END), _SAID_BEFORE)),
        _variant("says-again", "A model says a word again and again.", "stream", _STREAMING, saying(_TEXT, "text", "Ha", " ha", " ha", " ha", " ha", "!")),
        _variant("forced-and-called", "A tool that must be called is called.", "tool", _STREAMING, lambda exchange: of_other(exchange, tool_choice={"type": "any"})),
        _variant("forced-and-refused", "A message that must call a tool is refused.", "tool-nonstream", "https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons", compose(lambda exchange: of_other(exchange, tool_choice={"type": "any"}), compose(_whole("content", []), _whole("stop_reason", "refusal")))),
        _variant("failure-in-code", "An answer shows code with the words of a failure.", "nonstream", _REPOSITORY, _whole("content/0/text", "Use:\n\n```python\nraise RuntimeError('API Error: 503 upstream')\n```")),
        _variant("done", "[DONE] ends the stream.", "stream", "https://api-docs.siliconflow.cn/docs/api/messages-post", replace_bytes(b'{"type":"message_stop"}\n\n', b'{"type":"message_stop"}\n\ndata: [DONE]\n\n')),
        _variant("new-event", "There is an event of a new type.", "stream", _STREAMING, added(typed(_END), {"type": "content_block_note", "note": "x"})),
        _variant("new-block", "There is a block of a new kind.", "stream", _PYDANTIC, chunks(lambda chunk: chunk.get("index") == 0, set_value("content_block", lambda head: head | {"type": "note"}), set_value("delta", lambda delta: delta | {"type": "note_delta"}))),
        _variant("no-pieces", "A tool call without arguments has no deltas.", "thinking-tool", _STREAMING, added(typed(_END, index=0), {"type": _BEGIN, "index": 1, "content_block": {"type": "server_tool_use", "id": "srvtoolu_9", "name": "web_search", "input": {}}}, {"type": _END, "index": 1})),
        _variant("other-id", "The id has another form.", "stream", _TALKCODY, replace_bytes(b"msg_reference1", b"4f1c9d2ab37e40d6a1b2c3d4e5f60718")),
        _variant("more-keys", "A message has fields of the provider.", "stream", _TALKCODY, _in_start("service_tier", "standard")),
        _variant("few-counts", "Only output_tokens is reported at the end.", "stream", _RIG, chunks(typed(_DELTA), set_value("usage", {"output_tokens": 14}))),
        _variant("null-cache", "Cache counts are null.", "stream", _RIG, compose(_in_start("usage/cache_read_input_tokens", None), _in_delta("usage/cache_creation_input_tokens", None))),
        _variant("cached", "The prompt was cached.", "stream", _PYDANTIC, compose(_in_start("usage", {"input_tokens": 0, "cache_read_input_tokens": 45, "output_tokens": 1}), chunks(typed(_DELTA), set_value("usage", {"output_tokens": 14})))),
        _variant("cached-and-told", "The prompt was cached, and both counts are sent.", "stream", _PYDANTIC, compose(_in_start("usage", _CACHED | {"output_tokens": 1}), _in_delta("usage", _CACHED | {"output_tokens": 14}))),
        _variant("cached-body", "The prompt was cached, non-streaming.", "nonstream", _PYDANTIC, _whole("usage", lambda usage: usage | _CACHED)),
        _variant("thought-first", "A body starts with reasoning.", "nonstream", _PYDANTIC, _whole("content", lambda content: [_THOUGHT, *content])),
        _variant("call-alone", "A body is a tool call without text.", "both-dialects-tool", _PYDANTIC, _whole("content", lambda content: content[1:])),
        _variant("call-first", "A stream starts with a tool call.", "tool", _PYDANTIC, without_block(0)),
        _variant("stop-details", "stop_details are sent.", "nonstream", _RIG, _whole("stop_details", None)),
        _variant("empty-thought", "Reasoning is hidden, but signed.", "thinking-stream", _RIG, chunks(typed(_PIECE, "thinking_delta"), set_value("delta/thinking", ""))),
        _variant("redacted", "Reasoning is redacted.", "thinking-stream", _RIG, compose(chunks(typed(_BEGIN, "thinking"), set_value("content_block", {"type": "redacted_thinking", "data": "EqoB"})), dropped(typed(_PIECE, index=0)), dropped(typed(_PIECE, index=0)), dropped(typed(_PIECE, index=0)), dropped(typed(_PIECE, index=0)))),
        _variant("crlf", "Lines end with CR LF.", "tool", "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream", replace_bytes(b"\n", b"\r\n")),
        _variant("comment", "There is a comment between events.", "tool", "https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream", replace_bytes(b"event: message_delta", b": keep-alive\n\nevent: message_delta")),
        _variant("no-text", "Nothing comes before a stop sequence.", "stop", _RIG, compose(dropped(typed(_BEGIN)), dropped(typed(_PIECE)), dropped(typed(_PIECE)), dropped(typed(_PIECE)), dropped(typed(_END)))),
        _variant("other-words", "The two dialects use different words.", "both-dialects", _RIG, _whole("content/0/text", "Hi.")),
        _variant("blank-text", "A text is a space.", "nonstream", _PYDANTIC, _whole("content/0/text", " ")),
        _variant("cut-call", "The token limit ends a tool call in the middle.", "tool", _REPOSITORY + "anthropics/anthropic-sdk-python", compose(_in_delta("delta/stop_reason", "max_tokens"), dropped(_last(_PIECE)))),
        _variant("call-beside-refusal", "A refusal ends the answer.", "stream", "https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons", _in_delta("delta/stop_reason", "refusal")),
        _variant("gateway-id", "The id shows a gateway.", "nonstream", _AXONHUB, replace_bytes(b"msg_reference1", b"msg_bdrk_01Fbg5HK")),
        _variant("plain-charset", "No charset is named.", "stream", _RIG, header("content-type", "text/event-stream")),
        _variant("error-without-id", "An error has no request_id.", "bad-key", f"{_REPOSITORY}DataDog/dd-trace-py", chunks(_any, drop("request_id"))),
        _variant("bad-request-404", "An unknown model is invalid_request_error.", "unknown-model", "https://platform.claude.com/docs/en/api/errors", compose(status(400), chunks(_any, set_value("error/type", "invalid_request_error")))),
    )
}  # fmt: skip
"""Every legal variant of Messages by id."""
