"""The fixtures for the tests of an app: the server, the responses that a marker selects, and the recorder."""

import json
import shutil
from pathlib import Path

import pytest

import harness.sdk.clients  # noqa: F401 - pytester forgets what a run imports, and asyncio stands no second time
from harness.recording.cassette import read_cassette
from harness.serve.embedded import ReplayServer

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/app"
KEY = "sk-" + "made-up-key-of-a-test-" + "7" * 16

pytest_plugins = ["pytester"]


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "no:hypothesispytest", "-p", "no:cacheprovider", *arguments)


def test_a_marker_gives_a_test_each_answer_with_each_change(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import json, urllib.request, pytest

        @pytest.mark.compat(
            providers="reference", scenarios=["chat.stream", "tools.nonstream"], faults=["stream-cut"],
            variants=["line-ends-crlf"],
        )
        def test_app(compat_provider):
            one = compat_provider
            asked = {"model": one.model, "messages": [{"role": "user", "content": "x"}], "stream": one.streamed}
            request = urllib.request.Request(
                f"{one.base_url}/chat/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}
            )
            came = urllib.request.urlopen(request, timeout=10).read()
            assert (b"[DONE]" in came) == (one.streamed and one.right)
            assert (b"\\r\\n" in came) == (one.variant is not None)
            if one.streamed:
                assert (one.text, one.calls, one.finish_reason) == ("你好! How can I help?", (), "stop")
            else:
                assert [(call.name, json.loads(call.arguments)) for call in one.calls] == [("get_weather", {"city": "Paris"})]
                assert one.usage["total_tokens"] > 10
        """
    )
    told = run(pytester, "-v")
    told.assert_outcomes(passed=4)
    names = [line.split("[")[1].split("]")[0] for line in told.outlines if "PASSED" in line]
    assert names == [
        "reference/chat.stream", "reference/chat.stream+stream-cut", "reference/chat.stream+line-ends-crlf",
        "reference/tools.nonstream",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("", "it needs providers=[...] and may have scenarios, faults, variants"),
        ("@pytest.mark.compat(providers=['deepsek'])", "unknown provider 'deepsek'; try deepseek"),
        ("@pytest.mark.compat(providers=['reference'], faults=['cut'])", "unknown fault 'cut'"),
        ("@pytest.mark.compat(providers=['reference'], variants=['stream-cut'])", "unknown legal variant 'stream-cut'"),
        (
            "@pytest.mark.compat(providers=['reference'], scenarios='chat.strem')",
            "there is no recorded response for what it names",
        ),
        ("@pytest.mark.compat(provider='reference')", "it needs providers=[...]"),
    ],
)
def test_a_wrong_marker_is_a_line(pytester: pytest.Pytester, marker: str, said: str) -> None:
    pytester.makepyfile(f"import pytest\n{marker}\ndef test_app(compat_provider): ...\n")
    told = run(pytester)
    told.assert_outcomes(errors=1)
    text = told.stdout.str()
    assert said in text
    assert "Traceback" not in text


RECORDING = """
    import pytest

    @pytest.mark.parametrize("backend", ["httpx", "httpx2"])
    def test_sync(compat_recorder, backend):
        module = pytest.importorskip(backend)
        with module.Client(transport=compat_recorder.transport) as client:
            answer = client.post(URL, json={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}, headers=KEY)
        assert answer.json()["choices"][0]["message"]["content"]

    def test_sdk(compat_recorder):
        openai = pytest.importorskip("openai")
        client = openai.OpenAI(base_url=BASE, api_key="x", http_client=compat_recorder.http_client())
        chunks = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    ASYNC
    async def test_async(compat_recorder):
        openai = pytest.importorskip("openai")
        async with openai.AsyncOpenAI(base_url=BASE, api_key="x", http_client=compat_recorder.async_http_client()) as client:
            answer = await client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
        assert answer.choices[0].message.content
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_a_recorder_records_once_and_replays_for_ever(pytester: pytest.Pytester, mode: str) -> None:
    with ReplayServer("reference", root=ROOT) as server:
        base = server.base_url("reference")
        header = f"{{'Authorization': 'Bearer {KEY}'}}"
        text = (
            RECORDING.replace("URL", f"'{base}/chat/completions'").replace("BASE", f"'{base}'").replace("KEY", header)
        )
        text = text.replace("ASYNC", "@pytest.mark.asyncio" if mode == "strict" else "")
        pytester.makepyfile(test_rec=text)
        arguments = ("-o", f"asyncio_mode={mode}", "-o", "asyncio_default_fixture_loop_scope=function")
        before = run(pytester, *arguments)
        before.assert_outcomes(failed=4)
        assert "there is no recording; record it with: pytest --compat-record=missing" in before.stdout.str()
        run(pytester, *arguments, "--compat-record=missing").assert_outcomes(passed=4)
        asked = len(server.requests)
        run(pytester, *arguments, "--compat-record=missing").assert_outcomes(passed=4)
        assert len(server.requests) == asked == 4
    run(pytester, *arguments).assert_outcomes(passed=4)
    kept = sorted((pytester.path / "cassettes/test_rec").iterdir())
    assert [path.name for path in kept] == [
        "test_async.yaml",
        "test_sdk.yaml",
        "test_sync-httpx.yaml",
        "test_sync-httpx2.yaml",
    ]
    assert all(KEY not in path.read_text() for path in kept)
    found = {read_cassette(path)[0].source.provenance for path in kept}
    assert found == {"reconstructed"}, "what the replay server answered is no recording of a provider"


@pytest.mark.thorough
def test_the_example_fails_with_a_reader_that_takes_a_cut_for_an_end(pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True)
    run(pytester).assert_outcomes(passed=19)
    app = pytester.path / "app.py"
    app.write_text(app.read_text().replace("if not self.finish_reason:", "if False:"))
    told = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rf")
    failed = [line for line in told.outlines if line.startswith("FAILED")]
    assert len(failed) == 6
    assert all("+stream-cut" in line for line in failed)
    assert json.dumps(sorted(told.parseoutcomes())) == '["failed", "passed"]'
