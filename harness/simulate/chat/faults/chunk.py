"""Faults of the object around the choices: its constants, the list of choices, and the keys of each choice."""

from harness.simulate.edits import (
    any_chunk,
    body,
    chunks,
    compose,
    drop,
    has_choice,
    has_content,
    has_finish_reason,
    has_no_finish_reason,
    has_reasoning,
    has_usage,
    insert,
    remove,
    rename,
    repeat,
    set_value,
)
from harness.simulate.fault import Fault

_OPENAPI = "https://github.com/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_CHUNK, _OPTIONS = f"{_OPENAPI}#L33665", f"{_OPENAPI}#L31765"
_PYDANTIC = (
    "https://github.com/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
)
_REQ_LLM = "https://github.com/neilberkman/req_llm/blob/1c985d8a8ba0b3f291cae9ceff6d8369fd6342b7/test/support/fixtures"
_VERCEL = "https://github.com/vercel/ai/blob/ed857f50f112e23930b0c2dd8d532cc8bebbc911/packages"
_LOBEHUB = "https://github.com/lobehub/lobehub/blob/12294ca08a4c7f117ac378380a264f20ea573df9/packages/model-runtime/src/core/streams/openai/openai.ts"
_HIGRESS = "https://github.com/higress-group/higress/blob/8e4041c9ba9a97d0494fa56b784fa30866adca35/plugins/wasm-go/extensions/ai-proxy/README.md"
_QIANFAN = "https://github.com/baidubce/bce-qianfan-sdk/blob/6cacf6002140a3249c1c8d557def462c29c129c5/python/qianfan/tests/utils/mock_server.py"
_AIPROXY = "https://github.com/labring/aiproxy/blob/aebeb5ec60415093db37c49dfda3fb6aa7ffd01e/core/relay/adaptor"
_SNOWFLAKE = f"{_PYDANTIC}/test_snowflake/test_snowflake_model_streaming.yaml"
_AZURE_FIRST = f"{_VERCEL}/openai/src/chat/__fixtures__/azure-model-router.1.chunks.txt"
_AZURE_DELTA = "https://github.com/langchain-ai/langchain/issues/18977"
_LOCALAI = "https://github.com/mudler/LocalAI/issues/1194"
_NESTED = "https://github.com/pydantic/pydantic-ai/pull/4528"
_NO_CHOICES = "https://github.com/Mintplex-Labs/anything-llm/issues/5112"
_CUMULATIVE = "https://github.com/perplexityai/api-discussion/issues/209"

_FIRST = slice(0, 1)
_NAMELESS = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}

# fmt: off
_PRESENT = (
    Fault("chunks-none", "A stream contains the final mark and nothing else.", "chat.stream", "https://github.com/vaadin/flow-components/pull/9195",
          remove(any_chunk), "chunk.present"),
    Fault("chunks-without-choices", "No chunk of a stream has choices.", "chat.stream", "https://github.com/higress-group/higress/pull/974",
          chunks(any_chunk, set_value("result", "Hello"), drop("choices")), "chunk.present"),
    Fault("body-empty-object", "A body is an empty object.", "chat.nonstream", f"{_PYDANTIC}/test_openai/test_invalid_response.yaml",
          body(lambda _: b"{}"), "chunk.present"),
    Fault("body-empty-list", "A body is an empty list.", "chat.nonstream", _CHUNK, body(lambda _: b"[]"), "chunk.present"),
    Fault("body-json-text", "A body is a JSON string.", "chat.nonstream", None,
          body(lambda _: b'"The key is not valid."'), "http.no-error"),
    Fault("body-error-code-and-text", "error_code and error_msg are sent instead of a body, with status 200.", "chat.nonstream",
          "https://github.com/songquanpeng/one-api/issues/1144",
          body(lambda _: b'{"error_code":336003,"error_msg":"The messages do not alternate.","id":"as-1"}'), "http.no-error"),
    Fault("body-response-metadata", "ResponseMetadata with an Error is sent instead of a body, with status 200.", "chat.nonstream", f"{_AIPROXY}/doubao/error.go",
          body(lambda _: b'{"ResponseMetadata":{"Error":{"Code":"AccessDenied","Message":"No access."}}}'), "http.no-error"),
    Fault("body-list-of-errors", "A list of errors is sent instead of a body, with status 200.", "chat.nonstream", "https://github.com/cloudflare/cloudflare-docs/issues/15116",
          body(lambda _: b'{"result":null,"success":false,"errors":[{"code":7009,"message":"The upstream is down."}],"messages":[]}'), "http.no-error"),
)

