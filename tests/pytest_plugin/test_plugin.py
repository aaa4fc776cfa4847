"""The plugin as its users run it, in their own folder."""

from pathlib import Path

import pytest
from judging import OF_CHAT

import harness.sdk.clients  # noqa: F401 - pytester forgets what a run imports, and asyncio stands no second time
from harness.checks import CHECKS, FAMILIES
from harness.matrix.completions import COMPLETIONS
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import write_cassette
from harness.results import read_results
from harness.simulate.completions.ideal import recording
from harness.simulate.edits import replace_bytes
from harness.simulate.reference import STREAM, replace_in_body, with_response

MATRIX = """\
# yaml-language-server: $schema=llm-compat-harness.schema.json
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models:
      - {id: small, thinking: {disable: {}}}
      - {id: large, thinking: {enable: {}}}
"""
DEVIATION = """\
deviations:
  - {check: CHECK, message: "*", reason: It always was., source: "https://acme.example", seen: {first: "2025"}}
"""
FAULTY = replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")
CASSETTE = "cassettes/acme/small/chat.stream.yaml"
NODE = "providers.yaml::acme/small/chat.stream/chunk.object"

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    (pytester.path / "providers.yaml").write_text(MATRIX)
    write_cassette(pytester.path / CASSETTE, [STREAM])
    return pytester.path


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in the same process, without the plugin of hypothesis: it imports hypothesis anew each time."""
    return pytester.runpytest_inprocess("-p", "no:hypothesispytest", *arguments)


def counts(pytester: pytest.Pytester, *arguments: str) -> dict[str, int]:
    outcomes = run(pytester, *arguments).parseoutcomes()
    return {key: value for key, value in outcomes.items() if key != "warnings"}


OF_COMPLETIONS = MATRIX.replace(
    "    models:\n",
    """    dialects:
      completions: {base_url: "https://api.acme.example/beta", valid: {at: 2026-11, how: documented, source: "https://acme.example"}}
    models:
