"""Every check is proven by its own examples: all checks pass the good ones, and it catches the bad ones."""

import re

import pytest
from judging import alarms, findings

from harness.checks import CHECKS, FAMILIES, Check, registry, told_of
from harness.results import Finding, Level, Outcome
from harness.simulate.reference import REFERENCES, STREAM, replace_in_body, with_body
from harness.wire.sse import BOM

RULES = [check for check in CHECKS.values() if check.level is not Level.OBSERVE]
OBSERVATIONS = [check for check in CHECKS.values() if check.level is Level.OBSERVE]


def named(checks: list[Check]) -> list[object]:
    return [pytest.param(check, id=check.id) for check in checks]


def test_there_are_checks_of_every_family() -> None:
    assert len(CHECKS) >= 180, "a check that is no longer declared is not run either"
    assert {check.family for check in CHECKS.values()} == set(FAMILIES)


@pytest.mark.parametrize("name", REFERENCES)
def test_the_reference_raises_no_alarm(name: str) -> None:
    assert alarms(REFERENCES[name]) == []


@pytest.mark.parametrize("check", named(list(CHECKS.values())))
def test_good_examples_are_silent_under_every_check(check: Check) -> None:
    assert check.good
    assert [alarms(exchange) for exchange in check.good] == [[]] * len(check.good)


@pytest.mark.parametrize("check", named(list(CHECKS.values())))
def test_it_applies_to_a_good_example(check: Check) -> None:
    outcomes = [findings(exchange)[check.id].outcome for exchange in check.good]
    assert set(outcomes) & {Outcome.PASS, Outcome.OBSERVED}


@pytest.mark.parametrize("check", named(RULES))
def test_bad_examples_are_caught_by_it(check: Check) -> None:
    assert check.bad
    caught = [findings(exchange)[check.id] for exchange in check.bad]
    assert [finding.outcome for finding in caught] == [Outcome.FAIL] * len(caught)
    assert all(finding.message and finding.evidence for finding in caught)


@pytest.mark.parametrize("check", named(OBSERVATIONS))
def test_other_examples_are_observed_to_differ(check: Check) -> None:
    usual = {findings(exchange)[check.id].value for exchange in check.good}
    other = [findings(exchange)[check.id].value for exchange in check.bad]
    assert other
    assert all(value not in usual for value in other)


HARMFUL = [check for check in OBSERVATIONS if any(check.harm_of(findings(one)[check.id].value) for one in check.bad)]


@pytest.mark.parametrize("check", named(OBSERVATIONS))
def test_what_openai_does_breaks_no_client(check: Check) -> None:
    assert not any(check.harm_of(findings(exchange)[check.id].value) for exchange in check.good)


def test_what_is_legal_and_breaks_clients_shows_in_an_example() -> None:
    declared = [check for check in OBSERVATIONS if check.harmful.__module__ != registry.__name__]
    assert [check.id for check in declared] == [check.id for check in HARMFUL]
    assert {"sse.bom", "sse.longest-line", "role.pattern", "usage.place", "sse.comments"} <= {one.id for one in HARMFUL}


@pytest.mark.parametrize(
    ("check", "value", "harms"),
    [
        ("sse.framing", "LF, space, BOM", False),  # of which sse.bom tells
        ("sse.framing", "CRLF, space", True),
        ("role.pattern", "first, later null", False),
        ("role.pattern", "every", True),
        ("role.pattern", "first | every", True),  # two exchanges of one recording
        ("usage.place", "every chunk (not asked)", True),
        ("usage.place", "finish chunk", False),
        ("tool_calls.first", "id, type, name, no arguments yet", False),
        ("finish_reason.delta", 'content ""', False),
        ("finish_reason.delta", "content null + tool_calls", True),
        ("reasoning.place", "reasoning + reasoning_content", False),
        ("http.guessed-encoding", "no: no charset, and letters beyond ASCII", True),
        ("http.guessed-encoding", "yes, all is ASCII", False),
        ("usage.tokens-for-bytes", "more tokens than bytes", True),
        ("sse.bom", None, False),
    ],
)
def test_which_values_break_clients(check: str, value: str | None, *, harms: bool) -> None:
    assert bool(CHECKS[check].harm_of(value)) == harms