_OBJECT = (
    Fault("object-missing", "No chunk has an object.", "chat.stream", f"{_REQ_LLM}/zai/glm_4_5/streaming.json", chunks(any_chunk, drop("object")), "chunk.object"),
    Fault("object-of-body-in-stream", "Chunks call themselves chat.completion.", "chat.stream", _QIANFAN,
          chunks(any_chunk, set_value("object", "chat.completion")), "chunk.object"),
    Fault("object-done-in-last-chunk", "The last chunk calls itself chat.completion.done.", "chat.stream",
          f"{_VERCEL}/perplexity/src/__fixtures__/perplexity-text.chunks.txt",
          chunks(has_finish_reason, set_value("object", "chat.completion.done")), "chunk.object"),
    Fault("object-of-other-endpoint", "Chunks call themselves text_completion.chunk.", "chat.long", "https://github.com/sgl-project/mini-sglang/issues/51",
          chunks(any_chunk, set_value("object", "text_completion.chunk")), "chunk.object"),
    Fault("object-empty-in-body", "The object of a body is empty.", "chat.nonstream", _HIGRESS, chunks(any_chunk, set_value("object", "")), "chunk.object"),
    Fault("object-of-chunk-in-body", "A body calls itself chat.completion.chunk.", "tools.nonstream", _CHUNK,
          chunks(any_chunk, set_value("object", "chat.completion.chunk")), "chunk.object"),
    Fault("object-null-in-body", "The object of a body is null.", "chat.nonstream", _NESTED, chunks(any_chunk, set_value("object", None)), "chunk.object"),
)

_ID = (
    Fault("id-missing", "No chunk has an id.", "chat.stream", _LOCALAI, chunks(any_chunk, drop("id")), "chunk.id"),
    Fault("id-null", "The id of a body is null.", "chat.nonstream", "https://github.com/microsoft/autogen/issues/4878", chunks(any_chunk, set_value("id", None)), "chunk.id"),
    Fault("id-number", "The id of a body is a number.", "tools.nonstream", _CHUNK, chunks(any_chunk, set_value("id", 1700000000)), "chunk.id"),
    Fault("id-empty", "The id is empty in every chunk.", "chat.stream", "https://github.com/huggingface/text-generation-inference/issues/2794",
          chunks(any_chunk, set_value("id", "")), "chunk.id-not-empty"),
    Fault("id-empty-in-body", "The id of a body is empty.", "chat.nonstream", None,
          chunks(any_chunk, set_value("id", "")), "chunk.id-not-empty"),
    Fault("id-nameless-first-chunk", "The first chunk has choices that are empty, and so are its other keys.", "chat.stream", _AZURE_FIRST,
          insert(any_chunk, _NAMELESS), "chunk.id-not-empty"),
    Fault("id-per-chunk", "Each chunk has its own id.", "chat.stream", f"{_PYDANTIC}/test_groq/test_groq_model_web_search_tool_stream.yaml",
          compose(chunks(any_chunk, set_value("id", "chatcmpl-even")), chunks(has_no_finish_reason, set_value("id", "chatcmpl-odd"), only=slice(None, None, 2)), chunks(has_finish_reason, set_value("id", "stub"))),
          "chunk.id-constant"),
    Fault("id-other-in-first-chunk", "The first chunk has another id than the rest.", "tools.auto", _AZURE_FIRST,
          chunks(any_chunk, set_value("id", "chatcmpl-first"), only=_FIRST), "chunk.id-constant"),
    Fault("id-other-in-usage-chunk", "The usage chunk has another id than the rest.", "chat.stream-usage", _CHUNK,
          chunks(has_usage, set_value("id", "chatcmpl-usage")), "chunk.id-constant"),
)

