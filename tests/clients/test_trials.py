"""The trials of clients: their responses, the clients they suit, their requests, and the predictions from them."""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.checks import CHECKS
from harness.clients.catalogue import CLIENTS
from harness.clients.client import TEXT, Client
from harness.clients.predicting import (
    Prediction,
    beyond,
    in_form,
    known_traits,
    like,
    predict,
    predict_listed,
    suffered,
    traits_in,
)
from harness.clients.trials import (
    SPOKEN,
    Trial,
    deviation_trials,
    is_tried,
    provider_trials,
    reference_trials,
    transplant,
)
from harness.matrix.completions import COMPLETIONS
from harness.matrix.providers import load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.results import ClientOutcome, Level
from harness.serve.recording_index import REFERENCE, RecordedAnswer, RecordingIndex
from harness.simulate.chat.ideal import MODEL, recording
from harness.simulate.completions.ideal import MODEL as MODEL_OF_COMPLETIONS
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT, FAULTS, VARIANTS
from harness.simulate.messages.ideal import MODEL as MODEL_OF_MESSAGES
from harness.simulate.reference import (
    BODY,
    STREAM,
    TOOLS,
    replace_in_body,
    with_header,
    with_request_params,
    with_response,
)
from harness.wire.dialect import DIALECTS, DialectName, dialect_of_scenario
from harness.wire.exchange import NO_ANSWER, Exchange

ROOT = Path(__file__).resolve().parents[2]
STREAMER = Client("s", "s", "own", Path("s.py"), frozenset({TEXT}))
WHOLE = replace(STREAMER, id="w", streams=False)
OF_JSON = replace(STREAMER, id="j", only="json")
MODELS = {"chat": MODEL, "messages": MODEL_OF_MESSAGES, "completions": MODEL_OF_COMPLETIONS}
REFUSALS = {"error", "params.stream-options", "params.unknown-key"}


@cache
def trials() -> dict[str, Trial]:
    """Return the trials of the reference, and of all faults and variants."""
    return {one.id: one for one in (*reference_trials(), *deviation_trials())}


def plain(name: str) -> Trial:
    return trials()[f"{REFERENCE}/{MODELS[dialect_of_scenario(name)]}/{name}"]


def suiting(client: Client) -> set[str]:
    return {one.request_id for one in reference_trials() if one.suits(client)}


def held(*exchanges: Exchange, scenario: str = "chat.stream") -> list[Trial]:
    """Return the trials from recordings of a provider."""
    return list(
        provider_trials(RecordedAnswer("acme/small", ("small",), SCENARIOS[scenario], one) for one in exchanges)
    )


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[Trial]]:
    """Return the trials of each recorded provider."""
    index = RecordingIndex(load_matrix(ROOT / "providers.yaml"), ROOT)
    found = {
        name: [trial for dialect in SPOKEN for trial in provider_trials(index.answers(name, dialect))]
        for name in index.providers
        if name != REFERENCE
    }
    return {name: made for name, made in found.items() if made}


def test_ids_of_the_reference_faults_and_variants_are_unique() -> None:
    assert len(trials()) == len(reference_trials()) + len(deviation_trials())
    assert len(reference_trials()) > 50


def test_every_fault_and_variant_in_an_answer_to_a_chat_is_tried() -> None:
    tried = {one.fault for one in deviation_trials()}
    left = [one for one in (*EVERY_FAULT.values(), *EVERY_VARIANT.values()) if one.id not in tried]
    assert [one.id for one in left if is_tried(one.apply())] == []
    assert 0 < len(left) < len(tried) / 2


def test_ids_are_unique_within_a_provider(recorded: dict[str, list[Trial]]) -> None:
    assert len(recorded) > 5
    for name, made in recorded.items():
        assert [one for one, times in Counter(trial.id for trial in made).items() if times > 1] == []
        assert {trial.provider for trial in made} == {name}


def test_every_recording_is_of_some_answer_that_clients_ask_for(recorded: dict[str, list[Trial]]) -> None:
    readers = [replace(one, dialect=dialect) for one in (STREAMER, WHOLE) for dialect in SPOKEN]
    homeless = [t.id for made in recorded.values() for t in made if not any(map(t.suits, readers))]
    assert homeless == []
    assert {t.exchange.dialect for made in recorded.values() for t in made} == set(SPOKEN)


def test_an_id_names_the_exchange_of_the_recording_where_it_is_not_the_first() -> None:
    assert plain("tools.round-trip#2").request_id == "tools.round-trip#2"
    assert plain("tools.round-trip").request_id == "tools.round-trip"
    assert plain("tools.round-trip#2").scenario == "tools.round-trip"


