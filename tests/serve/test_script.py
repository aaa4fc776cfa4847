"""Scripted responses, in turn and with faults; planned faults, of the catalogue and of the connection."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.recording.replayed import NOTE
from harness.serve.embedded import ReplayServer
from harness.serve.script import AnswerScript, BadScript

ROOT = Path(__file__).resolve().parents[2]
TOOL = {"type": "function", "function": {"name": "find_order", "parameters": {"type": "object", "properties": {}}}}


@contextmanager
def scripted(folder: Path, text: str, *names: str) -> Iterator[ReplayServer]:
    path = folder / "answers.yaml"
    path.write_text(text)
    with ReplayServer(*names, root=ROOT, script=path) as server:
        yield server


def post(server: ReplayServer, provider: str = "reference", *, text: str = "hi", **body: Any) -> httpx2.Response:
    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **body}
    return httpx2.post(f"{server.base_url(provider)}/chat/completions", json=asked, timeout=3)


RULES = """
rules:
  - when: {text: WEATHER, tools: [find_order]}
    answers:
      - calls:
          - {name: find_order, arguments: {order: 7}}
          - {name: find_order, arguments: "{broken"}
  - when: {model: "gpt-4o*", turn: 2}
    answers: [{text: the second turn}]
  - when: {provider: deepseek, stream: true}
    answers: [{text: "18 Grad, 小雨", reasoning: Let me see., fault: stream-cut}]
  - when: {text: retry}
    answers:
      - {error: 429, message: Slow down., retry_after: 2}
      - {text: cut, fault: body-cut}
      - {text: whole}
  - when: {system: "name=ada"}
    answers: [{text: Hello Ada}]
  - when: {result: "on its way"}
    answers: [{text: It comes}]
  - when: {text: slowly}
    answers: [{delay: 0.3}]
"""


def test_the_first_rule_that_fits_answers_in_the_providers_manner(tmp_path: Path) -> None:
    with scripted(tmp_path, RULES, "reference", "deepseek") as server:
        calls = post(server, text="The weather?", tools=[TOOL]).json()["choices"][0]
        assert [one["function"]["arguments"] for one in calls["message"]["tool_calls"]] == ['{"order":7}', "{broken"]
        assert calls["finish_reason"] == "tool_calls"
        turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user")]
        assert post(server, messages=turns).json()["choices"][0]["message"]["content"] == "the second turn"
        came = post(server, "deepseek", model="deepseek-flash", stream=True)
        assert '"reasoning_content":"Let' in came.text
        assert "[DONE]" not in came.text
        assert came.headers[NOTE] == "deepseek/scripted; provenance=synthesised; fault=stream-cut; rule=3"
        assert post(server, text="anything else").headers[NOTE].startswith("reference/gpt-4o-mini/chat.nonstream")
        told = [{"role": "system", "content": "Context: name=Ada"}, {"role": "user", "content": "Who am I?"}]
        assert post(server, messages=told).json()["choices"][0]["message"]["content"] == "Hello Ada"
        call = {"id": "call_1", "type": "function", "function": {"name": "find_order", "arguments": "{}"}}
        run = [told[1], {"role": "assistant", "tool_calls": [call]}]
        run += [{"role": "tool", "tool_call_id": "call_1", "content": "On its way."}]
        asked = post(server, model="m", messages=run, tools=[TOOL]).json()
        assert asked["choices"][0]["message"]["content"] == "It comes"
        begun = time.monotonic()
        assert post(server, text="answer slowly").status_code == 200
        assert time.monotonic() - begun > 0.3


def test_a_retry_gets_the_next_answer(tmp_path: Path) -> None:
    with scripted(tmp_path, RULES, "reference") as server:
        first, second, third, fourth = (post(server, text="retry") for _ in range(4))
        assert (first.status_code, first.headers["retry-after"], first.json()["error"]["message"]) == (
            429,
            "2",
            "Slow down.",
        )
        assert second.headers[NOTE].endswith("fault=body-cut; rule=4")
        assert [one.json()["choices"][0]["message"]["content"] for one in (third, fourth)] == ["whole", "whole"]
        assert [(one["status"], one["fault"], one["rule"]) for one in server.requests] == [
            (429, None, 4), (200, "body-cut", 4), (200, None, 4), (200, None, 4),
        ]  # fmt: skip


def test_a_client_that_retries_gets_through(tmp_path: Path) -> None:
    text = RULES.replace("retry_after: 2", "retry_after: 0.01").replace("      - {text: cut, fault: body-cut}\n", "")
    with scripted(tmp_path, text, "reference") as server:
        client = openai.OpenAI(base_url=server.base_url("reference"), api_key="none", max_retries=2)
        answer = client.chat.completions.create(model="x", messages=[{"role": "user", "content": "retry"}])
        assert answer.choices[0].message.content == "whole"


def test_the_file_is_read_again_when_it_changes_and_a_fault_in_it_is_a_line(tmp_path: Path) -> None:
    with scripted(tmp_path, "rules: [{answers: [{text: one}]}]", "reference") as server:
        assert post(server).json()["choices"][0]["message"]["content"] == "one"
        path = tmp_path / "answers.yaml"
        path.write_text("rules: [{answers: [{text: another}]}]")
        assert post(server).json()["choices"][0]["message"]["content"] == "another"
        path.write_text("rules: [{answers: [{txt: another}]}]")
        said = post(server)
        assert said.status_code == 400
        assert "answers.yaml:1: " in said.json()["error"]["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{answers: []}]", "answers"),
        ("rules: [{answers: [{fault: cut}]}]", "unknown fault 'cut'"),
        ("rules: [{answers: [{error: 429, text: x}]}]", "it has both an error and an answer"),
        ("rules: [{answers: [{error: 200}]}]", "error"),
        ("faults: [{share: 2, socket: reset}]", "share"),
        ("faults: [{share: 0.5}]", "set either fault or socket"),
        ("rules: [{when: {turns: 1}, answers: [{}]}]", "turns"),
    ],
)
def test_a_wrong_script_is_a_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(BadScript, match=r"answers.yaml:1: ") as caught:
        AnswerScript(path)
    assert said in str(caught.value)
    told = CliRunner().invoke(main, ["serve", "reference", "--root", str(ROOT), "--port", "0", "--script", str(path)])
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)
    assert said in told.stderr


PLAN = """
seed: 5
faults:
  - {share: 0.3, fault: think-tags, when: {stream: true}}
  - {share: 0.2, socket: reset}
