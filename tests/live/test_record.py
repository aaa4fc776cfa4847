"""Recording the matrix sends nothing twice, saves nothing partial, and writes no key."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scripted import IDEAL, RETRY_AFTER, End, Received, Script, Server, refuses

from harness.cli import main
from harness.judging.runner import Selection, plan
from harness.live.record import Recorded, RecordingRun, RecordOptions, cases_to_record, seconds_to_wait
from harness.matrix.providers import load_matrix
from harness.recording.cassette import read_cassette
from harness.simulate.reference import BODY, with_response
from harness.wire.exchange import Headers

PROVIDER = """\
  - id: {name}
    name: {name}
    base_url: {url}
    key_env: {key}
    docs: https://acme.example/docs
    models:
      - {{id: small, name: gpt-4o-mini, thinking: {{disable: {{}}}}{extra}}}
"""
SHORT = ("chat.stream", "chat.nonstream", "tools.round-trip")


def project(root: Path, *servers: Server, extra: str = "") -> Path:
    entries = [
        PROVIDER.format(name=name, url=server.base_url, key=f"{name.upper()}_KEY", extra=extra)
        for name, server in zip(("acme", "other"), servers, strict=False)
    ]
    (root / "providers.yaml").write_text("providers:\n" + "".join(entries))
    return root


def run(root: Path, *options: str, scenarios: Iterable[str] = SHORT, **environment: str) -> Result:
    chosen = [word for name in scenarios for word in ("--scenario", name)]
    command = ["record", "--root", str(root), *chosen, *options]
    return CliRunner().invoke(main, command, env={"ACME_KEY": "good", "OTHER_KEY": "good", **environment})


def cassettes(root: Path) -> set[str]:
    return {path.relative_to(root / "cassettes").as_posix() for path in (root / "cassettes").rglob("*.yaml")}


def test_what_is_not_recorded_is_asked_and_kept(tmp_path: Path) -> None:
    with Server(IDEAL) as server, Server(IDEAL) as other:
        result = run(project(tmp_path, server, other))
        assert result.exit_code == 0, result.output
        assert cassettes(tmp_path) == {f"{name}/small/{one}.yaml" for name in ("acme", "other") for one in SHORT}
        assert "8 requests to 2 providers" in result.stderr
        assert "6 recorded" in result.stderr
        asked = len(server.requests)
        again = run(tmp_path)
        assert "nothing to record" in again.stderr
        assert len(server.requests) == asked == 4, "what is recorded is not asked again"
        assert "3 recorded" in run(tmp_path, "acme", "--again").stderr
        assert len(server.requests) == 2 * asked
    exchanges = read_cassette(tmp_path / "cassettes/acme/small/tools.round-trip.yaml")
    assert len(exchanges) == 2
    assert b'"tool_call_id"' in (exchanges[1].request.body or b"")
    judged = CliRunner().invoke(main, ["run", "--root", str(tmp_path), "--provider", "acme", "--check", "chunk"])
    assert judged.exit_code == 0, judged.output


def test_no_key_is_no_failure_and_none_is_written(tmp_path: Path) -> None:
    with Server(IDEAL) as server, Server(IDEAL) as other:
        project(tmp_path, server, other)
        (tmp_path / ".env").write_text("OTHER_KEY=good\n# ACME_KEY is not here\n")
        result = CliRunner().invoke(
            main,
            ["record", "--root", str(tmp_path), "--scenario", "chat.stream"],
            env={"ACME_KEY": "", "OTHER_KEY": None},
        )
    assert result.exit_code == 0, result.output
    assert "missing      acme/small/chat.stream: ACME_KEY is not set" in result.stdout
    assert cassettes(tmp_path) == {"other/small/chat.stream.yaml"}
    written = b"".join(path.read_bytes() for path in (tmp_path / "cassettes").rglob("*.yaml"))
    assert b"good" not in written
    assert b"uthorization" not in written


def test_what_one_reason_keeps_from_being_asked_is_one_line(tmp_path: Path) -> None:
    with Server(IDEAL) as server, Server(IDEAL) as other:
        result = run(project(tmp_path, server, other), ACME_KEY="")
        assert server.requests == []
    assert [line for line in result.stdout.splitlines() if "missing" in line] == [
        "missing      acme/small (3 scenarios): ACME_KEY is not set"
    ]
    assert "3 recorded" in result.stderr
    assert "3 missing" in result.stderr


def test_a_server_of_ones_own_is_asked_in_the_place_of_a_provider(tmp_path: Path) -> None:
    with Server(IDEAL) as server, Server(IDEAL) as own:
        run(project(tmp_path, server), "acme", "--base-url", own.base_url, scenarios=("chat.stream",))
        assert (len(server.requests), len(own.requests)) == (0, 1)
    assert cassettes(tmp_path) == {"acme/small/chat.stream.yaml"}
    refused = run(tmp_path, "--base-url", own.base_url)
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "name the provider" in refused.stderr
    assert "not an address" in run(tmp_path, "acme", "--base-url", "localhost:1").stderr


def test_an_address_is_filled_or_its_variable_is_named(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        project(tmp_path, server)
        path = tmp_path / "providers.yaml"
        text = path.read_text().replace(server.base_url, server.base_url.removesuffix("v1") + "{version}")
        path.write_text(text.replace("    key_env", "    fills: {version: ACME_VERSION}\n    key_env"))
        missing = run(tmp_path, scenarios=["chat.nonstream"])
        assert "missing      acme/small/chat.nonstream: ACME_VERSION is not set" in missing.stdout
        assert server.requests == []
        filled = run(tmp_path, scenarios=["chat.nonstream"], ACME_VERSION="v1")
        assert "1 recorded" in filled.stderr, filled.output
        (tmp_path / "cassettes/acme/small/chat.nonstream.yaml").unlink()
        refused = run(tmp_path, scenarios=["chat.nonstream"], ACME_VERSION="a/b")
        assert refused.exit_code == 2
        assert "ACME_VERSION: the value is not a name; give only the part for {version} in" in refused.stderr


def test_a_dry_run_asks_nothing(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        result = run(project(tmp_path, server), "--dry-run")
        assert server.requests == []
        without = run(tmp_path, "--dry-run", ACME_KEY="")
    assert result.stdout.splitlines() == [f"acme/small/{name}" for name in SHORT]
    assert "would not be sent" not in result.stderr
    assert f"{len(SHORT)} of these scenarios would not be sent: ACME_KEY is not set" in without.stderr


def test_what_is_declared_absent_is_not_asked(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        run(project(tmp_path, server, extra=", lacks: [tools]"))
    assert cassettes(tmp_path) == {"acme/small/chat.stream.yaml", "acme/small/chat.nonstream.yaml"}


@pytest.mark.parametrize(("status", "said"), [(401, "status 401"), (500, "status 500"), (429, "status 429")])
def test_what_is_no_answer_is_not_kept(status: int, said: str, tmp_path: Path) -> None:
    with Server(refuses(status)) as server:
        result = run(project(tmp_path, server), scenarios=("chat.stream",))
    assert said in result.stdout
    assert cassettes(tmp_path) == set()


def test_a_good_recording_is_not_lost_to_a_bad_answer(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        run(project(tmp_path, server), scenarios=("chat.stream",))
    before = (tmp_path / "cassettes/acme/small/chat.stream.yaml").read_bytes()
    with Server(refuses(503)) as server:
        run(project(tmp_path, server), "--again", scenarios=("chat.stream",))
    assert (tmp_path / "cassettes/acme/small/chat.stream.yaml").read_bytes() == before


def test_a_limit_is_waited_for_between_requests(tmp_path: Path) -> None:
    def limited(request: Received) -> Iterable[bytes | float | End]:
        return (refuses(429, ("Retry-After", "7")) if request.number == 0 else IDEAL)(request)

    waits: list[float] = []
    with Server(limited) as server:
        told = ask(project(tmp_path, server), RecordOptions(sleep=waits.append))
    assert [one.state for one in told] == ["recorded"]
    assert waits == [7.0]


def ask(root: Path, manner: RecordOptions, *scenarios: str) -> list[Recorded]:
    selection = Selection(scenarios=scenarios or ("chat.stream",))
    cases = cases_to_record(plan(load_matrix(root / "providers.yaml"), root, selection), again=False)
    with RecordingRun(cases, {"ACME_KEY": "good", "OTHER_KEY": "good"}, manner) as asking:
        return list(asking)


WAITS = {
    "seconds": 1.0, "zero": 0.0, "fraction": 0.5, "date": 2.0, "date-past": 0.0, "milliseconds": 0.05, "both": 0.05,
    "twice": 1.0, "year": 31536000.0, "date-far": 251e9,
}  # fmt: skip


@pytest.mark.parametrize("form", RETRY_AFTER)
def test_every_form_of_a_wait_is_read(form: str) -> None:
    pairs = tuple(RETRY_AFTER[form]())
    wait = seconds_to_wait(with_response(BODY, status=429, headers=Headers(pairs)))
    assert wait == (pytest.approx(WAITS[form], rel=0.02, abs=1.1) if form in WAITS else None)
    assert seconds_to_wait(with_response(BODY, headers=Headers(pairs))) is None, "an answer asks nobody to wait"


def test_a_provider_that_stays_at_its_limit_is_left_in_peace(tmp_path: Path) -> None:
    waits: list[float] = []
    with Server(refuses(429, ("Retry-After", "3"))) as server, Server(IDEAL) as other:
        told = ask(project(tmp_path, server, other), RecordOptions(sleep=waits.append), *SHORT)
        assert len(server.requests) == 2, "once, once more after the wait, and no other scenario"
    assert waits == [3.0]
    by_state = Counter((one.case.target.provider.id, one.state) for one in told)
    assert by_state == {("acme", "inconclusive"): 1, ("acme", "missing"): 2, ("other", "recorded"): 3}
    assert {one.reason for one in told if one.state == "missing"} == {
        "not sent: acme limits the rate and asks to wait 3 s"
    }


def test_a_wait_of_a_year_is_not_waited_for(tmp_path: Path) -> None:
    waits: list[float] = []
    with Server(refuses(429, ("Retry-After", "31536000"))) as server:
        ask(project(tmp_path, server), RecordOptions(sleep=waits.append))
    assert waits == []


@pytest.mark.parametrize(("script", "said"), [(refuses(401), "ACME_KEY was rejected with status 401")])
def test_a_refused_key_is_tried_once(script: Script, said: str, tmp_path: Path) -> None:
    with Server(script) as server:
        told = ask(project(tmp_path, server), RecordOptions(), *SHORT)
        assert len(server.requests) == 1
    assert [one.state for one in told] == ["inconclusive", "missing", "missing"]
    assert told[1].reason == f"not sent: {said}"


def test_where_nobody_answers_nobody_is_asked_again(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        root = project(tmp_path, server)
    with socket.socket() as silent:  # held, so that no other test's server comes to listen there
        silent.bind(("127.0.0.1", int(server.base_url.split(":")[2].split("/")[0])))
        told = ask(root, RecordOptions(), *SHORT)
    assert [one.state for one in told] == ["inconclusive", "missing", "missing"]
    assert "no connection to http://127.0.0.1" in told[1].reason


def test_what_has_ended_before_anybody_looks_is_told_in_its_order(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        cases = plan(load_matrix(project(tmp_path, server) / "providers.yaml"), tmp_path, Selection())
        with RecordingRun(cases, {}) as asking:
            asking.of(cases[-1])
            assert [one.case.id for one in asking] == [case.id for case in cases]
    assert len(cases) > 20, "few enough would stand in order by chance"


def test_a_provider_gets_no_more_requests_a_minute_than_it_is_to_get(tmp_path: Path) -> None:
    waits: list[float] = []
    with Server(IDEAL) as server:
        ask(project(tmp_path, server), RecordOptions(per_minute=60, sleep=waits.append), *SHORT)
        assert len(server.requests) == 4
    assert len(waits) == 3
    assert all(0.5 < wait <= 1 for wait in waits)


def test_what_is_not_to_be_kept_is_not(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        told = ask(project(tmp_path, server), RecordOptions(keep="none"))
    assert [(one.state, len(one.exchanges)) for one in told] == [("answered", 1)]
    assert cassettes(tmp_path) == set()


def test_a_target_that_wants_no_key_is_asked_without_one_where_it_is_named(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        root = project(tmp_path, server, extra=", lacks: [key]")
        unnamed = run(root, scenarios=("chat.stream",), ACME_KEY="")
        assert "acme needs no API key, so it is used only if you name it" in unnamed.stdout
        assert server.requests == [], "anything may listen at its address"
        run(root, "acme", scenarios=("chat.stream",), ACME_KEY="")
        assert len(server.requests) == 1


def test_providers_are_asked_at_once_and_one_in_order(tmp_path: Path) -> None:
    def slow(request: Received) -> Iterable[bytes | float | End]:
        yield 0.15
        yield from IDEAL(request)

    with Server(slow) as server, Server(slow) as other:
        run(project(tmp_path, server, other))
    for one in (server, other):
        times = [(request.begun, request.at) for request in one.requests]
        assert times == sorted(times)
    assert min(r.begun for r in other.requests) < max(r.begun for r in server.requests)


@pytest.mark.parametrize(
    ("script", "key", "said"),
    [
        (refuses(500), "good", "status 500: no verdict on what was asked"),
        (refuses(429), "good", "status 429: no verdict on what was asked"),
        (refuses(401), "bad", "ACME_KEY was rejected with status 401"),
        (IDEAL, "", "ACME_KEY is not set"),
    ],
)
def test_a_record_that_kept_nothing_is_no_success(script: Script, key: str, said: str, tmp_path: Path) -> None:
    with Server(script) as server:
        result = run(project(tmp_path, server), ACME_KEY=key)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("harness: nothing was recorded: ")
    assert said in result.stderr.splitlines()[-1]
    assert cassettes(tmp_path) == set()


def test_where_all_is_recorded_there_is_nothing_to_do(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        root = project(tmp_path, server)
        assert [run(root).exit_code, run(root).exit_code] == [0, 0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_what_was_recorded_is_kept(number: signal.Signals, tmp_path: Path) -> None:
    def told(request: Received) -> Iterable[bytes | float | End]:
        if request.number == 1:
            os.kill(os.getpid(), number)
            yield End.HANG
        yield from IDEAL(request)

    before = signal.getsignal(number)
    with Server(told) as server:
        result = run(project(tmp_path, server))
        assert len(server.requests) == 2, "what is under way is cut, and no more is asked"
    assert result.exit_code == 128 + number
    said = f"stopped by {number.name}; 1 recorded are kept, run it again for the rest"
    assert result.stderr.splitlines()[-1] == f"harness: {said}"
    assert "Aborted" not in result.output
    assert cassettes(tmp_path) == {"acme/small/chat.stream.yaml"}
    assert signal.getsignal(number) == before
    with Server(IDEAL) as server:
        assert "2 recorded" in run(project(tmp_path, server)).stderr


def test_a_stream_that_a_signal_cuts_is_not_kept(tmp_path: Path) -> None:
    def told(request: Received) -> Iterable[bytes | float | End]:
        for number, step in enumerate(IDEAL(request)):
            if number == 3:
                os.kill(os.getpid(), signal.SIGINT)
                yield End.HANG
            yield step

    with Server(told) as server:
        result = run(project(tmp_path, server), scenarios=("chat.stream",))
    assert result.exit_code == 130
    assert cassettes(tmp_path) == set()
    assert "the run was ended before it was answered" in result.stdout
