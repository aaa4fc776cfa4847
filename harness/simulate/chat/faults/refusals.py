"""Faults of error responses: status, envelope, and the rejection of a further turn."""

from harness.simulate.chat.ideal import error
from harness.simulate.edits import any_chunk, chunks, compose, drop, failed_before, header, rename, set_value, status
from harness.simulate.fault import Fault

_GITHUB = "https://github.com"
_AIPROXY = f"{_GITHUB}/labring/aiproxy/blob/aebeb5ec60415093db37c49dfda3fb6aa7ffd01e/core/relay/adaptor"
_PYDANTIC = f"{_GITHUB}/pydantic/pydantic-ai/blob/4fda38988f2939fa6ea9cdefcf120693e10ef491/tests/models/cassettes"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_GROQ = f"{_PYDANTIC}/test_groq/test_tool_regular_error.yaml"
_OPENROUTER = f"{_PYDANTIC}/test_openrouter/test_openrouter_errors_raised.yaml"
_SILICONFLOW = "https://docs.siliconflow.cn/en/faqs/error-code"
_ERROR = f"{_OPENAPI}#L38249"
_REQUEST = f"{_OPENAPI}#L33105"
_SDK = f"{_GITHUB}/openai/openai-python/blob/e43b422412a9e96c9cc5192c61fffbe2d7e04836/src/openai/_exceptions.py"

_ANSWER = b'{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
_FRAME = b'data: {"error":{"message":"Incorrect key.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}\n\n'
_BUSY = error(503, "Try again later.").body
_REFUSED = error(400, "The message is not valid.", "messages").body


