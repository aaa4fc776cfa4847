"""
The claims of the articles: the pages hold what a replay gives now, and another replay would give another verdict.

``HARNESS_TEST_CLIENTS=all`` tries those too that need an environment, which ``make test-clients`` installs.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clients import claims
from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.claims import CLAIMS, FACTS, PAGES, Bench, Claim, Language, Outcome, Replay, Verdict, render
from harness.clients.environments import Environment
from harness.errors import UnknownName

ROOT = Path(__file__).resolve().parents[2]
TIER = 2 if os.environ.get("HARNESS_TEST_CLIENTS") == "all" else 0
RUN = "run: python -m harness.clients.claims"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
CHAT, THOUGHT = "reference/gpt-4o-mini/chat.stream", "reference/gpt-4o-mini/reasoning.stream"


def page(language: Language) -> str:
    return (ROOT / PAGES[language]).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(ROOT) as found:
        yield found


@pytest.fixture(scope="module")
def found(bench: Bench) -> list[Verdict]:
    """What a replay gives now, of what can be tried here."""
    return [bench.verdict(claim) for claim in CLAIMS.values() if claim.tier <= TIER]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_hold_what_a_replay_gives(language: Language, found: list[Verdict]) -> None:
    assert render(found, language, page(language)) == page(language), RUN


def test_what_needs_nothing_installed_is_tried(found: list[Verdict]) -> None:
    assert [one.claim.id for one in found if one.outcome is Outcome.UNTRIED] == [], "run: make clients"
    assert len(found) > 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_claim_has_a_verdict_on_the_page_and_nothing_else_has(language: Language) -> None:
    assert re.findall(r"^### (\S+)$", page(language), re.MULTILINE) == list(CLAIMS), RUN
    assert re.findall(r"\]\(#([\w-]+)\) \|", page(language)) == list(CLAIMS), RUN
    assert claims.Teller(language).say(Outcome.UNTRIED.value) not in page(language)


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
    assert {test.fact for test in tests if test.fact} == set(FACTS)


@pytest.mark.parametrize(
    ("name", "answers", "outcome"),
    [
        ("role-in-first-chunk", [CHAT], Outcome.CONFIRMED),
        ("role-in-first-chunk", ["role-never"], Outcome.REFUTED),
        ("content-empty-in-first-chunk", [CHAT], Outcome.CONFIRMED),
        ("content-empty-in-first-chunk", ["content-null-first"], Outcome.REFUTED),
        ("content-empty-in-last-chunk", [CHAT], Outcome.REFUTED),
        ("content-empty-in-last-chunk", ["content-empty-beside-finish"], Outcome.CONFIRMED),
        ("finish-null-until-the-end", [CHAT, "finish-never"], Outcome.IN_PART),
        ("finish-null-until-the-end", ["finish-empty-before-end", "finish-key-late"], Outcome.REFUTED),
        ("usage-in-last-chunk", [CHAT, "usage-in-every-chunk-unasked"], Outcome.REFUTED),
        ("usage-in-last-chunk", ["usage-unasked-beside-finish"], Outcome.CONFIRMED),
        ("else-prints-none", ["deepseek/deepseek-chat/chat.stream"], Outcome.REFUTED),
        ("attribute-vanishes", [THOUGHT], Outcome.REFUTED),
        ("elif-is-enough", [THOUGHT], Outcome.CONFIRMED),
        ("elif-is-enough", [CHAT], Outcome.REFUTED),
        ("getattr-is-enough", [CHAT, THOUGHT, "choices-empty-first"], Outcome.IN_PART),
        ("swallowing-is-safe", [CHAT], Outcome.CONFIRMED),
        ("swallowing-is-safe", ["json-cut"], Outcome.REFUTED),
        ("decode-unicode", [CHAT, "charset-absent"], Outcome.IN_PART),
        ("json-of-each-piece", ["body-for-stream"], Outcome.REFUTED),
    ],
)
def test_another_answer_gives_another_verdict(bench: Bench, name: str, answers: list[str], outcome: Outcome) -> None:
    assert bench.verdict(on(CLAIMS[name], *answers)).outcome is outcome


def on(claim: Claim, *answers: str) -> Claim:
    """Return a claim, its first test tried on other answers."""
    return claim.model_copy(update={"tests": (claim.tests[0].model_copy(update={"answers": answers}),)})


def test_a_package_that_is_there_can_be_imported(bench: Bench) -> None:
    code = "import json as deepseek\n\n\ndef read(question, out):\n    out.print('你好! How can I help?')\n"
    claim = on(CLAIMS["package-deepseek"], CHAT)
    there = claim.model_copy(update={"tests": (claim.tests[0].model_copy(update={"code": code}),)})
    assert [bench.verdict(one).outcome for one in (claim, there)] == [Outcome.REFUTED, Outcome.CONFIRMED]


def test_what_can_not_be_tried_stays_on_the_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENTS, "fastapi", Environment("fastapi", 1, "python", ()))
    monkeypatch.setattr(Environment, "installed", property(lambda self: self.name == "own"))
    untried = bench.verdict(CLAIMS["fastapi-proxy"])
    assert (untried.outcome, untried.seen) == (Outcome.UNTRIED, ())
    assert "| not tried here | - |" in render([untried], "en")
    kept = page("en").replace("swallowing-is-safe", "something-else")
    assert render([untried], "en", page("en")) == page("en")
    assert render([untried], "en", kept).count("not tried here") == 2


def test_a_provider_bears_a_claim_out_only_with_all_its_answers(bench: Bench) -> None:
    claim = on(CLAIMS["print-content"], "*/reasoning.stream", "*/chat.stream")
    units = bench.verdict(claim).units
    assert (units["deepseek"], units["volcengine"]) == (False, True)


def test_an_answer_that_there_is_not_is_refused(bench: Bench) -> None:
    claim = CLAIMS["print-content"]
    for name in ("no-such-fault", "deepseek/deepseek-chat/no-such-scenario"):
        with pytest.raises(UnknownName, match=name):
            bench.verdict(on(claim, name))


def test_messages_name_no_place_of_a_machine() -> None:
    said = "ImportError: no 'X' from 'y' (/some/where/y/__init__.py)"
    assert claims.cleaned(said) == "ImportError: no 'X' from 'y'"
    assert claims.cleaned("KeyError: 'text' @ idioms/requests_text.py:21") == "KeyError: 'text'"
    assert len(claims.cleaned("x" * 500)) == 101
    assert claims.cleaned("a|b`c") == "a\\|b'c"


def test_main_writes_both_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGES["en"]).write_text(page("en"), encoding="utf-8")
    (tmp_path / "providers.yaml").symlink_to(ROOT / "providers.yaml")
    monkeypatch.setattr(Bench, "verdict", lambda _self, claim: Verdict(claim, ()))
    claims.main(tmp_path)
    assert (tmp_path / PAGES["en"]).read_text(encoding="utf-8") == page("en")
    assert "此处未试" in (tmp_path / PAGES["zh"]).read_text(encoding="utf-8")


def test_a_test_without_code_of_its_own_is_in_the_environment_of_its_client() -> None:
    names = [
        Replay(answers=(), expects=(), **more).environment.name  # type: ignore[arg-type]
        for more in ({"fact": "role"}, {"client": "fastapi-proxy"}, {"client": "openai.print", "env": "openai028"})
    ]
    assert names == ["own", "fastapi", "openai028"]