def test_recordings_that_differ_in_texts_ids_and_numbers_only_are_tried_once() -> None:
    others = [
        replace_in_body(STREAM, " help", " assist you today, dear friend"),
        replace_in_body(STREAM, "你好", "Hello"),
        replace_in_body(STREAM, "chatcmpl-reference", "chatcmpl-other"),
        replace_in_body(STREAM, "1760000000", "1760000123"),
        with_header(STREAM, "x-request-id", "req_other"),
    ]
    assert [one.exchange for one in held(STREAM, *others)] == [STREAM]
    assert [one.exchange for one in held(*others, STREAM)] == [others[0]]


@pytest.mark.parametrize(
    "other",
    [
        BODY, TOOLS, FAULTS["stream-cut"].apply(), FAULTS["error-event-mid-stream"].apply(), with_response(STREAM, status=201),
        with_header(STREAM, "content-type", "text/event-stream"), with_response(STREAM, eof=False),
        with_request_params(STREAM, stream=None), VARIANTS["gzip-stream"].apply(),
    ],
    ids=["body", "call", "cut", "error", "status", "media type", "no end", "stream not asked for", "gzip"],
)  # fmt: skip
def test_recordings_that_differ_in_form_are_each_tried(other: Exchange) -> None:
    assert [one.exchange for one in held(STREAM, other, STREAM)] == [STREAM, other]


def test_what_is_no_answer_to_one_chat_is_not_tried() -> None:
    unanswered = with_response(STREAM, status=NO_ANSWER, body=b"")
    models = recording(next(one for one in SCENARIOS.values() if one.path))[0]
    closed = replace(STREAM, expected=replace(STREAM.expected, cancelled_by_client=True))
    several = with_request_params(STREAM, n=2)
    assert [is_tried(one) for one in (unanswered, models, closed, several)] == [False] * 4
    assert held(unanswered, models, closed, several, with_request_params(STREAM, n=1))[0].exchange.request.get("n") == 1


def test_streams_suit_who_streams_and_bodies_who_does_not() -> None:
    assert "chat.stream" in suiting(STREAMER) - suiting(WHOLE)
    assert "chat.nonstream" in suiting(WHOLE) - suiting(STREAMER)
    assert suiting(STREAMER) | suiting(WHOLE) == {one.request_id for one in reference_trials() if speaks(one, "chat")}


def speaks(trial: Trial, dialect: DialectName) -> bool:
    return trial.exchange.dialect == dialect


def test_answers_of_a_dialect_suit_who_speaks_it_alone() -> None:
    streams, whole = replace(STREAMER, dialect="messages"), replace(WHOLE, dialect="messages")
    of_messages = {one.request_id for one in reference_trials() if speaks(one, "messages")}
    assert suiting(streams) | suiting(whole) == of_messages
    assert not of_messages & (suiting(STREAMER) | suiting(WHOLE))
    assert {"messages.stream", "messages.both-dialects#2", "messages.thinking-tool#2"} <= of_messages
    assert not any("count-tokens" in name for name in of_messages)


def test_of_legacy_completions_what_asks_for_one_text_is_tried() -> None:
    both = [replace(one, dialect="completions") for one in (STREAMER, WHOLE)]
    tried = set().union(*map(suiting, both))
    left = {"completions.n2", "completions.two-prompts"}
    assert tried == {*COMPLETIONS, "completions.both-forms#2"} - left
    assert not tried & (suiting(STREAMER) | suiting(WHOLE))


def test_refusals_suit_everybody() -> None:
    both = suiting(STREAMER) & suiting(WHOLE)
    assert {name.partition(".")[0] if name.startswith("error.") else name for name in both} == REFUSALS
    assert {plain(name).form for name in both} == {("chat", "refusal")}


def test_json_suits_who_makes_an_object_of_it_and_nothing_else_does() -> None:
    assert suiting(OF_JSON) == {"json.object-stream"}
    assert suiting(replace(OF_JSON, streams=False)) == {"json.object", "json.schema"}
    other = replace(plain("json.object-stream"), exchange=STREAM)
    assert (other.suits(OF_JSON), other.suits(STREAMER)) == (False, True)


def test_a_trial_of_a_fault_suits_by_what_was_asked_not_by_what_came() -> None:
    assert trials()["body-for-stream"].suits(STREAMER)
    assert trials()["stream-for-body"].suits(WHOLE)
    assert trials()["error-plain-text"].suits(STREAMER)
    assert trials()["error-plain-text"].suits(WHOLE)


def test_every_client_has_trials() -> None:
    assert [name for name, client in CLIENTS.items() if not suiting(client)] == []


