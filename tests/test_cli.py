"""The command line for users: valid, invalid and missing input."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from judging import OF_CHAT
from parted import each
from scripted import IDEAL, Server

from harness.checks import CHECKS
from harness.cli import main
from harness.judging import runner
from harness.matrix import project as matrix_project
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import write_cassette
from harness.reports.table import BEGIN, END
from harness.results import read_results
from harness.simulate.reference import BODY, STREAM, recorded, replace_in_body, with_response
from harness.wire.exchange import Source

MATRIX = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models: [{id: small, thinking: {disable: {}}}]
"""
FAULTY = replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")

Harness = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "providers.yaml").write_text(MATRIX)
    came = replace(STREAM, source=Source("recorded", "2026-01-02"))
    write_cassette(tmp_path / "cassettes/acme/small/chat.stream.yaml", [came])
    monkeypatch.chdir(tmp_path)
    runner._deviations.cache_clear()  # noqa: SLF001 - each test has a project of its own
    return tmp_path


def harness(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments), env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(*arguments: str) -> str:
    """Return the one line that a rejected command prints."""
    result = harness(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_run_writes_reports_and_prints_the_table(project: Path) -> None:
    result = harness("run")
    assert result.exit_code == 0
    assert "✓" in result.stdout
    assert {path.name for path in (project / "reports").iterdir()} == {
        "results.jsonl",
        "digest.jsonl",
        "compatibility.md",
        "index.html",
        "badges",
    }
    assert read_results(project / "reports/results.jsonl").run.sdk == metadata.version("openai")
    assert len(read_results(project / "reports/results.jsonl").findings) == len(OF_CHAT) + len(SCENARIOS) - 1


def test_run_exits_1_on_what_nobody_expected(project: Path) -> None:
    write_cassette(project / "cassettes/acme/small/chat.stream.yaml", [FAULTY])
    result = harness("run")
    assert result.exit_code == 1
    assert "object is absent from 5 of 5 chunks" in result.stdout


def test_a_part_of_the_matrix_does_not_overwrite_the_whole(project: Path) -> None:
    assert harness("run", "--check", "usage").exit_code == 0
    assert not (project / "reports").exists()
    assert harness("run", "--check", "usage", "--report", "part").exit_code == 0
    assert (project / "part/results.jsonl").exists()


def test_run_prints_json_and_markdown(project: Path) -> None:
    rows = [json.loads(line) for line in harness("run", "--format", "json").stdout.splitlines()]
    assert {row["provider"] for row in rows} == {"acme"}
    assert harness("run", "--format", "markdown").stdout.startswith("| provider")
    assert project.exists()


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--provider", "acm", "unknown provider 'acm'; try acme"),
        ("--model", "smal", "unknown model 'smal'; try small"),
        ("--scenario", "chat.streem", "unknown scenario 'chat.streem'; try chat.stream"),
        ("--check", "usage.som", "unknown check 'usage.som'; try usage.sum"),
    ],
)
def test_run_refuses_unknown_names(project: Path, option: str, name: str, said: str) -> None:
    assert said in refused("run", option, name)
    assert not (project / "reports").exists()


def test_run_without_a_matrix(tmp_path: Path) -> None:
    chosen = ("--model", "deepseek/deepseek-flash", "--scenario", "chat.stream", "--format", "json")
    rows = [json.loads(line) for line in harness("run", "--root", str(tmp_path), *chosen).stdout.splitlines()]
    assert {row["cassette"] for row in rows} == {"cassettes/deepseek/deepseek-flash/chat.stream.yaml"}
    assert list(tmp_path.iterdir()) == []
    assert "no such folder" in refused("run", "--root", str(tmp_path / "none"))


