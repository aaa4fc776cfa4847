"""The workarounds of the rules work: code that follows them gives the right result for the bad response."""

import pytest
from asked_remedies import ASKED
from call_remedies import CALLED
from counted_remedies import COUNTED
from failed_remedies import FAILED
from foreign_remedies import FOREIGN
from form_remedies import FORMS
from further_remedies import FURTHER, READ
from judging import findings
from misplaced_remedies import LEGAL, MISPLACED
from named_remedies import NAMED
from remedies import Remedy
from reported_remedies import REPORTED
from uncounted_remedies import UNCOUNTED

from harness.checks import CHECKS, advice_on, told_of
from harness.results import Outcome

REMEDIES = [*FORMS, *ASKED, *CALLED, *COUNTED, *FAILED, *FOREIGN, *MISPLACED, *NAMED, *REPORTED, *UNCOUNTED, *FURTHER]


@pytest.mark.parametrize("remedy", REMEDIES, ids=[f"{n}-{one.rule}" for n, one in enumerate(REMEDIES)])
def test_code_that_follows_the_advice_comes_out_right(remedy: Remedy) -> None:
    finding = findings(remedy.bad)[remedy.rule]
    assert finding.outcome is Outcome.FAIL, "the advice is about a problem"
    assert remedy.left_out(advice_on(finding)) == [], "the code does what the advice says"
    assert remedy.result() == remedy.right


@pytest.mark.parametrize(("rule", "number", "code", "right"), READ)
def test_code_that_reads_the_body_comes_out_right(rule: str, number: int, code: str, right: object) -> None:
    bad = CHECKS[rule].bad[number]
    finding = findings(bad)[rule]
    assert finding.outcome is Outcome.FAIL
    assert Remedy(rule, bad, code, right).left_out(advice_on(finding)) == [], "the code does what the advice says"
    read = range(len(bad.reading.parser.events)) if bad.reading.parser else ()
    body = bad.chunk(0) if bad.reading.body_kind in {"json", "stream"} else None
    names: dict[str, object] = {
        "body": body,
        "raw": bad.response.body,
        "events": [bad.chunk(number) for number in read],
    }
    exec(code, names)
    assert names["result"] == right


@pytest.mark.parametrize("remedy", LEGAL, ids=[one.rule for one in LEGAL])
def test_code_that_follows_the_advice_on_legal_forms_comes_out_right(remedy: Remedy) -> None:
    told = told_of(findings(remedy.bad)[remedy.rule])
    assert told, "what was seen breaks clients"
    assert remedy.left_out(told.advice) == [], "the code does what the advice says"
    assert remedy.result() == remedy.right


@pytest.mark.parametrize(
    ("bad", "code", "right"),
    [
        (1, """result = {"role": "user", "content": f"{name} returned: {result}"}""", {"role": "user", "content": "f returned: 7"}),
        (2, """message["content"] = message["content"] or ""\nresult = message""", {"role": "assistant", "content": ""}),
        (3, """if not message["content"]: del message["content"]\nresult = message""", {"role": "assistant"}),
    ],
)  # fmt: skip
def test_a_message_that_was_refused_is_sent_in_another_form(bad: int, code: str, right: dict[str, str]) -> None:
    exchange = CHECKS["multi_turn.accepted"].bad[bad]
    finding = findings(exchange)["multi_turn.accepted"]
    remedy = Remedy("multi_turn.accepted", exchange, code, right)
    assert remedy.left_out(advice_on(finding)) == []
    sent = {"role": "assistant", "content": {2: None, 3: ""}.get(bad)}
    names: dict[str, object] = {"message": sent, "name": "f", "result": 7}
    exec(code, names)
    assert names["result"] == right
