"""Nothing that looks like a key is in the repository."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.matrix.providers import load_matrix
from harness.recording.redact import configured, redact

ROOT = Path(__file__).resolve().parents[1]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_tracked_file_holds_what_is_shaped_like_a_key() -> None:
    files = tracked()
    if not files:
        pytest.skip("not a git checkout")
    contents = {path: path.read_bytes() for path in files}
    assert [str(path) for path, content in contents.items() if redact(content) != content] == []


@pytest.mark.parametrize("folder", ["cassettes", "reports"])
def test_no_key_of_this_machine_is_in_what_is_recorded_and_reported(folder: str) -> None:
    names = {provider.key_env for provider in load_matrix(ROOT / "providers.yaml").providers}
    secrets = configured(os.environ, names)
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert files
    contents = {path: path.read_bytes() for path in files}
    assert [str(path) for path, content in contents.items() if secrets.redact(content) != content] == []
