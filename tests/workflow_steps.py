"""Runs the shell steps of a workflow or a composite action like a runner, with ``${{ … }}`` filled in."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
ACTION = ROOT / "action.yml"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """
    Runs steps in ``folder`` with ``environment``; ``values`` are those of expressions.

    Of steps that use an action only the project's own is run; ``skipped`` are the names of the others.
    """

    folder: Path
    environment: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    said: str = ""

    def run(self, steps: list[dict[str, Any]]) -> int:
        """Run steps until one fails; return its exit code, or 0."""
        for step in steps:
            code = self._step(step)
            if code:
                return code
        return 0

    def action(self, inputs: Mapping[str, str]) -> int:
        """Run the action of this project."""
        action = yaml.safe_load(ACTION.read_text())
        given = {name: told.get("default", "") for name, told in action["inputs"].items()} | dict(inputs)
        values = {f"inputs.{name}": str(value) for name, value in given.items()} | {"github.action_path": str(ROOT)}
        return Runner.run(self._with(values), action["runs"]["steps"])

    def _with(self, values: dict[str, str]) -> "Runner":
        self.values |= values
        return self

    def _step(self, step: dict[str, Any]) -> int:
        if "run" not in step:
            own = "llm-compat-harness" in step["uses"]
            return self.action({name: self.filled(value) for name, value in step["with"].items()}) if own else 0
        if step.get("name") in self.skipped:
            return 0
        output = self.folder / "output.txt"
        told = {name: self.filled(value) for name, value in step.get("env", {}).items()}
        run = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.filled(step["run"])],
            cwd=self.folder, env={**self.environment, **told, "GITHUB_OUTPUT": str(output)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
        )  # fmt: skip
        self.said += run.stdout
        for line in output.read_text().splitlines() if output.exists() else ():
            name, _, value = line.partition("=")
            self.values |= {f"steps.{key}.outputs.{name}": value for key in (step.get("id"), "compat") if key}
        return run.returncode

    def filled(self, text: str) -> str:
        """Return a text with its expressions filled in; raise KeyError for an unknown one."""
        return _EXPRESSION.sub(lambda found: self.values[found[1]], str(text))


def steps_of(workflow: Path) -> list[dict[str, Any]]:
    """Return the steps of the first job of a workflow."""
    jobs: dict[str, Any] = yaml.safe_load(workflow.read_text())["jobs"]
    found: list[dict[str, Any]] = next(iter(jobs.values()))["steps"]
    return found
