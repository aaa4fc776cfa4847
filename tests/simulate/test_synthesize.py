"""Exchanges synthesized from profiles can be read back, are deterministic, and rest on evidence."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiled import FORM, PROFILE, STREAM, load, phases, target

from harness.matrix.providers import Target, load_matrix
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.recording.scrub import scrub
from harness.simulate.chat.content import Said
from harness.simulate.chat.profile import FILE_NAME, Profile, load_profile
from harness.simulate.chat.render import Answer, render
from harness.simulate.chat.synthesize import BEHAVIOUR, synthesize
from harness.simulate.reference import BODY, with_response
from harness.wire.exchange import Exchange, Headers, Request, Response

ROOT = Path(__file__).resolve().parents[2]
TARGETS = list(load_matrix(ROOT / "providers.yaml").targets())
PROFILES = {path.parent.name: load_profile(path.parent) for path in sorted(ROOT.glob(f"cassettes/*/{FILE_NAME}"))}
PROFILED = [target for target in TARGETS if target.provider.id in PROFILES]


def profile_of(target: Target) -> Profile:
    profile = PROFILES[target.provider.id]
    assert profile is not None
    return profile


def made_of(target: Target) -> list[tuple[Scenario, list[Exchange]]]:
    pairs = ((scenario, synthesize(profile_of(target), target, scenario)) for scenario in SCENARIOS.values())
    return [(scenario, made) for scenario, made in pairs if made]


def test_every_profile_is_of_a_provider_of_the_matrix() -> None:
    assert set(PROFILES) <= {target.provider.id for target in TARGETS}


@pytest.mark.parametrize("of", [pytest.param(one, id=one.id) for one in PROFILED])
def test_what_is_made_reads_back_and_is_the_same_each_time(of: Target) -> None:
    made = made_of(of)
    named = profile_of(of).form_of(of.model.name or of.model.id) is not None
    assert bool(made) == named, "a profile that makes nothing of a model it names, or something of one it does not"
    assert made == made_of(of)
    for scenario, exchanges in made:
        assert len(exchanges) == scenario.requests
        for exchange in exchanges:
            reading = exchange.reading
            assert reading.body_kind in {"json", "stream"}, scenario.id
            assert (reading.not_json, reading.bad_utf8, reading.syntax_error) == ([], [], None), scenario.id
            assert (reading.body_kind == "stream") == (exchange.is_stream and exchange.response.status == 200), (
                scenario.id
            )
            assert exchange.source.provenance == "reconstructed"
            assert exchange.source.at
            assert str(exchange.source.url).startswith("https://")


@pytest.mark.parametrize("of", [pytest.param(one, id=one.id) for one in PROFILED])
def test_what_nobody_can_know_from_a_form_is_not_made(of: Target) -> None:
    assert not {scenario.id for scenario, _ in made_of(of)} & set(BEHAVIOUR)
    assert not {scenario.id for scenario, _ in made_of(of) if of.skip_reason(scenario)}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_headers_that_are_kept(name: str) -> None:
    profile = PROFILES[name]
    assert profile
    rooms = [room for form in profile.forms for room in (form.stream, form.body) if room]
    named = {header for part in (*rooms, *profile.refusals) for header in part.headers}
    exchange = with_response(BODY, headers=Headers(tuple((header, "1") for header in sorted(named))))
    assert {header for header, _ in scrub(exchange).response.headers.pairs} == named


def stream_of(profile: Profile, scenario: str) -> Exchange:
    made = synthesize(profile, target(), SCENARIOS[scenario])
    assert made
    return made[0]


def deltas(exchange: Exchange) -> list[object]:
    """Return the deltas of a stream; of a chunk without choices its keys."""
    parser = exchange.reading.parser
    assert parser
    chunks = [json.loads(data) for data in parser.events.data if data != b"[DONE]"]
    return [chunk["choices"][0]["delta"] if chunk["choices"] else sorted(chunk) for chunk in chunks]


TAKEN = {"parameters": [{"taken": ["a tool's result", "an earlier answer", "max_tokens"], "evidence": ["seen"]}]}
CALL = {"tool_calls": [{"index": "$number", "function": {"name": "$name", "arguments": "$arguments"}}]}
FRAGMENT = {"tool_calls": [{"index": "$number", "function": {"arguments": "$arguments"}}]}
WEATHER = {"index": 0, "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
TIME = {"index": 1, "function": {"name": "get_time", "arguments": '{"zone":"CET"}'}}


@pytest.mark.parametrize(
    ("scenario", "kind", "script", "expected"),
    [
        (
            "chat.stream", "chat",
            {"saying-first": {"role": "assistant", "content": "$text"}, "saying": {"content": "$text"}, "finish": {}},
            [{"role": "assistant", "content": "你好"}, {"content": "! How can I"}, {"content": " help?"}, {}],
        ),
        (
            "chat.stream", "chat",
            {"saying": {"content": "$text"}, "saying-last": {"content": "$text", "last": True}, "empty": {"content": ""}, "finish": {}},
            [{"content": "你好"}, {"content": "! How can I"}, {"content": " help?", "last": True}, {"content": ""}, {}],
        ),
        (
            "chat.stream", "chat",
            {"first": {"content": "$text"}, "saying": {"content": "$text"}, "finish": {"content": "$text"}},
            [{"content": "你好"}, {"content": "! How can I"}, {"content": " help?"}],
        ),
        ("chat.stream", "chat", {"finish": {"content": "$text"}}, [{"content": "你好! How can I help?"}]),
        (
            "chat.stream", "chat",
            {"first": {"so_far": "$said"}, "saying": {"content": "$text", "so_far": "$said"}, "finish": {"so_far": "$said"}},
            [
                {"so_far": ""},
                {"content": "你好", "so_far": "你好"},
                {"content": "! How can I", "so_far": "你好! How can I"},
                {"content": " help?", "so_far": "你好! How can I help?"},
                {"so_far": "你好! How can I help?"},
            ],
        ),
        (
            "reasoning.stream", "thinking",
            {"thinking": {"thought": "$thought"}, "saying": {"content": "$text"}, "finish": {}},
            [{"thought": "The user greets me."}, {"thought": " I greet back."}, {"content": "你好"}, {"content": "!"}, {}],
        ),
        ("tools.auto", "tools", {"call": CALL, "finish": {}}, [{"tool_calls": [WEATHER]}, {}]),
        (
            "tools.auto", "tools", {"call": CALL, "arguments": FRAGMENT, "finish": {}},
            [
                {"tool_calls": [{"index": 0, "function": {"name": "get_weather", "arguments": '{"city":'}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]},
                {},
            ],
        ),
        (
            "tools.auto", "tools",
            {"call": {"tool_calls": []}, "arguments": FRAGMENT, "arguments-last": {"last": "$arguments"}, "finish": {}},
            [{"tool_calls": []}, {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}, {"last": '"Paris"}'}, {}],
        ),
        (
            "tools.auto", "tools", {"call": {"id": "$call_id"}, "called": {"nothing": ""}, "arguments": FRAGMENT, "finish": {}},
            [
                {"id": "call_00_00c1"},
                {"nothing": ""},
                {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]},
                {},
            ],
        ),
        (
            "tools.parallel", "parallel", {"call-first": {"role": "assistant", **CALL}, "call": CALL, "finish": {}},
            [{"role": "assistant", "tool_calls": [WEATHER]}, {"tool_calls": [TIME]}, {}],
        ),
    ],
)  # fmt: skip
def test_phases_come_in_their_order_and_number(
    scenario: str, kind: str, script: dict[str, object], expected: list[object], tmp_path: Path
) -> None:
    assert deltas(stream_of(load(tmp_path, forms=[phases(kind, script)]), scenario)) == expected


def test_all_calls_at_once_have_their_own_ids(tmp_path: Path) -> None:
    script = {"calls": {"tool_calls": "$calls"}, "finish": {}}
    (calls, _) = deltas(stream_of(load(tmp_path, forms=[phases("parallel", script)]), "tools.parallel"))
    assert isinstance(calls, dict)
    assert [call["id"][:8] for call in calls["tool_calls"]] == ["call_00_", "call_01_"]


def test_a_whole_chunk_stands_as_it_is_and_usage_comes_where_it_is_asked_for(tmp_path: Path) -> None:
    whole = {"object": "prelude", "choices": []}
    usage = {"choices": [], "usage": "$usage"}
    script = {"before": whole, "saying": {"content": "$text"}, "finish": {}, "usage if asked": usage}
    profile = load(tmp_path, forms=[phases("chat", script)])
    assert deltas(stream_of(profile, "chat.stream-usage"))[::5] == [["choices", "object"], ["choices", "usage"]]
    assert deltas(stream_of(profile, "chat.stream"))[-1] == {}
    (found,) = stream_of(profile, "chat.stream-usage").columns.usages
    assert found.value == {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def test_the_delta_of_the_finish_goes_into_another_envelope_where_there_is_one(tmp_path: Path) -> None:
    closing = {"end": True, "choices": [{"index": "$index", "delta": "$delta", "finish_reason": "$finish"}]}
    profile = load(tmp_path, forms=[phases("chat", STREAM["chat"]["phases"], closing=closing)])
    stream = stream_of(profile, "chat.stream")
    assert stream.response.body.count(b'"end":true') == 1
    assert [finish.value for finish in stream.columns.choices[0].finish_values] == ["stop"]


@pytest.mark.parametrize(
    ("changes", "begins", "holds"),
    [
        ({}, b'data: {"id":"chatcmpl-', b"\n\ndata: [DONE]\n\n"),
        ({"newline": "crlf", "space": False}, b'data:{"id":"', b"\r\n\r\ndata:[DONE]\r\n\r\n"),
        ({"layout": "spaced"}, b'data: {"id": "chatcmpl-', b'"object": "chat.completion.chunk", '),
        ({"opening": [": PROCESSING"]}, b": PROCESSING\n\ndata: {", b"[DONE]"),
        ({"done": False}, b"data: {", b'"finish_reason":"stop"}]}\n\n'),
    ],
)
def test_framing_is_the_profiles(changes: dict[str, object], begins: bytes, holds: bytes, tmp_path: Path) -> None:
    body = stream_of(load(tmp_path, forms=[FORM | {"stream": STREAM | changes}]), "chat.stream").response.body
    assert body.startswith(begins)
    assert holds in body
    assert b"[DONE]" in body or changes == {"done": False}


def test_created_is_one_time_or_that_of_each_chunk(tmp_path: Path) -> None:
    for created, times in (("constant", 1), ("growing", 2)):
        stream = stream_of(load(tmp_path, forms=[FORM | {"created": created}]), "chat.stream")
        assert len(stream.columns.values["created"]) == times


def test_words_of_a_provider_take_the_place_of_the_specifications(tmp_path: Path) -> None:
    form = FORM | {"reasons": {"stop": "eos"}, "answers_as": {"small": "small-2026-01"}}
    stream = stream_of(load(tmp_path, forms=[form]), "chat.stream")
    assert [finish.value for finish in stream.columns.choices[0].finish_values] == ["eos"]
    assert list(stream.columns.values["model"]) == ["small-2026-01"]


def test_probabilities_stand_with_their_tokens(tmp_path: Path) -> None:
    known = [{"taken": ["logprobs", "top_logprobs"], "evidence": ["seen"]}]
    stream = stream_of(load(tmp_path, parameters=known), "chat.logprobs")
    tokens = [len(found.value["content"]) for found in stream.columns.choices[0].logprobs]
    assert tokens == [0, 1, 1, 1]


def test_probabilities_of_text_and_thought_stand_in_the_chunks_that_bring_them(tmp_path: Path) -> None:
    apart = {"content if text": "$tokens", "reasoning_content if thinking": "$thoughts"}
    phases = {
        "first": {"role": "assistant"},
        "thinking": {"thought": "$thought"},
        "saying": {"content": "$text"},
        "finish": {},
    }
    stream = STREAM | {"thinking": {"unasked": ["seen"], "phases": phases}}
    form = load(tmp_path, forms=[FORM | {"logprobs": apart, "stream": stream}]).forms[0]
    made = render(form, Answer((Said(("a", "b"), ("c",)),), "small", 1, "", logprobs=0), streamed=True)
    assert made is not None
    chunks = [json.loads(line[6:]) for line in made.content.splitlines() if line.startswith(b"data: {")]
    given = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    assert [None if one is None else list(one) for one in given] == [
        None, ["reasoning_content"], ["reasoning_content"], ["content"], None,
    ]  # fmt: skip


def test_what_has_no_evidence_is_not_made(tmp_path: Path) -> None:
    def made(scenario: str, **changes: object) -> bool:
        return synthesize(load(tmp_path, **changes), target(), SCENARIOS[scenario]) is not None

    assert made("chat.stream")
    assert not made("tools.auto"), "no such kind"
    assert not made("chat.stop"), "nobody saw what becomes of a stop sequence"
    assert made("chat.stop", parameters=[{"taken": ["stop"], "evidence": ["seen"]}])
    elsewhere = [{"taken": ["stop"], "models": ["big"], "evidence": ["seen"]}]
    assert not made("chat.stop", parameters=elsewhere)
    asked = FORM | {"stream": STREAM | {"chat": {"asked": ["seen"], "phases": STREAM["chat"]["phases"]}}}
    assert made("chat.stream-usage", forms=[asked])
    assert not made("chat.stream", forms=[asked]), "nobody saw a stream without usage asked for"
    assert not made("chat.stream", forms=[FORM | {"models": ["big"]}]), "the form is of another model"
    assert not made("error.bad-key"), "nobody saw a refusal"


def test_what_is_ignored_does_nothing(tmp_path: Path) -> None:
    for outcome, pieces in (("taken", 12), ("ignored", 79)):
        known = [{outcome: ["max_tokens"], "evidence": ["seen"]}]
        stream = stream_of(load(tmp_path, parameters=known), "chat.capped")
        assert len(stream.columns.choices[0].fragments("content").texts) == pieces
        assert stream.request.get("max_tokens") == 12


def test_a_refusal_answers_the_last_request(tmp_path: Path) -> None:
    refusal = {
        "scenarios": ["error.bad-key", "multi_turn.history"],
        "evidence": ["seen"],
        "status": 401,
        "headers": {"content-type": "application/json"},
        "body": {"error": {"message": "$text", "code": None}},
    }
    profile = load(tmp_path, refusals=[refusal])
    (refused,) = synthesize(profile, target(), SCENARIOS["error.bad-key"]) or []
    assert (refused.response.status, refused.response.body) == (
        401,
        b'{"error":{"message":"The key is not valid.","code":null}}',
    )
    made = synthesize(profile, target(), SCENARIOS["multi_turn.history"]) or []
    assert [exchange.response.status for exchange in made] == [200, 401]
    assert b"an earlier answer" in made[1].response.body


def test_a_turn_sends_back_what_was_answered(tmp_path: Path) -> None:
    script = {"call": CALL, "finish": {}}
    form = phases("tools", script)
    call, answer = synthesize(load(tmp_path, forms=[form], **TAKEN), target(), SCENARIOS["tools.round-trip"]) or []
    sent = (answer.request.json or {})["messages"][1]
    assert sent["tool_calls"][0]["function"] == WEATHER["function"]
    assert answer.completion.messages[0].content == "你好! How can I help?"
    assert call.columns.values["id"].keys() != answer.columns.values["id"].keys()


def test_it_says_what_it_rests_on(tmp_path: Path) -> None:
    evidence = {
        "seen": {"url": "https://a.example/", "kind": "recording", "at": "2026-05"},
        "said": {"url": "https://b.example/", "kind": "document", "at": "2026-06-02"},
    }
    known = [{"taken": ["stop"], "evidence": ["said"]}]
    stream = stream_of(load(tmp_path, evidence=evidence, parameters=known), "chat.stop")
    assert stream.source.at == "2026-06-02"
    assert stream.source.url == "https://b.example/"
    assert stream.source.note == "Made of profile.yaml, which rests on: document of 2026-06-02; recording of 2026-05."
    assert stream.request.url == "https://api.acme.example/v1/chat/completions"


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), min_size=1, max_size=6)
FRAMINGS = st.fixed_dictionaries(
    {
        "newline": st.sampled_from(["lf", "crlf"]),
        "space": st.booleans(),
        "layout": st.sampled_from(["compact", "spaced"]),
    }
)


@given(text=TEXTS, thought=TEXTS, framing=FRAMINGS, choices=st.integers(1, 3))
def test_any_text_reads_back_from_any_framing(
    text: list[str], thought: list[str], framing: dict[str, object], choices: int
) -> None:
    script = {
        "first": {"role": "assistant"},
        "thinking": {"reasoning_content": "$thought"},
        "saying": {"content": "$text"},
        "finish": {},
    }
    form = Profile.model_validate(PROFILE | {"forms": [phases("thinking", script, **framing)]}).forms[0]
    said = Said(tuple(thought), tuple(text))
    rendered = render(form, Answer((said,) * choices, "small", 9, "seed"), streamed=True)
    assert rendered
    messages = Exchange(Request("POST", ""), Response(200, body=rendered.content)).completion.messages
    assert [(one.content, one.reasoning) for one in messages] == [("".join(text), "".join(thought))] * choices
