"""
Probe every engine with the harness, and say of each what failed.

    python engines/probe.py [NAME...]

Runs in the environment that the harness is installed in; exits with 1 where a probe could not be made.
"""

import os
import subprocess
import sys
import time

from servers import KEY_ENV, SERVERS, running


def main(names: list[str]) -> int:
    """Probe the servers named, or all."""
    bad = 0
    for name in names or list(SERVERS):
        began = time.monotonic()
        with running(name) as server:
            command = [
                "harness",
                "probe",
                server.base_url,
                "-m",
                server.model,
                "--key-env",
                KEY_ENV,
                "--fail-on",
                "never",
            ]
            environment = {**os.environ, KEY_ENV: server.key or ""}
            probed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        bad += probed.returncode != 0
        print(f"{name}: {time.monotonic() - began:.1f} s, exit {probed.returncode}")
        print(
            "\n".join(f"  {line}" for line in (probed.stdout or probed.stderr).splitlines() if "✗" not in line)[-2500:]
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
