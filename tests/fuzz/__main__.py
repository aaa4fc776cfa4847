"""``make fuzz``: cases for as long as there is time; 1 where something broke."""

import argparse
import faulthandler
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fuzz.corpus import ROOT, SHARED, Corpus
from fuzz.running import Fuzzer, write

_EVERY = 5.0
_LONGEST = 60


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to run; 0 runs one case")
    parser.add_argument("--seed", type=int, default=None, help="what the cases are drawn from [default: the time]")
    parser.add_argument("--case", type=int, default=0, help="the number of the first case")
    parser.add_argument(
        "--corpus", type=Path, nargs="*", default=[SHARED / "corpus"], help="folders of more recordings"
    )
    parser.add_argument("--keep", type=Path, default=ROOT / ".fuzz", help="where what breaks is written")
    given = parser.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    absent = [folder for folder in given.corpus if not folder.is_dir()]
    for folder in absent:
        sys.stderr.write(f"fuzz: {folder} is not there; the project's own recordings are changed, others are not\n")
    corpus = Corpus(folder for folder in given.corpus if folder not in absent)
    with tempfile.TemporaryDirectory(prefix="harness-fuzz-") as scratch:
        return _run(Fuzzer(corpus, seed, Path(scratch), _LONGEST), seed, given)


def _run(fuzzer: Fuzzer, seed: int, given: argparse.Namespace) -> int:
    begun = told = time.monotonic()
    broken: Counter[str] = Counter()
    number = given.case
    for number, crash in enumerate(fuzzer.run(_told(seed, given)), given.case):
        if crash:
            broken[crash.what] += 1
            if broken[crash.what] == 1:
                sys.stderr.write(f"fuzz: seed {seed} case {number}: {crash.what}\n      {write(crash, given.keep)}\n")
        now = time.monotonic()
        if now - told > _EVERY:
            told = now
            sys.stderr.write(f"fuzz: seed {seed}: {number + 1 - given.case} cases, {sum(broken.values())} broke\n")
        if now - begun >= given.seconds:
            break
    sys.stderr.write(f"fuzz: seed {seed}: {number + 1 - given.case} cases, {sum(broken.values())} broke\n")
    return 1 if broken else 0


def _told(seed: int, given: argparse.Namespace) -> Iterator[int]:
    """Yield the numbers of the cases; a file holds the current one, in case it crashes the process."""
    given.keep.mkdir(parents=True, exist_ok=True)
    with (given.keep / "running").open("w", buffering=1) as running:
        for number in itertools.count(given.case):
            running.seek(0)
            running.write(f"--seed {seed} --case {number}\n")
            yield number


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(main())