_CREATED = (
    Fault("created-missing", "No chunk has created.", "chat.stream", _LOCALAI, chunks(any_chunk, drop("created")), "chunk.created"),
    Fault("created-zero", "created is 0.", "chat.stream-usage", _SNOWFLAKE, chunks(any_chunk, set_value("created", 0)), "chunk.created"),
    Fault("created-milliseconds", "created counts milliseconds.", "chat.stream", _CHUNK, chunks(any_chunk, set_value("created", 1_760_000_000_123)), "chunk.created"),
    Fault("created-fraction", "created is a fraction.", "chat.nonstream", _CHUNK, chunks(any_chunk, set_value("created", 1_760_000_000.25)), "chunk.created"),
    Fault("created-float", "created is a whole number written with a point.", "chat.stream", _CHUNK, chunks(any_chunk, set_value("created", 1_760_000_000.0)), "chunk.created"),
    Fault("created-date", "created is a date as text.", "tools.nonstream", _CHUNK, chunks(any_chunk, set_value("created", "2025-10-09T08:53:20Z")), "chunk.created"),
    Fault("created-in-1970", "created is a number that is not a time of this century.", "chat.nonstream", _HIGRESS,
          chunks(any_chunk, set_value("created", 9_756_990)), "chunk.created"),
    Fault("created-null", "created is null.", "chat.stream", _CHUNK, chunks(any_chunk, set_value("created", None)), "chunk.created"),
    Fault("created-drifts", "created moves on while the stream comes.", "chat.long", f"{_VERCEL}/azure/src/__fixtures__/azure-deepseek-reasoning.1.chunks.txt",
          compose(chunks(has_finish_reason, set_value("created", 1_760_000_002)), chunks(has_content, set_value("created", 1_760_000_001))), "chunk.created-constant"),
    Fault("created-other-in-last-chunk", "The last chunk has another created.", "tools.auto", f"{_REQ_LLM}/xai/grok_3_mini_fast/streaming.json",
          chunks(has_finish_reason, set_value("created", 1_760_000_004)), "chunk.created-constant"),
)

_MODEL = (
    Fault("model-missing", "No chunk has a model.", "chat.stream", _CHUNK, chunks(any_chunk, drop("model")), "chunk.model"),
    Fault("model-null", "The model of a body is null.", "chat.nonstream", _NESTED, chunks(any_chunk, set_value("model", None)), "chunk.model"),
    Fault("model-object", "The model is an object.", "tools.auto", _CHUNK, chunks(any_chunk, set_value("model", {"name": "gpt-4o-mini"})), "chunk.model"),
    Fault("service-tier-unknown", "service_tier is an unknown value.", "chat.nonstream", None,
          chunks(any_chunk, set_value("service_tier", "on_demand")), "chunk.service-tier"),
    Fault("service-tier-empty", "service_tier is empty.", "chat.stream", _SNOWFLAKE, chunks(any_chunk, set_value("service_tier", "")), "chunk.service-tier"),
    Fault("fingerprint-number", "system_fingerprint is a number.", "chat.nonstream", _CHUNK, chunks(any_chunk, set_value("system_fingerprint", 7)), "chunk.fingerprint"),
    Fault("fingerprint-object", "system_fingerprint is an object.", "tools.auto", _CHUNK, chunks(any_chunk, set_value("system_fingerprint", {"id": "fp"})), "chunk.fingerprint"),
)

