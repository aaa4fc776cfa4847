"""The plugin over the network: the matrix is sent, judged, and saved on request."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from judging import OF_CHAT
from scripted import IDEAL, End, Received, Server, plays, refuses
from scripted import ideal_answer as ideal

import harness.sdk.clients  # noqa: F401 - pytester forgets what a run imports, and asyncio stands no second time
from harness.recording.cassette import read_cassette, write_cassette
from harness.results import read_results
from harness.simulate.reference import STREAM, recorded, replace_in_body

pytest_plugins = ["pytester"]

PROVIDER = """\
  - id: {name}
    name: {name}
    base_url: {url}
    key_env: {key}
    docs: https://acme.example/docs
    models:
      - {{id: small, name: gpt-4o-mini, thinking: {{disable: {{}}}}}}
"""
CASSETTE = "cassettes/acme/small/chat.stream.yaml"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "good")
    monkeypatch.delenv("OTHER_KEY", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(IDEAL) as started:
        yield started


@pytest.fixture
def project(pytester: pytest.Pytester, server: Server) -> Path:
    entries = [PROVIDER.format(name=name, url=server.base_url, key=f"{name.upper()}_KEY") for name in ("acme", "other")]
    (pytester.path / "providers.yaml").write_text("providers:\n" + "".join(entries))
    return pytester.path


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    chosen = ["--compat-scenario=chat.stream", "--compat-scenario=tools.auto", *options]
    return pytester.runpytest_inprocess("-p", "no:hypothesispytest", "providers.yaml", *chosen)


@pytest.mark.usefixtures("project")
def test_without_the_option_nothing_is_asked(pytester: pytest.Pytester, server: Server) -> None:
    run(pytester).assert_outcomes(skipped=4)
    run(pytester, "--compat-live", "--collect-only").stdout.fnmatch_lines(
        ["compat: 2 requests to 1 providers, about * tokens"]
    )
    assert server.requests == []


def test_live_judges_what_is_answered_and_keeps_nothing(
    project: Path, pytester: pytest.Pytester, server: Server
) -> None:
    result = run(pytester, "--compat-live", "--compat-report=out", "-rs")
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] > 100
    assert outcomes.get("failed", 0) <= 1, "the ideal provider's clock stands still"
    assert sum(outcomes[name] for name in ("passed", "skipped", "failed") if name in outcomes) == 2 * len(OF_CHAT) + 2
    result.stdout.fnmatch_lines(["*missing: OTHER_KEY is not set"])
    assert len(server.requests) == 2, "once for all checks of a recording"
    assert not (project / "cassettes").exists()
    assert read_results(project / "out/results.jsonl").run.mode == "live"


def test_live_asks_what_is_recorded_too_and_leaves_the_recording(
    project: Path, pytester: pytest.Pytester, server: Server
) -> None:
    faulty = recorded(replace_in_body(STREAM, '"object":"chat.completion.chunk",', ""))
    write_cassette(project / CASSETTE, [faulty])
    before = (project / CASSETTE).read_bytes()
    assert run(pytester, "--compat-provider=acme", "--compat-check=chunk.object").ret == 1
    assert run(pytester, "--compat-provider=acme", "--compat-check=chunk.object", "--compat-live").ret == 0
    assert len(server.requests) == 2
    assert (project / CASSETTE).read_bytes() == before


@pytest.mark.thorough
def test_what_is_missing_is_asked_and_kept_and_the_rest_replayed(
    project: Path, pytester: pytest.Pytester, server: Server
) -> None:
    write_cassette(project / CASSETTE, [recorded(STREAM)])
    before = (project / CASSETTE).read_bytes()
    assert run(pytester, "--compat-record=missing").ret == 0
    assert len(server.requests) == 1
    assert (project / CASSETTE).read_bytes() == before
    assert (project / "cassettes/acme/small/tools.auto.yaml").exists()
    assert run(pytester, "--compat-record=missing").ret == 0
    assert len(server.requests) == 1, "nothing is missing any more"


def test_a_reconstruction_is_no_recording_so_that_one_takes_its_place(
    project: Path, pytester: pytest.Pytester, server: Server
) -> None:
    write_cassette(project / CASSETTE, [STREAM])
    assert read_cassette(project / CASSETTE)[0].source.provenance == "reconstructed"
    assert run(pytester, "--compat-record=missing").ret == 0
    assert len(server.requests) == 2
    assert read_cassette(project / CASSETTE)[0].source.provenance == "recorded"


def test_all_is_asked_and_kept_anew(project: Path, pytester: pytest.Pytester, server: Server) -> None:
    write_cassette(project / CASSETTE, [replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")])
    assert run(pytester, "--compat-provider=acme", "--compat-check=chunk.object").ret == 1
    assert run(pytester, "--compat-provider=acme", "--compat-check=chunk.object", "--compat-record=all").ret == 0
    assert run(pytester, "--compat-provider=acme", "--compat-check=chunk.object").ret == 0
    assert len(server.requests) == 2


@pytest.mark.usefixtures("project")
def test_a_fault_fails_with_its_bytes(pytester: pytest.Pytester, server: Server) -> None:
    def faulty(request: Received) -> Iterable[bytes | float | End]:
        return plays(replace_in_body(ideal(request), '"object":"chat.completion.chunk",', ""))(request)

    server.answers(faulty)
    result = run(pytester, "--compat-live", "--compat-check=chunk.object", "--compat-scenario=chat.stream")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["fail: object is absent from *", "*event 0, byte 6 /object: *"])


@pytest.mark.usefixtures("project")
def test_only_what_is_left_of_a_selection_is_asked(pytester: pytest.Pytester, server: Server) -> None:
    run(pytester, "--compat-live", "-k", "tools.auto")
    assert [b"tools" in request.body for request in server.requests] == [True]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("status", [429, 500])
def test_no_answer_is_no_verdict(status: int, pytester: pytest.Pytester, server: Server) -> None:
    server.answers(refuses(status, ("Retry-After", "0")))
    outcomes = run(pytester, "--compat-live", "--compat-provider=acme").parseoutcomes()
    assert set(outcomes) - {"warnings"} == {"skipped"}


@pytest.mark.usefixtures("project")
def test_a_recording_is_not_asked_for_once_a_worker(pytester: pytest.Pytester, server: Server) -> None:
    result = pytester.runpytest_subprocess("providers.yaml", "--compat-live", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --compat-live and --compat-record request each response once for all items; run them without -n"]
    )
    assert server.requests == []


@pytest.mark.usefixtures("project")
def test_what_is_costly_is_asked_only_where_that_is_said(pytester: pytest.Pytester, server: Server) -> None:
    chosen = (
        "-p",
        "no:hypothesispytest",
        "providers.yaml",
        "--compat-scenario=error.too-long",
        "--compat-provider=acme",
    )
    result = pytester.runpytest_inprocess(*chosen, "--compat-live", "-rs")
    assert server.requests == []
    result.stdout.fnmatch_lines(["*missing: sent only with --compat-long: it takes about * tokens"])
    pytester.runpytest_inprocess(*chosen, "--compat-live", "--compat-long", "--compat-check=error.status")
    assert len(server.requests) == 1