def test_a_question_holds_tools_and_stream_options_where_they_were_asked_for_and_nothing_else() -> None:
    for one in trials().values():
        wanted = one.exchange.request.json or {}
        shared: dict[str, Any] = {name: wanted[name] for name in ("tools", "stream_options") if name in wanted}
        dialect = one.exchange.dialect
        own = {"model": MODELS[dialect]} | ({} if dialect == "chat" else {"max_tokens": 1024})
        asks = "prompt" if dialect == "completions" else "messages"
        assert one.question == {**own, asks: one.question[asks], **shared}
    assert set(plain("tools.auto").question) == {"model", "messages", "tools"}
    assert plain("chat.stream-usage").question["stream_options"] == {"include_usage": True}
    assert set(plain("params.seed").question) == {"model", "messages"}
    assert set(plain("error.malformed-json").question) == {"model", "messages"}


def test_questions_are_alike_but_for_what_shapes_the_asking() -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked = {dialect: [one for one in trials().values() if speaks(one, dialect)] for dialect in DIALECTS}
    assert all(one.question["messages"] == messages for one in (*asked["chat"], *asked["messages"]))
    assert {one.question["prompt"] for one in asked["completions"]} == {"What is the weather in Paris?"}


def test_a_fault_moves_into_the_answer_of_another_form() -> None:
    found = transplant(trials()["stream-cut"], plain("reasoning.stream"))
    assert found
    assert (found.id, found.fault, found.transplanted) == ("stream-cut@reasoning.stream", "stream-cut", True)
    assert found.exchange.completion.messages[0].finish_reason is None
    assert found.exchange.response.body != plain("reasoning.stream").exchange.response.body


def test_a_fault_that_has_no_place_in_an_answer_is_not_moved() -> None:
    calls = [one for one in deviation_trials() if one.request_id == "tools.auto"]
    nowhere = [one.id for one in calls if transplant(one, plain("chat.stream")) is None]
    assert len(nowhere) > len(calls) / 2


def test_what_a_trial_is_like_has_its_form() -> None:
    assert all(like(one) is one for one in reference_trials())
    forms = [(one, like(one)) for one in deviation_trials()]
    assert [one.id for one, found in forms if found is None] == []
    known = {one.form for one in reference_trials()}
    assert [one.id for one, found in forms if found and one.form in known and found.form != one.form] == []


@pytest.mark.thorough
def test_every_atom_is_found_in_its_own_trial() -> None:
    made = known_traits()
    assert len(made) > 450
    assert [one.id for one in made if one.id not in traits_in(trials()[one.id])] == []


def test_the_reference_holds_no_fault_and_nothing_beyond_itself() -> None:
    for one in (plain("chat.stream"), plain("chat.nonstream"), plain("tools.auto"), plain("reasoning.stream")):
        assert [name for name in traits_in(one) if name in FAULTS] == []
        assert beyond(one, []) == []


def test_what_an_answer_holds_beyond_its_faults_is_told() -> None:
    cut = acme("stream-cut")
    assert beyond(cut, ["stream-cut"]) == []
    assert beyond(cut, []) != []


def test_the_likeliest_reason_comes_first() -> None:
    of = plain("chat.stream")
    keyed = replace_in_body(
        of.exchange, '"object":"chat.completion.chunk"', '"vendor":1,"object":"chat.completion.chunk"'
    )
    odd = replace(of, exchange=with_header(keyed, "content-encoding", "zstd"))
    checks = [said.split(": ")[0] for said in beyond(odd, [])]
    assert checks.index("chunk.vendor-keys") < checks.index("http.compression")
    assert beyond(odd, [], {"http.compression"})[0] == "http.compression: zstd"


def test_a_rule_comes_before_an_observation() -> None:
    checks = [said.split(": ")[0] for said in beyond(acme("usage-twice"), [])]
    levels = [CHECKS[check].level for check in checks]
    assert levels == sorted(levels, key=list(Level).index)
    assert levels[0] is not Level.OBSERVE


def test_what_breaks_a_client_alone_is_known_by_its_rule() -> None:
    fates = {one.id: ClientOutcome.OK for one in (*reference_trials(), *deviation_trials())}
    assert suffered(fates) == frozenset()
    assert suffered(fates | {"usage-twice": ClientOutcome.WRONG}) == {"usage.once"}


def acme(fault: str) -> Trial:
    """Return a provider's response with a fault or variant."""
    of = trials()[fault]
    return Trial("acme", "small", of.scenario, of.exchange)


GOOD, ENDS, CUTS, PINGS = "reference/gpt-4o-mini/chat.stream", "mark-missing", "stream-cut", "block-ping"
STREAMED = Trial("acme", "small", "chat.stream", STREAM)


