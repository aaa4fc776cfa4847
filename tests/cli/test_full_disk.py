"""On a full or read-only disk, every command that writes exits with 2 and one line, and loses nothing."""

import re
from pathlib import Path

import own_disk
import pytest
from scripted import IDEAL, Server

from harness.checks import CHECKS
from harness.judging.runner import Subject, judge_exchanges
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import read_cassette
from harness.results import Results, Run, write_results
from harness.simulate.reference import BODY

ROOT = Path(__file__).resolve().parents[2]
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
BEFORE = b'{"kind":"run","what was":"there"}\n'
TABLES = b"<!-- compatibility tables: begin -->\n<!-- compatibility tables: end -->\n"
RECORDING = str(ROOT / "cassettes/aimock/tiny-chat/chat.stream.yaml")
WITH_ROOT = ("--root", str(ROOT))
COMMANDS = {
    "run": ("run", *WITH_ROOT, "--provider", "stepfun", "--report", "{disk}"),
    "audit": ("audit", RECORDING, "--results", "{disk}/results.jsonl"),
    "report": ("report", "{results}", "--into", "{disk}/tables.md"),
    "export": ("export", "stepfun", *WITH_ROOT, "--into", "{disk}/export"),
    "reconstruct": ("reconstruct", "--root", "{disk}"),
    "record": ("record", "--root", "{disk}", "--scenario", "chat.stream", "--scenario", "chat.nonstream"),
    "probe": ("probe", "{url}", "-m", "gpt-4o-mini", "--key-env", "ACME_KEY", "--scenario", "chat.stream", "--results", "{disk}/results.jsonl"),
    "probe, cassettes": ("probe", "{url}", "-m", "gpt-4o-mini", "--key-env", "ACME_KEY", "--scenario", "chat.stream", "--record", "{disk}/kept"),
    "new provider": ("new-provider", "{url}", "-m", "gpt-4o-mini", "--id", "other", "--key-env", "ACME_KEY", "--docs", "https://x.example", "--root", "{disk}"),
}  # fmt: skip

pytestmark = pytest.mark.skipif(bool(own_disk.refused()), reason=own_disk.refused() or "never")


def files(server: Server) -> dict[str, bytes]:
    """Return what is on the disk: a project with a profile, whose cassette is no longer what it makes, and results."""
    profile = (ROOT / "cassettes/stepfun/profile.yaml").read_bytes()
    matrix = PROVIDERS.format(url=server.base_url) + _entry("stepfun")
    return {
        "providers.yaml": matrix.encode(), "results.jsonl": BEFORE, "tables.md": TABLES,
        "cassettes/stepfun/profile.yaml": profile,
    }  # fmt: skip


def _entry(provider: str) -> str:
    text = (ROOT / "providers.yaml").read_text(encoding="utf-8")
    found = re.search(rf"(?ms)^  - id: {provider}\n.*?(?=^  - id: |\Z)", text)
    assert found
    return found[0]


def ends_on_a_disk(tmp_path: Path, *, full: bool) -> dict[str, tuple[int, str]]:
    """Return how each command ends on a disk that is full or read-only; the disk keeps its files."""
    disk, results = tmp_path / "disk", tmp_path / "some.jsonl"
    disk.mkdir()
    found = list(judge_exchanges([BODY], Subject("acme", "small", "chat.nonstream", "x"), CHECKS.values()))
    write_results(results, Results(Run("0", "2026-01-01", "replay"), found))
    with Server(IDEAL) as server:
        kept = files(server)
        size = sum(-len(content) // 4096 * -4096 for content in kept.values()) if full else 1 << 20
        commands = [
            [word.format(disk=disk, url=server.base_url, results=results) for word in words]
            for words in COMMANDS.values()
        ]
        told = own_disk.run(disk, commands, kept, size=size, readonly=not full)
    assert told.files == kept, "nothing is lost, and nothing half is left"
    return dict(zip(COMMANDS, told.ended, strict=True))


@pytest.mark.parametrize(
    ("full", "why"),
    [
        pytest.param(False, "Read-only file system", marks=pytest.mark.thorough, id="it may only be read"),
        pytest.param(True, "No space left on device", id="full"),
    ],
)
@pytest.mark.thorough
def test_each_command_that_writes_names_the_disk_in_a_line_and_loses_nothing(
    tmp_path: Path, *, full: bool, why: str
) -> None:
    expected = rf"harness: {tmp_path}/disk\S*: {why}; choose a \w+ that you can write to"
    ends = ends_on_a_disk(tmp_path, full=full)
    assert {name: end for name, end in ends.items() if end[0] != 2 or not re.fullmatch(expected, end[1])} == {}


def test_what_was_recorded_before_a_disk_was_full_is_whole(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    asked = (
        "chat.stream",
        "chat.nonstream",
        "chat.n2",
        "tools.auto",
        "tools.parallel",
        "multi_turn.history",
        "chat.stop",
    )
    words = ["record", "--root", str(disk), *(word for name in asked for word in ("--scenario", name))]
    with Server(IDEAL) as server:
        kept = {"providers.yaml": PROVIDERS.format(url=server.base_url).encode()}
        told = own_disk.run(disk, [words], kept, size=16 << 10)
    ((code, said),) = told.ended
    assert (code, "No space left on device" in said) == (2, True), said
    recorded = told.files.keys() - kept.keys()
    assert 0 < len(recorded) < len(asked)
    for name in recorded:
        copy = tmp_path / "copy.yaml"
        copy.write_bytes(told.files[name])
        assert len(read_cassette(copy)) == SCENARIOS[Path(name).stem].requests