_CHOICES = (
    Fault("choices-null", "The usage chunk has choices null.", "chat.stream-usage", None,
          chunks(has_usage, set_value("choices", None)), "chunk.choices"),
    Fault("choices-missing", "The usage chunk has no choices.", "chat.stream-usage", _NO_CHOICES, chunks(has_usage, drop("choices")), "chunk.choices"),
    Fault("choices-null-in-body", "The choices of a body are null.", "chat.nonstream", "https://github.com/openai/openai-agents-python/pull/2850",
          chunks(any_chunk, set_value("choices", None)), "chunk.choices"),
    Fault("choices-object", "The choices of a body are an object.", "tools.nonstream", _CHUNK,
          chunks(any_chunk, set_value("choices", lambda choices: choices[0])), "chunk.choices"),
    Fault("error-two-levels-down", "An error is sent two levels down, in an object without choices.", "chat.stream",
          "https://github.com/chenyme/grok2api/issues/498",
          insert(has_finish_reason, {"result": {"response": {"error": {"message": "The connection failed."}}}}), "sse.no-error"),
    Fault("choices-of-null", "A choice is null.", "chat.stream", _CHUNK,
          insert(has_finish_reason, {**_NAMELESS, "id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000,
          "model": "gpt-4o-mini-2024-07-18", "choices": [None]}), "chunk.choices"),
    Fault("choices-one-level-down", "The answer is one level down, with null keys above.", "chat.nonstream", _NESTED,
          body(lambda it: b'{"id":null,"choices":null,"model":null,"object":null,"created":1760000000,"provider":' + it + b"}"), "chunk.choices"),
    Fault("choices-empty-mid-stream", "A chunk between two deltas of text has no choice.", "chat.stream", "https://github.com/songquanpeng/one-api/issues/1278",
          repeat(has_content, set_value("choices", [])), "chunk.choices-not-empty"),
    Fault("choices-empty-in-body", "A body has no choice.", "chat.nonstream", None,
          chunks(any_chunk, set_value("choices", [])), "chunk.choices-not-empty"),
    Fault("choices-empty-throughout", "No chunk of a stream has a choice.", "chat.stream", "https://github.com/open-legal-products/mike/pull/379",
          chunks(any_chunk, set_value("choices", [])), "chunk.choices-not-empty"),
    Fault("choices-empty-before-finish", "The usage chunk is sent before the finish_reason.", "chat.stream-usage", _OPTIONS,
          compose(remove(has_usage),
               insert(has_finish_reason, {**_NAMELESS, "id": "chatcmpl-reference", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini-2024-07-18",
          "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}})), "chunk.choices-not-empty"),
)

_CHOICE = (
    Fault("index-missing", "No choice has an index.", "chat.stream", "https://github.com/vercel/ai/pull/4031", chunks(has_choice, drop("choices/*/index")), "chunk.index"),
    Fault("index-missing-in-body", "The choice of a body has no index.", "chat.nonstream", _LOCALAI, chunks(any_chunk, drop("choices/*/index")), "chunk.index"),
    Fault("index-text", "The index is a text.", "tools.nonstream", _CHUNK, chunks(any_chunk, set_value("choices/*/index", "0")), "chunk.index"),
    Fault("index-null", "The index is null in the last chunk.", "chat.stream", _CHUNK, chunks(has_finish_reason, set_value("choices/*/index", None)), "chunk.index"),
    Fault("index-float", "The index is written with a point.", "chat.stream", _CHUNK, chunks(has_choice, set_value("choices/*/index", 0.0)), "chunk.index"),
    Fault("index-negative", "The index is -1.", "chat.nonstream", _CHUNK, chunks(any_chunk, set_value("choices/*/index", -1)), "chunk.index"),
    Fault("index-twice", "Two choices of a body have the same index.", "params.n", _CHUNK, chunks(any_chunk, set_value("choices/*/index", 0)), "chunk.index"),
    Fault("index-one", "The only choice has the index 1.", "chat.stream", "https://github.com/BerriAI/litellm/issues/376",
          chunks(has_choice, set_value("choices/*/index", 1)), "chunk.index-in-range"),
    Fault("index-beyond", "The only choice of a body has the index 3.", "chat.nonstream", None,
          chunks(any_chunk, set_value("choices/*/index", 3)), "chunk.index-in-range"),

    Fault("delta-null", "The delta beside the finish_reason is null.", "chat.stream", None, chunks(has_finish_reason, set_value("choices/*/delta", None)), "chunk.delta"),
    Fault("delta-missing", "The choice with the finish_reason has no delta.", "tools.auto", _AZURE_DELTA, chunks(has_finish_reason, drop("choices/*/delta")), "chunk.delta"),
    Fault("delta-missing-mid-stream", "A chunk between two deltas of text has a choice without a delta.", "chat.stream", _AZURE_DELTA,
          repeat(has_content, drop("choices/*/delta"), set_value("choices/*/content_filter_offsets", {"check_offset": 4})), "chunk.delta"),
    Fault("delta-text", "A delta is a text.", "chat.stream", _CHUNK, repeat(has_content, set_value("choices/*/delta", "")), "chunk.delta"),
    Fault("delta-list", "A delta is a list.", "reasoning.stream", _CHUNK, chunks(has_finish_reason, set_value("choices/*/delta", [])), "chunk.delta"),
    Fault("message-in-stream", "Chunks contain a message instead of a delta.", "chat.stream", "https://github.com/higress-group/higress/pull/1024",
          chunks(has_choice, rename("choices/*/delta", "message")), "chunk.delta"),
    Fault("messages-in-last-chunk", "The last chunk contains a list of messages instead of a delta.", "chat.stream", _LOBEHUB,
          chunks(has_finish_reason, rename("choices/*/delta", "messages"), set_value("choices/*/messages", [])), "chunk.delta"),
    Fault("message-null", "The message of a body is null.", "chat.nonstream", _CHUNK, chunks(any_chunk, set_value("choices/*/message", None)), "chunk.delta"),
    Fault("delta-in-body", "A body contains a delta instead of a message.", "chat.nonstream", _HIGRESS,
          chunks(any_chunk, rename("choices/*/message", "delta")), "chunk.delta"),
    Fault("message-beside-delta", "A message with all the text so far is beside each delta.", "chat.stream", _CUMULATIVE,
          chunks(has_choice, set_value("choices/*/message", {"role": "assistant", "content": "你好"})), "chunk.no-message"),
    Fault("message-in-last-chunk", "The whole message is beside the last delta.", "chat.stream-usage", _CUMULATIVE,
          chunks(has_finish_reason, set_value("choices/*/message", {"role": "assistant", "content": "你好! How can I help?"})), "chunk.no-message"),
    Fault("delta-beside-message", "A delta is beside the message of a body.", "chat.nonstream", _HIGRESS,
          chunks(any_chunk, set_value("choices/*/delta", {"content": ""})), "chunk.no-message"),
    Fault("logprobs-list", "logprobs is a list.", "chat.stream", _CHUNK, chunks(has_choice, set_value("choices/*/logprobs", [])), "chunk.logprobs"),
    Fault("logprobs-number", "logprobs is a number.", "reasoning.stream", f"{_REQ_LLM}/openrouter/qwen_qwen3_next_80b_a3b_thinking/reasoning_streaming.json",
          chunks(has_reasoning, set_value("choices/*/logprobs", -1.75e-06)), "chunk.logprobs"),
    Fault("logprobs-empty-text", "The logprobs of a body are an empty text.", "chat.nonstream", _CHUNK, chunks(any_chunk, set_value("choices/*/logprobs", "")), "chunk.logprobs"),
    Fault("logprobs-flag", "logprobs is false.", "tools.auto", _CHUNK, chunks(has_finish_reason, set_value("choices/*/logprobs", value=False)), "chunk.logprobs"),
)
# fmt: on

FAULTS = (*_PRESENT, *_OBJECT, *_ID, *_CREATED, *_MODEL, *_CHOICES, *_CHOICE)
