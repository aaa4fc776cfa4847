"""
Record what the engines answer into cassettes/, as the providers llamacpp, mlx-lm, litellm, aimock and
claude-code-router of the matrix.

    python engines/record.py [--dialect DIALECT] [SERVER...]

Runs in the environment that the harness is installed in; what is recorded already is recorded anew, in all dialects that a
server speaks or in one.  Exits with 1 where a server could not be asked.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from servers import Running, running

from harness.matrix.providers import load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.wire.dialect import DIALECTS, DialectName

ROOT = Path(__file__).resolve().parents[1]
THINKING = (
    "reasoning.stream", "reasoning.nonstream", "reasoning.off", "multi_turn.reasoning-back",
    "multi_turn.reasoning-left-out", "parity.reasoning",
    "messages.thinking-stream", "messages.thinking-tool", "messages.thinking-left-out",
)  # fmt: skip
"""What a second model is for: all else is as with the first."""

WITHOUT_PATHS = tuple(name for name in SCENARIOS if not name.startswith("models."))
"""Where the list of models holds the path of a folder, which is no one's business."""

FACE = ("chat.stream", "chat.stream-usage", "chat.nonstream", "tools.auto", "parity.chat")


@dataclass(frozen=True, slots=True)
class Target:
    """A target of the matrix that a server answers as; ``scenarios`` are those to record, all where there are none."""

    provider: str
    model: str
    scenarios: tuple[str, ...] = ()
    path: str = "/v1"


TARGETS = {
    "llamacpp": [Target("llamacpp", "tiny-chat")],
    "llamacpp-think": [Target("llamacpp", "tiny-think", THINKING)],
    "mlx-lm": [Target("mlx-lm", "tiny-chat", WITHOUT_PATHS), Target("mlx-lm", "tiny-think", THINKING)],
    "litellm": [Target("litellm", "mock")],
    "litellm-forward": [Target("litellm", "tiny-chat")],
    "aimock": [
        Target("aimock", "tiny-chat"),
        Target("aimock", "tiny-think", THINKING),
        Target("aimock", "openrouter-face", FACE, "/api/v1"),
    ],
    "ccr": [Target("claude-code-router", "tiny-chat")],
}


def dialects_of(server: str) -> list[DialectName]:
    """Return the dialects that a server speaks, by the matrix."""
    named = {f"{target.provider}/{target.model}" for target in TARGETS[server]}
    targets = [one for one in load_matrix(ROOT / "providers.yaml").targets() if one.id in named]
    return [
        dialect
        for dialect in DIALECTS
        if any(one.speaks(dialect) and dialect not in one.provider.lacks for one in targets)
    ]


def main(names: list[str], dialect: str | None) -> int:
    """Record the servers named, or all; in all dialects, or one."""
    good = True
    for name in names or list(TARGETS):
        with running(name) as server:
            for target in TARGETS[name]:
                good = record(target, server, ROOT, dialect=dialect) and good
    return 0 if good else 1


def record(target: Target, server: Running, root: Path, *, dialect: str | None = None, quiet: bool = False) -> bool:
    """Record a target into the project at ``root``; tell whether its server could be asked."""
    command = ["harness", "record", target.provider, "--model", f"{target.provider}/{target.model}", "--again"]
    chosen = [word for name in target.scenarios for word in ("--scenario", name)]
    chosen += ["--dialect", dialect] if dialect else []
    address = server.base_url.removesuffix("/v1") + target.path
    variable = f"{target.provider.upper().replace('-', '_')}_API_KEY"
    done = subprocess.run(
        [*command, *chosen, "--base-url", address, "--root", str(root)],
        env={**os.environ, variable: server.key or "none-is-asked-for"},
        capture_output=quiet,
        check=False,
        timeout=600,
    )
    return done.returncode == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Record what the engines answer into cassettes/.")
    parser.add_argument("--dialect", choices=DIALECTS)
    parser.add_argument("servers", nargs="*", metavar="SERVER")
    given = parser.parse_args()
    sys.exit(main(given.servers, given.dialect))
