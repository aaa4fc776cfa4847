"""Legacy completions are served for an app's own prompts, with faults and errors of that dialect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from judging import alarms

from harness.recording.replayed import NOTE
from harness.serve.embedded import ReplayServer
from harness.simulate.completions.ideal import MODEL, URL
from harness.simulate.reference import with_expected_status
from harness.wire.exchange import Exchange, Headers, Request, Response

BELOW_BETA = "{}/deepseek/beta"
SAYS = {
    "reference": "reference/",
    "deepseek": "fim-reference",
    "llamacpp": "as none is described of llamacpp",
}
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
rules:
  - when: {dialect: completions, text: busy}
    answers:
      - {error: 429, retry_after: 0, message: Slow down}
      - {text: At last., fault: completions-no-finish}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayServer]:
    script = tmp_path_factory.mktemp("script") / "s.yaml"
    script.write_text(SCRIPT)
    with ReplayServer("reference", "deepseek", "bailian", "llamacpp", root=ROOT, script=script) as server:
        yield server


def ask(server: ReplayServer, provider: str = "reference", **body: Any) -> httpx2.Response:
    base_url = BELOW_BETA.format(server.url) if provider == "deepseek" else server.base_url(provider)
    return post(base_url, **body)


def post(base_url: str, **body: Any) -> httpx2.Response:
    asked = {"model": MODEL, "prompt": "Birds of a feather", "max_tokens": 200, **body}
    return httpx2.post(f"{base_url}/completions", json=asked, timeout=20)


def exchange(answer: httpx2.Response) -> Exchange:
    """Return an answer as what is judged: without the day on which it is played, which is not that of ``created``."""
    pairs = answer.headers.items()
    headers = Headers(tuple((name, value) for name, value in pairs if name not in {"transfer-encoding", "date"}))
    request = Request("POST", URL, Headers((("Content-Type", "application/json"),)), answer.request.content)
    return Exchange(request, Response(answer.status_code, headers, answer.content))


@pytest.mark.parametrize("provider", ["reference", "deepseek", "llamacpp"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}, "logprobs": 3},
        {"prompt": ["One", "Two, which is longer"], "n": 2, "echo": True},
        {"prompt": [1, 2, 3]},
        {"suffix": " flock together, as people say.", "stream": True, "stop": "\n"},
        {"max_tokens": 2, "logprobs": 0},
    ],
    ids=["body", "stream", "logprobs", "prompts", "tokens", "suffix", "capped"],
)
def test_any_request_is_answered_rightly(server: ReplayServer, provider: str, body: dict[str, Any]) -> None:
    answer = ask(server, provider, **body)
    assert answer.status_code == 200
    told = exchange(answer)
    assert alarms(told) == []
    assert told.dialect == "completions"
    assert SAYS[provider] in answer.headers[NOTE]


def test_deepseek_serves_them_below_beta_alone_in_its_own_form(server: ReplayServer) -> None:
    usage = ask(server, "deepseek", suffix="    return a").json()
    assert usage["usage"]["prompt_cache_miss_tokens"] == usage["usage"]["prompt_tokens"]
    assert {"system_fingerprint", "choices"} < usage.keys()
    assert len(usage["id"]) == len("00000000-0000-0000-0000-000000000000")
    elsewhere = post(server.base_url("deepseek"))
    error = elsewhere.json()["error"]
    assert (elsewhere.status_code, error["type"], error["code"]) == (400, *["invalid_request_error"] * 2)
    assert "/beta" in error["message"]
    asked = {"model": "deepseek-flash", "messages": [{"role": "user", "content": "Hi"}]}
    chat = httpx2.post(f"{BELOW_BETA.format(server.url)}/chat/completions", json=asked, timeout=20)
    assert chat.json()["object"] == "chat.completion"


def test_what_bailian_fills_is_marked_in_the_prompt(server: ReplayServer) -> None:
    marked = "<|fim_prefix|>def add(a, b):<|fim_suffix|>    return result<|fim_middle|>"
    told = ask(server, "bailian", prompt=marked, logprobs=2, stream=True)
    assert told.status_code == 200
    assert "fim_" not in told.text
    assert '"logprobs":null' in told.text
    assert '"tokens"' not in told.text
    assert ask(server, "bailian", prompt="def add(a, b):").json()["system_fingerprint"] is None


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"prompt": None}, 400, "prompt"),
        ({"prompt": {"a": 1}}, 400, "prompt"),
        ({"model": "no-such-model"}, 404, None),
        ({"max_tokens": "many"}, 400, "max_tokens"),
        ({"logprobs": True}, 400, "logprobs"),
    ],
)
def test_a_wrong_request_is_refused(server: ReplayServer, body: dict[str, Any], status: int, param: str | None) -> None:
    answer = ask(server, **body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert alarms(with_expected_status(exchange(answer), status)) == []


def test_what_was_recorded_is_played_where_it_fits(server: ReplayServer) -> None:
    prompt = "def fib(n):\n"
    answer = ask(server, "llamacpp", model="tiny-chat", prompt=prompt, max_tokens=64)
    assert "provenance=recorded" in answer.headers[NOTE]
    other = ask(server, "llamacpp", model="tiny-chat", prompt=prompt, echo=True)
    assert "provenance=synthesised" in other.headers[NOTE]
    assert other.json()["choices"][0]["text"].startswith(prompt)


def test_a_script_says_what_is_answered_and_with_which_fault(server: ReplayServer) -> None:
    assert ask(server, prompt="busy?").status_code == 429
    cut = ask(server, prompt="busy?", stream=True)
    assert '"At' in cut.text
    assert '"finish_reason":"stop"' not in cut.text
    assert ask(server, fault="none").status_code == 200


def test_the_sdk_reads_it(server: ReplayServer) -> None:
    client = openai.OpenAI(base_url=server.base_url("reference"), api_key="none")
    pieces = [
        chunk.choices[0].text
        for chunk in client.completions.create(model=MODEL, prompt="Once", max_tokens=40, stream=True)
    ]
    whole = client.completions.create(model=MODEL, prompt="Once", max_tokens=40)
    assert "".join(pieces) == whole.choices[0].text != ""


def test_the_models_are_listed_below_beta_too(server: ReplayServer) -> None:
    listed = [
        httpx2.get(f"{root}/models", timeout=10).json()
        for root in (f"{server.url}/deepseek/beta", f"{server.url}/deepseek/v1")
    ]
    assert listed[0] == listed[1]
    assert listed[0]["data"]


@pytest.mark.parametrize("path", ["v1/chat/completions/", "v1//chat/completions", "v1/models/"])
def test_a_slash_too_many_is_not_found_as_with_providers_and_told(server: ReplayServer, path: str) -> None:
    """https://github.com/BerriAI/litellm/issues/8350: OpenRouter answers .../v1//chat/completions with 404."""
    came = httpx2.post(f"{server.url}/deepseek/{path}", json={"model": "m", "messages": []}, timeout=10)
    assert came.status_code == 404
    assert f"ask /deepseek/{path.replace('//', '/').rstrip('/')}," in came.json()["error"]["message"]
