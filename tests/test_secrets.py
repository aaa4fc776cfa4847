"""Nothing that looks like a key is in the repository."""

import subprocess
from pathlib import Path

import pytest

from harness.recording.redact import KEY_SHAPES, redact

ROOT = Path(__file__).resolve().parents[1]
SHAPES = ["sk-", "sk-proj-", "gsk_", "xai-", "pplx-", "hf_", "nvapi-", "AIza", "Bearer ", "sk-or-v1-", "sk-sp-"]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_tracked_file_holds_a_key() -> None:
    files = tracked()
    if not files:
        pytest.skip("not a git checkout")
    assert [str(path) for path in files if KEY_SHAPES.search(path.read_bytes())] == []


@pytest.mark.parametrize("start", SHAPES)
def test_every_shape_is_replaced(start: str) -> None:
    text = f'{{"message":"bad key {start}{"aB3" * 14}"}}'.encode()
    assert redact(text).startswith(b'{"message":"bad key REDACTED')
    assert (len(redact(text)), b"aB3" in redact(text)) == (len(text), False)


def test_a_qianfan_key_is_replaced() -> None:
    assert set(redact(b"bce-v3/ALTAK-" + b"aB3" * 8 + b"/" + b"0f" * 20)) == set(b"REDACTED")


def test_a_json_web_token_is_replaced() -> None:
    assert set(redact(b".".join([b"eyJ" + b"aB3" * 6, b"eyJ" + b"cD4" * 6, b"x-_9"]))) == set(b"REDACTED")


def test_ordinary_text_is_left_alone() -> None:
    text = b'{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx","x":"sk-short","y":"sk-learn-is-a-library-for-python","model":"task-oriented-and-very-long-name"}'
    assert redact(text) == text
