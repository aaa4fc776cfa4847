"""The action, the workflows, the issue forms and the examples are valid, and their shell code works."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from faulty import OBJECT, faulty
from junitparser import JUnitXml
from scripted import IDEAL, SILENT, Server
from workflow_steps import ACTION, ROOT, Runner, steps_of

from harness import __version__
from harness.cli import SECTIONS

COMMANDS = {name for section in SECTIONS.values() for name in section}
BIN = Path(sys.executable).parent
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), *sorted((ROOT / "examples").rglob("workflow.yml"))]
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
SCHEMAS = {
    "vendor.github-actions": [ACTION],
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [ROOT / ".github/ISSUE_TEMPLATE/config.yml"],
}


def run(*words: object, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [str(word) for word in words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **extra})


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_fits_its_schema(schema: str) -> None:
    assert SCHEMAS[schema]
    told = run(BIN / "check-jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])
    assert told.returncode == 0, told.stdout


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    told = run(BIN / "actionlint", "-no-color", *WORKFLOWS)
    assert told.returncode == 0, told.stdout
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ secret.X }}'}]}}\n")
    assert run(BIN / "actionlint", bad).returncode == 1, "it can fail"


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint is installed on Linux alone")
def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    told = run(BIN / "hadolint", "--no-color", ROOT / "Dockerfile")
    assert told.returncode == 0, told.stdout
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN cd /tmp\n")
    assert run(BIN / "hadolint", bad).returncode == 1, "it can fail"


def test_no_step_puts_an_input_into_its_script() -> None:
    """An expression is pasted into the shell; a variable is not."""
    every = [ACTION, *WORKFLOWS]
    scripts = [line for path in every for line in _scripts(yaml.safe_load(path.read_text()))]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def _scripts(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        yield from (str(value) for key, value in document.items() if key == "run" and isinstance(value, str))
        yield from (line for value in document.values() for line in _scripts(value))
    elif isinstance(document, list):
        yield from (line for value in document for line in _scripts(value))


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner in an empty folder, the harness of this checkout being the one that the action installs."""
    temp, folder = tmp_path / "temp", tmp_path / "checkout"
    (temp / "harness/bin").mkdir(parents=True)
    folder.mkdir()
    for program in ("harness", "python"):
        (temp / "harness/bin" / program).symlink_to(BIN / program)
    kept = {name: os.environ[name] for name in ("HOME", "LC_ALL") if name in os.environ}
    environment = {
        **kept, "PATH": f"{BIN}:/usr/bin:/bin", "RUNNER_TEMP": str(temp), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_WORKSPACE": str(folder),
    }  # fmt: skip
    return Runner(folder, environment, skipped=("Install harness",))


QUICK = "--scenario chat.stream --check chunk --check sse"


@pytest.mark.thorough
def test_the_action_goes_0_then_1_on_a_new_fault_then_1_on_a_stale_entry(runner: Runner, tmp_path: Path) -> None:
    entry = {
        "check": "chunk.object", "scenarios": ["chat.stream"], "message": "object is absent from *", "reason": "So.",
        "seen": {"first": "2026-11"},
    }  # fmt: skip
    (runner.folder / "baseline.yaml").write_text(yaml.safe_dump({"deviations": [entry]}))
    with Server(faulty(OBJECT)) as server:
        inputs = {"base-url": server.base_url, "model": "gpt-4o-mini", "api-key": "good", "options": QUICK}
        own = {**inputs, "baseline": "baseline.yaml"}
        codes = [runner.action(own)]
        server.answers(faulty(OBJECT, ("data: [DONE]\n\n", "")))
        codes.append(runner.action(own))
        assert "::error title=sse.done MUST,file=baseline.yaml,line=1::" in runner.said
        server.answers(IDEAL)
        codes.append(runner.action(own))
        assert {request.header("authorization") for request in server.requests if request.method == "POST"} == {
            "Bearer good"
        }
    assert codes == [0, 1, 1]
    assert "::error title=stale entry of the baseline,file=baseline.yaml,line=2::" in runner.said
    folder = Path(runner.values["steps.probe.outputs.folder"])
    assert {path.name for path in folder.iterdir()} == {"junit.xml", "probe.sarif", "recordings", "results.jsonl"}
    assert JUnitXml.fromfile(str(folder / "junit.xml")).failures == 1
    assert (tmp_path / "summary.md").read_text().count("# Compatibility of gpt-4o-mini") == 3


