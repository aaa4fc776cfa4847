"""Defines the command that checks files before they are committed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.common import ROOT, one_line_errors, refuse
from harness.cli.outlet import say
from harness.errors import HarnessError
from harness.printable import count_of

if TYPE_CHECKING:
    from harness.recording.redact import Secrets

_YAML = (".yaml", ".yml")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@ROOT
@one_line_errors
def verify(paths: tuple[Path, ...], root: Path) -> None:
    """
    Check that cassettes are readable and contain no secrets, and that every baseline entry has a reason.

    PATHS are YAML files or folders of them; a YAML file that is neither a cassette nor a baseline is ignored. Secrets are
    the keys in the environment and .env, and any string shaped like a key. Exit code 1: a file has a problem.
    """
    from harness.live.record import environment_of
    from harness.recording.redact import configured

    secrets = configured(environment_of(root))
    files = [file for path in paths for file in _files(path)]
    told = {file: list(found) for file in files if (found := _problems(file, secrets)) is not None}
    problems = [problem for found in told.values() for problem in found]
    for problem in problems:
        say(problem)
    if not problems:
        say(f"harness: {len(told)} of {count_of(len(files), 'file')} checked, nothing to fix", err=True)
    sys.exit(1 if problems else 0)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.suffix in _YAML and one.is_file())
    elif path.exists():
        yield path
    else:
        refuse(f"{path}: no such file or folder")


def _problems(path: Path, secrets: "Secrets") -> Iterator[str] | None:
    """Return the problems of a file, a line each; None if it is neither a cassette nor a baseline."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return iter([f"{path}: {error.strerror or error}"])
    if not content.strip():
        return iter([f"{path}: empty; restore it from version control, or delete it"])
    keys = _top_keys(content)
    if b"interactions" in keys:
        return _of_cassette(path, content, secrets)
    return _of_baseline(path) if b"deviations" in keys or path.name == "baseline.yaml" else None


def _of_cassette(path: Path, content: bytes, secrets: "Secrets") -> Iterator[str]:
    from harness.recording.cassette import read_cassette
    from harness.recording.leaks import leaks_in

    try:
        yield from leaks_in(path, content, read_cassette(path), secrets)
    except HarnessError as error:
        yield str(error)


def _of_baseline(path: Path) -> Iterator[str]:
    from harness.judging.deviations import load_baseline

    try:
        load_baseline(path)
    except HarnessError as error:
        yield str(error)


def _top_keys(content: bytes) -> set[bytes]:
    """Return the unindented names that are followed by a colon, even in malformed YAML."""
    lines = (line for line in content.splitlines() if line[:1].isalpha() and b":" in line)
    return {line.partition(b":")[0].strip() for line in lines}
