"""Faults of calls in the text, and of altered names and arguments; and related legal variants."""

from typing import Any

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import (
    Change,
    any_chunk,
    chunks,
    compose,
    continues_tool_call,
    has_finish_reason,
    has_message,
    replace_bytes,
    set_value,
)
from harness.simulate.fault import Fault, Variant
from harness.wire.shapes import Json, as_object

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml#L31819"
_TEXT, _CALLS = "choices/*/message/content", "choices/*/message/tool_calls"
_NAME = f"{_CALLS}/*/function/name"
_GIVEN = rb"{\"city\":\"Paris\"}"
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_OFFERED = asked(tools=[{"type": "function", "function": {"name": "get_weather", "parameters": _SCHEMA}}])
_TWO = rb"{\"city\":\"Paris\",\"land\":\"France\"}"
_FREE = asked(tools=[{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}])
_LEFT = f"{_GITHUB}/inferencerlabs/inferencer-feedback/issues/295"
_VALUES = f"{_GITHUB}/youssofal/MTPLX/issues/249"
_ENTITIES = f"{_GITHUB}/openclaw/openclaw/pull/35276"
_NAMES = f"{_GITHUB}/tontinton/maki/pull/518"

_CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}


def _said(text: str) -> Change:
    """Return the change of a body to one with the text ``text`` although a tool was offered."""
    usage = {"prompt_tokens": 9, "completion_tokens": 60, "total_tokens": 69}
    return compose(_OFFERED, chunks(has_message, set_value(_TEXT, text), set_value("usage", usage)))


def _given(arguments: bytes) -> Change:
    """Return the change of a body to a call with other arguments, of a function that takes any."""
    return compose(_FREE, replace_bytes(_GIVEN, arguments))


def _called(key: str, call: Any) -> Change:
    """Return the change of a body to one that calls a tool, under a key of the message."""
    return chunks(
        has_message,
        set_value(_TEXT, None),
        set_value(f"choices/*/message/{key}", call),
        set_value("choices/*/finish_reason", key),
    )


def _arguments(text: str) -> Change:
    """Return the change of a body to a call with other arguments."""
    return chunks(has_message, set_value(f"{_CALLS}/*/function/arguments", text))


def _twice(chunk: Json) -> None:
    for call in chunk["choices"][0]["delta"]["tool_calls"]:
        function = as_object(call.get("function"))
        function["arguments"] = 2 * str(function.get("arguments", ""))


