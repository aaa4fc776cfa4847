"""Faults of calls and texts with extra or missing parts: braces, names and marks that were joined wrongly."""

from harness.simulate.chat.faults.between import asked
from harness.simulate.edits import any_chunk, chunks, replace_bytes, set_value
from harness.simulate.fault import Fault, Variant

_GITHUB = "https://github.com"
_OPENAPI = f"{_GITHUB}/openai/openai-openapi/blob/f85dbe223d40e1a31cba812ab2d755c7e98a92a3/openapi.yaml"
_BRACES = f"{_GITHUB}/vllm-project/vllm/issues/51697"
_BEYOND = f"{_GITHUB}/vllm-project/vllm/issues/51701"
_STOP_BEGUN = f"{_GITHUB}/SharpAI/SwiftLM/issues/133"
_NAMES = f"{_GITHUB}/maximhq/bifrost/issues/1829"

# fmt: off
FAULTS = (
    Fault("brace-of-arguments-twice", "The first brace of the arguments is sent twice.", "tools.auto", _BRACES,
          replace_bytes(b'"arguments":"{\\"city\\":"', b'"arguments":"{{\\"city\\":"'), "tool_calls.arguments-json"),
    Fault("mark-after-arguments", "A brace and a half of a mark follow the arguments.", "tools.auto", _BEYOND,
          replace_bytes(b'\\"Paris\\"}"', b'\\"Paris\\"}}</s"'), "tool_calls.arguments-json"),
    Fault("stop-sequence-begun", "The text ends with the beginning of the stop sequence.", "params.stop", _STOP_BEGUN, asked(stop="5, 6, 7"), "params.stop"),
    Fault("name-run-together", "The name of a tool is joined to itself.", "tools.nonstream", _NAMES,
          chunks(any_chunk, set_value("choices/*/message/tool_calls/*/function/name", "get_weatherget_weather")), "tool_choice.offered"),
)

VARIANTS = (
    Variant("stop-sequence-not-begun", "The text ends with a letter that the stop sequence starts with.", "params.stop", f"{_OPENAPI}#L33105", asked(stop=", 7, 8")),
)
# fmt: on