def test_the_action_takes_options_as_words_and_runs_nothing_of_them(runner: Runner) -> None:
    with Server(IDEAL) as server:
        options = f"{QUICK} --header 'X-Team: a b' --header \"X-Odd:$(touch oh) `touch no` $HOME\""
        assert runner.action(
            {"base-url": server.base_url, "model": "gpt-4o-mini", "api-key": "good", "options": options}
        ) in {
            0,
            1,
        }
        asked = server.requests[-1]
    assert (asked.header("x-team"), asked.header("x-odd")) == ("a b", "$(touch oh) `touch no` $HOME")
    assert [path.name for path in runner.folder.iterdir()] == ["output.txt"]


def test_the_action_waits_for_a_server_and_not_for_ever(runner: Runner) -> None:
    with Server(SILENT) as server:
        url = server.base_url
    assert runner.action({"base-url": url, "model": "m", "wait": "1"}) == 1
    assert f"nobody answers at {url} after 1 s" in runner.said


@pytest.mark.thorough
def test_the_action_installs_itself(runner: Runner, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "temp/harness")
    runner.skipped = ()
    with Server(IDEAL) as server:
        inputs = {
            "base-url": server.base_url,
            "model": "gpt-4o-mini",
            "api-key": "good",
            "options": QUICK,
            "python": sys.executable,
        }
        assert runner.action(inputs) == 0, runner.said


# The examples.


def example(runner: Runner, name: str) -> Path:
    shutil.copytree(ROOT / "examples" / name, runner.folder, dirs_exist_ok=True)
    return runner.folder / "workflow.yml"


@pytest.fixture
def engine(runner: Runner) -> Iterator[Runner]:
    """The example of an engine, its server on a free port and stopped at the end."""
    with Server(IDEAL) as server:
        port = server.port
    workflow = example(runner, "engine-ci")
    workflow.write_text(workflow.read_text().replace("8484", str(port)))
    runner.environment = {**runner.environment, "PORT": str(port)}
    yield runner
    pid = runner.folder / "server.pid"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIGTERM)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("object-missing", 0, "2 known, 0 stale, 0 not judged"),
        ("mark-quoted", 1, "::error title=sse.done MUST,file=baseline.yaml"),
        ("comments-inside-events", 1, "::error title=stale entry of the baseline,file=baseline.yaml,line=3"),
    ],
)
def test_an_engine_is_green_red_on_a_new_fault_and_red_on_a_stale_entry(
    engine: Runner, fault: str, code: int, said: str
) -> None:
    engine.environment = {**engine.environment, "FAULT": fault}
    assert engine.run(steps_of(engine.folder / "workflow.yml")) == code, engine.said
    assert said in engine.said


GH = """\
#!/usr/bin/env bash
echo "gh $*" >> gh.log
[ "$1 $2" = "issue list" ] && echo "$OPEN_ISSUE"
exit 0
"""


@pytest.fixture
def nightly(runner: Runner) -> Runner:
    """The example of a watch, its provider recorded once, and a gh that writes down what it is told."""
    example(runner, "nightly")
    matrix = {
        "providers": [
            {
                "id": "acme", "name": "Acme", "base_url": "https://api.acme.example/v1", "key_env": "ACME_API_KEY",
                "docs": "https://acme.example/docs", "models": [{"id": "small", "name": "gpt-4o-mini", "thinking": {"disable": {}}}],
            }
        ]
    }  # fmt: skip
    (runner.folder / "providers.yaml").write_text(yaml.safe_dump(matrix, sort_keys=False))
    tools = runner.folder / "tools"
    tools.mkdir()
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)
    runner.environment = {
        **runner.environment, "PATH": f"{tools}:{runner.environment['PATH']}", "ACME_API_KEY": "good", "OPEN_ISSUE": "",
    }  # fmt: skip
    return runner


def watch(nightly: Runner, server: Server) -> int:
    options = f"--base-url {server.base_url} --scenario chat.stream --scenario chat.nonstream"
    return nightly.run([{"run": f"./watch.sh acme {options}"}])


