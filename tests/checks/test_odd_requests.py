"""No check crashes, or takes long, whatever request a recording holds."""

from functools import reduce
from typing import Any

import pytest
from judging import findings

from harness.checks import CHECKS
from harness.matrix.scenarios import SCENARIOS
from harness.results import Outcome
from harness.simulate.chat import ideal
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import replace_in_body, with_body, with_request_params
from harness.wire.exchange import Exchange
from harness.wire.reading import parse_json


def strict(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"strict": True, "schema": schema}}


def tool(parameters: Any, name: Any = "get_weather") -> list[Any]:
    return [{"type": "function", "function": {"name": name, "parameters": parameters}}]


ODD: tuple[Any, ...] = (
    True, False, 0, -1, 2, 10**18, 1e300, "", "x", "2", [], {}, [None], [1], [[]], ["a"], [{}], [{"role": ["a"]}],
    {"type": "json_object"}, {"type": "json_schema"}, {"type": ["x"]}, {"type": {}}, {"include_usage": 1},
    {"function": 1}, {"function": "x"}, {"function": {"name": 1}}, {"function": {"name": []}}, {"json_schema": 1},
    [{"function": 1}], tool(1), tool("x"), tool([1]), tool({"type": 1}), tool({}, {}), tool({}, ["a"]),
    {"type": "json_schema", "json_schema": 1}, strict(1), strict({"$ref": "#"}), strict({"$ref": "http://x.invalid/"}),
    strict({"$ref": 5}), strict({"pattern": "("}), strict({"$id": "http://[", "$ref": "a"}), strict({"$schema": 5}),
    strict({"$dynamicRef": "#x"}), strict({"$ref": "#/properties/0/~5"}), strict({"multipleOf": 1e-320}),
)  # fmt: skip
KEYS = (
    "model", "messages", "stream", "stream_options", "n", "stop", "logprobs", "top_logprobs", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "max_tokens", "max_completion_tokens", "temperature", "thinking",
    "reasoning", "reasoning_effort", "enable_thinking", "chat_template_kwargs",
)  # fmt: skip
BASES = (
    "chat.stream-usage", "chat.nonstream", "tools.auto", "tools.nonstream", "tools.forced", "json.object", "json.schema",
    "params.top-logprobs", "params.unknown-key", "multi_turn.content-null", "parity.tools", "error.unknown-model",
)  # fmt: skip
WITHOUT_SDK = [check for check in CHECKS.values() if check.family != "sdk"]


@pytest.mark.thorough
@pytest.mark.parametrize("name", BASES)
def test_no_check_breaks_at_an_odd_request(name: str) -> None:
    base = recording(SCENARIOS[name])[-1]
    broken = []
    for key in KEYS:
        for value in ODD:
            found = findings(with_request_params(base, **{key: value}), WITHOUT_SDK)
            broken += [(key, value, f.check, f.message) for f in found.values() if f.outcome is Outcome.BROKEN]
    assert broken == []


def chained(depth: int) -> dict[str, Any]:
    following = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {"$defs": {**following, f"d{depth}": {}}, "$ref": "#/$defs/d0"}


HOSTILE_SCHEMAS = {
    "a regular expression that backtracks": {"properties": {"city": {"pattern": "^(a+)+$"}}},
    "references that double": chained(25),
    "a reference to itself": {"$ref": "#"},
    "many properties": {
        "properties": {f"p{n}": {} for n in range(20_000)},
        "required": [f"p{n}" for n in range(20_000)],
    },
    "deep": reduce(lambda inner, _: {"not": inner}, range(100), dict[str, Any]()),
}


@pytest.mark.parametrize("name", HOSTILE_SCHEMAS)
def test_a_hostile_schema_is_not_tried(name: str) -> None:
    said = '{\\"city\\":\\"%s!\\",\\"population\\":1}' % ("a" * 40)
    answer = replace_in_body(
        recording(SCENARIOS["json.schema"])[0], '{\\"city\\":\\"Lyon\\",\\"population\\":522000}', said
    )
    found = findings(with_request_params(answer, response_format=strict(HOSTILE_SCHEMAS[name])), WITHOUT_SDK)
    assert found["structured.schema"].outcome is Outcome.NA


def choices(count: int) -> Exchange:
    text = ideal.exchange({"model": ideal.MODEL, "messages": [{"role": "user", "content": "?"}], "n": count})
    return replace_in_body(text, "How can I help?", "```json <|im_end|> \ufffd")


def test_a_body_is_parsed_no_oftener_for_more_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place is computed in the parsed body: parsing it again for each choice would take quadratic time."""
    parsed: list[int] = []

    def counting(data: bytes) -> Any:
        parsed.append(len(data))
        return parse_json(data)

    for module in ("exchange", "reading"):
        monkeypatch.setattr(f"harness.wire.{module}.parse_json", counting)
    counts = []
    for count in (50, 500):
        parsed.clear()
        findings(with_request_params(choices(count), response_format={"type": "json_object"}), WITHOUT_SDK)
        counts.append(len(parsed))
    assert counts[0] == counts[1] < 5


def test_arguments_of_white_space_are_those_of_a_tool_without_parameters() -> None:
    call = replace_in_body(recording(SCENARIOS["tools.nonstream"])[0], '"{\\"city\\":\\"Paris\\"}"', '" \\n"')
    found = findings(with_request_params(call, tools=tool({})))
    assert found["tool_choice.schema"].outcome is Outcome.PASS


def test_an_error_nested_without_end_breaks_nothing() -> None:
    deep = b'{"error":{"message":"no","type":"x","param":null,"code":' + b"[" * 900 + b"]" * 900 + b"}}"
    found = findings(with_body(recording(SCENARIOS["error.unknown-model"])[0], deep))
    assert found["error.code"].outcome is Outcome.FAIL
    assert not [f for f in found.values() if f.outcome is Outcome.BROKEN]
