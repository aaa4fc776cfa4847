"""Defines the scenarios of chat completions, and their requests."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.wire.chat.completion import Message
from harness.wire.dialect import DIALECTS, DialectName
from harness.wire.exchange import OK, Exchange, Expected

Json = dict[str, Any]

_HELLO = "用一句话打个招呼，并带一个表情符号。 Then say it in English."
_COMPARE = "Which is larger, 9.11 or 9.8? Answer with the number only."
_COUNT = "Count from 1 to 40 in digits, separated by commas and nothing else."
_WEATHER = "What is the weather in Paris? Use the tool."
_BOTH = "What is the weather in Paris, and what time is it in Tokyo? Call both tools at once."
_CITY = "Name one city in France and its population."

_STREAM: Json = {"stream": True}
_USAGE: Json = {"stream": True, "stream_options": {"include_usage": True}}


def _tool(name: str, what: str, parameter: str) -> Json:
    schema = {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}
    return {"type": "function", "function": {"name": name, "description": what, "parameters": schema}}


TOOLS: Json = {
    "tools": [
        _tool("get_weather", "Get the weather of a city.", "city"),
        _tool("get_time", "Get the time in a zone such as CET.", "zone"),
    ]
}
_NAMED: Json = {"tool_choice": {"type": "function", "function": {"name": "get_time"}}}

_FACTS: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}
_OBJECT: Json = {"response_format": {"type": "json_object"}}
_SCHEMA: Json = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "facts", "strict": True, "schema": _FACTS}}
}

_BAD_REQUEST = (400, 422)
_OPEN = (OK, 400, 403, 404, 422)
"""Sent to learn whether the provider supports it: a completion and a plain rejection are both expected."""

KeyHeader = Literal["both", "bearer", "x-api-key"]
"""The headers that hold the key in Messages."""

_WHERE_SERVED = (OK, 404, 405, 501)

Then = Literal["tool-result", "tool-result, content null", 'tool-result, content ""', "and in French?"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A test with a stable id, in one or more requests.

    ``thinking`` is whether the model should think; ``needs`` names capabilities that a provider may declare absent
    (``lacks`` in providers.yaml), which makes the scenario n/a.  ``statuses`` are the acceptable ones of the last
    request, ``tested_parameter`` the parameter or form it tests.  ``follow_up`` is the turn after the response, and
    ``echo_reasoning`` whether it sends the reasoning back; ``repeat_with`` are parameters with which the request is
    repeated.  ``key`` is the key to send, ``raw_body`` a body that is sent as it is; ``omit`` are the required
    parameters left out.  ``encoding`` is the Accept-Encoding to send; with ``cancels`` harness closes the first
    response after its first event, to see the effect.  ``path`` is that of a GET that is sent instead of a chat.
    With ``in_chat_first`` the same request is sent in chat completions first, if the provider serves them, so that
    both responses can be compared.
    """

    id: str
    title: str
    prompt: str = _HELLO
    thinking: bool = False
    params: Json = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (OK,)
    tested_parameter: str | None = None
    role: str = "user"
    parts: bool = False
    follow_up: Then | None = None
    echo_reasoning: bool = False
    repeat_with: Json | None = None
    key: Literal["own", "wrong"] = "own"
    model: str | None = None
    raw_body: bytes | None = None
    omit: tuple[str, ...] = ()
    encoding: str = "identity"
    cancels: bool = False
    path: str | None = None
    dialect: DialectName = "chat"
    key_header: KeyHeader = "both"
    in_chat_first: bool = False
    beta: str | None = None

    @property
    def costly(self) -> bool:
        """Whether its prompt costs more than all others together: it is sent last, and only with consent."""
        return self.prompt == "long"

    @property
    def requests(self) -> int:
        """The number of requests it makes."""
        return 1 + (self.follow_up is not None) + (self.repeat_with is not None) + self.in_chat_first

    def expected(self, number: int) -> Expected:
        """Return the expectations for request ``number``, from 0."""
        if self.in_chat_first and number == 0:
            return Expected(_WHERE_SERVED)
        last = number >= self.requests - 1
        return (
            Expected(self.statuses, self.tested_parameter)
            if last
            else Expected((OK,), cancelled_by_client=self.cancels)
        )


