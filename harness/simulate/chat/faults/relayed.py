"""Faults and legal variants of gateways: nested errors, lists of models, other models, headers."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.edits import (
    any_chunk,
    before_done,
    body,
    chunks,
    compose,
    continues_tool_call,
    has_content,
    has_finish_reason,
    has_usage,
    header,
    remove,
    repeat,
    replace_bytes,
    response,
    set_value,
    status,
)
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_FOUNDRY = f"{_GITHUB}/openbkn-ai/bkn-foundry/issues/620"
_WRAPPED = f"{_GITHUB}/vllm-project/aibrix/issues/2578"
_BARE = f"{_GITHUB}/lobehub/lobehub/pull/4335"
_PROSE = f"{_GITHUB}/ROCm/FastFlowLM/issues/554"
_REPLACED = f"{_GITHUB}/QuantumNous/new-api/issues/7418"
_ALIAS = "https://platform.openai.com/docs/models"
_MODELS = "https://platform.openai.com/docs/api-reference/models/list"
_LIST = f"{_GITHUB}/songquanpeng/one-api/issues/128"
_ROUTER = f"{_GITHUB}/vllm-project/router/pull/134"
_GENIE = f"{_GITHUB}/qualcomm/GenieX/issues/640"
_ZOD = f"{_GITHUB}/vercel/ai/issues/18303"
_NINE = f"{_GITHUB}/sgl-project/sglang/issues/37634"
_SILENT = f"{_GITHUB}/BerriAI/litellm/issues/16651"
_CUT = f"{_GITHUB}/jundot/omlx/issues/1759"
_LONG = "".join(f"Chapter {number} tells of the sea and of ship number {number * 7}. " for number in range(380))
_MIDST = f"{_GITHUB}/open-software-network/os-clovy/pull/659"
_FIELD = f"{_GITHUB}/ggml-org/llama.cpp/issues/14566"
_TRACE = f"{_GITHUB}/tenstorrent/tt-inference-server/issues/3872"
_BARE_TOKEN = f"{_GITHUB}/vllm-project/vllm/pull/17637"
_NODE = f"{_GITHUB}/nodejs/node/issues/7136"

_INNER = r"{\"error\":{\"message\":\"Invalid schema for function f.\",\"type\":\"invalid_request_error\",\"code\":400}}"


def _error(message: str) -> bytes:
    return f'{{"error":{{"message":"{message}","type":"invalid_request_error","param":null,"code":null}}}}'.encode()


# fmt: off
FAULTS = (
    Fault("error-within-an-error", "The message of an error is another error in JSON.", "chat.nonstream", _WRAPPED,
          status(400, _error(_INNER)), "error.own-words"),
    Fault("error-after-words", "Words are before the JSON of another error in a message.", "error.missing-messages", _WRAPPED,
          status(400, _error(f"BadRequestError: OpenAIException - {_INNER}")), "error.own-words"),
    Fault("error-as-python-writes-it", "The message of an error ends in another one as Python writes a dict.", "chat.nonstream", _WRAPPED,
          status(400, _error("Error code: 400 - {'error': {'message': 'Invalid schema for function f.', 'param': None}}")), "error.own-words"),
    Fault("error-within-a-description", "An error of its own form describes another one in JSON.", "chat.nonstream", _FOUNDRY,
          status(400, b'{"code":"Gateway.Error","description":"' + _INNER.encode() + b'","solution":"see the docs"}'), "error.own-words"),
    Fault("flat-error-in-no-event", "A stream goes on with an error without an envelope, as a line of JSON without data.", "chat.stream", _BARE,
          before_done(b'{"code":60000,"message":"Request processing has failed.","data":null}\n\n'), "sse.no-error"),
    Fault("error-within-a-stream-error", "An error in a stream contains another one in JSON.", "chat.stream", _ZOD,
          before_done({"error": {"message": "Stream error occurred", "value": {"error_message": '{"error":{"message":"The prompt is too long."}}'}}}), "sse.no-error"),
    Fault("second-call-without-arguments", "The arguments of the second tool call never come.", "tools.parallel", _NINE,
          remove(continues_tool_call, only=slice(2, 3)), "tool_choice.schema"),
    Fault("nothing-said-beside-null-calls", "Nothing is said, and tool_calls is null.", "chat.nonstream", _SILENT,
          chunks(any_chunk, set_value("choices/0/message/content", ""), set_value("choices/0/message/tool_calls", None)), "content.said"),
    Fault("cut-at-the-servers-own-cap", "An answer is cut at a limit of the server, far from the larger one that was sent.", "reasoning.off", _CUT,
          compose(asked(max_tokens=65_536), chunks(has_finish_reason, set_value("choices/0/finish_reason", "length")),
                  repeat(has_content, set_value("choices/0/delta/content", _LONG)),
                  chunks(has_usage, set_value("usage/completion_tokens", 4096), set_value("usage/total_tokens", 4105))), "finish_reason.length-due"),
    Fault("heartbeat-within-an-event", "A heartbeat is in the middle of an event.", "chat.stream", _MIDST,
          replace_bytes(b'"delta":{"content":" help', b'"delta":: keep-alive\n\n{"content":" help', 1), "sse.json"),
    Fault("error-field-alone", "A field called error is all that comes.", "chat.stream", _FIELD,
          body(lambda _: b'error: {"code":400,"message":"the request exceeds the available context size"}\n\n'), "sse.no-error"),
    Fault("trace-as-message", "The message of an error is a stack trace.", "error.missing-messages", _TRACE,
          status(500, _error(r'Traceback (most recent call last):\n  File \"/srv/engine.py\", line 42, in generate\nValueError: bad')), "error.own-words"),
    Fault("a-token-without-alternatives", "The last token has no alternatives, the others have.", "chat.logprobs", _BARE_TOKEN,
          chunks(has_content, set_value("choices/0/logprobs/content/0/top_logprobs", []), only=slice(-1, None)), "logprobs.top-count"),
    Fault("prose-after-json", "Prose follows the JSON that was requested.", "json.object", _PROSE,
          replace_bytes(b'522000}"', b'522000}\\nThis object holds the city."'), "structured.json"),
    Fault("models-as-a-list", "The list of models has no object around it.", "models.list", _LIST,
          body(lambda content: content[content.index(b"[") : content.rindex(b"]") + 1]), "models.listed"),
    Fault("models-under-models", "The models are under models.", "models.list", _ROUTER, replace_bytes(b'"data"', b'"models"'), "models.listed"),
    Fault("models-without-ids", "The models have names instead of ids.", "models.list", _LIST, replace_bytes(b'"id"', b'"name"'), "models.listed"),
    Fault("error-for-models", "An error with status 200 answers where models are requested.", "models.list", _GENIE,
          body(lambda _: b'{"error":"model name is empty"}'), "models.listed"),
    Fault("model-without-an-id", "A model that is requested by its name has no id.", "models.one", _LIST, replace_bytes(b'"id"', b'"name"'), "models.listed"),
    Fault("models-as-a-page", "A web page answers where models are requested.", "models.list", _LIST,
          compose(body(lambda _: b"<!DOCTYPE html><title>Welcome</title>"), header("content-type", "text/html")), "models.listed"),
    Fault("another-version-answers", "Another version of the model answers than was requested.", "chat.stream", _REPLACED,
          chunks(any_chunk, set_value("model", "gpt-4.1-mini-2025-04-14")), "identity.model-served"),
    Fault("length-beside-chunks-in-a-transcript", "A head of which no times were kept has a content-length and is chunked.", "chat.nonstream", _NODE,
          compose(response(http_version="HTTP/1.1"), header("transfer-encoding", "chunked"), header("content-length", "498")), "http.framing"),
)

VARIANTS = (
    Variant("error-that-quotes-a-brace", "The message of an error quotes what was sent.", "error.missing-messages", _MODELS,
            replace_bytes(b'"message":"', b'"message":"Invalid body, near {\\"role\\": \\"user\\"}: ')),
    Variant("no-models", "No models are listed.", "models.list", _MODELS, body(lambda _: b'{"object":"list","data":[]}')),
    Variant("version-with-its-date", "The version that was requested answers with another date.", "chat.nonstream", _ALIAS,
            chunks(any_chunk, set_value("model", "openai/gpt-4o-mini-2025-03-11"))),
)
# fmt: on