def test_a_harmful_value_can_have_words_of_its_own() -> None:
    one, other = (
        CHECKS["sse.framing"].harm_of(value) for value in ("CRLF, space", "LF, space | LF, space, multi-line")
    )
    assert one
    assert other
    assert one.breaks == CHECKS["sse.framing"].impact
    assert "half of a JSON text" in other.breaks


def test_only_failures_and_harmful_values_are_told_of() -> None:
    told = {
        check: told_of(finding) for check, finding in findings(with_body(STREAM, BOM + STREAM.response.body)).items()
    }
    assert [check for check, what in told.items() if what] == ["sse.bom"]
    mark = told_of(findings(replace_in_body(STREAM, "[DONE]", "[done]"))["sse.json"])
    assert mark
    assert mark.title == CHECKS["sse.json"].title
    assert "spelling" in mark.advice.breaks, "the words of this form, not of the rule"
    assert told_of(Finding("a", "b", "c", "recording.present", Level.MUST, Outcome.MISSING)) is None


@pytest.mark.parametrize("check", named(RULES))
def test_evidence_points_at_the_bytes(check: Check) -> None:
    for exchange in check.bad:
        content = exchange.response.content
        for evidence in findings(exchange)[check.id].evidence:
            assert 0 <= evidence.offset <= len(content)
            ends_here = content[evidence.offset : evidence.offset + 1] in {b"", b"\n", b"\r"}
            assert evidence.excerpt or ends_here, "what is there is shown"
            shown = evidence.excerpt.removesuffix("…")
            there = content[evidence.offset :].decode("utf-8", "backslashreplace")
            assert re.sub("[\x00-\x1f\x7f-\x9f\ufeff]", lambda found: repr(found[0])[1:-1], there).startswith(shown)


@pytest.mark.parametrize("check", named(list(CHECKS.values())))
def test_its_words_hold(check: Check) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z0-9-]+", check.id)
    assert check.title.endswith(".")
    assert not re.search(r"\b(should|must|check|test|verify|ensure)\b", check.title, re.IGNORECASE), (
        "a title states a fact"
    )
    assert check.impact.endswith("."), "its docstring says what a breach breaks"
    assert check.workaround.endswith("."), "and what client code does instead"
    assert re.match(r"https://|convention: ", check.source)
    assert {*check.depends_on, *check.explained_by} <= set(CHECKS)
    assert check.id not in {*check.depends_on, *check.explained_by}


def test_needs_form_no_circle() -> None:
    def depth(check: Check, seen: tuple[str, ...]) -> int:
        assert check.id not in seen
        return (
            max(
                (depth(CHECKS[need], (*seen, check.id)) for need in (*check.depends_on, *check.explained_by)), default=0
            )
            + 1
        )

    assert max(depth(check, ()) for check in CHECKS.values()) < 10


def test_ids_and_titles_are_unique() -> None:
    assert len({check.title for check in CHECKS.values()}) == len(CHECKS)


def test_a_problem_of_the_second_choice_points_at_it() -> None:
    choices = b'{"choices":[{"index":1,"delta":{"content":"a"},"finish_reason":null},{"index":0,"delta":{"role":"assistant","content":"b"}'
    stream = with_body(STREAM, b"data: " + choices + b',"finish_reason":null}]}\n\ndata: [DONE]\n\n')
    (evidence,) = findings(stream)["role.first"].evidence
    assert evidence.pointer == "/choices/0/delta"
    assert evidence.excerpt == '"delta":{"content":"a"}'
    assert [e.pointer for e in findings(stream)["finish_reason.given"].evidence] == ["/choices/0", "/choices/1"]