# fmt: off
FAULTS = (
    Fault("call-as-fenced-json", "A tool call is in the text, as JSON in a code fence.", "chat.nonstream", None, _said('```json\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n```'), "tool_calls.not-in-text"),
    Fault("call-as-other-json", "A tool call is in the text, as JSON with keys of its own.", "chat.nonstream", None, _said('{"tool": "get_weather", "args": {"city": "Oslo"}}'), "tool_calls.not-in-text"),
    Fault("call-as-code", "A tool call is in the text, as a line of code.", "chat.nonstream", None, _said('Let me look.\nget_weather(city="Oslo")'), "tool_calls.not-in-text"),
    Fault("call-as-react", "A tool call is in the text, as an action and its input.", "chat.nonstream", None, _said('Thought: I look.\nAction: get_weather\nAction Input: {"city": "Oslo"}'), "tool_calls.not-in-text"),
    Fault("call-in-own-tags", "A tool call is in the text, between tags of its own name.", "chat.nonstream", None, _said("<get_weather>\n<city>Oslo</city>\n</get_weather>"), "tool_calls.not-in-text"),
    Fault("call-in-other-tags", "A tool call is in the text, in a tag that names it.", "chat.nonstream", f"{_GITHUB}/use-agent-os/agent-os/pull/1515", _said('<tvoe_calls><invoke name="get_weather"><parameter name="city">Oslo</parameter></invoke></tvoe_calls>'), "tool_calls.not-in-text"),
    Fault("call-before-json", "The name of a tool is in the text before its arguments.", "chat.nonstream", None, _said('[Tool call: get_weather {"city": "Oslo"}]'), "tool_calls.not-in-text"),
    Fault("call-of-functiongemma", "A tool call is in the text, as FunctionGemma writes it.", "chat.nonstream", None, _said("<start_function_call>call:get_weather{city:<escape>Oslo<escape>}<end_function_call>"), "tool_calls.not-in-text"),
    Fault("arguments-as-text", "The arguments of a tool call are the text.", "chat.nonstream", None, _said('{"city": "Oslo"}'), "tool_calls.not-in-text"),
    Fault("call-of-nobody", "The text is a tool call as JSON, and no tool was offered.", "params.seed", f"{_GITHUB}/ai-dynamo/dynamo/issues/3960", chunks(any_chunk, set_value(_TEXT, '{"name": "greet", "parameters": {"who": "you"}}')), "tool_calls.not-in-text"),
    Fault("end-of-call-as-text", "The end of a tool call is in the text, between broken tags.", "chat.nonstream", f"{_GITHUB}/signalnine/q27/issues/24", _said("<name>get_weather\n</parameter>\n<parameter=city>\nOslo\n</parameter>\n</function>"), "tool_calls.not-in-text"),
    Fault("bracket-beside-call", "The first bracket of a tool call is in the text.", "tools.nonstream", _LEFT, chunks(any_chunk, set_value(_TEXT, "[{")), "tool_calls.not-in-text"),
    Fault("values-beside-call", "The values of the arguments are in the text.", "tools.nonstream", _VALUES, compose(_FREE, replace_bytes(_GIVEN, _TWO), chunks(any_chunk, set_value(_TEXT, "Paris\nFrance"))), "tool_calls.not-in-text"),
    Fault("tool-name-in-capitals", "The name of the tool is written in capitals.", "tools.nonstream", None, chunks(any_chunk, set_value(_NAME, "GetWeather")), "tool_choice.offered"),
    Fault("tool-name-numbered", "The name of the tool has a number after it.", "tools.nonstream", _NAMES, chunks(any_chunk, set_value(_NAME, "get_weather:0")), "tool_choice.offered"),
    Fault("call-without-offer", "A tool is called, and none was offered.", "chat.nonstream", None, _called("tool_calls", [_CALL]), "tool_choice.offered"),
    Fault("arguments-wrapped", "The arguments are in an object within the arguments.", "tools.nonstream", None, _arguments('{"arguments":{"city":"Paris"}}'), "tool_choice.schema"),
    Fault("schema-as-arguments", "The schema comes instead of the arguments.", "tools.nonstream", None, _arguments('{"type":"object","properties":{"city":{}}}'), "tool_choice.schema"),
    Fault("arguments-with-nan", "A value of the arguments is NaN.", "tools.nonstream", None, _given(rb'{\"degrees\":NaN}'), "tool_calls.arguments-json"),
    Fault("arguments-halves-twice", "Each fragment of the arguments contains its text twice.", "tools.auto", None, chunks(continues_tool_call, _twice), "tool_calls.arguments-json"),
    Fault("arguments-again-spaced", "All of the arguments are sent again, with other spaces.", "tools.nonstream", f"{_GITHUB}/vllm-project/vllm/issues/42167", replace_bytes(_GIVEN, _GIVEN + rb'{\"city\": \"Paris\"}'), "tool_calls.arguments-json"),
    Fault("values-escaped-for-html", "The values of arguments are escaped for HTML.", "tools.nonstream", _ENTITIES, _given(rb'{\"command\":\"mkdir a &amp;&amp; cd a &gt; b\"}'), "tool_calls.arguments-clean"),
    Fault("values-between-line-ends", "The values of arguments begin and end with a line end.", "tools.nonstream", None, replace_bytes(b"Paris", rb"\\nParis\\n"), "tool_calls.arguments-clean"),
    Fault("value-is-an-object-written-out", "A value of the arguments is [object Object].", "tools.nonstream", None, replace_bytes(b"Paris", b"[object Object]"), "tool_calls.arguments-clean"),
    Fault("call-id-is-none", "The id of a tool call is the word None.", "tools.nonstream", None, chunks(any_chunk, set_value(f"{_CALLS}/*/id", "None")), "tool_calls.id"),
    Fault("call-id-is-blank", "The id of a tool call is a space.", "tools.nonstream", f"{_GITHUB}/vercel/ai/issues/18440", chunks(any_chunk, set_value(f"{_CALLS}/*/id", " ")), "tool_calls.id"),
    Fault("finish-of-the-old-form", "A tool call in tool_calls ends with the reason function_call.", "tools.auto", None, chunks(has_finish_reason, set_value("choices/*/finish_reason", "function_call")), "finish_reason.tool-calls"),
    Fault("choices-of-one-index", "All choices that were requested have the index 0.", "chat.n2", f"{_GITHUB}/majiayu000/litellm-rs/pull/687", replace_bytes(b'"index":1,', b'"index":0,'), "params.n"),
)

VARIANTS = (
    Variant("text-names-a-tool", "The text names a tool and what it would be given.", "chat.nonstream", _OPENAPI, _said("I can call get_weather with a city, such as Oslo. Shall I?")),
    Variant("text-of-code-with-a-tool", "The text shows in a sentence how a tool is called.", "chat.stream", _OPENAPI, compose(_OFFERED, saying('Write `get_weather(city="Oslo")`', " and", " print", " it."))),
    Variant("text-of-json-beside-tools", "The text is JSON that is not a tool call.", "chat.nonstream", _OPENAPI, _said('{"name": "Oslo", "arguments": ["for", "against"]}')),
    Variant("text-of-dots-beside-call", "Some dots are beside a tool call.", "tools.nonstream", _OPENAPI, chunks(any_chunk, set_value(_TEXT, "..."))),
    Variant("arguments-of-html", "A value of arguments is HTML with entities.", "tools.nonstream", _OPENAPI, _given(rb'{\"page\":\"<a href=/?a=1&amp;b=2>&lt;x&gt;</a>\"}')),
    Variant("arguments-end-in-a-line-end", "A value of arguments is a file that ends in a line end.", "tools.nonstream", _OPENAPI, _given(rb'{\"path\":\"a.txt\",\"content\":\"one\\ntwo\\n\"}')),
    Variant("arguments-of-a-phrase", "A value of arguments is a phrase in quotes.", "tools.nonstream", _OPENAPI, _given(rb'{\"query\":\"\\\"exact phrase\\\"\"}')),
)
# fmt: on
