"""What a publisher altered is not judged."""

import dataclasses

import pytest
from judging import findings

from harness.results import Outcome
from harness.simulate.reference import STREAM, swap, swap_last
from harness.wire.exchange import Exchange, Fidelity

UNCLOSED = swap_last(STREAM, "\n\n", "\n")
UNMARKED = swap(STREAM, "data: [DONE]\n\n", "")
UNFINISHED = swap(UNMARKED, '"finish_reason":"stop"', '"finish_reason":null')


@pytest.mark.parametrize(
    ("check", "exchange", "judged"),
    [
        ("sse.final-blank-line", UNCLOSED, {"wire", "reserialized"}),
        ("sse.done", UNMARKED, {"wire", "reserialized", "lines"}),
        ("finish_reason.given", UNFINISHED, {"wire", "reserialized", "lines", "chunks"}),
    ],
)
@pytest.mark.parametrize("fidelity", ["wire", "reserialized", "lines", "chunks", "transcript"])
def test_a_rule_judges_what_is_the_wires_own(
    check: str, exchange: Exchange, judged: set[str], fidelity: Fidelity
) -> None:
    altered = dataclasses.replace(exchange, source=dataclasses.replace(exchange.source, fidelity=fidelity))
    assert findings(altered)[check].outcome is (Outcome.FAIL if fidelity in judged else Outcome.NA)
