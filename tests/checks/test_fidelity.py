"""Values that a publisher altered are not judged."""

import dataclasses

import pytest
from judging import findings

from harness.results import Outcome
from harness.simulate.reference import STREAM, replace_in_body, replace_last_in_body
from harness.wire.exchange import Exchange, Fidelity

UNCLOSED = replace_last_in_body(STREAM, "\n\n", "\n")
UNMARKED = replace_in_body(STREAM, "data: [DONE]\n\n", "")
UNFINISHED = replace_in_body(UNMARKED, '"finish_reason":"stop"', '"finish_reason":null')


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
