"""A project's own matrix takes precedence over the bundled one."""

import importlib.util
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from projects import MATRIX, SCHEMA_LINE, write_project

from harness.cli import main
from harness.errors import BadProviders, UnknownName
from harness.judging.deviations import folder_of
from harness.judging.runner import Selection, plan
from harness.matrix.bundled import bundled, unpack
from harness.matrix.project import project_matrix
from harness.recording.cassette import read_cassette, write_cassette
from harness.simulate.reference import STREAM, recorded

ROOT = Path(__file__).parents[2]
OURS = "cassettes/deepseek/deepseek-flash/chat.stream.yaml"
CLIENTS = ROOT / "harness/clients"


def harness(*words: str) -> Result:
    return CliRunner().invoke(main, words, env={"COLUMNS": "200"})


def pack(root: Path) -> bytes:
    """Pack a matrix like the build, without its build dependencies."""
    text = (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    assert "from hatchling" in text
    spec = importlib.util.spec_from_loader("packing", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(
        text.replace(
            "from hatchling.builders.hooks.plugin.interface import BuildHookInterface", "BuildHookInterface = object"
        ),
        module.__dict__,
    )
    content: bytes = module.pack_matrix(root)
    return content


def test_a_checkout_is_its_own_matrix() -> None:
    assert bundled() == ROOT
    assert not any(provider.bundled for provider in project_matrix(ROOT).providers)


def test_a_folder_without_a_matrix_has_ours(tmp_path: Path) -> None:
    matrix = project_matrix(tmp_path)
    assert [one.id for one in matrix.own] == [one.id for one in project_matrix(ROOT).providers]
    (case,) = plan(matrix, tmp_path, Selection(models=("deepseek/deepseek-flash",), scenarios=("chat.stream",)))
    assert (case.cassette, case.written, case.label) == (ROOT / OURS, tmp_path / OURS, OURS)
    assert folder_of(case.target.provider, tmp_path) == ROOT / "cassettes/deepseek"


def test_a_matrix_of_ones_own_stands_over_ours(tmp_path: Path) -> None:
    matrix = project_matrix(write_project(tmp_path))
    assert [one.id for one in matrix.own] == ["acme"]
    assert [one.id for one in matrix.providers][:2] == ["acme", "deepseek"]
    assert {case.target.provider.id for case in plan(matrix, tmp_path, Selection())} == {"acme"}
    named = plan(matrix, tmp_path, Selection(providers=("deepseek", "acme")))
    assert {case.target.provider.id for case in named} == {"deepseek", "acme"}
    with pytest.raises(UnknownName, match="unknown provider 'depseek'; try deepseek"):
        matrix.meant(["depseek"])


def test_an_entry_of_ones_own_takes_the_place_of_ours_whole(tmp_path: Path) -> None:
    matrix = project_matrix(write_project(tmp_path, MATRIX.replace("id: acme", "id: deepseek")))
    (case, *_) = plan(matrix, tmp_path, Selection(scenarios=("chat.stream",)))
    assert case.target.id == "deepseek/small"
    assert not case.cassette.exists()
    assert folder_of(case.target.provider, tmp_path) == tmp_path / "cassettes/deepseek"


def test_a_recording_of_ones_own_stands_before_ours(tmp_path: Path) -> None:
    write_cassette(tmp_path / OURS, [recorded(STREAM)])
    (case,) = plan(
        project_matrix(tmp_path), tmp_path, Selection(models=("deepseek/deepseek-flash",), scenarios=("chat.stream",))
    )
    assert case.cassette == tmp_path / OURS
    assert folder_of(case.target.provider, tmp_path) == ROOT / "cassettes/deepseek", "file by file"


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadProviders, match="no such folder; name another with --root"):
        project_matrix(tmp_path / "none")


def test_commands_find_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_project(tmp_path, SCHEMA_LINE + MATRIX))
    listed = harness("providers")
    assert "acme/small" in listed.stdout
    assert "deepseek" not in listed.stdout
    assert "more come with harness" in listed.stderr
    both = harness("providers", "deepseek", "acme").stdout
    assert "acme/small" in both
    assert "deepseek/deepseek-flash" in both
    assert "DeepSeek" in harness("explain", "deepseek").stdout
    chosen = ("--scenario", "chat.stream", "--check", "sse.done", "--format", "json")
    assert '"provider":"acme"' in harness("run", *chosen).stdout
    assert '"provider":"deepseek"' in harness("run", "--provider", "deepseek", *chosen).stdout
    assert '"provider": "deepseek"' in harness("export", "deepseek").stdout.replace('"id"', '"provider"')
    assert harness("reconstruct", "deepseek", "--check").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cassettes", "providers.yaml"]


def test_the_pack_holds_all_and_is_always_the_same(tmp_path: Path) -> None:
    small = tmp_path / "checkout"
    shutil.copytree(ROOT / "cassettes/spark", small / "cassettes/spark")
    shutil.copy(ROOT / "providers.yaml", small)
    for name in ("idioms", "real", "pins"):
        shutil.copytree(CLIENTS / name, small / "harness/clients" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLIENTS / "forecast.json", small / "harness/clients")
    (tmp_path / "pack.xz").write_bytes(pack(small))
    assert pack(small) == (tmp_path / "pack.xz").read_bytes()
    folder = unpack(tmp_path / "pack.xz", tmp_path / "cache")
    held = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert held == {path.relative_to(small): path.read_bytes() for path in small.rglob("*") if path.is_file()}
    assert list((tmp_path / "cache").iterdir()) == [folder], "nothing half done is left"
    assert unpack(tmp_path / "pack.xz", tmp_path / "cache") == folder
    assert read_cassette(next(folder.glob("cassettes/spark/*/*.yaml")))


def test_without_a_place_for_a_cache_it_is_unpacked_for_as_long_as_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "pack.xz").write_bytes(pack(_tiny(tmp_path / "checkout")))
    (tmp_path / "cache").write_text("a file, where a folder would be")
    folder = unpack(tmp_path / "pack.xz", tmp_path / "cache")
    assert (folder / "providers.yaml").read_text() == MATRIX
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def _tiny(root: Path) -> Path:
    return write_project(root)
