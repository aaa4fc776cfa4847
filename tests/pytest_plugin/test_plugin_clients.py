"""Client code as pytest items, as its users run it, in their own folder, on their own recordings."""

from pathlib import Path

import pytest

from harness.recording.cassette import write_cassette
from harness.simulate.faults import FAULTS
from harness.simulate.reference import BODY, STREAM, recorded
from harness.wire.exchange import Exchange

MATRIX = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models:
      - {id: small, thinking: {disable: {}}}
"""
MINE = '''"""Mine: takes a piece without text for the end."""
from openai import OpenAI

client = OpenAI(max_retries=0)


def read(question, out):
    for chunk in client.chat.completions.create(**question, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            out.print(chunk.choices[0].delta.content)
'''

pytest_plugins = ["pytester"]


def project(root: Path, **recordings: Exchange) -> None:
    (root / "providers.yaml").write_text(MATRIX)
    for name, exchange in recordings.items():
        write_cassette(root / f"cassettes/acme/small/chat.{name}.yaml", [recorded(exchange)])


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "no:hypothesispytest", "providers.yaml", *arguments)


def test_a_recording_that_a_client_survives_passes_and_one_it_does_not_fails(pytester: pytest.Pytester) -> None:
    project(pytester.path, stream=STREAM, nonstream=BODY, stop=FAULTS["choices-empty-mid-stream"].apply())
    told = run(pytester, "--compat-client", "openai.guarded", "--compat-client", "openai.or-empty", "-rA")
    told.assert_outcomes(passed=3, failed=1, skipped=2)
    text = told.stdout.str()
    assert "PASSED providers.yaml::acme/small/chat.stream/client:openai.guarded" in text
    assert "FAILED providers.yaml::acme/small/chat.stop/client:openai.or-empty" in text
    assert "crash: IndexError: list index out of range" in text
    assert "harness explain openai.or-empty/acme/small/chat.stop" in text
    assert "n/a: the client asks in another form" in text


def test_what_fails_with_the_reference_too_is_an_expected_failure(pytester: pytest.Pytester) -> None:
    project(pytester.path, stream=STREAM)
    told = run(pytester, "--compat-client", "openai.print", "-rx")
    told.assert_outcomes(xfailed=1)
    assert "with the reference answer too: prints None" in told.stdout.str()


def test_code_of_ones_own_is_an_item_a_recording(pytester: pytest.Pytester) -> None:
    project(pytester.path, stream=STREAM, capped=FAULTS["stream-cut"].apply())
    mine = pytester.path / "mine.py"
    mine.write_text(MINE)
    told = run(pytester, "--compat-client", str(mine), "--junitxml", "junit.xml")
    told.assert_outcomes(passed=1, failed=1)
    assert "silent: a stream that was cut, reported as success" in told.stdout.str()
    assert 'name="acme/small/chat.stream/client:mine"' in (pytester.path / "junit.xml").read_text()


def test_selection_and_markers_work(pytester: pytest.Pytester) -> None:
    project(pytester.path, stream=STREAM, capped=STREAM)
    chosen = ("--compat-client", "openai.guarded")
    run(pytester, *chosen, "--compat-scenario", "chat.capped").assert_outcomes(passed=1)
    run(pytester, *chosen, "-m", "compat_client", "-k", "chat.stream").assert_outcomes(passed=1, deselected=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--compat-client", "openai.prnt"), "unknown client 'openai.prnt'; try openai.print"),
        (("--compat-client", "openai.print", "--compat-live"), "leave out --compat-live and --compat-record"),
        (
            ("--compat-client", "openai.print", "--compat-scenario", "chat.n2"),
            "there is no recording for this selection",
        ),
    ],
)
def test_what_can_not_be_run_is_an_error(pytester: pytest.Pytester, arguments: tuple[str, ...], said: str) -> None:
    project(pytester.path, stream=STREAM)
    told = run(pytester, *arguments)
    assert told.ret not in {0, 1}
    assert said in told.stdout.str() + told.stderr.str()
