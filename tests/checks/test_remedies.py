"""What a rule says to do instead works: code that does so comes out right on the bad answer."""

import pytest
from counted_remedies import COUNTED
from judging import findings
from remedies import Remedy

from harness.checks import CHECKS, advice_on
from harness.results import Outcome

REMEDIES = [
    Remedy(
        "usage.once",
        CHECKS["usage.once"].bad[0],
        """
usage = None
for chunk in stream:
    usage = chunk.usage or usage
result = usage.total_tokens
""",
        13,
    ),
    *COUNTED,
]


@pytest.mark.parametrize("remedy", REMEDIES, ids=[f"{n}-{one.rule}" for n, one in enumerate(REMEDIES)])
def test_code_that_follows_the_advice_comes_out_right(remedy: Remedy) -> None:
    finding = findings(remedy.bad)[remedy.rule]
    assert finding.outcome is Outcome.FAIL, "the advice is about a problem"
    assert remedy.left_out(advice_on(finding)) == [], "the code does what the advice says"
    assert remedy.result() == remedy.right