""",
)


def test_recordings_of_legacy_completions_are_items(pytester: pytest.Pytester) -> None:
    (pytester.path / "providers.yaml").write_text(OF_COMPLETIONS)
    (told,) = recording(COMPLETIONS["completions.stream"])
    wrong = replace_bytes(b'"text":""', b'"text":null')(told)
    write_cassette(pytester.path / "cassettes/acme/small/completions.stream.yaml", [wrong])
    command = ("providers.yaml", "-k", "completions.stream and small and completions", "-q", "-rf")
    result = run(pytester, *command)
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["FAILED providers.yaml::acme/small/completions.stream/completions.text*"])
    chosen = run(
        pytester, "providers.yaml", "--compat-scenario", "completions.stream", "--collect-only", "-q"
    ).stdout.str()
    assert "acme/small/completions.stream/completions.object" in chosen
    assert "acme/small/completions.stream/usage.once" in chosen
    assert "tool_calls" not in chosen


def test_every_family_has_its_marker(pytester: pytest.Pytester) -> None:
    text = run(pytester, "--markers").stdout.str()
    assert [family for family in FAMILIES if f"@pytest.mark.compat_{family}:" not in text] == []


@pytest.mark.usefixtures("project")
def test_an_item_a_check_and_one_for_what_is_absent(pytester: pytest.Pytester) -> None:
    listed = run(pytester, "providers.yaml", "--collect-only", "-q").outlines
    nodes = [line for line in listed if "::" in line]
    assert NODE in nodes
    assert "providers.yaml::acme/small/chat.nonstream/recording.present" in nodes
    assert len(nodes) == len(OF_CHAT) + 2 * len(SCENARIOS) - 1


@pytest.mark.usefixtures("project")
def test_a_good_recording_passes(pytester: pytest.Pytester) -> None:
    found = counts(pytester, "providers.yaml")
    assert set(found) == {"passed", "skipped"}
    assert sum(found.values()) == len(OF_CHAT) + 2 * len(SCENARIOS) - 1


def test_a_fault_fails_with_its_bytes(project: Path, pytester: pytest.Pytester) -> None:
    write_cassette(project / CASSETTE, [FAULTY])
    result = run(pytester, NODE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "fail: object is absent from 5 of 5 chunks  (MUST)",
            "*event 0, byte 6 /object: *",
            "source: https://*",
            "recording: cassettes/acme/small/chat.stream.yaml (reconstructed, no date)",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_fault_is_told_in_chinese(project: Path, pytester: pytest.Pytester) -> None:
    write_cassette(project / CASSETTE, [FAULTY])
    result = run(pytester, NODE, "--compat-lang", "zh")
    result.stdout.fnmatch_lines(
        [
            "fail: object is absent from 5 of 5 chunks  (MUST)",
            "`object` 在流式响应中是 `chat.completion.chunk`*",
            "*事件 0，第 6 字节 /object: *",
            "影响：*",
            "应对：*",
            "出处：https://*",
            "录制：cassettes/acme/small/chat.stream.yaml (reconstructed, 日期不详)",
        ]
    )


@pytest.mark.parametrize(
    ("check", "faulty", "outcome"),
    [("chunk.object", True, "xfailed"), ("chunk.object", False, "failed"), ("chunk.id", True, "failed")],
)
def test_known_is_an_expected_failure_and_fixed_fails(
    project: Path, pytester: pytest.Pytester, check: str, *, faulty: bool, outcome: str
) -> None:
    write_cassette(project / CASSETTE, [FAULTY if faulty else STREAM])
    (project / "cassettes/acme/deviations.yaml").write_text(DEVIATION.replace("CHECK", check))
    assert counts(pytester, f"--compat-check={check}", "--compat-scenario=chat.stream", "--compat-model=small") == {
        outcome: 1
    }


def test_inconclusive_and_missing_are_skipped_with_the_reason(project: Path, pytester: pytest.Pytester) -> None:
    write_cassette(project / CASSETTE, [with_response(STREAM, status=429, body=b"{}")])
    result = run(pytester, "-rs", "--compat-check=chunk.object", "--compat-model=small")
    result.stdout.fnmatch_lines(
        ["*inconclusive: status 429*", "*missing: no recording at cassettes/acme/small/chat.nonstream.yaml"]
    )


def test_a_broken_check_is_an_error(project: Path, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import dataclasses
        from harness import checks
        def crash(exchange):
            raise ZeroDivisionError("oops")
        checks.CHECKS["chunk.object"] = dataclasses.replace(checks.CHECKS["chunk.object"], find=crash)
        """
    )
    pytester.runpytest_subprocess(NODE).assert_outcomes(errors=1)
    assert project.exists()


