"""No outside text reaches a terminal unescaped; a stream that fails ends no run."""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from parted import each
from rich.console import Console

from harness.cli import main
from harness.cli.serving import Lines, LinesTogether
from harness.explain.lines import show_line
from harness.printable import printable_lines
from harness.recording.cassette import write_cassette
from harness.reports.files import write_report
from harness.results import (
    ClientFinding,
    ClientOutcome,
    ClientResults,
    Evidence,
    Finding,
    Level,
    LoopFinding,
    Outcome,
    Results,
    Run,
    write_client_results,
    write_results,
)
from harness.simulate.reference import REFERENCES, with_header

BAD = (
    "x\x1b]52;c;cHduZWQ=\x1b\\\x1b]8;;https://evil.example\x07\x1b[31m\x9b2J\r\n| b |\n# H <script>x</script>"
    "\u202e\u2066\u200b\ufeff\u2028\x7f`|](http://e) [bold]\x00"
)
NAME = "p\x1b]0;PWN\x1b\\\u202e\x9b\n| b | <script>x</script>"
OWN_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PYTHON = sys.executable


def assert_printable(text: str) -> None:
    bare = OWN_COLOURS.sub("", text)
    assert printable_lines(bare) == bare


def body(**changed: object) -> str:
    message = {"role": BAD, "content": BAD, "tool_calls": [{"id": BAD, "type": BAD, "function": {"name": BAD, "arguments": BAD}}]}  # fmt: skip
    choice = {"index": 0, "message": message, "finish_reason": BAD}
    whole = {"id": BAD, "object": BAD, "created": 1, "model": BAD, "system_fingerprint": BAD, "choices": [choice]}
    return json.dumps(whole | {"usage": {BAD: BAD}, "error": {"message": BAD, "code": BAD}, BAD: 1} | changed)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of another tool in which each text is hostile, plain and as a stream."""
    rows = []
    for sent in (body(), body(error=None), f"data: {body().replace('message', 'delta')}\n\nevent: {BAD}\n\n", BAD):
        request = {"method": "POST", "url": "", "headers": {"x-a": BAD}, "body": {"model": BAD, "messages": []}}
        headers = {"content-type": f"application/json; charset={BAD}", "x-request-id": BAD, "location": BAD}
        answer = {"status": 200, "headers": headers, "body_text": sent}
        rows.append({"provider": NAME, "request": request, "response": answer})
    path = tmp_path / "hostile.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def hostile(outcome: Outcome, check: str, value: str | None = None) -> Finding:
    shown = (Evidence(0, 1, 2, BAD, BAD),)
    return Finding(NAME, BAD, BAD, check, Level.MUST, outcome, BAD, shown, value, "recorded", BAD, BAD, BAD)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    found = [
        hostile(Outcome.FAIL, "sse.end"), hostile(Outcome.BROKEN, "http.status"), hostile(Outcome.KNOWN, "usage.place"),
        hostile(Outcome.OBSERVED, "http.media-type", BAD), hostile(Outcome.MISSING, "recording.present"),
    ]  # fmt: skip
    write_results(path, Results(Run(BAD, BAD, BAD, BAD), found))
    return path


@pytest.fixture
def client_log(tmp_path: Path) -> Path:
    path = tmp_path / "clients.jsonl"
    about = {"title": BAD, "environment": BAD, "tier": 0, "idiom": False, "versions": {BAD: BAD}}
    found = [
        ClientFinding(NAME, NAME, "m", "a", ClientOutcome.CRASH, BAD, predicted=ClientOutcome.OK, cause=BAD, why=BAD)
    ]
    loops = [LoopFinding(NAME, BAD, BAD, BAD, (BAD,)), LoopFinding(NAME, BAD + "2", message=BAD)]
    write_client_results(path, ClientResults(Run(BAD, BAD, "clients", BAD), {NAME: about}, found, loops))
    return path


def output_of(*arguments: object) -> str:
    run = CliRunner().invoke(main, [*map(str, arguments)])
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    assert run.output
    assert_printable(run.output)
    return run.output


FORMS = ["pretty", "markdown", "json"]


@pytest.mark.parametrize("form", FORMS)
def test_audit_of_a_hostile_recording(recording: Path, form: str) -> None:
    told = output_of("audit", recording, "--format", form, "--results", recording.with_name("out.jsonl"))
    if form == "json":
        assert {json.loads(line)["provider"] for line in told.splitlines()} == {NAME}
    else:
        assert r"p\x1b]0;PWN\x1b" in told


@pytest.mark.parametrize("form", FORMS)
def test_report_of_hostile_results(log: Path, form: str) -> None:
    output_of("report", log, "--format", form)


@pytest.mark.parametrize("form", FORMS)
def test_report_of_hostile_clients(client_log: Path, form: str) -> None:
    output_of("report", client_log, "--format", form)


@pytest.mark.parametrize("form", FORMS)
def test_diff_of_hostile_results(log: Path, form: str) -> None:
    other = log.with_name("other.jsonl")
    write_results(other, Results(Run(BAD, BAD, BAD, BAD), [hostile(Outcome.PASS, "sse.end"), hostile(Outcome.OBSERVED, "http.media-type", "a" + BAD)]))  # fmt: skip
    output_of("diff", other, log, "--format", form)


@pytest.mark.parametrize("form", FORMS)
def test_diff_of_hostile_recordings(tmp_path: Path, form: str) -> None:
    reference = REFERENCES["body"]
    for name, value in (("old", "a"), ("new", BAD.replace("\r\n", ""))):
        exchange = with_header(reference, "Content-Type", f"application/json; charset={value}")
        sent = exchange.response.body.replace(b'"stop"', json.dumps(value).encode()).replace(b'"assistant"', json.dumps(value).encode())  # fmt: skip
        write_cassette(tmp_path / name / "chat.nonstream.yaml", [replace(exchange, response=replace(exchange.response, body=sent))])  # fmt: skip
    output_of("diff", tmp_path / "old", tmp_path / "new", "--format", form)


def test_tables_put_into_a_document_add_no_row_and_no_tag(log: Path, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    begin, end = "<!-- compatibility tables: begin -->", "<!-- compatibility tables: end -->"
    document.write_text(f"# Mine\n{begin}\n{end}\n", encoding="utf-8")
    run = CliRunner().invoke(main, ["report", str(log), "--into", str(document)])
    assert run.exit_code == 0
    text = document.read_text(encoding="utf-8")
    assert_printable(text)
    assert "<script" not in text
    assert not re.search(r"^# H|(?<!\\)\]\(http", text, re.MULTILINE)
    cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in text.split("\n\n")[0].splitlines()[2:]}
    assert len(cells) == 1


def test_badges_and_tables_of_a_report_folder_are_printable(tmp_path: Path) -> None:
    finding = replace(hostile(Outcome.FAIL, "sse.end"), provider="p\x1b[31m<b>\u202e")
    write_report(tmp_path, Results(Run("1", "2026-01-01", "replay"), [finding]))
    for path in [tmp_path / "compatibility.md", *(tmp_path / "badges").iterdir()]:
        assert_printable(path.read_text(encoding="utf-8"))
    assert "<b>" not in next((tmp_path / "badges").iterdir()).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        [f"no{NAME}"], ["audit", f"/no/{NAME}"], ["audit", f"--{NAME}"], ["checks", NAME], ["checks", "a", NAME],
        ["explain", NAME], ["explain", "acme/m/chat.stream/" + NAME.replace("/", "")], ["report", f"no{NAME}"], ["diff", NAME, NAME],
        ["run", "--root", NAME], ["run", "--provider", NAME], ["record", NAME], ["export", NAME], ["registry", NAME],
        ["probe", f"http://{NAME}", "-m", NAME], ["serve", NAME], ["clients", "run", "--client", NAME],
        ["clients", "install", NAME], ["checks", "--format", NAME], ["reconstruct", NAME], ["providers", "--root", NAME],
        ["new-provider", NAME, "-m", NAME, "--docs", NAME],
    ],
    ids=lambda arguments: ascii(" ".join(arguments).replace(NAME, "NAME"))[1:40],
)  # fmt: skip
def test_what_is_refused_is_told_in_lines_of_our_own(arguments: list[str]) -> None:
    told = output_of(*[one.replace("\x00", "") for one in arguments])
    assert "\n| b |" not in told


def test_a_matrix_that_is_hostile(tmp_path: Path) -> None:
    entry = {"id": "acme", "name": BAD, "base_url": "https://api.acme.example/v1", "key_env": "ACME_KEY", "docs": "https://acme.example", "note": BAD, "models": [{"id": "m", "name": BAD, "note": BAD}]}  # fmt: skip
    (tmp_path / "providers.yaml").write_text(yaml.safe_dump({"providers": [entry]}), encoding="utf-8")
    for command in (["explain", "acme"], ["providers"], ["providers", "--format", "json"], ["explain", NAME]):
        output_of(*command, "--root", tmp_path)
    (tmp_path / "providers.yaml").write_text(yaml.safe_dump({"providers": [entry | {NAME: NAME}]}), encoding="utf-8")
    output_of("providers", "--root", tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_whose_name_is_no_text(recording: Path, form: str) -> None:
    odd = Path(os.fsdecode(os.fsencode(recording.parent) + b"/\xff\x1b[31m.jsonl"))
    odd.write_bytes(recording.read_bytes())
    output_of("audit", odd, "--format", form, "--results", recording.with_name("odd-out.jsonl"))
    output_of("report", recording.with_name("odd-out.jsonl"), "--format", form)


def harness(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command line in which ``$H`` is the program."""
    whole = f"H='{PYTHON} -m harness'; {command}"
    return subprocess.run(["bash", "-c", whole], capture_output=True, text=True, check=False)


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@full
@pytest.mark.parametrize("form", each(len(FORMS), FORMS))
@pytest.mark.thorough
def test_a_full_stdout_is_told_in_one_line_and_the_rest_stands(recording: Path, form: str) -> None:
    kept = recording.with_name("kept.jsonl")
    run = harness(f"$H audit {recording} --format {form} --results {kept} > /dev/full")
    assert run.returncode == 2
    assert run.stderr == "harness: stdout: No space left on device; not all was shown: send it where there is room\n"
    assert kept.read_bytes().endswith(b"}\n")


