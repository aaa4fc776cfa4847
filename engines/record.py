"""
Record what the engines answer into cassettes/, as the providers llamacpp, mlx-lm, litellm and aimock of the matrix.

    python engines/record.py [SERVER...]

Runs in the environment that the harness is installed in; what is recorded already is recorded anew.  Exits with 1
where a server could not be asked.
"""

import os
import subprocess
import sys
from pathlib import Path

from servers import running

TARGETS = {
    "llamacpp": [("llamacpp", "tiny-chat")],
    "llamacpp-think": [("llamacpp", "tiny-think")],
    "mlx-lm": [("mlx-lm", "tiny-chat"), ("mlx-lm", "tiny-think")],
    "litellm": [("litellm", "mock")],
    "litellm-forward": [("litellm", "tiny-chat")],
    "aimock": [("aimock", "tiny-chat"), ("aimock", "tiny-think")],
}
"""The targets of the matrix that each server answers as."""

ROOT = Path(__file__).resolve().parents[1]
NO_KEY = "none-is-asked-for"


def main(names: list[str]) -> int:
    """Record the servers named, or all."""
    bad = 0
    for name in names or list(TARGETS):
        with running(name) as server:
            for provider, model in TARGETS[name]:
                variable = f"{provider.upper().replace('-', '_')}_API_KEY"
                command = [
                    "harness",
                    "record",
                    provider,
                    "--model",
                    f"{provider}/{model}",
                    "--again",
                    "--root",
                    str(ROOT),
                ]
                environment = {**os.environ, variable: server.key or NO_KEY}
                asked = [*command, "--base-url", server.base_url]
                bad += subprocess.run(asked, env=environment, check=False, timeout=600).returncode != 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