def test_a_damaged_cassette_is_one_line(project: Path, pytester: pytest.Pytester) -> None:
    (project / CASSETTE).write_text("interactions: [")
    result = run(pytester, NODE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*chat.stream.yaml:2: not readable as YAML*"])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-m", "compat_usage"), {"usage"}),
        (("-k", "finish_reason"), {"finish_reason"}),
        (("--compat-check=sse",), {"sse", "recording"}),
        (("--compat-check=sse.done", "--compat-scenario=chat.stream", "--compat-model=acme/small"), {"sse"}),
        (("--compat-level=must", "--compat-check=role.first", "--compat-check=role.value"), {"role", "recording"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_selections(pytester: pytest.Pytester, arguments: tuple[str, ...], expected: set[str]) -> None:
    listed = run(pytester, "providers.yaml", "--collect-only", "-q", *arguments).outlines
    nodes = [line.rpartition("/")[2] for line in listed if "::" in line]
    assert {node.partition(".")[0] for node in nodes} == expected


@pytest.mark.usefixtures("project")
def test_a_level_narrows(pytester: pytest.Pytester) -> None:
    listed = run(pytester, "providers.yaml", "--collect-only", "-q", "--compat-level=must").outlines
    shown = {line.rpartition("/")[2] for line in listed if "::" in line} - {"recording.present"}
    assert shown == {check.id for check in CHECKS.values() if check.level == "MUST" and "chat" in check.dialects}


@pytest.mark.thorough
def test_the_report_is_the_same_alone_and_with_workers(project: Path, pytester: pytest.Pytester) -> None:
    counts(pytester, "providers.yaml", "--compat-report=alone")
    pytester.runpytest_subprocess("providers.yaml", "--compat-report=workers", "-n2")
    alone, workers = (read_results(project / name / "results.jsonl") for name in ("alone", "workers"))
    assert len(alone.findings) == len(OF_CHAT) + 2 * len(SCENARIOS) - 1
    assert sorted(f.cell for f in alone.findings) == sorted(f.cell for f in workers.findings)
    assert alone.outcomes == workers.outcomes
    assert (project / "alone/compatibility.md").read_text() == (project / "workers/compatibility.md").read_text()


@pytest.mark.parametrize("arguments", [("-x",), ("--maxfail=1",), ()])
def test_a_run_cut_short_writes_no_report(project: Path, pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    damaged = not arguments
    write_cassette(project / CASSETTE, [FAULTY])
    if damaged:
        (project / CASSETTE).write_text("interactions: [")
    result = run(pytester, "providers.yaml", "--compat-report=out", *arguments)
    result.stdout.fnmatch_lines(["out: no report written: the run did not judge every recording"])
    assert not (project / "out").exists()


def test_verbose_output_shows_node_ids_that_can_be_pasted(project: Path, pytester: pytest.Pytester) -> None:
    run(pytester, "providers.yaml", "-v").stdout.fnmatch_lines([f"{NODE} PASSED*"])
    assert project.exists()


def test_last_failed_and_junit(project: Path, pytester: pytest.Pytester) -> None:
    write_cassette(project / CASSETTE, [FAULTY])
    assert run(pytester, "providers.yaml", "--compat-check=chunk", "--junitxml=out.xml").parseoutcomes()["failed"] == 1
    assert run(pytester, "providers.yaml", "--compat-check=chunk", "--lf").parseoutcomes()["failed"] == 1
    assert 'name="acme/small/chat.stream/chunk.object"' in (project / "out.xml").read_text()


def test_an_empty_folder_is_left_alone(pytester: pytest.Pytester) -> None:
    assert run(pytester).ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("option", ["--compat-provider=acme", "--compat-report=out"])
def test_options_that_nothing_answers_to_are_an_error(pytester: pytest.Pytester, option: str) -> None:
    result = run(pytester, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {option.split('=', maxsplit=1)[0]}: no providers.yaml was collected*"])
    assert not (pytester.path / "out").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("option", ["provider", "model", "scenario", "check"])
def test_an_unknown_name_is_an_error(pytester: pytest.Pytester, option: str) -> None:
    result = run(pytester, "providers.yaml", f"--compat-{option}=nope")
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"unknown {option} 'nope'*"])


def test_a_bad_matrix_is_one_line(project: Path, pytester: pytest.Pytester) -> None:
    (project / "providers.yaml").write_text(MATRIX.replace("key_env", "keyenv"))
    result = run(pytester)
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["*providers.yaml:6: providers.0.keyenv: unknown key; did you mean key_env? (and 1 more)"]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_list_of_deviations_without_a_reason_is_one_error_rather_than_one_of_each_item(
    project: Path, pytester: pytest.Pytester
) -> None:
    entry = "{check: usage.sum, scenarios: [bodies], message: '*', reason: '', seen: {first: '2026-11'}}"
    (project / "cassettes/acme/deviations.yaml").write_text(f"deviations:\n  - {entry}\n")
    result = run(pytester, "providers.yaml", "--compat-provider=acme")
    assert result.ret == 2
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*acme/deviations.yaml:2: deviations.0.reason: empty; fill it in*"])


def test_a_provider_that_comes_with_harness_can_be_named_beside_ones_own(
    project: Path, pytester: pytest.Pytester
) -> None:
    chosen = ("--compat-scenario=chat.stream", "--compat-check=sse.done", "--collect-only", "-q")
    listed = run(pytester, "providers.yaml", "--compat-provider=deepseek", *chosen).outlines
    assert "providers.yaml::deepseek/deepseek-flash/chat.stream/sse.done" in listed
    assert not any("::deepseek" in line for line in run(pytester, "providers.yaml", *chosen).outlines)
    assert project.exists()


def test_other_tests_run_beside_it(project: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(): pass")
    assert counts(pytester)["passed"] > 30
    assert project.exists()