@pytest.mark.thorough
def test_a_closed_stdout_is_told_in_one_line_and_no_file_takes_its_number(recording: Path) -> None:
    kept = recording.with_name("kept.jsonl")
    run = harness(f"$H audit {recording} --results {kept} >&-")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "stdout: it is closed" in run.stderr
    assert kept.read_bytes().startswith(b'{"kind":"run"')


@pytest.mark.parametrize("form", each(len(FORMS), FORMS))
def test_a_reader_who_has_seen_enough_changes_nothing(recording: Path, form: str) -> None:
    run = harness(f"$H audit {recording} --format {form} | head -1; echo ${{PIPESTATUS[0]}}")
    assert run.stderr == ""
    assert run.stdout.splitlines()[-1] == "1"


@full
@pytest.mark.parametrize("stderr", each(2, ["2> /dev/full", "2>&-"]))
@pytest.mark.thorough
def test_a_lost_stderr_changes_nothing(recording: Path, stderr: str) -> None:
    run = harness(f"$H audit {recording} --format json {stderr}")
    assert run.returncode == 1
    assert run.stdout.endswith("}\n")


def test_no_command_prints_past_the_outlet() -> None:
    folder = Path(__file__).parents[2] / "harness/cli"
    past = re.compile(r"click\.s?echo|\bprint\(|secho\(|(?<!\w)Console\((?!stderr=True)")
    found = {path.stem for path in folder.glob("*.py") if past.search(re.sub(r"\.print\(", "", path.read_text(encoding="utf-8")))}  # fmt: skip
    assert found == {"outlet"}


def test_lines_of_a_log_are_written_together_where_a_loop_runs_and_else_at_once() -> None:
    written = StringIO()
    lines = LinesTogether(written)

    async def log_two() -> str:
        for number in (1, 2):
            lines.handle(logging.makeLogRecord({"msg": f"line {number}"}))
        before = written.getvalue()
        await asyncio.sleep(0.2)
        return before

    assert asyncio.run(log_two()) == ""
    assert written.getvalue() == "line 1\nline 2\n"
    lines.handle(logging.makeLogRecord({"msg": "line 3"}))
    assert written.getvalue().endswith("line 3\n")


def test_a_log_is_printable_line_by_line() -> None:
    record = logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "%s", (BAD,), None)
    assert_printable(Lines("%(message)s").format(record))
    assert "\n" not in Lines("%(message)s").format(record)
    error = ValueError(BAD)
    record.exc_info = (type(error), error, None)
    assert_printable(Lines("%(message)s").format(record))


def test_a_label_never_runs_into_its_text() -> None:
    shown = StringIO()
    show_line("completions", "https://api.example/beta", Console(file=shown), 11)
    assert shown.getvalue() == "completions https://api.example/beta\n"
