"""
How long the command line takes to start, as a ratio: CPU of a command against that of importing click alone.

    python benchmarks/starting.py [--runs 15]

The two run in turn, so that a busy machine slows both; the median of the ratios is told, with the quartiles.  Bytecode
is compiled beforehand, as pip does for what it installs.  Run by the Python of another environment it measures what is
installed there, such as a wheel; the commands run in an empty folder.  Where machine and load differ much from run to run,
instructions do not: valgrind --tool=callgrind harness explain usage.own-chunk.
"""

import argparse
import compileall
import os
import statistics
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

HARNESS = Path(sys.executable).with_name("harness")
FLOOR = (sys.executable, "-c", "import click")
MOST = 3.0
"""The aim for help and for a rule, in times of the floor."""
COMMANDS = (
    (str(HARNESS), "--help"),
    (str(HARNESS), "explain", "usage.own-chunk"),
    (str(HARNESS), "explain", "role.first"),
    (str(HARNESS), "explain", "sse.done"),
    (str(HARNESS), "explain", "stream-cut"),
    (str(HARNESS), "checks"),
    (str(HARNESS), "providers", "deepseek"),
)


def cpu_of(command: tuple[str, ...], folder: str) -> float:
    """Return the seconds of CPU that a command takes, from its start to its end."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: it ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def measured(command: tuple[str, ...], runs: int, folder: str) -> tuple[str, ...]:
    """Return a row: the command, its milliseconds, the ratio, and the quartiles of that."""
    pairs = [(cpu_of(command, folder), cpu_of(FLOOR, folder)) for _ in range(runs)]
    ratios = [own / floor for own, floor in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    milliseconds = 1000 * statistics.median(own for own, _ in pairs)
    return " ".join(("harness", *command[1:])), f"{milliseconds:.0f}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    compileall.compile_dir(str(files("harness")), quiet=2)
    with TemporaryDirectory() as folder:
        rows = [measured(command, runs, folder) for command in COMMANDS]
    print(tabulate(rows, ["command", "CPU, ms", "times import click", "quartiles"], tablefmt="github"))
    print(f"\nThe aim for --help and for a rule is {MOST:g}.")


if __name__ == "__main__":
    main()