def _try(name: str, title: str, params: Json, **extra: Any) -> Scenario:
    return Scenario(f"params.{name}", title, params=params, statuses=_OPEN, tested_parameter=extra.pop("tested_parameter", None) or name.replace("-", "_"), **extra)  # fmt: skip


def _error(name: str, title: str, statuses: tuple[int, ...] = _BAD_REQUEST, **extra: Any) -> Scenario:
    return Scenario(f"error.{name}", title, statuses=statuses, **extra)


_TABLE = (
    Scenario("chat.stream", "A short answer, streamed.", params=_STREAM),
    Scenario("chat.stream-usage", "The same, with usage requested.", params=_USAGE, needs=("stream-usage",)),
    Scenario("chat.nonstream", "The same, non-streaming."),
    Scenario("chat.capped", "A long answer, capped at 12 tokens, streamed.", _COUNT, params=_USAGE | {"max_tokens": 12}, needs=("stream-usage",), statuses=_OPEN, tested_parameter="max_tokens"),
    Scenario("chat.stop", "An answer that a stop sequence ends, streamed.", _COUNT, params=_STREAM | {"stop": ["7"]}, statuses=_OPEN, tested_parameter="stop"),
    Scenario("chat.n2", "Two answers in one stream, with usage requested.", params=_USAGE | {"n": 2}, needs=("n", "stream-usage")),
    Scenario("chat.logprobs", "A short answer with logprobs, streamed.", params=_STREAM | {"logprobs": True, "top_logprobs": 2}, needs=("logprobs",)),
    Scenario("chat.unicode", "Chinese, accents and composed emoji, streamed.", "逐字重复这一行：春眠不觉晓，naïve café 👩‍👩‍👧‍👦🏳️‍🌈 𠮷野家", params=_STREAM),
    Scenario("chat.long", "A long answer, streamed.", "Write about 300 words on how bread is baked, in plain paragraphs.", params=_USAGE, needs=("stream-usage",)),
    Scenario("chat.compressed", "A short answer, streamed, compressed if the provider does that.", params=_STREAM, encoding="gzip"),
    Scenario("chat.cancel", "A long answer, closed after its first event, then a short one at once.", _COUNT, params=_STREAM, cancels=True, repeat_with={"max_tokens": 12}),
    Scenario("reasoning.stream", "A question to think about, streamed.", _COMPARE, thinking=True, params=_STREAM),
    Scenario("reasoning.nonstream", "The same, non-streaming.", _COMPARE, thinking=True, needs=("reasoning-nonstream",)),
    Scenario("reasoning.off", "The same question with thinking turned off, streamed.", _COMPARE, params=_USAGE, needs=("stream-usage",)),
    Scenario("tools.auto", "A question that a tool answers, streamed.", _WEATHER, params=_STREAM | TOOLS, needs=("tools",)),
    Scenario("tools.nonstream", "The same, non-streaming.", _WEATHER, params=TOOLS, needs=("tools",)),
    Scenario("tools.forced", "One tool forced by name, streamed.", _WEATHER, params=_STREAM | TOOLS | _NAMED, needs=("tools", "tool-choice")),
    Scenario("tools.required", "Any tool required, streamed.", _HELLO, params=_STREAM | TOOLS | {"tool_choice": "required"}, needs=("tools", "tool-choice")),
    Scenario("tools.none", "Tools given but not allowed, streamed.", _WEATHER, params=_STREAM | TOOLS | {"tool_choice": "none"}, needs=("tools",)),
    Scenario("tools.parallel", "Two parallel tool calls, streamed.", _BOTH, params=_STREAM | TOOLS, needs=("tools", "parallel-tools")),
    Scenario("tools.round-trip", "A tool call and its result, streamed.", _WEATHER, params=_STREAM | TOOLS, needs=("tools",), tested_parameter="a tool's result", follow_up="tool-result"),
    Scenario("json.object", "JSON mode.", f"{_CITY} Answer as a JSON object.", params=_OBJECT, needs=("json-object",), statuses=_OPEN, tested_parameter="response_format"),
    Scenario("json.object-stream", "JSON mode, streamed.", f"{_CITY} Answer as a JSON object.", params=_STREAM | _OBJECT, needs=("json-object",), statuses=_OPEN, tested_parameter="response_format"),
    Scenario("json.schema", "An answer that must fit a JSON Schema.", _CITY, params=_SCHEMA, needs=("json-schema",), statuses=_OPEN, tested_parameter="response_format"),
    _try("max-completion-tokens", "The token limit by its current name.", {"max_completion_tokens": 12}, prompt=_COUNT),
    _try("max-tokens", "The token limit by its older name.", {"max_tokens": 12}, prompt=_COUNT),
    _try("stop", "A stop sequence.", {"stop": "7"}, prompt=_COUNT),
    _try("n", "Two answers.", {"n": 2}, needs=("n",)),
    _try("seed", "A seed.", {"seed": 7}),
    _try("logprobs", "Log probabilities of the tokens.", {"logprobs": True}, needs=("logprobs",)),
    _try("top-logprobs", "Log probabilities of the alternatives.", {"logprobs": True, "top_logprobs": 2}, needs=("logprobs",)),
    _try("temperature-0", "Temperature 0.", {"temperature": 0}, tested_parameter="temperature"),
    _try("stream-options", "stream_options without a stream.", {"stream_options": {"include_usage": True}}),
    _try("parallel-tool-calls", "Parallel tool calls turned off.", TOOLS | {"parallel_tool_calls": False}, prompt=_BOTH, needs=("tools",)),
    _try("response-format", "The default format, named explicitly.", {"response_format": {"type": "text"}}),
    _try("developer-role", "Instructions under the role developer.", {}, tested_parameter="developer role", role="developer"),
    _try("content-parts", "Content as a list of parts.", {}, tested_parameter="content as parts", parts=True),
    _try("user", "An id of the end user.", {"user": "user-7"}),
    _try("store", "Storing turned off.", {"store": False}),
    _try("unknown-key", "An unknown parameter.", {"x_unknown_parameter": 1}, tested_parameter="x_unknown_parameter"),
    _error("bad-key", "An invalid API key.", (401, 403), key="wrong", needs=("key",)),
    _error("bad-key-stream", "The same, streaming.", (401, 403), params=_STREAM, key="wrong", needs=("key",)),
    _error("unknown-model", "A model that does not exist.", (404, 400), model="no-such-model-7"),
    _error("missing-messages", "No messages.", omit=("messages",)),
    _error("malformed-json", "A body that is not JSON.", raw_body=b'{"model": "gpt", "messages": ['),
    _error("wrong-type", "A string instead of a number.", params={"temperature": "hot"}),
    _error("no-tokens", "A limit of 0 tokens.", params={"max_tokens": 0}),
    _error("too-long", "A prompt longer than most context windows.", (400, 413, 422, OK), prompt="long"),
    Scenario("multi_turn.history", "A second question.", statuses=(OK,), tested_parameter="an earlier answer", follow_up="and in French?"),
    Scenario("multi_turn.reasoning-back", "A tool call and its result, with the reasoning sent back.", _WEATHER, thinking=True, params=TOOLS, needs=("tools",), statuses=_OPEN, tested_parameter="reasoning sent back", follow_up="tool-result", echo_reasoning=True),
    Scenario("multi_turn.reasoning-left-out", "A tool call and its result, without the reasoning.", _WEATHER, thinking=True, params=TOOLS, needs=("tools",), statuses=_OPEN, tested_parameter="reasoning left out", follow_up="tool-result"),
    Scenario("multi_turn.content-null", "A tool call sent back with content null.", _WEATHER, params=TOOLS, needs=("tools",), tested_parameter="content null", follow_up="tool-result, content null"),
    Scenario("multi_turn.content-empty", 'A tool call sent back with content "".', _WEATHER, params=TOOLS, needs=("tools",), tested_parameter='content ""', follow_up='tool-result, content ""'),
    Scenario("models.list", "The list of models.", path="/models", statuses=_OPEN),
    Scenario("models.one", "The entry of one model.", path="/models/{model}", statuses=_OPEN),
    Scenario("parity.chat", "The same question, streaming and non-streaming.", params=_USAGE, needs=("stream-usage",), repeat_with={}),
    Scenario("parity.tools", "The same tool call, streaming and non-streaming.", _WEATHER, params=_USAGE | TOOLS, needs=("tools", "stream-usage"), repeat_with={}),
    Scenario("parity.reasoning", "The same question with reasoning, streaming and non-streaming.", _COMPARE, thinking=True, params=_USAGE, needs=("reasoning-nonstream", "stream-usage"), repeat_with={}),
)  # fmt: skip

