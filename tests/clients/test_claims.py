"""
The pages of claims are current, and another replay would give another verdict.

``HARNESS_TEST_CLIENTS=1`` also tests claims that need an environment, which ``make test-clients`` installs.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.claims import __main__ as command
from harness.clients.claims.model import CLAIMS, Claim, ClaimOutcome, ClaimTest, ClaimVerdict, Language
from harness.clients.claims.page import PAGES, ClaimPage, render
from harness.clients.claims.run import ClaimRunner, cleaned
from harness.clients.claims.wire_forms import WIRE_FORMS
from harness.clients.environments import Environment
from harness.errors import UnknownName

ROOT = Path(__file__).resolve().parents[2]
TIER = 2 if os.environ.get("HARNESS_TEST_CLIENTS") else 0
RUN = "run: python -m harness.clients.claims"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
CHAT, THOUGHT = "reference/gpt-4o-mini/chat.stream", "reference/gpt-4o-mini/reasoning.stream"


def page(language: Language) -> str:
    return (ROOT / PAGES[language]).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bench() -> Iterator[ClaimRunner]:
    with ClaimRunner(ROOT) as found:
        yield found


@pytest.fixture(scope="module")
def found(bench: ClaimRunner) -> list[ClaimVerdict]:
    """The current results of the claims that can be tested here."""
    return [bench.verdict(claim) for claim in CLAIMS.values() if claim.tier <= TIER]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.thorough
def test_the_pages_hold_what_a_replay_gives(language: Language, found: list[ClaimVerdict]) -> None:
    assert render(found, language, page(language)) == page(language), RUN


@pytest.mark.thorough
def test_what_needs_nothing_installed_is_tried(found: list[ClaimVerdict]) -> None:
    assert [one.claim.id for one in found if one.outcome is ClaimOutcome.UNTRIED] == [], "run: make clients"
    assert len(found) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_claim_has_a_verdict_on_the_page_and_nothing_else_has(language: Language) -> None:
    assert re.findall(r"^### (\S+)$", page(language), re.MULTILINE) == list(CLAIMS), RUN
    assert re.findall(r"\]\(#([\w-]+)\) \|", page(language)) == list(CLAIMS), RUN
    assert ClaimPage(language).say(ClaimOutcome.UNTRIED.value) not in page(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verdict_that_needs_an_environment_names_the_versions(language: Language) -> None:
    parts = {part.split("\n", 1)[0]: part for part in re.split(r"^### ", page(language), flags=re.MULTILINE)[1:]}
    needed = {claim.id: test.environment for claim in CLAIMS.values() for test in claim.tests if test.environment.tier}
    assert len(needed) >= 4
    for name, environment in needed.items():
        versions = [f"{package} {version}" for package, version in environment.versions.items()]
        assert [one for one in versions if one not in parts[name]] == [], RUN


def test_both_languages_tell_the_same_of_every_answer() -> None:
    def codes(language: Language) -> list[list[str]]:
        parts = re.split(r"^### ", page(language), flags=re.MULTILINE)[1:]
        return [sorted(re.findall(r"`([a-z0-9./-]+/[a-z0-9./-]+|harness explain [\w.-]+)`", part)) for part in parts]

    assert codes("en") == codes("zh")


def test_claims_name_what_there_is() -> None:
    tests = [test for claim in CLAIMS.values() for test in claim.tests]
    assert [test for test in tests if (test.client is None) == (test.fact is None)] == []
    assert {test.client for test in tests if test.client} <= set(CLIENTS)
    assert {test.fact for test in tests if test.fact} == set(WIRE_FORMS)


@pytest.mark.parametrize(
    ("name", "answers", "outcome"),
    [
        ("role-in-first-chunk", [CHAT], ClaimOutcome.CONFIRMED),
        ("role-in-first-chunk", ["role-never"], ClaimOutcome.REFUTED),
        ("content-empty-in-first-chunk", [CHAT], ClaimOutcome.CONFIRMED),
        ("content-empty-in-first-chunk", ["content-null-first"], ClaimOutcome.REFUTED),
        ("content-empty-in-last-chunk", [CHAT], ClaimOutcome.REFUTED),
        ("content-empty-in-last-chunk", ["content-empty-beside-finish"], ClaimOutcome.CONFIRMED),
        ("finish-null-until-the-end", [CHAT, "finish-never"], ClaimOutcome.IN_PART),
        ("finish-null-until-the-end", ["finish-empty-before-end", "finish-key-late"], ClaimOutcome.REFUTED),
        ("usage-in-last-chunk", [CHAT, "usage-in-every-chunk-unasked"], ClaimOutcome.REFUTED),
        ("usage-in-last-chunk", ["usage-unasked-beside-finish"], ClaimOutcome.CONFIRMED),
        ("else-prints-none", ["deepseek/deepseek-chat/chat.stream"], ClaimOutcome.REFUTED),
        ("attribute-vanishes", [THOUGHT], ClaimOutcome.REFUTED),
        ("elif-is-enough", [THOUGHT], ClaimOutcome.CONFIRMED),
        ("elif-is-enough", [CHAT], ClaimOutcome.REFUTED),
        ("getattr-is-enough", [CHAT, THOUGHT, "choices-empty-first"], ClaimOutcome.IN_PART),
        ("swallowing-is-safe", [CHAT], ClaimOutcome.CONFIRMED),
        ("swallowing-is-safe", ["json-cut"], ClaimOutcome.REFUTED),
        ("decode-unicode", [CHAT, "charset-absent"], ClaimOutcome.IN_PART),
        ("json-of-each-piece", ["body-for-stream"], ClaimOutcome.REFUTED),
    ],
)
def test_another_answer_gives_another_verdict(
    bench: ClaimRunner, name: str, answers: list[str], outcome: ClaimOutcome
) -> None:
    assert bench.verdict(on(CLAIMS[name], *answers)).outcome is outcome


def on(claim: Claim, *answers: str) -> Claim:
    """Return a claim, its first test run on other responses."""
    return claim.model_copy(update={"tests": (claim.tests[0].model_copy(update={"answers": answers}),)})


def test_a_package_that_is_there_can_be_imported(bench: ClaimRunner) -> None:
    code = "import json as deepseek\n\n\ndef read(question, out):\n    out.print('你好! How can I help?')\n"
    claim = on(CLAIMS["package-deepseek"], CHAT)
    there = claim.model_copy(update={"tests": (claim.tests[0].model_copy(update={"code": code}),)})
    assert [bench.verdict(one).outcome for one in (claim, there)] == [ClaimOutcome.REFUTED, ClaimOutcome.CONFIRMED]


def test_what_can_not_be_tried_stays_on_the_page(bench: ClaimRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENTS, "fastapi", Environment("fastapi", 1, "python", ()))
    monkeypatch.setattr(Environment, "installed", property(lambda self: self.name == "own"))
    untried = bench.verdict(CLAIMS["fastapi-proxy"])
    assert (untried.outcome, untried.seen) == (ClaimOutcome.UNTRIED, ())
    assert "| not tried here | - |" in render([untried], "en")
    kept = page("en").replace("swallowing-is-safe", "something-else")
    assert render([untried], "en", page("en")) == page("en")
    assert render([untried], "en", kept).count("not tried here") == 2


def test_an_outcome_in_what_is_shown_of_an_answer_is_not_counted() -> None:
    row, part = "| [x](#decode-unicode) | refuted | crash: `a \\| confirmed` | confirmed |", "### decode-unicode\n\nold"
    counts = render([], "en").partition("| not tried here |")[0]
    kept = render([], "en", f"{row}\n\n{part}\n").partition("| not tried here |")[0]
    assert [counted(counts), counted(kept)] == [[len(CLAIMS), 0, 0, 0], [len(CLAIMS), 0, 1, 0]]


def counted(text: str) -> list[int]:
    """The numbers in the line that counts all claims, confirmed, refuted and in part."""
    return [int(number) for number in re.findall(r"\b\d+\b", text)]


def test_a_provider_bears_a_claim_out_only_with_all_its_answers(bench: ClaimRunner) -> None:
    claim = on(CLAIMS["print-content"], "*/reasoning.stream", "*/chat.stream")
    units = bench.verdict(claim).units
    assert (units["deepseek"], units["volcengine"]) == (False, True)


def test_an_answer_that_there_is_not_is_refused(bench: ClaimRunner) -> None:
    claim = CLAIMS["print-content"]
    for name in ("no-such-fault", "deepseek/deepseek-chat/no-such-scenario"):
        with pytest.raises(UnknownName, match=name):
            bench.verdict(on(claim, name))


def test_messages_name_no_place_of_a_machine() -> None:
    said = "ImportError: no 'X' from 'y' (/some/where/y/__init__.py)"
    assert cleaned(said) == "ImportError: no 'X' from 'y'"
    assert cleaned("KeyError: 'text' @ idioms/requests_text.py:21") == "KeyError: 'text'"
    assert len(cleaned("x" * 500)) == 101
    assert cleaned("a|b`c") == "a\\|b'c"


def test_main_writes_both_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGES["en"]).write_text(page("en"), encoding="utf-8")
    (tmp_path / "providers.yaml").symlink_to(ROOT / "providers.yaml")
    monkeypatch.setattr(ClaimRunner, "verdict", lambda _self, claim: ClaimVerdict(claim, ()))
    command.main(tmp_path)
    assert (tmp_path / PAGES["en"]).read_text(encoding="utf-8") == page("en")
    assert "此处未试" in (tmp_path / PAGES["zh"]).read_text(encoding="utf-8")


def test_a_test_without_code_of_its_own_is_in_the_environment_of_its_client() -> None:
    names = [
        ClaimTest(answers=(), expects=(), **more).environment.name  # type: ignore[arg-type]
        for more in ({"fact": "role"}, {"client": "fastapi-proxy"}, {"client": "openai.print", "env": "openai028"})
    ]
    assert names == ["own", "fastapi", "openai028"]
