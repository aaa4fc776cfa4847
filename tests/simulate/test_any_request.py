"""Responses to any request: the reference's raise no alarm, and a provider's show exactly its known deviations."""

import base64
import itertools
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import alarms, findings
from parted import each
from schemas import OBJECTS

from harness.judging.deviations import load_deviations
from harness.matrix.providers import Target, load_matrix
from harness.matrix.scenarios import SCENARIOS, TOOLS
from harness.simulate.chat.completing import Forms
from harness.simulate.chat.manner import ProfileManner, ReferenceManner
from harness.simulate.chat.profile import FILE_NAME, load_profile
from harness.simulate.chat.strictness import not_strict
from harness.simulate.reference import with_expected_status
from harness.wire.exchange import Exchange, Headers, Request

ROOT = Path(__file__).resolve().parents[2]
TARGETS = [
    one
    for one in load_matrix(ROOT / "providers.yaml").targets()
    if (ROOT / "cassettes" / one.provider.id / FILE_NAME).exists()
]
URL = "https://api.openai.com/v1/chat/completions"
JSON = Headers((("Content-Type", "application/json"),))
BOTH = "What is the weather in Paris, and what time is it in CET?"
QUESTIONS = ("你好", "Count from 1 to 40.", BOTH)
CHOICES: dict[str, tuple[Any, ...]] = {
    "stream": (None, True),
    "stream_options": (None, {"include_usage": True}),
    "n": (None, None, 2),
    "logprobs": (None, True),
    "top_logprobs": (None, 2),
    "max_tokens": (None, 1, 4, 1000),
    "stop": (None, ":", [" to", "x"]),
    "tools": (None, TOOLS["tools"]),
    "tool_choice": (None, "auto", "none", "required", {"type": "function", "function": {"name": "get_time"}}),
    "parallel_tool_calls": (None, False),
    "reasoning_effort": (None, "none", "medium"),
    "response_format": (None, {"type": "json_object"}, {"type": "text"}),
}
ASKED = 120


def sensible(given: dict[str, Any]) -> dict[str, Any]:
    """Drop combinations that the specification does not allow."""
    for needed, names in {
        "stream": ("stream_options",),
        "logprobs": ("top_logprobs",),
        "tools": ("tool_choice", "parallel_tool_calls"),
    }.items():
        if not given.get(needed):
            given = {key: value for key, value in given.items() if key not in names}
    if given.get("response_format", {}).get("type") == "json_object":
        given.pop("stop", None)  # it ends JSON wherever it stands
        given["messages"] = [{"role": "system", "content": "Answer in JSON."}, *given["messages"]]
    return given


@cache
def requests() -> list[dict[str, Any]]:
    found = []
    for question, *values in random.Random(11).sample(list(itertools.product(QUESTIONS, *CHOICES.values())), ASKED):
        given = {key: value for key, value in zip(CHOICES, values, strict=True) if value is not None}
        asked = given | {"messages": [{"role": "user", "content": question}]}
        found.append({"model": "gpt-4o-mini", **sensible(asked)})
    return found


def by_reference(body: dict[str, Any]) -> Exchange:
    made = ReferenceManner().answer(body)
    assert made.response.status == 200, made.response.body
    return with_expected_status(made.exchange(Request("POST", URL, JSON, orjson.dumps(body))), 200)


def test_the_reference_raises_no_alarm() -> None:
    wrong = {str(body): said for body in requests() if (said := alarms(by_reference(body)))}
    assert wrong == {}


