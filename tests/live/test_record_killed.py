"""
A recording run that is killed at any moment, or runs beside another, leaves complete cassettes and can be
resumed.
"""

import errno
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from forks import Forks
from scripted import IDEAL, Server, ideal_answer, slow

from harness.cli import main
from harness.judging.runner import Selection, plan
from harness.live.record import RecordingRun, RecordOptions
from harness.matrix.providers import load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.recording.atomic import turn_at
from harness.recording.cassette import read_cassette, write_cassette
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Source

PROVIDERS = """\
providers:
  - id: acme
    name: Acme
    base_url: {url}
    key_env: ACME_KEY
    docs: https://acme.example/docs
    models:
      - {{id: small, name: gpt-4o-mini, thinking: {{disable: {{}}}}}}
"""
ASKED = ("chat.stream", "tools.round-trip", "chat.capped")
MORE = (
    *ASKED,
    "json.object",
    "chat.nonstream",
    "chat.n2",
    "tools.auto",
    "tools.parallel",
    "multi_turn.history",
    "parity.chat",
)
KILLS = 200  # and more, where a busy machine let none of them fall on a moment that is to be seen
WANTED = {"killed": KILLS // 3, "between the first and the last": KILLS // 20, "inside a write": 0}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks(keys=("ACME_KEY",)) as forks:
        yield forks


@pytest.fixture(scope="module")
def others() -> Iterator[Forks]:
    with Forks(keys=("ACME_KEY",)) as forks:
        yield forks


def project(root: Path, server: Server) -> Path:
    root.mkdir()
    (root / "providers.yaml").write_text(PROVIDERS.format(url=server.base_url))
    return root


def options(root: Path, scenarios: Iterable[str], *more: str) -> list[str]:
    return ["record", "--root", str(root), *(word for name in scenarios for word in ("--scenario", name)), *more]


def record(
    forks: Forks, root: Path, scenarios: Iterable[str] = ASKED, *more: str, kill_after: float | None = None
) -> int:
    return forks.do("record", kill_after, options=options(root, scenarios, *more))


def take_up(root: Path) -> int:
    return CliRunner().invoke(main, options(root, ASKED), env={"ACME_KEY": "good"}).exit_code


def timed(forks: Forks, root: Path) -> float:
    begun = time.monotonic()
    assert record(forks, root) == 0
    return time.monotonic() - begun


def kept(root: Path) -> dict[str, bytes]:
    """Return what stands where cassettes do, by name; but the empty files of whose turn it is, which wait for the next."""
    found = [path for path in (root / "cassettes").rglob("*") if path.is_file() and path.suffix != ".harness-turn"]
    return {path.name: path.read_bytes() for path in found}


def requests_in(root: Path, server: Server) -> set[bytes]:
    """Return the requests in a project's cassettes, which must be complete, with matching responses."""
    found = set()
    for path in (root / "cassettes").rglob("*.yaml"):
        exchanges = read_cassette(path)
        assert len(exchanges) == SCENARIOS[path.stem].requests
        for exchange in exchanges:
            number = re.search(rb'"id":"chatcmpl-(\d+)"', exchange.response.body)
            assert number
            request = server.requests[int(number[1])]
            assert (exchange.request.body, exchange.response.eof) == (request.body, True)
            assert exchange.response.body == ideal_answer(request).response.body
            found.add(request.body)
    return found


@pytest.mark.thorough
def test_a_run_killed_at_any_moment_leaves_whole_cassettes_and_is_taken_up(tmp_path: Path, forks: Forks) -> None:
    moments, seen = random.Random(20), Counter[str]()
    names = {f"{name}.yaml" for name in ASKED}
    with Server(IDEAL) as server:
        for number in range(5 * KILLS):
            if number % 50 == 0:  # anew, since how long a run takes is the machine's doing
                takes = min(timed(forks, project(tmp_path / f"{number}-{name}", server)) for name in "abc")
            if number >= KILLS and all(seen[moment] > wanted for moment, wanted in WANTED.items()):
                break
            root = project(tmp_path / str(number), server)
            seen["killed"] += record(forks, root, kill_after=moments.random() * takes) == -signal.SIGKILL
            before, answered = kept(root), requests_in(root, server)
            left = before.keys() - names
            assert all(re.fullmatch(r"\..+\.yaml\..+\.harness-part", name) for name in left)
            seen["inside a write"] += bool(left)
            seen["between the first and the last"] += 0 < len(before) - len(left) < len(ASKED)

            asked = len(server.requests)
            assert take_up(root) == 0
            after = kept(root)
            assert after.keys() == names, "what is missing is there, and what was left is gone"
            assert all(after[name] == before[name] for name in before.keys() - left)
            requests_in(root, server)
            assert answered.isdisjoint(request.body for request in server.requests[asked:]), "nothing is asked again"
    assert all(seen[moment] > wanted for moment, wanted in WANTED.items()), seen


def at_once(*runs: Callable[[], int]) -> list[int]:
    with ThreadPoolExecutor() as pool:
        return [run.result() for run in [pool.submit(run) for run in runs]]


def test_two_runs_into_one_folder_lose_and_mix_nothing(tmp_path: Path, forks: Forks, others: Forks) -> None:
    with Server(IDEAL) as server:
        for number in range(4):
            root = project(tmp_path / str(number), server)
            both = at_once(lambda: record(forks, root, MORE), lambda: record(others, root, MORE))  # noqa: B023 - it is waited for
            assert both == [0, 0]
            assert kept(root).keys() == {f"{name}.yaml" for name in MORE}
            requests_in(root, server)
            assert not [*root.rglob("*.harness-turn")]
    assert len(server.requests) == 4 * sum(SCENARIOS[name].requests for name in MORE), "what one records the other uses"


def test_a_turn_that_a_killed_run_held_is_taken_over(tmp_path: Path, forks: Forks) -> None:
    with Server(slow(IDEAL, 0.05)) as server:
        root = project(tmp_path / "project", server)
        held = root / "cassettes/acme/small/.chat.stream.yaml.harness-turn"
        after = 0.4
        while not held.exists():
            assert record(forks, root, ASKED[:1], kill_after=after) == -signal.SIGKILL
            after += 0.2
        server.answers(IDEAL)
        assert record(forks, root, ASKED) == 0
        assert kept(root).keys() == {f"{name}.yaml" for name in ASKED}
        assert not [*root.rglob("*.harness-turn")]


def test_who_waits_for_a_turn_uses_what_was_recorded_meanwhile(tmp_path: Path) -> None:
    with Server(IDEAL) as server, ThreadPoolExecutor() as pool:
        root = project(tmp_path / "project", server)
        case = plan(load_matrix(root / "providers.yaml"), root, Selection(scenarios=ASKED[:1]))[0]
        with turn_at(case.cassette, lambda _: True) as ours:
            assert ours
            with turn_at(case.cassette, lambda _: True) as again:
                assert not again
            asking = RecordingRun([case], {"ACME_KEY": "good"}, RecordOptions(reuse=True))
            waiting = pool.submit(asking.__enter__().of, case)
            write_cassette(case.cassette, [replace(REFERENCES["stream"], source=Source())])
        told = waiting.result()
        asking.__exit__()
        assert (told.state, told.reason, len(told.exchanges)) == ("recorded", "by another run meanwhile", 1)
        assert server.requests == []


def test_who_reads_while_two_runs_record_anew_reads_whole_cassettes(
    tmp_path: Path, forks: Forks, others: Forks
) -> None:
    with Server(IDEAL) as server, ThreadPoolExecutor() as pool:
        root = project(tmp_path / "project", server)
        assert record(forks, root, MORE) == 0
        runs = [pool.submit(record, one, root, MORE, "--again") for one in (forks, others)]
        reads = 0
        while not all(run.done() for run in runs):
            requests_in(root, server)
            assert {path.stem for path in root.rglob("cassettes/**/*.yaml")} == set(MORE)
            reads += 1
        assert [run.result() for run in runs] == [0, 0]
        assert reads > 0
        assert len(server.requests) == 3 * sum(SCENARIOS[name].requests for name in MORE)
    assert kept(root).keys() == {f"{name}.yaml" for name in MORE}


@pytest.mark.thorough
def test_a_killed_run_does_no_harm_to_one_beside_it(tmp_path: Path, forks: Forks, others: Forks) -> None:
    moments, killed = random.Random(4), 0
    with Server(IDEAL) as server:
        takes = min(timed(forks, project(tmp_path / name, server)) for name in ("first", "second"))
        for number in range(15):
            root = project(tmp_path / str(number), server)
            after = moments.random() * takes
            how, other = at_once(
                lambda: record(forks, root, kill_after=after),  # noqa: B023 - it is waited for
                lambda: record(others, root),  # noqa: B023
            )
            killed += how == -signal.SIGKILL
            assert other == 0
            assert {f"{name}.yaml" for name in ASKED} <= kept(root).keys()
            requests_in(root, server)
    assert killed > 0


@pytest.mark.thorough
def test_a_disk_that_fills_up_ends_the_run_in_a_line_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, left = os.fsync, [4]  # two cassettes, each with its folder

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with Server(IDEAL) as server:
        root = project(tmp_path / "project", server)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            told = CliRunner().invoke(main, options(root, MORE), env={"ACME_KEY": "good"})
        before = kept(root)
        assert (told.exit_code, len(before)) == (2, 2), told.output
        assert re.fullmatch(
            r"harness: .*/cassettes/acme/small/.*\.yaml: No space left on device; choose a place .*", last(told)
        )
        requests_in(root, server)
        assert take_up(root) == 0
        assert before.items() <= kept(root).items()


@pytest.mark.thorough
def test_a_folder_that_cannot_be_is_a_line(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        root = project(tmp_path / "project", server)
        (root / "cassettes").write_text("a file")
        told = CliRunner().invoke(main, options(root, ASKED), env={"ACME_KEY": "good"})
        assert len(server.requests) <= 1, "what can't be kept is not asked on"
    assert told.exit_code == 2
    assert re.fullmatch(r"harness: .*/cassettes/acme/small/.*\.yaml: Not a directory; choose a place .*", last(told))


def last(told: Result) -> str:
    return told.stderr.splitlines()[-1]
