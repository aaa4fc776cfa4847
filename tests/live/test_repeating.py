"""A failure while other requests succeed is retried once; a general rejection is reported once."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter
from scripted import IDEAL, End, Received, Script, Server, html_error, refuses

from harness.cli import main
from harness.judging.runner import Selection, plan
from harness.live.record import Recorded, RecordingRun, RecordOptions, cases_to_record
from harness.matrix.providers import load_matrix
from harness.recording.cassette import read_cassette
from harness.results import Finding, Outcome

FINDING = TypeAdapter(Finding)

PLAIN = ("chat.nonstream", "chat.stream", "tools.auto", "chat.unicode")


def probe(server: Server, *options: str) -> Result:
    command = ["probe", server.base_url, "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *options]
    return CliRunner().invoke(main, command, env={"PROBE_KEY": "good", "COLUMNS": "200"})


def findings(result: Result) -> list[Finding]:
    return [FINDING.validate_json(line) for line in result.stdout.splitlines()[:-1]]


def of(found: list[Finding], scenario: str, check: str) -> Outcome:
    (outcome,) = [one.outcome for one in found if (one.scenario, one.check) == (scenario, check)]
    return outcome


def chosen(*names: str) -> list[str]:
    return [word for name in names for word in ("--scenario", name)]


def where(wrong: Callable[[Received], bool], script: Script, times: int = 99) -> Script:
    """Play a script for the ``wrong`` requests, the first few ``times``; others succeed."""
    met: list[Received] = []

    def played(request: Received) -> Iterable[bytes | float | End]:
        hit = wrong(request)
        met.extend([request] if hit else [])
        return (script if hit and len(met) <= times else IDEAL)(request)

    return played


def asks(text: bytes) -> Callable[[Received], bool]:
    return lambda request: text in request.body


UNICODE = asks("春眠".encode())


@pytest.mark.parametrize("script", [refuses(503), refuses(500), html_error(502)], ids=["503", "500", "page"])
def test_a_failure_that_comes_twice_is_a_finding(script: Script, tmp_path: Path) -> None:
    with Server(where(UNICODE, script)) as server:
        found = findings(probe(server, "--format", "json", "--record", str(tmp_path), *chosen(*PLAIN)))
    assert sum(UNICODE(request) for request in server.requests) == 2
    assert UNICODE(server.requests[-1]), "it is asked again when the others were"
    (finding,) = [one for one in found if (one.scenario, one.check) == ("chat.unicode", "http.status")]
    assert finding.outcome is Outcome.FAIL
    assert "and the same request got" in finding.message
    (kept,) = read_cassette(tmp_path / "chat.unicode.yaml")
    assert kept.source.failed_before == kept.response.status, "it is found in the recording too"


def test_a_failure_that_passes_is_none() -> None:
    with Server(where(UNICODE, refuses(503), times=1)) as server:
        found = findings(probe(server, "--format", "json", *chosen(*PLAIN)))
    assert {one.outcome for one in found if one.scenario == "chat.unicode"} <= {
        Outcome.PASS,
        Outcome.OBSERVED,
        Outcome.NA,
    }


def test_a_failure_of_all_proves_nothing_and_is_not_asked_again() -> None:
    with Server(refuses(503)) as server:
        result = probe(server, "--format", "json", *chosen(*PLAIN))
    assert len(server.requests) == len(PLAIN)
    assert {one.outcome for one in findings(result)} == {Outcome.INCONCLUSIVE}
    assert result.exit_code == 2


def test_a_failure_is_asked_again_within_the_budget() -> None:
    with Server(where(UNICODE, refuses(503))) as server:
        found = findings(probe(server, "--format", "json", "--max-requests", "4", *chosen(*PLAIN)))
    assert len(server.requests) == 4
    assert of(found, "chat.unicode", "http.status") is Outcome.INCONCLUSIVE


def test_a_parameter_that_fails_twice_is_a_finding() -> None:
    with Server(where(asks(b'"seed"'), refuses(500))) as server:
        found = findings(probe(server, "--format", "json", *chosen("chat.stream", "params.seed")))
    (finding,) = [one for one in found if (one.scenario, one.check) == ("params.seed", "http.status")]
    assert finding.message == "the status is 500 with seed, and the same request got 500 just before"


def test_a_wrong_request_that_fails_is_a_finding_at_once() -> None:
    with Server(where(asks(b'"hot"'), refuses(502, message="upstream model error"))) as server:
        found = findings(probe(server, "--format", "json", *chosen("chat.stream", "error.wrong-type")))
    assert of(found, "error.wrong-type", "error.status") is Outcome.FAIL


def test_a_wrong_key_that_is_a_bad_request_is_judged() -> None:
    def wrong(request: Received) -> bool:
        return request.header("authorization") != "Bearer good"

    with Server(where(wrong, refuses(400, message="Invalid API key."))) as server:
        found = findings(
            probe(server, "--format", "json", *chosen("chat.stream", "error.bad-key", "error.bad-key-stream"))
        )
    said = {one.message for one in found if one.check == "error.status" and one.outcome is Outcome.FAIL}
    assert said == {"the status is 400, not 401 or 403"}
    assert not [one for one in found if one.check == "recording.present"]


@pytest.mark.parametrize(
    "message",
    ["Tool call validation failed: tool_use_failed", "json_validate_failed: Failed to generate JSON"],
)
def test_a_failure_of_the_model_is_no_capability_that_is_not_there(message: str) -> None:
    with Server(where(asks(b'"tools":'), refuses(400, message=message))) as server:
        found = findings(probe(server, "--format", "json", *chosen("chat.stream", "tools.auto", "tools.nonstream")))
    assert of(found, "tools.auto", "http.status") is Outcome.FAIL
    assert of(found, "tools.nonstream", "http.status") is Outcome.FAIL
    assert not [one for one in found if one.check == "recording.present"]


def test_a_failure_of_the_model_may_pass() -> None:
    failing = where(asks(b'"tools":'), refuses(400, message="tool_use_failed"), times=1)
    with Server(failing) as server:
        found = findings(probe(server, "--format", "json", *chosen("chat.stream", "tools.auto", "tools.nonstream")))
    assert of(found, "tools.auto", "http.status") is Outcome.PASS


def stand_ins(found: list[Finding]) -> dict[str, tuple[Outcome, str]]:
    return {one.scenario: (one.outcome, one.message) for one in found if one.check == "recording.present"}


def test_a_refusal_of_one_form_is_told_once_and_blames_no_capability() -> None:
    def body_asked(request: Received) -> bool:
        return request.method == "POST" and b'"stream":true' not in request.body and request.body.startswith(b"{")

    only = refuses(400, message="This model only support stream mode, please enable the stream parameter.")
    same = ("tools.nonstream", "json.object", "params.seed", "params.n", "error.bad-key", "error.wrong-type")
    names = ("chat.nonstream", "chat.stream", "tools.auto", *same)
    with Server(where(body_asked, only)) as server:
        found = findings(probe(server, "--format", "json", *chosen(*names)))
    failing = {one.scenario for one in found if one.outcome is Outcome.FAIL and one.check == "http.status"}
    assert failing == {"chat.nonstream"}
    told = stand_ins(found)
    assert set(told) == set(same)
    assert set(told.values()) == {(Outcome.BLOCKED, "refused as chat.nonstream is, with status 400")}


@pytest.mark.parametrize(
    ("status", "message", "asked"),
    [
        (402, "Payment required.", "is there credit on the account?"),
        (400, "Insufficient balance, please recharge.", "is there credit on the account?"),
        (400, "The model `gpt-9` does not exist.", "is the model's name right?"),
    ],
)
def test_a_refusal_of_all_that_is_asked_ends_the_probe_with_a_line(status: int, message: str, asked: str) -> None:
    with Server(refuses(status, message=message)) as server:
        result = probe(server)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert asked in result.stderr.splitlines()[-1]
    assert len(server.requests) <= 4


def test_refusals_that_differ_in_an_id_are_alike() -> None:
    def numbered(request: Received) -> Iterable[bytes | float | End]:
        wrong = request.method == "POST" and b'"stream":true' not in request.body
        said = f"Region is closed. (request id: 2024092102510{request.number}-ab{request.number})"
        return (refuses(400, message=said) if wrong else IDEAL)(request)

    with Server(numbered) as server:
        found = findings(probe(server, "--format", "json", *chosen("chat.nonstream", "chat.stream", "tools.nonstream")))
    assert stand_ins(found)["tools.nonstream"][0] is Outcome.BLOCKED


def recorded(root: Path, server: Server, waits: list[float]) -> list[Recorded]:
    """Record two scenarios of a provider without recordings."""
    (root / "providers.yaml").write_text(
        "providers:\n  - id: acme\n    name: acme\n    key_env: ACME_KEY\n    docs: https://acme.example/docs\n"
        f"    base_url: {server.base_url}\n    models:\n"
        "      - {id: small, name: gpt-4o-mini, thinking: {disable: {}}}\n"
    )
    selection = Selection(scenarios=("chat.stream", "chat.unicode"))
    cases = cases_to_record(plan(load_matrix(root / "providers.yaml"), root, selection), again=False)
    with RecordingRun(cases, {"ACME_KEY": "good"}, RecordOptions(sleep=waits.append)) as asking:
        return list(asking)


def test_record_asks_once_more_and_keeps_what_fails_twice(tmp_path: Path) -> None:
    waits: list[float] = []
    with Server(where(UNICODE, refuses(500))) as server:
        told = recorded(tmp_path, server, waits)
        assert len(server.requests) == 3
    assert [one.state for one in told] == ["recorded", "recorded"]
    assert waits == [1.0]
    (kept,) = read_cassette(tmp_path / "cassettes/acme/small/chat.unicode.yaml")
    assert kept.source.failed_before == 500


def test_record_keeps_what_passes(tmp_path: Path) -> None:
    waits: list[float] = []
    with Server(where(UNICODE, refuses(500), times=1)) as server:
        told = recorded(tmp_path, server, waits)
    assert [one.state for one in told] == ["recorded", "recorded"]
    assert told[1].exchanges[0].response.status == 200
