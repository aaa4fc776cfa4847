"""``harness diff`` for users: results, recordings, and what can't be compared."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import main
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.providers import load_matrix
from harness.recording.cassette import write_cassette
from harness.reports.files import write_report
from harness.results import Finding, Level, Outcome, Results, Run, read_results, write_results
from harness.simulate.reference import STREAM, replace_in_body

ROOT = Path(__file__).resolve().parents[2]
FEW = ("llamacpp", "mlx-lm")
"""The providers that suffice for the tests: judging all of them takes seconds."""


def harness(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["diff", *arguments, "--root", str(ROOT)], env={"COLUMNS": "100"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(*arguments: str) -> str:
    result = harness(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The findings on the recordings of some providers."""
    chosen = Selection(providers=FEW)
    cases = plan(load_matrix(ROOT / "providers.yaml"), ROOT, chosen)
    findings = [finding for case in cases for finding in run_case(case, chosen.chosen())]
    path = tmp_path_factory.mktemp("few") / "results.jsonl"
    write_results(path, Results(Run("1", "2026-05-01T00:00:00+00:00", "replay", "3"), findings))
    return path


@pytest.fixture
def worse(few: Path, tmp_path: Path) -> Path:
    """Some of the committed results, in which llama.cpp's usage no longer adds up, and one recording is missing."""
    results = read_results(few)
    kept = []
    for finding in results.findings:
        if finding.provider == "llamacpp" and finding.check == "usage.sum" and finding.outcome is Outcome.PASS:
            finding.outcome, finding.message = Outcome.FAIL, "total_tokens is 12, not 11"
        if finding.provider != "llamacpp" or finding.scenario != "chat.stop":
            kept.append(finding)
    path = tmp_path / "worse.jsonl"
    write_results(path, Results(results.run, kept))
    return path


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, exchange in (("old", STREAM), ("new", replace_in_body(STREAM, '"object":"chat.completion.chunk",', ""))):
        write_cassette(tmp_path / name / "chat.stream.yaml", [exchange])
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_results_do_not_differ_from_themselves(few: Path) -> None:
    result = harness(str(few), str(few))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("nothing changed · ")


def test_a_regression_exits_1_and_is_shown_with_its_first_place(few: Path, worse: Path) -> None:
    result = harness(str(few), str(worse))
    assert result.exit_code == 1
    lines = [line.strip() for line in result.stdout.splitlines()]
    start = lines.index("Regressions")
    assert lines[start + 1].startswith("pass → fail  llamacpp  usage.sum MUST ×")
    assert lines[start + 2] == "total_tokens is 12, not 11"
    assert lines[start + 3] == "first: llamacpp/tiny-chat/chat.stream-usage/usage.sum"
    assert lines[start + 4].startswith("by: same recording, harness and SDK: an edit of")
    assert f"not in {worse}" in lines


def test_read_backwards_it_is_an_improvement_and_exits_0(few: Path, worse: Path) -> None:
    result = harness(str(worse), str(few))
    assert result.exit_code == 0
    assert "Improvements" in result.stdout
    assert "New coverage" in result.stdout


@pytest.mark.thorough
def test_a_report_folder_is_its_results(few: Path, tmp_path: Path) -> None:
    write_report(tmp_path / "reports", read_results(few))
    assert harness(str(tmp_path / "reports"), str(few)).exit_code == 0
    (tmp_path / "reports/results.jsonl").unlink()
    assert "reports: this is the digest of a run, not its results" in refused(str(tmp_path / "reports"), str(few))
    write_results(tmp_path / "reports/results.jsonl.gz", read_results(few))
    assert harness(str(tmp_path / "reports"), str(tmp_path / "reports/results.jsonl.gz")).exit_code == 0


def test_recordings(recordings: Path) -> None:
    result = harness("old", "new")
    assert result.exit_code == 1
    assert "text → missing  api.openai.com  /object" in result.stdout or "text → missing  openai  /object" in result.stdout  # fmt: skip
    assert "chunk.object MUST" in result.stdout
    assert harness("old", "old").exit_code == harness(str(recordings / "old"), "old").exit_code == 0


def test_logs_of_exchanges_are_recordings_too(tmp_path: Path) -> None:
    request = {"method": "POST", "url": "https://api.example/v1/chat/completions"}
    for name, body in (("old", '{"error":{"code":1}}'), ("new", '{"error":{"code":"1"}}')):
        row = {"request": request, "response": {"status": 400, "headers": {}, "body_text": body}}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    result = harness(str(tmp_path / "old.jsonl"), str(tmp_path / "new.jsonl"))
    assert "number → text  api.example  /error/code" in result.stdout


def test_results_are_known_by_what_they_hold(few: Path, worse: Path) -> None:
    renamed = worse.rename(worse.with_suffix(".txt"))
    assert harness(str(renamed), str(few)).exit_code == 0


def test_json_and_markdown(few: Path, worse: Path) -> None:
    rows = [json.loads(line) for line in harness(str(few), str(worse), "--format", "json").stdout.splitlines()]
    assert [rows[0]["kind"], rows[-1]["kind"]] == ["diff", "end"]
    assert (rows[-1]["regression"], rows[1]["regression"]) == (True, True)
    assert {row["change"] for row in rows[1:-1]} == set(rows[-1]["changes"])
    assert sum(len(row["cells"]) for row in rows[1:-1]) == sum(rows[-1]["changes"].values())
    markdown = harness(str(few), str(worse), "--format", "markdown").stdout
    assert markdown.startswith("**")
    assert "### Regressions" in markdown


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gone.jsonl", "r.jsonl", "gone.jsonl: No such file or directory; make one with: harness run"),
        ("gone", "old", "gone: no such file or folder; give two results files or two recordings"),
        ("old", "gone.yaml", "gone.yaml: no such file or folder"),
        ("old", "empty", "empty: no recordings in it"),
        ("r.jsonl", "old", "r.jsonl holds results, old a recording; give two of a kind"),
        ("old/chat.stream.yaml", "r.jsonl", "old/chat.stream.yaml holds a recording, "),
        ("old", "new/chat.stream.yaml", "one is a folder and one a file"),
    ],
)
def test_bad_input_is_one_line(old: str, new: str, said: str, recordings: Path) -> None:
    finding = Finding("acme", "small", "chat.stream", "usage.sum", Level.MUST, Outcome.PASS)
    write_results(recordings / "r.jsonl", Results(Run("1", "2026-05-01", "replay"), [finding]))
    assert said in refused(old, new)


def test_an_interrupted_run_is_refused(few: Path, tmp_path: Path) -> None:
    lines = few.read_bytes().splitlines(keepends=True)[:50]
    (tmp_path / "cut.jsonl").write_bytes(b"".join(lines))
    assert "cut.jsonl:50: no end line, so the run was interrupted" in refused(str(tmp_path / "cut.jsonl"), str(few))  # fmt: skip
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert "no run line; this is not a results file" in refused(str(few), str(tmp_path / "empty.jsonl"))


def test_nothing_in_common_is_refused(few: Path, tmp_path: Path) -> None:
    finding = Finding("acme", "small", "chat.stream", "usage.sum", Level.MUST, Outcome.PASS)
    write_results(tmp_path / "other.jsonl", Results(Run("1", "2026-05-01", "replay"), [finding]))
    assert "nothing in common: " in refused(str(few), str(tmp_path / "other.jsonl"))
