"""A fault is found by its id without loading the whole catalogue."""

import subprocess
import sys

import pytest

from harness.simulate.fault_named import fault_named
from harness.simulate.faults import EVERY_FAULT

SOME = dict(list(EVERY_FAULT.items())[::7]) | {name: one for name, one in EVERY_FAULT.items() if "-swap-" in name}
"""Of every group, and those whose ids are put together."""


def test_a_fault_is_found_by_its_id() -> None:
    assert any(name.startswith("messages-swap-") for name in SOME)
    assert [name for name, fault in SOME.items() if fault_named(name) is not fault] == []


@pytest.mark.parametrize("name", ["", "no-such-fault", "stream.cut", "deepseek", "a/b"])
def test_another_name_is_no_fault(name: str) -> None:
    assert fault_named(name) is None


def test_of_the_catalogue_only_what_names_a_fault_is_imported() -> None:
    code = (
        "import sys; from harness.simulate.fault_named import fault_named; assert fault_named('stream-cut');"
        "print(*(name for name in sys.modules if name.startswith('harness.simulate.chat.faults.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "harness.simulate.chat.faults.wire" in run.stdout.split()
    assert len(run.stdout.split()) <= 3, run.stdout