def test_the_faults_of_these_tests_are_in_the_form_of_the_stream() -> None:
    form = plain("chat.stream").form
    assert [in_form(name, form).id for name in (ENDS, PINGS)] == [ENDS, PINGS]


@pytest.mark.parametrize("fate", [one for one in ClientOutcome if one is not ClientOutcome.ENV])
def test_where_nothing_is_held_a_client_fares_as_with_the_reference(fate: ClientOutcome) -> None:
    assert predict({GOOD: fate, ENDS: ClientOutcome.CRASH}, STREAMED, []) == (fate, None)


def test_a_client_that_was_not_tried_on_anything_like_it_is_not_foretold() -> None:
    assert predict({}, STREAMED, []) == (ClientOutcome.NA, None)
    assert predict({}, STREAMED, [ENDS]) == (ClientOutcome.NA, None)


def test_what_harms_alone_harms() -> None:
    assert predict({GOOD: ClientOutcome.OK, ENDS: ClientOutcome.HANG}, STREAMED, [ENDS]) == Prediction(
        ClientOutcome.HANG, ENDS
    )
    assert predict({GOOD: ClientOutcome.OK, ENDS: ClientOutcome.OK}, STREAMED, [ENDS]) == Prediction(ClientOutcome.OK)
    assert predict({GOOD: ClientOutcome.OK, ENDS: ClientOutcome.CRASH}, STREAMED, [PINGS]) == Prediction(
        ClientOutcome.OK
    )


@pytest.mark.parametrize("names", [[ENDS, PINGS], [PINGS, ENDS]])
def test_of_several_that_harm_the_worst_is_foretold(names: list[str]) -> None:
    tolerance = {GOOD: ClientOutcome.OK, ENDS: ClientOutcome.LOST_USAGE, PINGS: ClientOutcome.CRASH}
    assert predict(tolerance, STREAMED, names) == Prediction(ClientOutcome.CRASH, PINGS)
    assert predict_listed(tolerance, names) == Prediction(ClientOutcome.CRASH, PINGS)


def test_what_harms_no_more_than_the_reference_is_not_the_cause() -> None:
    assert predict({GOOD: ClientOutcome.NONE, ENDS: ClientOutcome.NONE}, STREAMED, [ENDS]) == Prediction(
        ClientOutcome.NONE
    )
    assert predict({GOOD: ClientOutcome.NONE, ENDS: ClientOutcome.CRASH}, STREAMED, [ENDS]) == Prediction(
        ClientOutcome.CRASH, ENDS
    )


def test_what_repairs_makes_it_ok_unless_something_else_harms() -> None:
    tolerance = {GOOD: ClientOutcome.NONE, ENDS: ClientOutcome.OK, PINGS: ClientOutcome.CRASH}
    assert predict(tolerance, STREAMED, [ENDS]) == Prediction(ClientOutcome.OK, ENDS)
    assert predict(tolerance, STREAMED, [ENDS, PINGS]) == Prediction(ClientOutcome.CRASH, PINGS)


def test_nothing_is_garbled_where_all_is_ascii() -> None:
    tolerance = {GOOD: ClientOutcome.OK, ENDS: ClientOutcome.MOJIBAKE}
    english = replace(STREAMED, exchange=replace_in_body(STREAM, "你好", "Hello"))
    assert predict(tolerance, STREAMED, [ENDS]) == Prediction(ClientOutcome.MOJIBAKE, ENDS)
    assert predict(tolerance, english, [ENDS]) == Prediction(ClientOutcome.OK)


def test_in_an_answer_of_another_form_what_was_tried_in_that_form_counts() -> None:
    thought = plain("reasoning.stream")
    there = in_form(CUTS, thought.form)
    trial = replace(thought, provider="acme")
    assert there.id != CUTS
    before = replace(there, fault=None, transplanted=False).id
    tolerance = {
        thought.id: ClientOutcome.OK,
        before: ClientOutcome.OK,
        GOOD: ClientOutcome.OK,
        CUTS: ClientOutcome.OK,
        there.id: ClientOutcome.SILENT,
    }
    assert predict(tolerance, trial, [CUTS]) == Prediction(ClientOutcome.SILENT, CUTS)


def test_of_a_provider_without_listed_harm_ok_is_foretold() -> None:
    assert predict_listed({GOOD: ClientOutcome.OK, ENDS: ClientOutcome.OK}, [ENDS]) == Prediction(ClientOutcome.OK)
    assert predict_listed({}, []) == Prediction(ClientOutcome.OK)
