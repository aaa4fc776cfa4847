"""The failures that audit and probe print: each once, complete, with a workaround, without empty parts."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console
from wcwidth import wcswidth

from harness.reports import terminal
from harness.reports.failures import grouped
from harness.reports.tally import Tally
from harness.results import Advice, Evidence, Finding, Level, Outcome, Results, Run, Told

ADVICE = Advice("It breaks `total = usage[0]`.", "Write `total = 0` and read on to the end, in every chunk alike.")
AT = (Evidence(0, 1, 17, "/usage", '"usage":[1]'),)


def finding(check: str, outcome: Outcome = Outcome.FAIL, provider: str = "acme", **more: object) -> Finding:
    level = Level.OBSERVE if outcome is Outcome.OBSERVED else Level.MUST
    given = {"model": "small", "scenario": "audit.stream", "cassette": f"{provider}.yaml#0", **more}
    return Finding(provider=provider, check=check, outcome=outcome, **{"level": level, **given})  # type: ignore[arg-type]


def told_of(one: Finding) -> Told | None:
    if one.outcome is Outcome.OBSERVED and one.value != "yes":
        return None
    return None if one.outcome in {Outcome.PASS, Outcome.NA} else Told("Whether it is so.", one.advice or ADVICE)


def audited(*findings: Finding, width: int = 80, mode: str = "audit", unjudged: str = "", whole: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, emoji=False)
    results = Results(Run("0", "now", mode), list(findings))
    if mode == "live":
        terminal.show_probe(results, console, told_of, whole=whole)
    else:
        terminal.show_audit(Tally.of(results, told_of), console, unjudged=unjudged, whole=whole)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


FAILED = finding("usage.sum", message="1 + 1 is not 3", evidence=AT)


def test_a_failing_rule_says_what_it_breaks_and_what_to_do() -> None:
    lines = [line.rstrip() for line in audited(FAILED, finding("chunk.id", Outcome.PASS)).splitlines()]
    at = lines.index("MUST     usage.sum  in 1 exchange")
    assert lines[at + 1 : at + 6] == [
        "         what     1 + 1 is not 3",
        "         breaks   It breaks `total = usage[0]`.",
        "         instead  Write `total = 0` and read on to the end, in every chunk",
        "                  alike.",
        '         where    acme.yaml#0 byte 17: "usage":[1]',
    ]


def test_one_rule_is_shown_once_for_all_models_and_providers() -> None:
    models = [replace(FAILED, model=name, cassette=name) for name in ("a", "b", "b")]
    text = audited(*models)
    assert text.count("usage.sum") == 1
    assert "in 3 exchanges: b ×2, a" in text
    many = [replace(FAILED, provider=f"p{n}") for n in range(9)]
    assert "in 9 exchanges: p0, p1, p2, p3, p4 and 4 more" in audited(*many)
    assert "p7, p8" in audited(*many, whole=True)
    assert "in 1 exchange: acme/small" in audited(FAILED, finding("chunk.id", Outcome.PASS, "other"))


def test_two_forms_of_one_rule_are_told_apart() -> None:
    other = replace(FAILED, message="usage is {}", advice=Advice("Another thing.", "Do another."))
    text = audited(FAILED, other)
    assert text.count("MUST     usage.sum") == 2
    assert "Another thing." in text


def test_our_own_bugs_come_first_then_must_by_count() -> None:
    found = [
        finding("a.should", level=Level.SHOULD), *[finding("b.must")] * 2, *[finding("c.must")] * 3,
        finding("d.bug", Outcome.BROKEN),
    ]  # fmt: skip
    groups = grouped(Results(Run("0", "now", "audit"), found), told_of).failing()
    assert [group.first.check for group in groups] == ["d.bug", "c.must", "b.must", "a.should"]


def test_long_lists_are_cut_and_name_what_they_leave_out() -> None:
    found = [finding(f"usage.rule-{n}") for n in range(25)]
    text = audited(*found)
    assert text.count("         breaks ") == 20
    assert "and 5 more; --all shows each: usage.rule-20 ×1," in " ".join(text.split())
    assert audited(*found, whole=True).count("         breaks ") == 25


def test_what_is_legal_and_breaks_clients_is_told_of_and_no_other_value() -> None:
    seen = [finding("sse.bom", Outcome.OBSERVED, value=value, level=Level.OBSERVE) for value in ("yes", "no", "yes")]
    text = audited(*seen)
    assert "No rule fails." in text
    assert "legal    sse.bom  in 2 exchanges" in text
    assert "seen     Whether it is so: yes" in text
    assert grouped(Results(Run("0", "now", "audit"), seen), told_of).harmful()[0].count == 2


def test_a_table_has_no_zeros_and_stays_in_one_piece() -> None:
    found = [FAILED, finding("chunk.id", Outcome.PASS), finding("chunk.id", Outcome.PASS, "供应商.example.com")]
    for width in (60, 80, 120):
        text = audited(*found, width=width)
        table = text.partition("Rules that fail")[0]
        assert table.count("provider") == 1
        assert "0" not in table.replace("#0", "")
        assert "blocked" not in table
        assert max(wcswidth(line) for line in table.splitlines()) <= width


def test_words_that_occur_are_explained() -> None:
    text = " ".join(audited(FAILED, finding("chunk.id", Outcome.NA)).split())
    assert "2 checks × 1 exchange: 1 fail · 1 n/a" in text
    for word in ("exchange:", "MUST ✗:", "n/a:"):
        assert word in text
    for word in ("SHOULD ✗:", "blocked:", "observed:"):
        assert word not in text


def test_what_was_not_judged_is_said() -> None:
    assert "2 exchanges not judged" in audited(FAILED, unjudged="2 exchanges not judged")


def test_a_probe_shows_failures_then_families_that_have_any() -> None:
    found = [
        replace(FAILED, scenario=name, cassette=None) for name in ("chat.stream", "chat.stop")
    ] + [
        finding("sse.done", Outcome.PASS, scenario="chat.stream", cassette=None),
        finding("models.form", Outcome.NA, scenario="chat.stream", cassette=None),
        finding("role.pattern", Outcome.OBSERVED, scenario="chat.stream", cassette=None, value="first"),
        *[finding("recording.present", Outcome.MISSING, scenario=f"s{n}", cassette=None, message="with --long") for n in range(7)],
    ]  # fmt: skip
    text = audited(*found, mode="live")
    assert text.index("MUST     usage.sum  in 2 scenarios: chat.stream, chat.stop") < text.index(" family")
    table = text.partition(" family")[2].partition("role  ")[0]
    assert "models" not in table
    assert "sse" in table
    assert "0" not in table
    assert re.search(r"^role {10,}first *$", text, re.MULTILINE)
    assert "reasoning  " not in text, "a feature that was not seen has no line"
    assert "missing  s0, s1, s2, s3, s4 and 2 more: with --long" in text


@pytest.mark.parametrize("mode", ["audit", "live"])
def test_nothing_judged_is_no_praise(mode: str) -> None:
    text = audited(finding("recording.present", Outcome.INCONCLUSIVE, message="429"), mode=mode)
    assert "No rule fails." not in text


def test_what_came_from_outside_is_printable() -> None:
    evil = finding("usage.sum", provider="\x1b[31mred[/]", message="a\x1b[2Jb [bold]c", model="m\n│ x")
    text = audited(evil, replace(evil, provider="other"))
    assert "\x1b" not in text
    assert "[bold]c" in text
    assert "\\x1b[31mred[/]" in text
