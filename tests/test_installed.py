"""The installed wheel works outside the repository: every command in an empty folder."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty import DONE, OBJECT, faulty
from projects import MATRIX, SCHEMA_LINE, write_project
from scripted import IDEAL, Server

from harness.cli import SECTIONS

ROOT = Path(__file__).parents[1]
COMMANDS = [name for section in SECTIONS.values() for name in section]
LARGEST_WHEEL = 1_800_000
MOST_FILES = 700

pytestmark = pytest.mark.thorough


class Installed:
    """A fresh environment with the wheel in it, and its own home folder."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.home, self.empty = folder / "env/bin", folder / "home", folder / "empty"
        for path in (self.home, self.empty):
            path.mkdir()
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder / "dist"), str(ROOT)], check=True
        )
        (self.wheel,) = (folder / "dist").glob("*.whl")
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        constraints = ["-c", str(ROOT / "constraints.txt")]
        subprocess.run([str(self.bin / "pip"), "install", "-q", *constraints, str(self.wheel)], check=True)
        (self.packages,) = (folder / "env/lib").glob("python*/site-packages")

    def run(self, command: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command line in the empty folder, or ``cwd``."""
        program, *words = command.split()
        return subprocess.run(
            [self.bin / program, *words], cwd=cwd or self.empty, env=self.environment(**extra), text=True,
            capture_output=True, check=False,
        )  # fmt: skip

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {"HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"} | extra

    def files(self) -> set[Path]:
        return set(self.packages.rglob("*"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def served(installed: Installed) -> Iterator[str]:
    """The address of `harness serve`, run in the empty folder."""
    command = [str(installed.bin / "harness"), "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=installed.empty, env=installed.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:  # fmt: skip
        assert server.stdout is not None
        line = server.stdout.readline()
        yield line.strip().rpartition("/v1")[0].rpartition("/")[0]
        server.terminate()


def test_the_wheel_is_small(installed: Installed) -> None:
    assert installed.wheel.stat().st_size < LARGEST_WHEEL
    own = [path for path in (installed.packages / "harness").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert len(own) < MOST_FILES, "the matrix is one file"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(installed: Installed, name: str) -> None:
    assert installed.run(f"harness {name} --help").stdout.startswith("Usage: harness ")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run --provider llamacpp --scenario chat.stream --check sse --format json", '"outcome":"pass"'),
        ("providers", "deepseek/deepseek-flash"),
        ("export deepseek", '"base_url": "https://api.deepseek.com"'),
        ("record --dry-run", "deepseek/deepseek-flash/"),
        ("reconstruct deepseek --check", ""),
        ("clients list", "openai.print"),
        ("explain deepseek", "DEEPSEEK_API_KEY"),
        ("explain llamacpp/tiny-chat/chat.stream/sse.done", "pass"),
        ("checks usage", "usage.own-chunk"),
        ("scenarios", "chat.stream"),
    ],
)
def test_a_command_works_in_an_empty_folder(installed: Installed, command: str, said: str) -> None:
    before = installed.files()
    told = installed.run(f"harness {command}")
    assert (told.returncode, told.stderr.count("Traceback")) == (0, 0), told.stderr
    assert said in told.stdout
    assert list(installed.empty.iterdir()) == []
    assert installed.files() == before


def test_client_code_is_run_on_what_comes_with_it(installed: Installed) -> None:
    told = installed.run("harness clients run --client openai.print --provider spark --format json")
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert rows, told.stderr
    assert {row["fate"] for row in rows} != {"env"}


def test_the_server_answers_the_sdk(installed: Installed, served: str) -> None:
    code = (
        "import openai, sys; client = openai.OpenAI(base_url=sys.argv[1], api_key='none')\n"
        "said = client.chat.completions.create(model=sys.argv[2], messages=[{'role': 'user', 'content': 'Hi'}], stream=True)\n"
        "print(sum(1 for _ in said))"
    )
    with urllib.request.urlopen(f"{served}/llamacpp/v1/models") as answer:  # it is on 127.0.0.1
        model = json.load(answer)["data"][0]["id"]
    told = subprocess.run(
        [installed.bin / "python", "-c", code, f"{served}/llamacpp/v1", model],
        env=installed.environment(), text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert int(told.stdout) > 1


def test_probe_audit_and_new_provider_work_as_the_readme_says(
    installed: Installed, served: str, tmp_path: Path
) -> None:
    url = f"{served}/reference/v1"
    probed = installed.run(f"harness probe {url} -m gpt-4o-mini --record kept --scenario chat.stream", tmp_path)
    assert probed.returncode == 0, probed.stdout + probed.stderr
    assert installed.run("harness audit kept", tmp_path).returncode in {0, 1}
    drafted = installed.run(f"harness new-provider {url} -m gpt-4o-mini --id mine --max-requests 20", tmp_path)
    assert drafted.returncode == 0, drafted.stdout + drafted.stderr
    assert (tmp_path / "providers.yaml").read_text().startswith(SCHEMA_LINE)
    assert "mine/gpt-4o-mini" in installed.run("harness providers", tmp_path).stdout


def test_pytest_runs_a_matrix_of_ones_own_and_no_foreign_one(installed: Installed, tmp_path: Path) -> None:
    write_project(tmp_path, MATRIX)
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart/providers.yaml").write_text("{{- range .Values.providers }}\n- name: {{ . }}\n{{- end }}\n")
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n")
    assert re.search(r"\b1 passed", installed.run("pytest -q", tmp_path).stdout)
    told = installed.run("pytest -q providers.yaml --compat-check=sse", tmp_path).stdout
    assert re.search(r"passed, \d+ skipped", told), told


def test_it_takes_no_longer_once_it_is_unpacked(installed: Installed) -> None:
    installed.run("harness explain deepseek")
    (unpacked,) = (installed.home / ".cache/llm-compat-harness/matrix").iterdir()
    at = (unpacked / "providers.yaml").stat().st_mtime_ns
    time.sleep(0.01)
    installed.run("harness explain deepseek")
    assert (unpacked / "providers.yaml").stat().st_mtime_ns == at


def test_a_baseline_goes_0_then_1_on_a_new_fault_then_1_on_a_stale_entry(installed: Installed, tmp_path: Path) -> None:
    known, new, gone = faulty(OBJECT), faulty(OBJECT, DONE), IDEAL
    with Server(known) as server:
        probe = f"harness probe {server.base_url} -m gpt-4o-mini --scenario chat.stream --check chunk --check sse"
        drafted = installed.run(f"{probe} --write-baseline baseline.yaml", tmp_path, OPENAI_API_KEY="good")
        assert drafted.returncode == 0, drafted.stderr
        file = tmp_path / "baseline.yaml"
        file.write_text(file.read_text().replace("reason: ''", "reason: It never sends one."))
        codes = []
        for script in (known, new, gone):
            server.answers(script)
            codes.append(installed.run(f"{probe} --baseline baseline.yaml", tmp_path, OPENAI_API_KEY="good").returncode)
    assert codes == [0, 1, 1]