"""


def test_a_share_of_the_requests_gets_a_fault_and_the_same_seed_the_same(tmp_path: Path) -> None:
    def run() -> list[tuple[str | None, str | None]]:
        with scripted(tmp_path, PLAN, "reference") as server:
            failed = 0
            for number in range(40):
                try:
                    post(server, stream=number % 2 == 0)
                except httpx2.TransportError:
                    failed += 1
            told = httpx2.get(f"{server.url}/__harness/log").json()
            assert told["plan"] == {
                "seed": 5,
                "faults": [
                    {"share": 0.3, "fault": "think-tags", "when": {"stream": True}},
                    {"share": 0.2, "socket": "reset"},
                ],
            }
            got = [(one["fault"], one["socket"]) for one in told["requests"]]
            assert Counter(socket for _, socket in got)["reset"] == failed
            return got

    first = run()
    counted = Counter(first)
    assert len(first) == 40
    assert 2 <= counted["think-tags", None] <= 12
    assert 2 <= counted[None, "reset"] <= 16
    assert run() == first


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", httpx2.ReadError),
        ("half-closed", httpx2.RemoteProtocolError),
        ("stall", httpx2.ReadTimeout),
        ("slow", None),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_what_befalls_a_connection(tmp_path: Path, fault: str, error: type[Exception] | None, stream: bool) -> None:  # noqa: FBT001
    with scripted(tmp_path, f"rules: [{{answers: [{{text: hello there, socket: {fault}}}]}}]", "reference") as server:
        if error:
            with pytest.raises(error):
                httpx2.post(
                    f"{server.base_url('reference')}/chat/completions",
                    json={"messages": [{"role": "user", "content": "x"}], "stream": stream}, timeout=httpx2.Timeout(2, read=0.5),
                )  # fmt: skip
        else:
            begun = time.monotonic()
            assert "hello" in post(server, stream=stream).text
            assert time.monotonic() - begun > 0.2


def test_a_script_of_another_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("rules: [{answers: [{text: one}]}]")
    monkeypatch.chdir(tmp_path)
    with ReplayServer("reference", root=ROOT, script="a.yaml") as server:
        assert post(server).json()["choices"][0]["message"]["content"] == "one"
    with pytest.raises(BadScript, match=r"b.yaml: No such file or directory; give a file that exists"):
        ReplayServer("reference", root=ROOT, script="b.yaml")


OF_RESPONSES = """
seed: 3
rules:
  - when: {dialect: responses, text: retry}
    answers:
      - {error: 429, message: Slow down., retry_after: 2}
      - {text: cut, fault: body-cut}
      - {text: whole}
  - when: {dialect: responses, tools: [find_order], turn: 1}
    answers: [{text: I look., reasoning: It needs a look., calls: [{name: find_order, arguments: {order: 7}}]}]
  - when: {dialect: responses, system: pirate}
    answers: [{text: Arr}]
faults:
  - {share: 1, when: {text: hangs up}, socket: reset}
"""
FIND_ORDER: Any = {"type": "function", "name": "find_order", "parameters": {"type": "object", "properties": {}}}


def test_a_script_and_its_faults_reach_responses(tmp_path: Path) -> None:
    with scripted(tmp_path, OF_RESPONSES, "reference") as server:
        client = openai.OpenAI(base_url=server.base_url("reference"), api_key="none", max_retries=0)

        def ask(text: str, **more: Any) -> Any:
            return client.responses.create(model="gpt-5", input=text, **more)

        with pytest.raises(openai.RateLimitError, match="Slow down") as slow:
            ask("retry")
        assert slow.value.response.headers["retry-after"] == "2"
        with pytest.raises((openai.APIResponseValidationError, ValueError)):
            ask("retry")
        assert ask("retry").output_text == "whole"
        assert ask("hi", instructions="Speak like a pirate.").output_text == "Arr"
        with client.responses.stream(
            model="gpt-5", input="order", tools=[FIND_ORDER], reasoning={"effort": "low", "summary": "auto"}
        ) as stream:
            deltas = [one.delta for one in stream if one.type == "response.reasoning_summary_text.delta"]
            final = stream.get_final_response()
        assert [one.type for one in final.output] == ["reasoning", "message", "function_call"]
        assert "".join(deltas) == "It needs a look."
        with pytest.raises(openai.APIConnectionError):
            ask("hangs up")
        assert post(server, text="retry").headers[NOTE].startswith("reference/gpt-4o-mini/")
        assert [one["rule"] for one in server.requests] == [1, 1, 1, 3, 2, None, None]


def test_a_fault_reaches_responses() -> None:
    with ReplayServer("reference", root=ROOT, fault="html-for-body") as server:
        asked = {"model": "gpt-5", "input": "hi"}
        came = httpx2.post(f"{server.base_url('reference')}/responses", json=asked, timeout=3)
        assert came.text.startswith("<")
        assert "fault=html-for-body" in came.headers[NOTE]