SCENARIOS: dict[str, Scenario] = {scenario.id: scenario for scenario in _TABLE}

_ANSWERS = [scenario for scenario in _TABLE if scenario.path is None and OK in scenario.statuses]
_STREAMS = [scenario for scenario in _ANSWERS if scenario.params.get("stream") and not scenario.cancels]
_WITH_USAGE = [scenario for scenario in _STREAMS if "stream_options" in scenario.params]
_BODIES = [scenario for scenario in _ANSWERS if scenario not in _STREAMS or scenario.repeat_with is not None]

KINDS: dict[str, tuple[str, ...]] = {
    "streams": tuple(one.id for one in _STREAMS),
    "streams-with-usage": tuple(one.id for one in _WITH_USAGE),
    "streams-without-usage": tuple(one.id for one in _STREAMS if one not in _WITH_USAGE),
    "bodies": tuple(one.id for one in _BODIES),
}
"""Names for all scenarios that expect a response of that form; ``usage`` is requested usage."""


def named_scenarios(name: str) -> tuple[str, ...]:
    """Return the ids that an id, a kind or a family such as ``tools.*`` covers; none for an unknown name."""
    family = tuple(one for one in SCENARIOS if name == f"{one.partition('.')[0]}.*")
    return family or KINDS.get(name) or ((name,) if name in SCENARIOS else ())