@pytest.mark.thorough
def test_a_watch_tells_of_what_got_worse_and_of_nothing_else(nightly: Runner) -> None:
    log = nightly.folder / "gh.log"
    with Server(IDEAL) as server:
        first = [
            {
                "run": f"harness record acme --base-url {server.base_url} --scenario chat.stream --scenario chat.nonstream"
            }
        ]
        assert nightly.run(first) == 0, nightly.said
        assert watch(nightly, server) == 0, nightly.said
        assert not log.exists()
        server.answers(faulty(OBJECT))
        assert watch(nightly, server) == 0, nightly.said
        assert "gh issue create --title acme answers differently --body-file body.md" in log.read_text()
        assert "chunk.object" in (nightly.folder / "body.md").read_text()
        nightly.environment = {**nightly.environment, "OPEN_ISSUE": "7"}
        server.answers(faulty(OBJECT, ("data: [DONE]\n\n", "")))
        assert watch(nightly, server) == 0, nightly.said
    assert "gh issue comment 7 --body-file body.md" in log.read_text()
    assert log.read_text().count("issue create") == 1


def test_a_watch_without_an_answer_ends_with_2(nightly: Runner) -> None:
    with Server(IDEAL) as server:
        (nightly.folder / "cassettes/acme").mkdir(parents=True)
    assert watch(nightly, server) == 2, nightly.said
    assert not (nightly.folder / "gh.log").exists()


def test_the_watch_leaves_out_what_has_no_key(nightly: Runner) -> None:
    step = next(step for step in steps_of(nightly.folder / "workflow.yml") if step.get("name") == "Record and compare")
    nightly.values = {
        "matrix.key": "ACME_API_KEY", "secrets[matrix.key]": "", "github.token": "t", "github.repository": "o/r",
        "matrix.provider": "acme",
    }  # fmt: skip
    assert nightly.run([step]) == 0
    assert "ACME_API_KEY is not set; acme is left out" in nightly.said


@pytest.mark.parametrize(("tag", "code"), [("v{version}", 0), ("v0.0.0", 1)])
def test_a_release_is_of_the_version_that_its_tag_names(runner: Runner, tag: str, code: int) -> None:
    (runner.folder / "harness").mkdir()
    shutil.copy(ROOT / "harness/__init__.py", runner.folder / "harness")
    (step,) = [
        one for one in steps_of(ROOT / ".github/workflows/release.yml") if one.get("name") == "The tag is the version"
    ]
    runner.values = {"github.ref_name": tag.format(version=__version__)}
    assert runner.run([step]) == code, runner.said


def test_the_issue_forms_name_commands_that_there_are() -> None:
    text = " ".join(path.read_text() for path in FORMS)
    for name in ("mask", "verify", "new-provider", "probe"):
        assert f"harness {name}" in text
        assert name in COMMANDS


def test_the_address_of_the_repository_is_one_setting(tmp_path: Path) -> None:
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "examples").rglob("*.*"),
        ROOT / "action.yml",
        ROOT / "pyproject.toml",
    ]
    texts = {
        path.relative_to(ROOT): path.read_text()
        for path in pages
        if path.suffix in {".md", ".yml", ".yaml", ".sh", ".toml"}
    }
    found = {path for path, text in texts.items() if "OWNER/" in text and path.name != "CONTRIBUTING.md"}
    assert len(found) >= 5
    for path in texts:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copy(ROOT / "Makefile", tmp_path)
    assert run("make", "-C", tmp_path, "address").returncode == 2
    assert run("make", "-C", tmp_path, "address", "OWNER=some-body").returncode == 0
    left = {path for path in found if "OWNER/" in (tmp_path / path).read_text()}
    assert left == set()
    assert all("some-body/llm-compat-harness" in (tmp_path / path).read_text() for path in found)
    assert "https://some-body.github.io/llm-compat-harness/" in (tmp_path / "pyproject.toml").read_text()
    assert not list(tmp_path.rglob("*.before"))


def test_what_pypi_shows_has_no_link_into_the_repository() -> None:
    page = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["readme"]
    assert re.findall(r"\]\((?!https://)", (ROOT / page).read_text()) == []


def test_the_image_gets_what_the_wheel_is_built_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    needed = {project["readme"], *project["license-files"], "harness", "cassettes", "providers.yaml", "pyproject.toml"}
    assert needed <= let_in