def turns(call: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a call and its result."""
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": '{"ok": true}'},
    ]


@settings(deadline=None, max_examples=40)
@given(schema=OBJECTS, stream=st.booleans(), strict=st.booleans(), asked=st.text(max_size=40))
def test_the_reference_keeps_to_any_schema(schema: dict[str, Any], stream: bool, strict: bool, asked: str) -> None:  # noqa: FBT001
    function = {"name": "do_it", "description": "Does it.", "parameters": schema}
    user = {"role": "user", "content": asked}
    base = {"model": "gpt-4o-mini", "messages": [user], "stream": stream}
    strict = strict and not_strict(schema) is None
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": strict, "schema": schema}}
    calling = base | {"tools": [{"type": "function", "function": function}], "tool_choice": "required"}
    called = by_reference(calling)
    (call,) = called.completion.messages[0].tool_calls
    back = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    told = by_reference(calling | {"tool_choice": "auto", "messages": [user, *turns(back)]})
    said = [alarms(one) for one in (called, by_reference(base | {"response_format": form}), told)]
    assert said == [[], [], []]
    assert '{"ok": true}' in (told.completion.messages[0].content or "")


CONSEQUENCES = (
    "structured.json", "structured.schema", "logprobs.joins", "logprobs.covers", "sdk.strict", "tool_calls.arguments-json",
    "tool_choice.schema",
)  # fmt: skip
"""What fails because something listed is so: JSON behind a think tag, arguments cut by a cap that no finish_reason tells of."""


def by_provider(of: Target, bodies: list[dict[str, Any]]) -> Iterator[tuple[str, Exchange]]:
    """Yield what a target answers, refusals left out, and what each rests on."""
    profile = load_profile(ROOT / "cassettes" / of.provider.id)
    assert profile
    manner = ProfileManner(profile, of, Forms(profile))
    for body in bodies:
        own = body | {"model": of.model.name or of.model.id}
        made = manner.answer(own)
        if made.response.status == 200:
            asked = Request("POST", f"{of.provider.base_url}/chat/completions", JSON, orjson.dumps(own))
            yield made.rests_on, with_expected_status(made.exchange(asked), 200)


def failing(exchange: Exchange) -> set[str]:
    return {one.check for one in findings(exchange).values() if one.outcome in {"fail", "broken"}}


@pytest.mark.parametrize("provider", each(4, sorted({one.provider.id for one in TARGETS})))
def test_a_provider_shows_what_is_known_of_it_and_nothing_else(provider: str) -> None:
    """What its profile shows of a kind may come though no scenario lists it; what is guessed adds nothing."""
    listed = {one.check for one in load_deviations(ROOT / "cassettes" / provider)}
    shown: set[str] = set()
    guessed: list[tuple[str, set[str]]] = []
    of = [one for one in TARGETS if one.provider.id == provider]
    answers = [pair for one in of for pair in by_provider(one, requests()[:: 4 * len(of)])]
    for rests_on, exchange in answers:
        found = failing(exchange)
        unlisted = found - listed - set(CONSEQUENCES if found & listed else ())
        if "no recording shows" in rests_on:
            guessed.append((rests_on, unlisted))
        else:
            shown |= unlisted
    assert len(answers) > 5
    assert [(why, new) for why, found in guessed if (new := found - shown)] == []
    assert not shown or not any("recording" in pair[0].partition(";")[0] for pair in answers), (
        f"recordings show what deviations.yaml of {provider} does not list: {shown}"
    )


DEEPSEEK = [one for one in TARGETS if one.id == "deepseek/deepseek-flash"]


def test_what_a_provider_lacks_is_refused_as_it_refuses() -> None:
    profile = load_profile(ROOT / "cassettes/deepseek")
    assert profile
    manner = ProfileManner(profile, DEEPSEEK[0], Forms(profile))
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    asked = {"model": "deepseek-flash", "messages": [{"role": "user", "content": "x"}]}
    refused = manner.answer(asked | {"response_format": form}).response
    assert (refused.status, refused.headers["content-type"]) == (400, "application/octet-stream")
    error = orjson.loads(refused.body)["error"]
    assert (error["code"], error["message"]) == (
        "invalid_request_error", "This response_format type is unavailable now",
    )  # fmt: skip
    assert manner.answer(asked | {"model": "no-such-model"}).response.status == 400, "as DeepSeek has it"
    assert manner.answer(asked | {"model": "deepseek-v9"}).response.status == 200, "any other name is answered"


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"model": "does-not-exist"}, 404, "There is no model 'does-not-exist'."),
        ({"model": 7}, 400, "'model' names no model."),
        ({"messages": None}, 400, "Missing: 'messages'."),
        ({"messages": []}, 400, "'messages' is empty."),
        ({"messages": "hello"}, 400, "'messages' is not an array of objects."),
        ({"messages": [{"role": "bot", "content": "x"}]}, 400, "'messages[0].role' is none of"),
        ({"messages": [{"role": "tool", "tool_call_id": "call_1", "content": "x"}]}, 400, "a call that no message before"),
        ({"temperature": "hot"}, 400, "'temperature' is not a number."),
        ({"temperature": 3}, 400, "'temperature' is 3: too large."),
        ({"max_tokens": 0}, 400, "'max_tokens' is 0: too small."),
        ({"n": True}, 400, "'n' is not a number."),
        ({"stream": "yes"}, 400, "'stream' is neither true nor false."),
        ({"stream_options": {"include_usage": True}}, 400, "'stream_options' is for streams only."),
        ({"tool_choice": "required"}, 400, "'tool_choice' needs 'tools'."),
        ({"tools": TOOLS["tools"], "tool_choice": {"type": "function", "function": {"name": "x"}}}, 400, "names 'x'"),
        ({"tools": [{"type": "function"}]}, 400, "'tools' is not an array of functions with names."),
        ({"response_format": {"type": "xml"}}, 400, "'response_format.type' is none of"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "strin"}}}}, 400, "no JSON Schema"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "strin"}}}]}, 400, "'f': its type is \"strin\", not object"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "strin"}}}}}]}, 400, "'f' can't be filled"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, 400, "other characters than letters"),
        ({"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}]}, 400, "'additionalProperties' has to be"),
        ({"tools": []}, 400, "'tools' is empty."),
        ({"tools": [{"type": "custom", "custom": {}}]}, 400, "'tools' is not an array"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}}, 400, "other characters than letters"),
        ({"parallel_tool_calls": True}, 400, "'parallel_tool_calls' needs 'tools'."),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA | {"additionalProperties": False, "required": []}}}}, 400, "'required' has to have every key"),
        ({"response_format": {"type": "json_object"}}, 400, "the word 'json'"),
        ({"stop": list("abcde")}, 400, "'stop' has 5 texts"),
        ({"logit_bias": [1]}, 400, "'logit_bias' is not an object."),
        ({"logit_bias": {"50256": "never"}}, 400, "'logit_bias.50256' is not a number."),
        ({"logit_bias": {"50256": 101}}, 400, "not from -100 to 100"),
        ({"metadata": "x"}, 400, "'metadata' is not an object."),
        ({"metadata": {"run": 7}}, 400, "'metadata.run' is not a string."),
        ({"metadata": {str(number): "x" for number in range(17)}}, 400, "'metadata' has 17 keys"),
        ({"user": 5}, 400, "'user' is not a string."),
        ({"stream": True, "stream_options": "x"}, 400, "'stream_options' is not an object."),
        ({"modalities": "text"}, 400, "'modalities' is not an array."),
        ({"modalities": ["text", "video"]}, 400, "another word than text and audio"),
        ({"modalities": ["text", "audio"]}, 400, "needs 'audio'"),
        ({"reasoning_effort": "extreme"}, 400, "'reasoning_effort' is none of"),
        ({"tools": [{"type": "function", "function": {"name": f"f{number}"}} for number in range(129)]}, 400, "'tools' has 129 tools"),
        ({"verbosity": "loud"}, 400, "'verbosity' is none of"),
        ({"service_tier": "gold"}, 400, "'service_tier' is none of"),
        ({"model": "gpt-5.1", "max_tokens": 9}, 400, "use 'max_completion_tokens' instead"),
        ({"model": "o3-mini", "max_tokens": 9}, 400, "use 'max_completion_tokens' instead"),
        ({"seed": "x"}, 400, "'seed' is not a number."),
        ({"messages": [{"role": "user", "content": [{"type": "picture"}]}]}, 400, "'messages[0].content[0].type' is none of"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [{"id": "a"}]}]}, 400, "missing: a"),
    ],
)  # fmt: skip
def test_the_reference_refuses_what_is_wrong(changes: dict[str, Any], status: int, said: str) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x"}]} | changes
    made = ReferenceManner().answer({key: value for key, value in body.items() if value is not None})
    asked = Request("POST", URL, JSON, orjson.dumps(body))
    assert made.response.status == status
    assert said in orjson.loads(made.response.body)["error"]["message"]
    assert alarms(with_expected_status(made.exchange(asked), status)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"tools": "x"}, {"tools": [7]}, {"tool_choice": 7}, {"response_format": "json"}, {"stop": 7}, {"max_tokens": "x"},
        {"response_format": {"type": "json_schema", "json_schema": "x"}},
        {"tools": TOOLS["tools"], "tool_choice": {"type": "function", "function": "x"}},
        {"tools": TOOLS["tools"], "tool_choice": {"type": "allowed_tools", "allowed_tools": [1]}},
        {"tools": TOOLS["tools"], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [1]}}},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": "x"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": "x"}]}, {"role": "tool", "tool_call_id": "a"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": [], "function": None}, 7]}, {"role": "user", "content": [7]}]},
    ],
)  # fmt: skip
def test_what_has_an_odd_form_is_answered_or_refused(changes: dict[str, Any]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | changes
    profile = load_profile(ROOT / "cassettes/deepseek")
    assert profile
    for manner in (ReferenceManner(), ProfileManner(profile, DEEPSEEK[0], Forms(profile))):
        assert manner.answer(body).response.status in {200, 400}


def test_each_fitting_tool_is_called_once_and_then_told() -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": SCHEMA}}
        for name in ("find_order", "refund", "mail")
    ]
    asked: list[dict[str, Any]] = [{"role": "user", "content": "Please refund my order."}]
    body = {"model": "m", "messages": asked, "tools": tools, "parallel_tool_calls": False}
    names: list[str | None] = []
    for _ in range(2):
        (call,) = by_reference(body | {"tool_choice": "required"}).completion.messages[0].tool_calls
        names.append(call.name)
        asked += turns(
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        )
    assert names == ["find_order", "refund"]
    assert by_reference(body).completion.messages[0].content == 'The tools say: {"ok": true}'


def test_an_agent_that_is_forced_to_call_a_tool_comes_to_its_end() -> None:
    tools = [
        {"type": "function", "function": {"name": name, "parameters": SCHEMA}}
        for name in ("final_answer", "find_order")
    ]
    asked: list[dict[str, Any]] = [{"role": "user", "content": "Use find_order for order 7."}]
    body = {"model": "m", "messages": asked, "tools": tools, "tool_choice": "required"}
    assert [one.name for one in by_reference(body).completion.messages[0].tool_calls] == ["find_order"]
    asked += [{"role": "assistant", "content": "Calling find_order"}, {"role": "user", "content": "Observation: sent"}]
    assert [one.name for one in by_reference(body).completion.messages[0].tool_calls] == ["final_answer"]


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_is_spoken_where_speech_is_asked_for(*, stream: bool) -> None:
    voice = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    body = {"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "Say hi"}], **voice}
    made = by_reference(body)
    texts = re.findall(r'"transcript":"([^"]*)"', made.response.body.decode())
    assert "".join(texts) == "This is an answer to: Say hi"
    sound = base64.b64decode(re.findall(r'"data":"([^"]*)"', made.response.body.decode())[0])
    assert sound.startswith(b"RIFF") is not stream
    assert made.completion.messages[0].content is None or made.completion.messages[0].content == ""
    assert alarms(with_expected_status(made, 200)) == []


@pytest.mark.parametrize("stream", [True, False])
def test_what_is_asked_for_beside_words_is_told(*, stream: bool) -> None:
    asked = {"model": "gpt-5", "stream": stream, "messages": [{"role": "user", "content": "What is new?"}]}
    asked |= {"stream_options": {"include_usage": True}} if stream else {}
    found = by_reference(asked | {"web_search_options": {}, "max_completion_tokens": 500})
    cited = re.findall(r'"annotations":\[\{"type":"url_citation".*?"end_index":(\d+)', found.response.body.decode())
    assert cited == [str(len("This is an answer to: What is new?"))]
    predicted = by_reference(asked | {"prediction": {"type": "content", "content": "News"}, "service_tier": "flex"})
    assert b'"accepted_prediction_tokens":0' in predicted.response.body
    assert b'"service_tier":"flex"' in predicted.response.body
    for made in (found, predicted):
        assert alarms(with_expected_status(made, 200)) == []
    assert b"prediction" not in by_reference(asked | {"service_tier": "auto"}).response.body
    chat = by_reference(asked | {"model": "gpt-5-chat-latest", "max_tokens": 500})
    assert chat.response.status == 200


def test_values_of_a_wrong_type_are_told_in_the_words_of_deepseeks_parser() -> None:
    profile = load_profile(ROOT / "cassettes/deepseek")
    assert profile
    manner = ProfileManner(profile, DEEPSEEK[0], Forms(profile))
    asked = {"model": "deepseek-flash", "messages": [{"role": "user", "content": "x"}]}

    def said(**changes: Any) -> str:
        return str(orjson.loads(manner.answer(asked | changes).response.body)["error"]["message"])

    begin = "Failed to deserialize the JSON body into the target type: "
    sent = '{"model":"deepseek-flash","messages":[{"role":"user","content":"x"}],"max_tokens":""'
    assert (
        said(max_tokens="", n=1)
        == f'{begin}max_tokens: invalid type: string "", expected u32 at line 1 column {len(sent)}'
    )
    assert said(temperature=[1]).startswith(f"{begin}temperature: invalid type: sequence, expected f32 at line 1")
    assert said(stream=1).startswith(f"{begin}stream: invalid type: integer `1`, expected a boolean at line 1")
    assert said(messages=[{"role": "bot"}]).startswith("'messages[0].role' is none of")


def test_a_plain_turn_is_taken_without_its_thought_and_a_call_is_not() -> None:
    profile = load_profile(ROOT / "cassettes/deepseek")
    assert profile
    manner = ProfileManner(profile, DEEPSEEK[0], Forms(profile))
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for turn, status in (({"content": "hello"}, 200), ({"content": "", "tool_calls": [call]}, 400)):
        asked = [{"role": "user", "content": "x"}, {"role": "assistant", **turn}]
        asked += [{"role": "tool", "tool_call_id": "call_1", "content": "y"}] if status != 200 else [asked[0]]
        body = {"model": "deepseek-flash", "messages": asked}
        made = manner.answer(body).response
        assert made.status == status
    assert b"must be passed back to the API" in made.body


def test_a_schema_in_the_prompt_and_keys_that_it_quotes_are_answered() -> None:
    told = f"Answer in JSON that fits this schema: {orjson.dumps(SCHEMA).decode()}"
    body = {"model": "m", "messages": [{"role": "system", "content": told}, {"role": "user", "content": "hi"}]}
    assert orjson.loads(by_reference(body).completion.messages[0].content or "") == {"a": "a"}
    joke = "Tell me a joke. Return JSON with 'setup' and 'punchline' keys."
    asked = {"model": "m", "messages": [{"role": "user", "content": joke}], "response_format": {"type": "json_object"}}
    assert set(orjson.loads(by_reference(asked).completion.messages[0].content or "")) == {"setup", "punchline"}


def test_a_scenario_is_answered_by_its_profile_as_its_reconstruction_is() -> None:
    """What is made for a request shows the same deviations as what is made for the scenario."""
    from harness.simulate.chat.synthesize import synthesize

    compared = 0
    for of in TARGETS:
        profile = load_profile(ROOT / "cassettes" / of.provider.id)
        assert profile
        manner = ProfileManner(profile, of, Forms(profile))
        for name in ("chat.stream", "chat.stream-usage", "chat.nonstream", "tools.auto"):
            for exchange in synthesize(profile, of, SCENARIOS[name]) or ():
                made = manner.answer(exchange.request.json)
                found = failing(with_expected_status(made.exchange(exchange.request), 200))
                listed = {one.check for one in load_deviations(ROOT / "cassettes" / of.provider.id)}
                assert failing(exchange) <= found <= failing(exchange) | listed, (of.id, name)
                compared += 1
    assert compared > 60