CAPABILITIES = (*dict.fromkeys(need for scenario in _TABLE for need in scenario.needs), *DIALECTS)
"""The values allowed for ``lacks`` in providers.yaml: capabilities of scenarios, and the dialects."""

_TOO_LONG = "a " * 150_000  # a token each: more than most context windows, and cheap if it is accepted
_RESULT = '{"weather": "18 degrees, light rain", "code": "TEAL-42"}'
_STREAM_ONLY = ("stream", "stream_options")


def request_body(scenario: Scenario, model: str, thinking: Json) -> Json:
    """
    Return the JSON of a scenario's first request to ``model``, with the provider's own thinking switch.

    A scenario with ``raw`` sends that instead.
    """
    text = _TOO_LONG if scenario.prompt == "long" else scenario.prompt
    content: Any = [{"type": "text", "text": text}] if scenario.parts else text
    messages = [{"role": "user", "content": content}]
    if scenario.role != "user":
        messages.insert(0, {"role": scenario.role, "content": "Answer in one short sentence."})
    body = {"model": scenario.model or model, "messages": messages, **scenario.params, **thinking}
    return {key: value for key, value in body.items() if key not in scenario.omit}


def next_body(scenario: Scenario, body: Json, answer: Message) -> Json:
    """Return the JSON of a scenario's second request, given the first and the message of its response."""
    if scenario.repeat_with is not None:
        return {key: value for key, value in body.items() if key not in _STREAM_ONLY} | scenario.repeat_with
    return body | {"messages": [*body["messages"], _sent_back(scenario, answer), *_turn(scenario, answer)]}


def _sent_back(scenario: Scenario, answer: Message) -> Json:
    content = {"tool-result, content null": None, 'tool-result, content ""': ""}
    message: Json = {"role": "assistant", "content": content.get(scenario.follow_up or "", answer.content)}
    if scenario.echo_reasoning and answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.tool_calls
        ]
    return message


def _turn(scenario: Scenario, answer: Message) -> list[Json]:
    if scenario.follow_up == "and in French?":
        return [{"role": "user", "content": "And in French?"}]
    return [{"role": "tool", "tool_call_id": call.id, "content": _RESULT} for call in answer.tool_calls]


def with_expectations(exchanges: Iterable[Exchange], scenario: Scenario) -> list[Exchange]:
    """Return the exchanges of a scenario's recording, each with its expectations and those before it."""
    told: list[Exchange] = []
    for number, exchange in enumerate(exchanges):
        told.append(replace(exchange, expected=scenario.expected(number), earlier=tuple(told)))
    return told
