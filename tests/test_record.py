"""Recording the matrix: nothing is asked twice, nothing half is kept, no key is written."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scripted import IDEAL, End, Received, Server, refuses

from harness.cli import main
from harness.matrix.providers import load_matrix
from harness.record import due, record
from harness.recording.cassette import read_cassette
from harness.runner import Selection, plan

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
    assert "no key     acme/small/chat.stream: ACME_KEY is not set" in result.stdout
    assert cassettes(tmp_path) == {"other/small/chat.stream.yaml"}
    written = b"".join(path.read_bytes() for path in (tmp_path / "cassettes").rglob("*.yaml"))
    assert b"good" not in written
    assert b"uthorization" not in written


def test_a_dry_run_asks_nothing(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        result = run(project(tmp_path, server), "--dry-run")
        assert server.requests == []
    assert result.stdout.splitlines() == [f"acme/small/{name}" for name in SHORT]


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
        root = project(tmp_path, server)
        cases = due(
            plan(load_matrix(root / "providers.yaml"), root, Selection(scenarios=("chat.stream",))), again=False
        )
        told = list(record(cases, {"ACME_KEY": "good"}, sleep=waits.append))
    assert [one.state for one in told] == ["recorded"]
    assert waits == [7.0, 0.0]


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
