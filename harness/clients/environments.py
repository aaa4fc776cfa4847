"""
Manages the environments of client code: the project's own, and one per library, installed on demand.

``pins/`` holds the versions of each.  An environment is installed into the user's cache under the digest of its
pins, so that new pins make a new one; an incomplete one is never used.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Literal

import platformdirs

from harness.clients.client import HERE
from harness.errors import NotInstalled
from harness.matrix.bundled import packed

Kind = Literal["own", "python", "node"]

_PINS = packed("clients", "pins")
_LONGEST_INSTALL = 900.0


@dataclass(frozen=True)
class Environment:
    """
    An environment of client code: ``packages`` are those whose versions identify the client.

    ``tier`` is 0 for what is always available, 1 for Python, 2 for Node.js and the browser.
    """

    name: str
    tier: int
    kind: Kind
    packages: tuple[str, ...] = ()

    @cached_property
    def pins(self) -> Path | None:
        """The file of its versions; None if nothing is installed for it."""
        found = {"python": _PINS / f"{self.name}.txt", "node": _PINS / self.name / "package-lock.json"}.get(self.kind)
        return found if found and found.exists() else None

    @cached_property
    def folder(self) -> Path:
        """Its folder, installed or not."""
        digest = hashlib.sha256(self.pins.read_bytes() if self.pins else b"").hexdigest()[:12]
        cache = platformdirs.user_cache_path("llm-compat-harness", appauthor=False)
        return cache / "clients" / f"{self.name}-{digest}"

    @property
    def installed(self) -> bool:
        """Whether it can be used."""
        if self.pins is None:
            return self.kind != "node" or shutil.which("node") is not None
        return (self.folder / "ready").exists()

    @property
    def command(self) -> tuple[str, ...]:
        """The command that starts its host."""
        if self.kind == "node":
            return (shutil.which("node") or "node", str(HERE / "host.mjs"))
        python = self.folder / "bin" / "python" if self.kind == "python" else Path(sys.executable)
        return (str(python), str(HERE / "host.py"))

    @property
    def extra(self) -> dict[str, str]:
        """Additional environment variables of its host."""
        return {"HARNESS_CLIENT_ENV": str(self.folder)} if self.kind == "node" and self.pins else {}

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version of each of its packages, as installed or pinned."""
        if self.kind == "own":
            return {name: _own_version(name) for name in self.packages}
        if self.kind == "python":
            pinned = (
                dict(line.split("==") for line in self.pins.read_text().splitlines() if "==" in line)
                if self.pins
                else {}
            )
            return {name: pinned[name] for name in self.packages}
        told = json.loads((_PINS / self.name / "package.json").read_text()) if self.pins else {}
        return {name: told["dependencies"][name] for name in self.packages} or _node_version()

    @property
    def how(self) -> str:
        """The command that installs it."""
        if self.kind == "node" and not shutil.which("node"):
            return "node is not on the path; install Node.js 20 or later"
        return f"not installed; run: harness clients install {self.name}"

    def install(self) -> None:
        """
        Install it; do nothing if it is.

        Raises:
            NotInstalled: the installer failed; says how.
        """
        if self.pins is None or self.installed:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise NotInstalled(
                f"{self.folder}: {error.strerror or error}; it is installed there, so make it writable"
            ) from None
        if self.kind == "python":
            self._run(sys.executable, "-m", "venv", str(self.folder))
            python = str(self.folder / "bin" / "python")
            self._run(
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "-r",
                str(self.pins),
            )
        else:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_PINS / self.name / name, self.folder)
            self._run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        (self.folder / "ready").touch()

    def _run(self, *command: str) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - pip and npm, with the versions that the project pins
                command, capture_output=True, text=True, cwd=self.folder, timeout=_LONGEST_INSTALL, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(f"{self.name}: {command[0]}: {error}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise NotInstalled(
                f"{self.name}: {Path(command[0]).name} failed: {said[-1] if said else 'it says nothing'}"
            )


def _own_version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _node_version() -> dict[str, str]:
    node = shutil.which("node")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""  # noqa: S603
    return {"node": told.strip().removeprefix("v") or "not installed"}