FAULTS = (
    # The status.
    Fault("bad-key-answered", "A wrong key is served.", "error.bad-key", _ERROR, status(200, _ANSWER, "application/json"), "error.refused"),
    Fault("missing-messages-answered", "A request without messages is served.", "error.missing-messages", _REQUEST, status(200, _ANSWER, "application/json"), "error.refused"),
    Fault("error-in-200", "The error of an unknown model has status 200.", "error.unknown-model", f"{_GITHUB}/baidubce/bce-qianfan-sdk/blob/6cacf6002140a3249c1c8d557def462c29c129c5/python/qianfan/tests/utils/mock_server.py", status(200), "error.refused"),
    Fault("bad-key-400", "A wrong key is called a bad request.", "error.bad-key", _SDK, status(400), "error.status"),
    Fault("wrong-type-500", "A parameter of the wrong type crashes the server.", "error.wrong-type", f"{_GITHUB}/QwenLM/Qwen3/issues/1144", status(500), "error.status"),
    Fault("malformed-json-500", "A body that is not JSON crashes the server.", "error.malformed-json", _SDK, status(500), "error.status"),
    Fault("missing-messages-404", "Missing messages are reported as a page that is not there.", "error.missing-messages", _SDK, status(404), "error.status"),
    Fault("tools-malformed-502", "A tool without a function is called a failure of the server.", "error.wrong-type", f"{_GITHUB}/Mesh-LLM/mesh-llm/issues/1595", status(502, b'{"error":{"message":"Unsupported: failed to apply chat template: Failed to parse tools: Missing tool function","type":"server_error","param":null,"code":null}}'), "error.status"),
    Fault("missing-messages-502", "A gateway hides that messages are missing.", "error.missing-messages", f"{_GITHUB}/coddy-project/coddy-agent/issues/322", status(502, b'{"error":{"message":"upstream model error","type":"server_error","param":null,"code":null}}'), "error.status"),
    Fault("wrong-type-403", "A parameter of the wrong type is forbidden.", "error.wrong-type", _SDK, status(403), "error.status"),
    Fault("unknown-model-500", "A model that is not there is a failure of the server.", "error.unknown-model", f"{_GITHUB}/ogx-ai/ogx/issues/1951", status(500), "error.status"),
    Fault("chat-bad-request-502", "A plain question is called a bad request, with status 502.", "chat.nonstream", f"{_GITHUB}/coddy-project/coddy-agent/issues/322", status(502, b'{"error":{"message":"POST upstream: 400 Bad Request","type":"server_error","param":null,"code":null}}'), "error.status"),
    Fault("answer-fails-twice", "A plain question fails, and fails again.", "chat.stream", _SDK, compose(status(503, _BUSY, "application/json"), failed_before(503)), "http.status"),
    Fault("parameter-fails-twice", "A request fails with a parameter, and fails again.", "params.seed", _SDK, compose(status(500, _BUSY), failed_before(500)), "http.status"),
    Fault("tool-use-failed", "The request is rejected because the model got a tool call wrong.", "tools.auto", f"{_GITHUB}/pydantic/pydantic-ai/issues/4350", status(400, b'{"error":{"message":"Tool call validation failed","type":"invalid_request_error","param":null,"code":"tool_use_failed"}}', "application/json"), "http.status"),
    Fault("json-validate-failed", "The request is rejected because the model got the JSON wrong.", "chat.nonstream", f"{_GITHUB}/glibsonoran/Plush-for-ComfyUI/issues/135", status(400, b'{"error":{"message":"Failed to generate JSON. Please adjust your prompt.","type":"invalid_request_error","param":null,"code":"json_validate_failed"}}'), "http.status"),
    # The body.
    Fault("error-empty", "An error response has no body.", "error.bad-key", _ERROR, status(401, b""), "error.not-empty"),
    Fault("error-blank", "The body of an error response is white space.", "error.wrong-type", _ERROR, status(400, b" \n"), "error.not-empty"),
    Fault("error-html", "An error response is a gateway's page.", "error.unknown-model", _ERROR, status(404, b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "text/html"), "error.not-html"),
    Fault("error-frame", "An error response of a stream is an event of a stream.", "error.bad-key-stream", "https://help.aliyun.com/en/model-studio/error-code", status(401, _FRAME, "text/event-stream"), "error.not-stream"),
    Fault("error-plain-text", "An error response is plain text.", "error.bad-key", _ERROR, status(401, b"Unauthorized", "text/plain"), "error.json"),
    Fault("error-json-string", "An error response is a JSON string.", "error.bad-key", f"{_AIPROXY}/siliconflow/error_test.go", status(401, b'"Api key is invalid"'), "error.json"),
    Fault("error-cut", "The JSON of an error response is cut.", "error.too-long", _ERROR, status(400, _REFUSED[:-3]), "error.json"),
    Fault("error-octet-stream", "The JSON of an error response is labelled as bytes.", "error.too-long", f"{_GITHUB}/SaladDay/cc-switch-cli/issues/170", header("content-type", "application/octet-stream"), "error.content-type"),
    Fault("error-text-plain", "The JSON of an error response is labelled as text.", "error.unknown-model", _ERROR, header("content-type", "text/plain; charset=utf-8"), "error.content-type"),
    # The envelope.
    Fault("error-flat", "Code and message are at the top.", "error.unknown-model", _SILICONFLOW, status(404, b'{"code":20012,"message":"Model does not exist.","data":null}'), "error.envelope"),
    Fault("error-flat-object", "The error is the object itself.", "error.wrong-type", f"{_GITHUB}/editor-code-assistant/eca/issues/231", status(400, b'{"object":"error","message":"Invalid temperature.","type":"invalid_request_error","param":null,"code":null}'), "error.envelope"),
    Fault("error-detail-text", "The error is a text under detail.", "error.bad-key", f"{_GITHUB}/Gitlawb/openclaude/issues/739", status(401, b'{"detail":"Invalid API Key"}'), "error.envelope"),
    Fault("error-detail-list", "The error is a list under detail.", "error.wrong-type", f"{_GITHUB}/vectorize-io/hindsight/issues/852", status(422, b'{"detail":[{"type":"float_parsing","loc":["body","temperature"],"msg":"no number"}]}'), "error.envelope"),
    Fault("error-errors-list", "The errors are a list beside success.", "error.bad-key", f"{_GITHUB}/cloudflare/cloudflare-docs/issues/15116", status(401, b'{"errors":[{"code":10000,"message":"Authentication error"}],"success":false,"result":null}'), "error.envelope"),
    Fault("error-text-under-error", "A text is under error.", "error.unknown-model", _ERROR, status(404, b'{"code":"not_found","error":"There is no such model."}'), "error.envelope"),
    Fault("error-base-resp", "The error is a status code under base_resp.", "error.bad-key", f"{_GITHUB}/lobehub/lobehub/blob/12294ca08a4c7f117ac378380a264f20ea573df9/packages/model-runtime/src/core/streams/openai/openai.ts", status(401, b'{"base_resp":{"status_code":1004,"status_msg":"login fail"}}'), "error.envelope"),
    Fault("error-response-metadata", "The error is under ResponseMetadata.", "error.bad-key", f"{_AIPROXY}/doubao/error.go", status(401, b'{"ResponseMetadata":{"RequestId":"1","Error":{"Code":"AuthenticationError","Message":"no key"}}}'), "error.envelope"),
    Fault("error-message-gone", "The error has no message.", "error.bad-key", _ERROR, chunks(any_chunk, drop("error/message")), "error.message"),
    Fault("error-message-empty", "The message of the error is empty.", "error.unknown-model", _ERROR, chunks(any_chunk, set_value("error/message", "")), "error.message"),
    Fault("error-message-object", "The message of the error is an object.", "error.wrong-type", f"{_GITHUB}/editor-code-assistant/eca/issues/231", chunks(any_chunk, set_value("error/message", {"detail": []})), "error.message"),
    Fault("error-type-gone", "The error has no type.", "error.unknown-model", f"{_AIPROXY}/zhipu/error_test.go", chunks(any_chunk, drop("error/type")), "error.type"),
    Fault("error-type-null", "The type of the error is null.", "error.bad-key", _OPENROUTER, chunks(any_chunk, set_value("error/type", None)), "error.type"),
    Fault("error-code-number", "The code of the error is a number.", "error.wrong-type", f"{_GITHUB}/hidenobunagai/nvidia-nim-provider/issues/2", chunks(any_chunk, set_value("error/code", 400)), "error.code"),
    Fault("error-code-gone", "The error has no code.", "error.missing-messages", f"{_GITHUB}/bytedance/deer-flow/issues/3043", chunks(any_chunk, drop("error/code")), "error.code"),
    Fault("error-param-gone", "The error has no param.", "error.unknown-model", _GROQ, chunks(any_chunk, drop("error/param")), "error.param"),
    Fault("error-param-list", "The param of the error is a list.", "error.wrong-type", _ERROR, chunks(any_chunk, set_value("error/param", ["temperature"])), "error.param"),
    Fault("error-msg", "The message is called msg.", "error.bad-key", _ERROR, chunks(any_chunk, rename("error/message", "msg")), "error.message"),
    # The message that rejects a parameter.
    Fault("refusal-names-nothing", "A rejected parameter is not named.", "params.unknown-key", f"{_GITHUB}/coze-dev/coze-studio/issues/326", chunks(any_chunk, set_value("error/message", "Field required"), set_value("error/param", None)), "params.refused-plainly"),
    Fault("refusal-of-options-vague", "An error response of stream_options speaks of invalid parameters.", "params.stream-options", f"{_GITHUB}/volcengine/volcengine-python-sdk/issues/13", chunks(any_chunk, set_value("error/message", "The request is not valid."), set_value("error/param", "")), "params.refused-plainly"),
    # The reason that rejects a further turn.
    Fault("content-null-refused", "A tool call with content null is rejected.", "multi_turn.content-null", f"{_GITHUB}/we-promise/sure/pull/467", status(400, _REFUSED), "multi_turn.accepted"),
    Fault("content-empty-refused", 'A call with content "" is rejected.', "multi_turn.content-empty", f"{_GITHUB}/ikechan8370/chatgpt-plugin/issues/696", status(400, _REFUSED), "multi_turn.accepted"),
    Fault("tool-result-refused", "The result of a tool is rejected.", "tools.round-trip", f"{_GITHUB}/NousResearch/hermes-agent/issues/30662", compose(status(400, _REFUSED), header("content-type", "application/json")), "multi_turn.accepted"),
    Fault("history-refused", "A second question is rejected.", "multi_turn.history", f"{_GITHUB}/ItzCrazyKns/Vane/issues/590", status(400, _REFUSED), "multi_turn.accepted"),
)  # fmt: skip
