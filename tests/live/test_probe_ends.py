"""A probe ends, whatever the endpoint does, keeps what was judged, and reports the result by its exit code."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from parted import parted
from scripted import IDEAL, End, Received, Script, Server, ideal_answer, plays, refuses, stalls

from harness.cli import main
from harness.judging.runner import Subject
from harness.live.probe import Course
from harness.live.probe import probe as ask_all
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.recording.cassette import read_cassette
from harness.results import Outcome, read_results
from harness.simulate.reference import with_body, with_header
from harness.wire.exchange import Exchange

LONG = ("--max-seconds", "60")
HANGING = stalls(IDEAL)


def command(server: Server, *options: str) -> list[str]:
    return ["probe", server.base_url, "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *options]


def probe(server: Server, *options: str) -> Result:
    return CliRunner().invoke(main, command(server, *options), env={"PROBE_KEY": "good", "COLUMNS": "200"})


def drips(_request: Received) -> Iterable[bytes | float | End]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    while True:
        yield b" "
        yield 0.05


def head_only(_request: Received) -> Iterable[bytes | float | End]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield End.HANG


def drips_a_head(_request: Received) -> Iterable[bytes | float | End]:
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    while True:
        yield b"."
        yield 0.05


SILENT_ONES: dict[str, tuple[Script, int]] = {
    "never answers": (HANGING, 2),
    "a head and nothing more": (head_only, 1),
    "a byte now and then": (drips, 1),
    "a head byte by byte": (drips_a_head, 2),
}
"""
With their exit codes: a response that begins and does not end is a finding; without any there is nothing to
judge.
"""


@pytest.mark.parametrize("name", SILENT_ONES)
def test_after_three_time_outs_in_a_row_the_endpoint_is_dead(name: str, tmp_path: Path) -> None:
    script, code = SILENT_ONES[name]
    with Server(script) as server:
        result = probe(server, "--timeout", "0.5", *LONG, "--results", str(tmp_path / "r.jsonl"))
        assert len(server.requests) <= 8
    assert result.exit_code == code
    left = [
        one for one in read_results(tmp_path / "r.jsonl").findings if "the endpoint does not respond" in one.message
    ]
    assert {one.outcome for one in left} == {Outcome.INCONCLUSIVE}
    assert len(left) > 40
    assert "3 requests in a row timed out" in result.stderr
    assert ("harness: nothing was checked: " in result.stderr) == (code == 2)


def test_what_was_judged_before_it_died_stands(tmp_path: Path) -> None:
    def dies(request: Received) -> Iterable[bytes | float | End]:
        return (IDEAL if request.number < 8 else HANGING)(request)

    with Server(dies) as server:
        result = probe(server, "--timeout", "0.6", *LONG, "--results", str(tmp_path / "r.jsonl"))
    assert result.exit_code == 0, result.output
    found = read_results(tmp_path / "r.jsonl")
    assert found.outcomes["pass"] > 100
    assert "the endpoint does not respond" in result.stderr


@pytest.mark.thorough
def test_time_outs_that_are_not_in_a_row_do_not_end_it(tmp_path: Path) -> None:
    def sometimes(request: Received) -> Iterable[bytes | float | End]:
        return (HANGING if request.number in {5, 30} else IDEAL)(request)

    with Server(sometimes) as server:
        result = probe(server, "--timeout", "1", *LONG, "--results", str(tmp_path / "r.jsonl"))
    assert "dead" not in result.stderr
    assert not [one for one in read_results(tmp_path / "r.jsonl").findings if "not sent: " in one.message]


def test_max_seconds_ends_the_whole_and_says_what_was_not_asked(tmp_path: Path) -> None:
    def slow(request: Received) -> Iterable[bytes | float | End]:
        yield 0.3
        yield from IDEAL(request)

    with Server(slow) as server:
        result = probe(server, "--max-seconds", "1", "--results", str(tmp_path / "r.jsonl"))
        assert 3 < len(server.requests) < 40
    assert result.exit_code == 0, result.output
    assert "within 1 s" in result.stderr
    assert "the limit of 1 s (--max-seconds) is reached: " in result.stderr
    assert "scenarios not sent (" in result.stderr
    found = read_results(tmp_path / "r.jsonl")
    assert found.outcomes["pass"] > 50
    assert {one.outcome for one in found.findings if "not sent: " in one.message} == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e12", "soon"])
@pytest.mark.parametrize("option", ["--timeout", "--max-seconds"])
def test_a_limit_is_a_number_of_seconds(option: str, value: str) -> None:
    with Server(IDEAL) as server:
        result = probe(server, option, value)
        assert (result.exit_code, server.requests) == (2, [])
    assert option in result.stderr


def page(request: Received) -> Exchange:
    html = with_body(ideal_answer(request), b"<html><body>Welcome</body></html>")
    return with_header(html, "Content-Type", "text/html")


ANSWERS: dict[str, tuple[Script, int, str]] = {
    "500 to all": (refuses(500), 2, "this endpoint did not answer any chat request: status 500"),
    "429 to all": (refuses(429), 2, "this endpoint did not answer any chat request: status 429"),
    "503 to all": (refuses(503), 2, "this endpoint did not answer any chat request: status 503"),
    "400 to all": (refuses(400, message="not a chat model"), 2, "did not answer any chat request: status 400: "),
    "401 to all": (refuses(401), 2, "is the key right?"),
    "HTML at 200": (plays(page), 1, ""),
}


@pytest.mark.parametrize("name", parted(ANSWERS, {"500 to all", "401 to all", "HTML at 200"}))
def test_a_probe_that_judged_nothing_is_no_success(name: str) -> None:
    script, code, said = ANSWERS[name]
    with Server(script) as server:
        result = probe(server)
    assert result.exit_code == code, result.output
    assert said in result.stderr.splitlines()[-1]


def test_one_scenario_that_could_not_be_judged_is_none_either() -> None:
    with Server(refuses(401)) as server:
        result = probe(server, "--scenario", "tools.auto")
    assert (result.exit_code, "nothing was checked" in result.stderr) == (2, True)
    with Server(IDEAL) as server:
        result = probe(server, "--scenario", "error.too-long")
        assert server.requests == []
    assert result.exit_code == 2
    assert "sent only with --long" in result.stderr.splitlines()[-1]


def test_in_chinese_no_english_sentence_is_left() -> None:
    with Server(IDEAL) as server:
        shown = probe(server, "--scenario", "chat.stream-usage", "--scenario", "error.too-long", "--lang", "zh").stdout
    assert "加上 --long 才会请求，约需" in shown
    assert "独立块" in shown
    assert re.findall(r"[a-z]+(?: [a-z]+){2,}", shown) == []


def test_models_are_answered_and_no_chat() -> None:
    def only_models(request: Received) -> Iterable[bytes | float | End]:
        return (IDEAL if request.method == "GET" else refuses(500))(request)

    with Server(only_models) as server:
        result = probe(server)
    assert result.exit_code == 2
    assert "did not answer any chat request" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("number", parted([signal.SIGINT, signal.SIGTERM], {signal.SIGINT}))
def test_a_signal_ends_it_and_what_was_judged_is_told(number: signal.Signals, tmp_path: Path) -> None:
    """The eleventh request gets no response: then the signal comes."""

    def stops(request: Received) -> Iterable[bytes | float | End]:
        return (IDEAL if request.number < 10 else HANGING)(request)

    with Server(stops) as server:
        kept = ("--results", str(tmp_path / "r.jsonl"), "--record", str(tmp_path / "kept"))
        environment = {**os.environ, "PROBE_KEY": "good"}
        with subprocess.Popen(
            [sys.executable, "-m", "harness", *command(server, *kept)],
            env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as running:  # fmt: skip
            until = time.monotonic() + 60
            while len(server.requests) < 12 and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.3)  # for what was answered to be judged
            running.send_signal(number)
            out, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert f"stopped by {number.name}" in err
    assert "Traceback" not in err
    assert re.search(r"(?m)^ chunk +\d", out), "what was judged"
    assert read_results(tmp_path / "r.jsonl").outcomes["pass"] > 50
    assert len(list((tmp_path / "kept").glob("*.yaml"))) >= 5


def test_a_signal_in_this_process_puts_back_what_was_there(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def told(request: Received) -> Iterable[bytes | float | End]:
        if request.number == 6:
            os.kill(os.getpid(), signal.SIGTERM)
            yield End.HANG
        yield from IDEAL(request)

    with Server(told) as server:
        result = probe(server, "--record", str(tmp_path), "--format", "json")
    assert result.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) == before
    assert result.stdout.count('"pass"') > 20
    assert "what was judged before stands" in result.stderr.splitlines()[-1]


def test_a_stream_cut_by_a_signal_is_judged_up_to_there(tmp_path: Path) -> None:
    def told(request: Received) -> Iterable[bytes | float | End]:
        for number, step in enumerate(plays(ideal_answer)(request)):
            if number == 6:
                os.kill(os.getpid(), signal.SIGINT)
                yield End.HANG
            yield step

    with Server(told) as server:
        result = probe(server, "--scenario", "chat.stream", "--record", str(tmp_path))
    assert result.exit_code == 130
    (exchange,) = read_cassette(tmp_path / "chat.stream.yaml")
    assert exchange.response.error == "closed before the end: stopped by SIGINT"
    assert exchange.response.body
    assert "http.complete" not in result.stdout, "it was us"


def in_a_small_disk(limit: int, *words: str, stdout: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command with a file size limit of ``limit`` bytes: as on a full disk, writes fail."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "from harness.cli import main; main()"
    )
    with contextlib.ExitStack() as opened:
        where = opened.enter_context(Path(stdout).open("w", encoding="utf-8")) if stdout else subprocess.PIPE
        return subprocess.run(
            [sys.executable, "-c", code, *words], env={**os.environ, "PROBE_KEY": "good"},
            stdout=where, stderr=subprocess.PIPE, text=True, timeout=100, check=False,
        )  # fmt: skip


@pytest.mark.thorough
def test_on_a_full_disk_what_was_judged_is_printed_and_no_more_asked(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        kept = ("--record", str(tmp_path / "kept"), "--results", str(tmp_path / "r.jsonl"))
        done = in_a_small_disk(3000, *command(server, *kept, "--format", "json"))
        assert len(server.requests) < 30
    assert done.returncode == 2, done.stderr
    assert done.stdout.count('"pass"') > 20
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert "r.jsonl" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.thorough
def test_results_are_on_the_disk_where_the_output_is_not_taken(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        words = command(server, "--scenario", "chat.stream", "--results", str(tmp_path / "r.jsonl"), "--format", "json")
        done = in_a_small_disk(1 << 30, *words, stdout="/dev/full")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("harness: stdout: No space left on device")
    assert read_results(tmp_path / "r.jsonl").outcomes["pass"] > 10


def test_a_connection_that_is_not_made_holds_nothing_up() -> None:
    """A name lookup can't be aborted: the probe ends without it."""

    never = threading.Event()

    def ask(_scenario: Scenario) -> list[Exchange]:
        never.wait(20)
        return []

    found = ask_all(
        ask, lambda one: Subject("p", "m", one.id, None), course=Course(0.3),
        scenarios=[SCENARIOS["chat.stream"], SCENARIOS["chat.long"]],
    )  # fmt: skip
    outcomes = [one.findings[0].message for one in found]
    never.set()
    assert outcomes == [
        "the limit of 0.3 s (--max-seconds) is reached",
        "not sent: the limit of 0.3 s (--max-seconds) is reached",
    ]