def test_run_writes_no_reports_of_what_comes_with_harness(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = project / "empty"
    empty.mkdir()
    for module in (matrix_project, runner):
        monkeypatch.setattr(module, "bundled", lambda: project)
    ran = harness("run", "--root", str(empty))
    assert (ran.exit_code, list(empty.iterdir())) == (0, [])
    assert "checking the 1 providers that come with harness; --report FOLDER writes reports" in ran.stderr
    asked = harness("run", "--root", str(empty), "--report", str(empty / "mine"))
    assert (empty / "mine/results.jsonl").exists()
    assert "come with harness" not in asked.stderr


def test_run_without_recordings(project: Path) -> None:
    (project / "cassettes/acme/small/chat.stream.yaml").unlink()
    assert (
        "there is no recording for this selection; the first would be at cassettes/acme/small/chat.stream.yaml"
        in refused("run")
    )
    assert not (project / "reports").exists()


def test_run_with_a_damaged_cassette_overwrites_nothing(project: Path) -> None:
    assert harness("run").exit_code == 0
    before = (project / "reports/results.jsonl").read_bytes()
    (project / "cassettes/acme/small/chat.stream.yaml").write_text("interactions: [")
    assert "chat.stream.yaml:2: not readable as YAML" in refused("run")
    assert (project / "reports/results.jsonl").read_bytes() == before


def test_audit_judges_and_writes(project: Path) -> None:
    write_cassette(project / "mine/a.yaml", [STREAM, BODY])
    write_cassette(project / "mine/b.yaml", [FAULTY])
    result = harness("audit", "mine", "--results", "out.jsonl", "--provider-from", "folder")
    assert result.exit_code == 1
    assert "mine" in result.stdout
    assert "chunk.object" in result.stdout
    found = read_results(project / "out.jsonl")
    assert found.run.mode == "audit"
    assert len(found.findings) == 3 * len(OF_CHAT)
    assert {finding.scenario for finding in found.findings} == {"audit.stream", "audit.nonstream"}


@pytest.mark.parametrize(
    ("how", "provider"), [("auto", "acme"), ("host", "acme"), ("field", "brand"), ("folder", "mine")]
)
def test_audit_names_the_provider(project: Path, how: str, provider: str) -> None:
    row = {
        "provider": "brand",
        "request": {"url": "https://api.acme.example/v1/chat/completions", "body": {"stream": True, "model": "m"}},
    }
    row["response"] = {"status": 200, "headers": {}, "body_text": STREAM.response.body.decode()}
    (project / "mine").mkdir()
    (project / "mine/a.jsonl").write_text(json.dumps(row))
    rows = [
        json.loads(line)
        for line in harness("audit", "mine", "--provider-from", how, "--format", "json").stdout.splitlines()
    ]
    assert {(row["provider"], row["model"]) for row in rows} == {(provider, "m")}


def test_audit_of_good_recordings_exits_0_without_a_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_cassette(tmp_path / "a.yaml", [STREAM])
    assert harness("audit", "a.yaml").exit_code == 0


@pytest.mark.parametrize("target", ["mine/a.yaml", "notes.txt", "mine"])
def test_audit_never_replaces_what_holds_no_results(project: Path, target: str) -> None:
    write_cassette(project / "mine/a.yaml", [STREAM])
    (project / "notes.txt").write_text("mine")
    before = (project / "mine/a.yaml").read_bytes()
    assert target in refused("audit", "mine", "--results", target)
    assert (project / "mine/a.yaml").read_bytes() == before
    assert (project / "notes.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_to_is_one_line(project: Path) -> None:
    (project / "file").write_text("x")
    result = harness("run", "--report", "file/x")
    assert result.exit_code == 2
    assert "choose a place that you can write to" in result.stderr


def test_audit_names_every_bad_file_and_judges_and_writes_the_others(project: Path) -> None:
    (project / "mine").mkdir()
    (project / "mine/a.jsonl").write_text("{")
    (project / "mine/b.har").write_text("")
    write_cassette(project / "mine/c.yaml", [STREAM])
    result = harness("audit", "mine", "--results", "out.jsonl")
    assert result.exit_code == 2
    assert [line.split(":")[1].strip() for line in result.stderr.splitlines()[:2]] == ["mine/a.jsonl", "mine/b.har"]
    assert "2 of 3 files could not be read whole; what could be read was judged" in result.stderr
    assert {finding.cassette for finding in read_results(project / "out.jsonl").findings} == {"mine/c.yaml#0"}
    assert harness("audit", "mine", "--skip-unreadable").exit_code == 0
    assert "openai" in result.stdout


def test_audit_of_an_odd_url(project: Path) -> None:
    row = {
        "request": {"url": "http://[::1/chat/completions"},
        "response": {"status": 200, "body_text": STREAM.response.body.decode()},
    }
    (project / "a.jsonl").write_text(json.dumps(row))
    assert harness("audit", "a.jsonl").exit_code == 0


def test_audit_refuses_what_holds_no_recording(project: Path) -> None:
    (project / "empty").mkdir()
    assert "empty: no recordings in it" in refused("audit", "empty")
    assert "nope: no such file or folder" in refused("audit", "nope")
    (project / "other.jsonl").write_text(
        '{"request":{"url":"https://x.example/v1/models"},"response":{"status":200,"body_text":"{}"}}'
    )
    assert (
        "no chat completion or message in 1 file; 1 exchange not judged (only chat completions, Messages and legacy completions are): 1 models"
        in refused("audit", "other.jsonl")
    )


def test_report_prints_and_puts_tables_into_documents(project: Path) -> None:
    harness("run")
    (project / "README.md").write_text(f"# x\n{BEGIN}\n{END}\nend\n")
    assert harness("report", "reports/results.jsonl").exit_code == 0
    assert harness("report", "reports/results.jsonl", "--into", "README.md").exit_code == 0
    text = (project / "README.md").read_text()
    assert "| acme " in text
    assert text.endswith(f"{END}\nend\n")


def test_report_refuses(project: Path) -> None:
    harness("run")
    assert "none.jsonl: No such file or directory; make one with: harness run" in refused("report", "none.jsonl")
    (project / "cut.jsonl").write_text((project / "reports/results.jsonl").read_text().rsplit("\n", 2)[0])
    assert "no end line, so the run was interrupted" in refused("report", "cut.jsonl")
    (project / "plain.md").write_text("x")
    assert "plain.md: the lines" in refused("report", "reports/results.jsonl", "--into", "plain.md")
    assert (project / "plain.md").read_text() == "x"
    assert "none.md" in refused("report", "reports/results.jsonl", "--into", "none.md")


def test_checks_lists_all_a_family_or_one() -> None:
    assert len(harness("checks").stdout.splitlines()) == len(CHECKS) + 1
    assert all(line.startswith("usage.") for line in harness("checks", "usage").stdout.splitlines()[1:])
    rows = [json.loads(line) for line in harness("checks", "--format", "json").stdout.splitlines()]
    assert [row["id"] for row in rows] == list(CHECKS)
    assert harness("checks", "usage.sum", "--format", "markdown").stdout.startswith("| id")
    assert "no check or family is called 'usge'" in refused("checks", "usge")


@pytest.mark.parametrize("name", each(4, CHECKS))
def test_explain_shows_all_of_a_check(name: str) -> None:
    text = harness("explain", name).stdout
    check = CHECKS[name]
    assert check.title in " ".join(text.split())
    assert check.source in text
    assert text.count("\ncaught") + text.count("\nother") == len(check.bad)


def test_explain_shows_a_scenario_and_a_cell(project: Path) -> None:
    assert '"include_usage": true' in harness("explain", "chat.stream-usage").stdout
    second = harness("explain", "tools.round-trip").stdout.partition("request 2")[2]
    assert '"tool_call_id": "call_1"' in second
    too_long = harness("explain", "error.too-long").stdout
    assert "(300,000 characters)" in too_long
    assert "expects   status 200 or 400 or 413 or 422" in too_long
    assert '{"model": "gpt", "messages": [' in harness("explain", "error.malformed-json").stdout
    assert "an invalid one" in harness("explain", "error.bad-key").stdout
    write_cassette(project / "cassettes/acme/small/chat.stream.yaml", [FAULTY])
    text = harness("explain", "acme/small/chat.stream/chunk.object").stdout
    assert "object is absent from 5 of 5 chunks" in text
    assert "harness run --provider acme --model small --scenario chat.stream --check chunk.object" in text
    missing = harness("explain", "acme/small/chat.nonstream/chunk.object").stdout
    assert "no recording at" in missing


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("acme/small/chat.stream/chunk.object", "providers/acme/#chunk.object"),
        ("stream-cut", "rules/sse.done/"),
        ("chunk.object", "rules/chunk.object/"),
        ("acme", "providers/acme/"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_is_explained_names_its_page(name: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_SITE_URL", "https://compat.example/")
    assert f" https://compat.example/{page}\n" in harness("explain", name).stdout


def test_explain_shows_a_fault_in_the_bytes() -> None:
    text = harness("explain", "usage-twice").stdout
    assert "caught   usage.once: `usage` is sent once in a stream." in text
    assert '+ … nish_reason":"stop"}],"usage":{"prompt_tokens":9' in text


def test_scenarios_lists_what_is_asked() -> None:
    assert "Two parallel tool calls, streamed." in harness("scenarios").stdout
    assert "| tools.parallel " in harness("scenarios", "--format", "markdown").stdout
    rows = [orjson.loads(line) for line in harness("scenarios", "--format", "json").stdout.splitlines()]
    assert [row["id"] for row in rows] == list(SCENARIOS)
    assert rows[0]["statuses"] == [200]


def test_explain_shows_all_of_a_provider(project: Path) -> None:
    text = " ".join(harness("explain", "acme").stdout.split())
    assert "address https://api.acme.example/v1" in text
    assert "acme/small thinking on not possible, off unasked" in text
    listed = {"check": "usage.sum", "models": ["small"], "message": "*", "reason": "Its [way].", "source": "https://acme.example/w", "seen": {"first": "2025-02", "last": "2026-01"}}  # fmt: skip
    (project / "cassettes/acme/deviations.yaml").write_text(json.dumps({"deviations": [listed]}))
    more = """
    fills: {org: ACME_ORG}
    other_urls: [{url: "https://{org}.eu.acme.example/v1", what: the EU}]
    host_suffixes: [.acme.example.net]
    aliases: [acme-ai]
    lacks: [n]
    note: Of [one] kind.
    sources: [{url: https://acme.example/s, at: 2026-10, about: [url, key]}]
    confidence: {url: high, key: medium, models: low, stream: low, errors: low}
    retired_models: [{name: old, at: 2026-07-24, instead: new, source: https://acme.example/r}]
"""
    model = """, name: acme/Small, aliases: [tiny], base_url: https://s.acme.example/v1, lacks: [tools], retired: 2026-08-01,
        note: Slow., valid: {at: 2026-10-01, how: answered, source: https://acme.example/m}, thinking: {enable: {think: true}, disable: {}}}"""
    matrix = (project / "providers.yaml").read_text().replace("https://api.acme", "https://{org}.acme")
    matrix = matrix.replace("    docs:", more.strip("\n") + "\n    docs:", 1)
    (project / "providers.yaml").write_text(matrix.replace(", thinking: {disable: {}}}", model, 1))
    for name in ("acme", "acme-ai"):
        text = " ".join(harness("explain", name).stdout.split())
        for part in (
            "address https://{org}.acme.example/v1 {org} is filled from ACME_ORG",
            "also https://{org}.eu.acme.example/v1: the EU also hosts that end in .acme.example.net",
            "called also called acme-ai in recordings key ACME_API_KEY docs https://acme.example/docs",
            "lacks n note Of [one] kind.",
            "acme/small sent as acme/Small also tiny address https://s.acme.example/v1",
            "valid 2026-10-01, answered https://acme.example/m retired 2026-08-01",
            'thinking on by {"think": true}, off unasked lacks tools note Slow.',
            "retired old on 2026-07-24, instead new: https://acme.example/r",
            "confidence url high, key medium, models low, stream low, errors low",
            "source https://acme.example/s (url, key, 2026-10)",
            "known usage.sum (small) seen 2025-02 to 2026-01: Its [way].",
            "source https://acme.example/w (recording)",
        ):
            assert part in text, part


def test_explain_needs_no_matrix_for_what_is_not_in_it(project: Path) -> None:
    (project / "providers.yaml").write_text("nonsense")
    assert "usage.sum" in harness("explain", "usage.sum").stdout
    assert "not a mapping" in refused("explain", "acme")
    (project / "providers.yaml").unlink()
    assert "unknown check, family, scenario, fault, client, provider or cell 'acme'" in refused("explain", "acme")


def test_explain_refuses(project: Path) -> None:
    assert "unknown check, family, scenario, fault, client, provider or cell 'usage.som'; try usage.sum" in refused(
        "explain", "usage.som"
    )
    assert "unknown provider 'x'" in refused("explain", "x/small/chat.stream/chunk.object")
    assert project.exists()


def test_providers_says_whose_keys_are_set_and_how_old_recordings_are(project: Path) -> None:
    assert re.search(r"ACME_API_KEY +no ", harness("providers").stdout)
    (project / ".env").write_text("ACME_API_KEY=good\n")
    old = replace(STREAM, source=Source("recorded", "2026-01-31"))
    write_cassette(project / "cassettes/acme/small/chat.stream.yaml", [old])
    (row,) = [json.loads(line) for line in harness("providers", "--format", "json").stdout.splitlines()]
    assert (row["set"], row["newest"]) == ("yes", "2026-01-31")
    assert row["days old"] == (datetime.now(UTC).date() - date(2026, 1, 31)).days
    write_cassette(
        project / "cassettes/acme/small/chat.stream.yaml", [replace(STREAM, source=Source("published", "2025-04"))]
    )
    assert "2025-04-01" in harness("providers").stdout


def test_providers_says_on_request_what_an_address_answers(project: Path) -> None:
    with Server(IDEAL) as server:
        (project / "providers.yaml").write_text(MATRIX.replace("https://api.acme.example/v1", server.base_url))
        (project / ".env").write_text("ACME_API_KEY=good\n")
        assert "status 200" in harness("providers", "--reach").stdout
        assert [request.path for request in server.requests] == ["/v1/models"]
    assert "no answer: ConnectError" in harness("providers", "--reach").stdout
    assert "ConnectError" not in harness("providers").stdout


def test_providers_lists_targets_and_prints_the_schema(project: Path) -> None:
    scenarios = sum(not one.thinking for one in SCENARIOS.values())
    write_cassette(project / "cassettes/acme/small/chat.stream.yaml", [STREAM])
    assert re.search(rf"acme/small +0/{scenarios} +1 ", harness("providers").stdout), "a reconstruction is no recording"
    write_cassette(project / "cassettes/acme/small/chat.stream.yaml", [recorded(STREAM)])
    assert re.search(rf"acme/small +1/{scenarios} +2026-01-01 ", harness("providers").stdout)
    assert json.loads(harness("providers", "--schema").stdout)["title"] == "Matrix"
    assert project.exists()


def test_help_and_no_input() -> None:
    assert harness("--help").exit_code == 0
    assert "Usage" in harness().output
    assert harness("audit").exit_code == 2
    assert harness("nonsense").exit_code == 2


def test_a_run_that_judged_nothing_ends_with_2_and_writes_no_reports(project: Path) -> None:
    for path in (project / "cassettes").rglob("*.yaml"):
        if path.stem not in {"deviations", "profile"}:
            write_cassette(path, [with_response(recorded(STREAM), status=429)])
    result = harness("run", "--root", str(project), "--report", str(project / "new"))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("harness: nothing was checked: ")
    assert not (project / "new").exists()


def test_where_no_file_can_be_read_the_line_on_it_is_all(tmp_path: Path) -> None:
    (tmp_path / "cut.yaml").write_text("interactions: [")
    result = harness("audit", str(tmp_path / "cut.yaml"), "--results", str(tmp_path / "out.jsonl"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "1 of 1 file could not be read whole; nothing was judged or written" in result.stderr
    assert not (tmp_path / "out.jsonl").exists()
