"""
Runs commands of harness on a small or read-only disk.  For tests only.

How it works: this file runs as a script in its own mount namespace (``unshare -rm``), where it can mount a tmpfs
without root; it runs the commands there, and reports the files on the disk, which disappears with it.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NAMESPACE = ("unshare", "-rm")


@dataclass(frozen=True, slots=True)
class Told:
    """How each command ended, as its exit code and its last line of errors, and the files of the disk by their path on it."""

    ended: list[tuple[int, str]]
    files: dict[str, bytes]


@cache
def refused() -> str:
    """Return why there can be no such disk here; empty if there can."""
    if shutil.which("unshare") is None:
        return "unshare is not installed, so nothing can be mounted"
    told = subprocess.run(
        [*_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, check=False
    )
    return "" if told.returncode == 0 else f"nothing can be mounted here: {told.stderr.strip()}"


def run(
    disk: Path,
    commands: Sequence[Sequence[str]],
    files: dict[str, bytes],
    *,
    size: int = 1 << 20,
    readonly: bool = False,
) -> Told:
    """Run commands one after the other while ``disk``, an empty folder, is a disk of ``size`` bytes that holds ``files``."""
    given = {
        "disk": str(disk),
        "commands": commands,
        "size": size,
        "files": {name: content.decode("latin-1") for name, content in files.items()},
        "readonly": readonly,
    }
    script = [*_NAMESPACE, sys.executable, __file__]
    done = subprocess.run(script, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    ended = [(code, said) for code, said in told["ended"]]
    return Told(ended, {name: text.encode("latin-1") for name, text in told["files"].items()})


def _main() -> None:
    given = json.load(sys.stdin)
    disk = Path(given["disk"])
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={given['size']}", "none", str(disk)], check=True)
    for name, text in given["files"].items():
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(text.encode("latin-1"))
    if given["readonly"]:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ended = [_end_of(words) for words in given["commands"]]
    left = {
        str(path.relative_to(disk)): path.read_bytes().decode("latin-1") for path in disk.rglob("*") if path.is_file()
    }
    sys.stdout.write(json.dumps({"ended": ended, "files": left}))


def _end_of(words: list[str]) -> tuple[int, str]:
    from click.testing import CliRunner

    from harness.cli import main

    result = CliRunner().invoke(main, words, env={"ACME_KEY": "good"})
    crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
    return result.exit_code, repr(result.exception) if crashed else (result.stderr.splitlines() or [""])[-1]


if __name__ == "__main__":
    _main()
