"""No foreign file is overwritten without ``--force``, and no device ever."""

import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.cli.probe_outputs import check_recordings
from harness.errors import Unwritable
from harness.matrix.scenarios import SCENARIOS
from harness.recording.atomic import check_own, write_atomically
from harness.recording.cassette import OWN, write_cassette
from harness.reports import badge, clients_page, page, table
from harness.reports.files import write_report
from harness.results import Finding, Level, Outcome, Results, Run
from harness.simulate.faults import FAULTS, VARIANTS
from harness.simulate.reference import REFERENCES

ROOT = Path(__file__).parents[2]
MINE = "# Compatibility\n\nNotes that took me a week.\n"
RESULTS = Results(Run("1", "2026-01-01", "replay"), [Finding("acme", "m", "s", "sse.end", Level.MUST, Outcome.PASS, provenance="recorded")])  # fmt: skip


def outcome_of(*arguments: object) -> tuple[int, str]:
    run = CliRunner().invoke(main, [*map(str, arguments)])
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    return run.exit_code, run.output


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("mine.md", ["probe", "http://127.0.0.1:9/v1", "-m", "m", "--markdown", "FILE"]),
        ("chat.stream.yaml", ["probe", "http://127.0.0.1:9/v1", "-m", "m", "--record", "FOLDER"]),
        ("mine.md", ["proof", "--no-pairs", "--write", "FILE"]),
        ("mine.md", ["registry", "nowhere", "--write", "FILE"]),
        ("mine.md", ["reconstruct", "--against", "nowhere", "--write", "FILE"]),
        ("openai.json", ["export", "openai", "--into", "FOLDER"]),
        ("index.html", ["run", "--provider", "llamacpp", "--check", "sse.end", "--report", "FOLDER"]),
        ("clients.md", ["clients", "run", "--provider", "aimock", "--client", "openai.print", "--report", "FOLDER"]),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_file_of_somebody_else_is_refused_before_anything_is_done(tmp_path: Path, name: str, command: list[str]) -> None:  # fmt: skip
    path = tmp_path / name
    path.write_text(MINE, encoding="utf-8")
    asked = [str(path) if word == "FILE" else str(tmp_path) if word == "FOLDER" else word for word in command]
    code, told = outcome_of(*asked, "--root", ROOT) if command[0] != "proof" else outcome_of(*asked)
    assert (code, told.splitlines()[-1]) == (
        2,
        f"harness: {path}: it exists and was not written by harness; name another file, or add --force",
    )
    assert path.read_text(encoding="utf-8") == MINE
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.thorough
def test_own_files_are_written_anew_and_others_with_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for changes in (FAULTS, VARIANTS):  # a few are a proof as well, for what is done to files
        for name in reversed([*changes][5:]):  # so that they come back in their order
            monkeypatch.delitem(changes, name)
    path = tmp_path / "proof.md"
    path.touch()
    for _ in range(2):
        assert outcome_of("proof", "--no-pairs", "--write", path)[0] in {0, 1}
    own = path.read_bytes()
    path.write_text(MINE, encoding="utf-8")
    assert outcome_of("proof", "--no-pairs", "--write", path, "--force")[0] in {0, 1}
    assert path.read_bytes() == own


@pytest.mark.parametrize("name", ["compatibility.md", "index.html", "badges/acme.svg"])
def test_a_report_replaces_nothing_of_others(tmp_path: Path, name: str) -> None:
    write_report(tmp_path, RESULTS)
    write_report(tmp_path, RESULTS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / name).write_text(MINE, encoding="utf-8")
    with pytest.raises(Unwritable, match=re.escape(f"{tmp_path / name}: it exists and was not written by harness")):
        write_report(tmp_path, RESULTS)
    assert (tmp_path / name).read_text(encoding="utf-8") == MINE
    write_report(tmp_path, RESULTS, force=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_badges_of_others_stay_where_ours_go(tmp_path: Path) -> None:
    (tmp_path / "badges").mkdir()
    (tmp_path / "badges/build.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    write_report(tmp_path, RESULTS)
    (tmp_path / "badges/acme.svg").rename(tmp_path / "badges/gone.svg")
    write_report(tmp_path, RESULTS)
    assert {path.name for path in (tmp_path / "badges").iterdir()} == {"acme.svg", "build.svg"}


def test_a_cassette_of_another_tool_is_not_replaced(tmp_path: Path) -> None:
    scenario = SCENARIOS["chat.stream"]
    path = tmp_path / "chat.stream.yaml"
    write_cassette(path, [REFERENCES["stream"]])
    check_recordings(tmp_path, [scenario], force=False)
    path.write_text("interactions: []\nversion: 1\n", encoding="utf-8")
    with pytest.raises(Unwritable, match="not written by harness"):
        check_recordings(tmp_path, [scenario], force=False)
    check_recordings(tmp_path, [scenario], force=True)


def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (pipe, link, tmp_path, Path(os.devnull)):
        with pytest.raises(Unwritable, match="not a regular file"):
            check_own(path, OWN, force=True)
        with pytest.raises(Unwritable, match="not a regular file"):
            write_atomically(path, b"x")
        assert outcome_of("audit", ROOT / "cassettes/openai", "--results", path)[0] == 2
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_the_pages_and_tables_that_are_kept_are_known_as_own() -> None:
    reports = ROOT / "reports"
    check_own(reports / "compatibility.md", table.OWN)
    check_own(reports / "index.html", page.OWN)
    check_own(reports / "clients.html", clients_page.OWN)
    for path in (reports / "badges").iterdir():
        check_own(path, badge.OWN)
