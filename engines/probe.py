"""
Probe every engine with the harness, and hold what it answers now against what is listed of it.

    python engines/probe.py [SERVER...]

Each server is probed, and asked once more as its targets of the matrix, into a folder of its own, and judged with the
deviations that cassettes/ lists: what is new, or no longer seen, is shown.  Runs in the environment that the harness
is installed in; exits with 1 where a probe could not be made or something unexpected came.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from record import ROOT, TARGETS, dialects_of, record
from servers import KEY_ENV, SERVERS, Running, running


def main(names: list[str]) -> int:
    """Probe the servers named, or all."""
    good = True
    for name in names or list(SERVERS):
        with running(name) as server, tempfile.TemporaryDirectory() as folder:
            good = _probed(name, server) and good
            good = _as_listed(name, server, Path(folder)) and good
    return 0 if good else 1


def _probed(name: str, server: Running) -> bool:
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
        "--format",
        "json",
    ]
    environment = {**os.environ, KEY_ENV: server.key or ""}
    good = True
    for dialect in dialects_of(name):
        began = time.monotonic()
        asked = [*command, "--dialect", dialect]
        probed = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False, timeout=300)
        rows = map(json.loads, probed.stdout.splitlines())
        outcomes = Counter(row["outcome"] for row in rows if "outcome" in row)  # a forecast has none
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) or probed.stderr.strip()
        print(f"{name}: probed in {dialect} in {time.monotonic() - began:.1f} s: {told}")
        good = probed.returncode == 0 and good
    return good


def _as_listed(name: str, server: Running, root: Path) -> bool:
    """Tell whether the answers of now, judged as those in the repository are, hold no surprise."""
    shutil.copy(ROOT / "providers.yaml", root)
    good = True
    for target in TARGETS[name]:
        listed = Path("cassettes") / target.provider / "deviations.yaml"
        (root / listed).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / listed, root / listed)
        good = record(target, server, root, quiet=True) and good
        command = ["harness", "run", "--root", str(root), "--model", f"{target.provider}/{target.model}"]
        judged = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        print(
            f"  {target.provider}/{target.model}: {judged.stdout.splitlines()[-1] if judged.stdout else judged.stderr}"
        )
        if judged.returncode:
            print(judged.stdout)
        good = judged.returncode == 0 and good
    return good


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
