"""Faults of notation of text or arguments, and of texts that run on into another turn; related legal variants."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.chat.faults.reported import saying
from harness.simulate.edits import any_chunk, chunks, compose, has_content, replace_bytes, set_value
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_TEXT = "choices/*/message/content"
_GIVEN = rb"{\"city\":\"Paris\"}"
_GARBLED = f"{_GITHUB}/raullenchai/Rapid-MLX/issues/579"
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

# fmt: off
FAULTS = (
    Fault("turn-header-in-text", "The text starts with the header of its turn.", "chat.nonstream", f"{_GITHUB}/AtomaAI/atoma-infer/issues/227",
          chunks(any_chunk, set_value(_TEXT, "assistant\n\nParis")), "content.no-special-tokens"),
    Fault("turn-of-user-in-text", "The text goes on with a turn of the user's.", "chat.stream", f"{_GITHUB}/anthropics/claude-code/issues/74692",
          saying("It is done.", "\n\n", "Human:", " thanks,", " what next?", "\n\n", "Assistant:", " nothing."), "content.no-special-tokens"),
    Fault("text-escaped-for-html", "The text is escaped for HTML.", "chat.nonstream", None, chunks(any_chunk, set_value(_TEXT, "if a &lt; b &amp;&amp; c &gt; d")), "content.written-once"),
    Fault("line-ends-escaped", "The line ends of a text are escaped twice.", "chat.stream", None, saying("Rivers:\\n\\n", "- Glomma\\n", "- Tana\\n", "- Otra"), "content.written-once"),
    Fault("parts-written-as-text", "The text is a list of parts, as JSON.", "chat.nonstream", None, chunks(any_chunk, set_value(_TEXT, '[{"type": "text", "text": "Hello."}]')), "content.written-once"),
    Fault("arguments-escaped-for-html", "The arguments are escaped for HTML.", "tools.nonstream", f"{_GITHUB}/openclaw/openclaw/pull/40425", replace_bytes(_GIVEN, b"{&quot;city&quot;:&quot;Paris&quot;}"), "tool_calls.arguments-json"),
    Fault("arguments-after-a-mark", "A mark of the model is before the arguments.", "tools.nonstream", _GARBLED, replace_bytes(_GIVEN, b"[ARGS]" + _GIVEN), "tool_calls.arguments-json"),
    Fault("arguments-without-beginning", "The beginning of the arguments is lost.", "tools.nonstream", None, replace_bytes(_GIVEN, _GIVEN[1:]), "tool_calls.arguments-json"),
    Fault("arguments-as-python", "The arguments are written as Python does.", "tools.nonstream", None, replace_bytes(_GIVEN, b"{'city': 'Paris', 'far': True}"), "tool_calls.arguments-json"),
    Fault("call-in-commentary", "A tool call is in the text, as the name of a channel.", "chat.nonstream", f"{_GITHUB}/raullenchai/Rapid-MLX/issues/455",
          chunks(any_chunk, set_value(_TEXT, 'commentary to=functions.get_weather json{"city":"Oslo"}')), "tool_calls.not-in-text"),
    Fault("guided-json-ignored", "A schema given in vLLM's way is left out of account.", "chat.nonstream", f"{_GITHUB}/scouzi1966/maclocal-api/issues/97", compose(asked(guided_json=_SCHEMA), chunks(any_chunk, set_value(_TEXT, "It is Paris."))), "structured.json"),
    Fault("guided-json-other", "JSON that was requested in vLLM's way does not fit its schema.", "json.object", None,
          compose(asked(response_format=None, structured_outputs={"json": _SCHEMA}), chunks(any_chunk, set_value(_TEXT, '{"town":"Lyon"}'))), "structured.schema"),
    Fault("arguments-in-two-braces", "The arguments are in braces twice.", "tools.nonstream", None, replace_bytes(_GIVEN, b"{" + _GIVEN + b"}"), "tool_calls.arguments-json"),
    Fault("argument-quotes-escaped", "The quotes of values in arguments are escaped again.", "tools.nonstream", None, replace_bytes(rb":\"Paris\"", rb":\\\"Paris\\\""), "tool_calls.arguments-json"),
    Fault("argument-path-unescaped", "The backslashes of a path in arguments are not escaped.", "tools.nonstream", f"{_GITHUB}/NousResearch/hermes-agent/pull/110436", replace_bytes(b"Paris", rb"C:\\dir"), "tool_calls.arguments-json"),
    Fault("argument-keys-unquoted", "The keys of arguments have no quotes.", "tools.nonstream", None, replace_bytes(rb"\"city\"", b"city"), "tool_calls.arguments-json"),
    Fault("argument-quote-unescaped", "A quote in a value of arguments is not escaped.", "tools.nonstream", None, replace_bytes(b"Paris", rb"the \"old\" Paris"), "tool_calls.arguments-json"),
    Fault("arguments-begun-again", "The arguments begin again before they end.", "tools.nonstream", f"{_GITHUB}/sgl-project/sglang/issues/23071", replace_bytes(_GIVEN, rb"{\"city\":\"" + _GIVEN), "tool_calls.arguments-json"),
    Fault("argument-comma-left", "A comma is before the last brace of arguments.", "tools.nonstream", None, replace_bytes(rb"\"Paris\"", rb"\"Paris\","), "tool_calls.arguments-json"),
    Fault("argument-comma-missing", "A comma is missing between two arguments.", "tools.nonstream", None, replace_bytes(rb"\"Paris\"", rb"\"Paris\" \"far\": true"), "tool_calls.arguments-json"),
    Fault("argument-without-value", "A key of arguments has no value.", "tools.nonstream", None, replace_bytes(rb"\"Paris\"", b""), "tool_calls.arguments-json"),
    Fault("argument-into-the-next", "A value goes over into the markup of the next.", "tools.nonstream", None, replace_bytes(b"Paris", b"Paris</arg_value><arg_key>unit</arg_key><arg_value>C"), "tool_calls.arguments-clean"),
    Fault("white-space-without-end", "JSON is followed by a long run of white space.", "json.object", None, chunks(any_chunk, set_value(_TEXT, "{}" + "\n  " * 60)), "content.blank-run"),
    Fault("nothing-written-out", "The text beside a tool call is the word None.", "tools.nonstream", None, chunks(any_chunk, set_value(_TEXT, "None")), "content.written-once"),
    Fault("delta-of-the-user", "A delta has the role user.", "chat.stream", None, chunks(has_content, set_value("choices/*/delta/role", "user")), "role.first"),
    Fault("end-written-in-brackets", "The text ends with the mark [EOS].", "chat.nonstream", None, chunks(any_chunk, set_value(_TEXT, "Paris.[EOS]")), "content.no-special-tokens"),
    Fault("end-of-minimax-in-text", "The text ends with MiniMax's mark.", "chat.nonstream", None, chunks(any_chunk, set_value(_TEXT, "Paris.[e~[")), "content.no-special-tokens"),
    Fault("pieces-as-calls-of-their-own", "The fragments of a tool call are under another index, with another id.", "tools.auto", f"{_GITHUB}/earendil-works/pi/issues/3576",
          replace_bytes(b'[{"index":0,"function":{"arguments":', b'[{"index":1,"id":"call_2","type":"function","function":{"name":"","arguments":'), "tool_calls.index-constant"),
    Fault("thought-in-arguments", "Reasoning is in a value of arguments.", "tools.nonstream", None, replace_bytes(b"Paris", b"<think>Which?</think>Paris"), "tool_calls.arguments-clean"),
    Fault("text-goes-round", "The text says one word again and again until it is cut.", "chat.nonstream", f"{_GITHUB}/google-gemini/cookbook/issues/327",
          chunks(any_chunk, set_value(_TEXT, "Other; " * 60), set_value("choices/*/finish_reason", "length"), set_value("usage", {"prompt_tokens": 9, "completion_tokens": 120, "total_tokens": 129})), "content.loop"),
    Fault("summary-of-thought-in-text", "The text starts with the summary of reasoning.", "chat.stream", f"{_GITHUB}/diegosouzapw/OmniRoute/issues/5786", saying("**Considering", " the greeting**", "\n\n", "I'm thinking", " of a reply.", "\n\n", "Hello!"), "content.no-think-tags"),
    Fault("function-call-does-not-come", "finish_reason is function_call, and none came.", "chat.nonstream", f"{_GITHUB}/chatanywhere/GPT_API_free/issues/384", chunks(any_chunk, set_value("choices/*/finish_reason", "function_call")), "finish_reason.tool-calls"),
)

VARIANTS = (
    Variant("text-of-laughter", "The text is one word many times, and ends of itself.", "chat.nonstream", f"{_OPENAPI}#L31819", chunks(any_chunk, set_value(_TEXT, "ha" * 100), set_value("usage", {"prompt_tokens": 9, "completion_tokens": 100, "total_tokens": 109}))),
    Variant("text-with-a-heading", "The text starts with a heading in bold.", "chat.stream", f"{_OPENAPI}#L31819", saying("**Cooking", " rice**", "\n\n", "The water", " boils.")),
    Variant("arguments-of-code", "A value of arguments is code with quotes, backslashes and braces.", "tools.nonstream", f"{_OPENAPI}#L31819", replace_bytes(b"Paris", rb"f(\\\"{a: 1,}\\\", '\\\\d+', None)")),
    Variant("text-ends-in-line-ends", "The text ends in some line ends.", "chat.nonstream", f"{_OPENAPI}#L31819", chunks(any_chunk, set_value(_TEXT, "Paris." + "\n" * 12))),
    Variant("text-is-the-word-none", "The text is the word None.", "chat.nonstream", f"{_OPENAPI}#L31819", chunks(any_chunk, set_value(_TEXT, "None"))),
    Variant("text-speaks-of-eos", "The text speaks of the mark [EOS].", "chat.stream", f"{_OPENAPI}#L31819", saying("BERT", " ends", " with", " [EOS]", " at", " times", ".")),
    Variant("text-begins-with-assistant", "The text starts with the word assistant.", "chat.stream", f"{_OPENAPI}#L31819", saying("assistant", " professors", " teach", " here", ".")),
    Variant("text-of-entities", "The text explains entities of HTML, and has the signs themselves.", "chat.stream", f"{_OPENAPI}#L31819", saying("&lt;", " is", " <,", " &gt;", " is", " >,", " &amp;", " is", " &.")),
    Variant("text-of-paths", "The text has paths with backslashes.", "chat.stream", f"{_OPENAPI}#L31819", saying("Open", " C:\\new\\notes", " or", " C:\\numbers", ".")),
    Variant("text-is-a-list", "The text is a JSON list that was not requested.", "chat.stream", f"{_OPENAPI}#L31819", saying('[{"name":', ' "Glomma"', "}]")),
)
# fmt: on
