"""
Every command that README and the guides show works: those of harness and pytest are run, with a server, recordings and a
project of the test's own in the places that the pages name; what installs something, or takes minutes, is looked up.
``make test`` tries a third of the commands, one server and one pytest of those shown, ``make test-thorough`` the others.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner
from parted import parted
from scripted import IDEAL, Server

from harness.cli import main
from harness.matrix.scenarios import SCENARIOS
from harness.simulate.chat.faults import FAULTS
from harness.simulate.completions.ideal import MODEL as COMPLETING
from harness.simulate.messages.ideal import MODEL
from harness.simulate.reference import BODY

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
KEYS = {"MY_KEY": "good", "ACME_API_KEY": "good", "DEEPSEEK_API_KEY": "good", "OPENAI_API_KEY": "good"}
MINE = {"python my_app.py", "pip install ."}
"""What a reader runs of their own, and what installs this project: here it is installed."""
QUIET = {"--into", "--check", "verify"}
LOADED = main.loaded()
HAR = json.dumps({"log": {"entries": [{
    "request": {"method": "POST", "url": "https://api.example.com/v1/chat/completions", "headers": [],
                "postData": {"text": json.dumps(BODY.request.json)}},
    "response": {"status": 200, "headers": [{"name": "content-type", "value": "application/json"}],
                 "content": {"text": BODY.response.body.decode()}},
}]}}).encode()  # fmt: skip
"""A recording as a reader may have it."""


def shown(page: str) -> Iterator[str]:
    """Yield the commands in the code blocks of a page, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            bare = re.sub(r"\s+#.*", "", line.removeprefix("- run: ").removeprefix("$ ")).strip()
            if re.match(r"(harness|pytest|python|make|pip) ", bare):
                yield bare


def inline(page: str) -> Iterator[str]:
    """Yield the commands in the sentences of a page that have an argument, and no placeholder for one."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for command in re.findall(r"`(harness [^`]+)`", text):
        if re.fullmatch(r"harness [a-z-]+ [a-z0-9./_-]+", command):
            yield " ".join(command.split())


COMMANDS = list(dict.fromkeys(line for page in PAGES for line in shown(page)))
HARNESS = [line for line in COMMANDS if line.startswith("harness ") and not line.startswith("harness serve")]
SENTENCES = sorted(
    {line for page in PAGES for line in inline(page) if line.startswith("harness explain")} - set(COMMANDS)
)
PYTESTS = [line for line in COMMANDS if line.startswith("pytest ")]
INSTALLS = [line for line in HARNESS if line.startswith("harness clients install")]
SHOWN = [line for line in [*HARNESS, *SENTENCES] if line not in INSTALLS]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(IDEAL) as server:
        yield server


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """A folder as the guides take it for granted: the project, recordings, results of an audit and two probes, a reader."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "providers.yaml", folder)
    shutil.copytree(ROOT / "cassettes", folder / "cassettes")
    shutil.copytree(ROOT / "cassettes/minimax", folder / "my-recordings")
    shutil.copy(ROOT / "harness/clients/idioms/openai_reference.py", folder / "my_reader.py")
    (folder / "logs").mkdir()
    (folder / "baseline.yaml").write_text("deviations: []\n", encoding="utf-8")
    for copy in ("cassettes/mine.har", "我的录制.har", "logs/a.har"):
        (folder / copy).write_bytes(HAR)
    runner = CliRunner()
    runner.invoke(main, ["audit", str(ROOT / "cassettes/minimax"), "--results", str(folder / "audit.jsonl")])
    probe = ["probe", server.base_url, "-m", "gpt-4o-mini", "--scenario", "chat.stream", "--results"]
    for name in ("last-week.jsonl", "probe.jsonl", "direct.jsonl", "gateway.jsonl"):
        runner.invoke(main, [*probe, str(folder / name)], env=KEYS)
    return folder


def words_of(command: str, server: Server) -> list[str]:
    """Return the arguments of a command, at the address and with the model of the test's server."""
    messages = server.base_url.removesuffix("/v1")
    here = {"http://localhost:8000/v1": server.base_url, "qwen3": "gpt-4o-mini"}
    here |= {"https://api.deepseek.com/anthropic": messages, "deepseek-chat": MODEL, "http://localhost:8000": messages}
    here |= {"qwen3": MODEL} if "--dialect messages" in command else {}
    here |= {"https://api.deepseek.com/beta": server.base_url, "deepseek-v4-pro": COMPLETING}
    return [here.get(word, word) for word in shlex.split(command)[1:]]


@pytest.mark.parametrize(
    "command", parted(SHOWN, {line for line in SHOWN[::3] if not line.startswith("harness clients run")})
)
def test_a_command_of_harness_does_what_it_is_shown_for(
    command: str, server: Server, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    run = CliRunner().invoke(main, words_of(command, server), env=KEYS)
    assert run.exit_code in {0, 1}, run.output  # 1: it found something
    assert run.stdout.strip() or QUIET & set(command.split()), "these speak on stderr, if at all"


@pytest.mark.parametrize("command", INSTALLS)
def test_a_command_that_installs_is_one(command: str, server: Server) -> None:
    group, name, *words = words_of(command, server)
    install = cast("click.Group", LOADED[group]).commands[name]
    assert install.make_context(name, words).params


@pytest.mark.parametrize(
    "command", parted([line for line in COMMANDS if line.startswith("harness serve")], {"harness serve"})
)
def test_a_server_starts_as_it_is_shown(command: str, server: Server) -> None:
    words = [sys.executable, "-m", "harness", *words_of(command, server), "--port", "0"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert "127.0.0.1" in said


@pytest.mark.parametrize("command", parted(PYTESTS, {min(PYTESTS, key=lambda line: "--compat-check" not in line)}))
def test_a_command_of_pytest_is_green(command: str, project: Path) -> None:
    words = [sys.executable, "-m", *shlex.split(command), "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    run = subprocess.run(words, cwd=project, env={**os.environ, **KEYS}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_other_commands_name_what_there_is() -> None:
    others = [line for line in COMMANDS if not line.startswith(("harness ", "pytest ", "pip ")) and line not in MINE]
    assert others
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in others:
        program, what = line.split()
        assert what in targets if program == "make" else (ROOT / what).is_file(), line


def outputs() -> Iterator[tuple[str, str]]:
    """Yield each command that is shown with what it prints, and that."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        yield from re.findall(r"^```\n\$ (harness [^\n]+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("command", "said"), dict.fromkeys(outputs()))
def test_what_a_command_prints_is_what_is_shown(command: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line; an ellipsis stands for anything."""
    monkeypatch.chdir(ROOT)
    printed = [line.rstrip() for line in CliRunner().invoke(main, shlex.split(command)[1:]).stdout.splitlines()]
    for line in said.splitlines():
        pattern = ".*".join(map(re.escape, line.rstrip().split("…")))
        assert any(re.fullmatch(pattern, one) for one in printed), line


def test_the_scenarios_and_faults_that_the_pages_put_into_headers_are_there() -> None:
    shown = [
        found
        for page in PAGES
        for found in re.findall(r"x-harness-(scenario|fault): ([\w.-]+)", (ROOT / page).read_text())
    ]
    known = {"scenario": set(SCENARIOS), "fault": {*FAULTS, "ID"}}
    assert shown
    assert [(header, name) for header, name in shown if name not in known[header]] == []
