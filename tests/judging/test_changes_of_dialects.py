"""The faults and variants of each dialect change a response to a scenario of their own, and cite their source."""

import re

import pytest

from harness.matrix.completions import COMPLETIONS
from harness.matrix.messages import MESSAGES
from harness.matrix.scenarios import SCENARIOS, Scenario
from harness.simulate.faults import FAULTS_OF, VARIANTS_OF, Fault, Variant
from harness.wire.dialect import DialectName

SCENARIOS_OF: dict[DialectName, dict[str, Scenario]] = {
    "chat": SCENARIOS,
    "messages": MESSAGES,
    "completions": COMPLETIONS,
}
CHANGES = [
    pytest.param(dialect, one, id=one.id)
    for dialect in SCENARIOS_OF
    for one in (*FAULTS_OF[dialect].values(), *VARIANTS_OF[dialect].values())
]


@pytest.mark.parametrize(("dialect", "one"), CHANGES)
def test_a_change_changes_something_and_cites_its_source(dialect: DialectName, one: Variant) -> None:
    before, after = one.reference(), one.apply()
    beside = (before.request, before.earlier) != (after.request, after.earlier) or after.siblings is not None
    assert beside or any(
        getattr(before.response, name) != getattr(after.response, name)
        for name in ("status", "headers", "body", "reads", "eof")
    )
    assert one.on in SCENARIOS_OF[dialect]
    assert re.fullmatch(("" if dialect == "chat" else f"{dialect}-") + r"[a-z0-9-]+", one.id)
    assert one.title.endswith(".")
    assert one.source is None or re.match(r"https://[a-z0-9.-]+/", one.source)
    assert one.source or isinstance(one, Fault), "a variant says where it is legal"
