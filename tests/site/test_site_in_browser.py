"""The site in a real browser: search, filters and links work, without requests to other hosts."""

from contextlib import suppress
from typing import Any

import pytest

pytestmark = pytest.mark.thorough

PAGES = (
    "",
    "providers/",
    "providers/deepseek/",
    "rules/",
    "rules/usage.once/",
    "clients/",
    "clients/langchain-openai/",
    "guides/",
)
LANGUAGES = ("", "zh/")


def search(page: Any, words: str) -> list[str]:
    page.keyboard.press("/")
    page.wait_for_timeout(300)
    page.keyboard.type(words)
    results = page.locator("ol li a")
    with suppress(Exception):  # nothing found is told by the list, which stays empty
        results.first.wait_for(timeout=20_000)
    found: list[str] = results.all_inner_texts()
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    opened: Any, language: str, path: str, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: make test-site")
    page = opened(language + path, width=width, scheme=scheme)
    violations = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("language", "tab", "heading"), [("", "Rules", "Rules"), ("zh/", "规则", "规则")])
def test_the_tabs_lead_to_the_lists_and_the_lists_to_pages(opened: Any, language: str, tab: str, heading: str) -> None:
    page = opened(language)
    page.locator(".md-tabs").get_by_text(tab, exact=True).click()
    assert page.locator("h1").inner_text() == heading
    page.locator("table a", has_text="usage.once").first.click()
    assert page.url.endswith(f"/{language}rules/usage.once/")
    assert page.locator("h1").inner_text() == "usage.once"


@pytest.mark.parametrize(("language", "word"), [("", "finish"), ("zh/", "结束块")])
def test_usage_in_the_last_chunk_stands_on_the_start_page_and_leads_to_its_bytes(
    opened: Any, language: str, word: str
) -> None:
    page = opened(language)
    cell = page.locator("tr", has_text="DeepSeek").locator("td a").first
    assert word in cell.inner_text()
    cell.click()
    page.locator(".hc-panel").locator("p a").last.click()
    assert page.url.endswith(f"/{language}providers/deepseek/#usage")
    page.wait_for_timeout(300)
    assert page.locator("#usage").evaluate("one => one.getBoundingClientRect().top") < 300
    assert '"usage"' in page.locator("#usage + .hc mark").first.inner_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_breaks_langchain_on_bailian_takes_one_click(opened: Any, language: str) -> None:
    page = opened(language)
    page.locator("th a", has_text="Bailian").click()
    row = page.locator("#clients ~ .hc tr", has_text="langchain-openai")
    assert "usage.once" in row.inner_text()


@pytest.mark.parametrize(("language", "words", "expected"), [
    ("", "usage.once", "usage.once"), ("", "counts the same tokens again", "usage.once"), ("zh/", "用量", "用量"), ("zh/", "思维链", "思维链"),
    ("", "DeepSeek", "DeepSeek"), ("zh/", "百炼", "阿里云百炼"), ("zh/", "独立块", "独立"),
    ("", "深度求索", "DeepSeek"), ("zh/", "深度求索", "DeepSeek"), ("", "阿里云百炼", "阿里云百炼"), ("zh/", "阿里云百炼", "阿里云百炼"),
])  # fmt: skip
def test_search_finds(opened: Any, language: str, words: str, expected: str) -> None:
    found = search(opened(language), words)
    assert any(expected in one for one in found)


@pytest.mark.parametrize("width", [1400, 390])
def test_the_filter_shows_the_main_providers_then_those_of_a_name_and_the_address_keeps_it(
    opened: Any, width: int
) -> None:
    page = opened(width=width)
    rows = page.locator(".hc-start tbody tr:visible")
    assert rows.count() == 2  # of the five, this site has two
    page.get_by_role("checkbox").check()
    assert rows.count() == 4
    page.get_by_role("searchbox").fill("VLLM")
    assert rows.count() == 1
    page.reload()
    assert (rows.count(), page.get_by_role("searchbox").input_value()) == (1, "VLLM")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_filter_of_clients_finds_one_and_the_address_keeps_it(opened: Any, language: str) -> None:
    page = opened(f"{language}clients/")
    rows = page.locator("tbody tr:visible")
    assert rows.count() == 4
    page.get_by_role("searchbox").fill("LangChain")
    assert rows.count() == 1
    page.reload()
    assert (rows.count(), page.get_by_role("searchbox").input_value()) == (1, "LangChain")


def test_without_scripts_every_provider_is_shown(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".hc-start tbody tr:visible").count() == 4
    context.close()


def test_the_filter_and_the_cells_are_reached_with_the_keyboard(opened: Any) -> None:
    page = opened()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href') ?? document.activeElement.name"))
    assert "provider" in reached
    assert "providers/deepseek/#usage" in reached


def test_a_cell_can_be_linked_and_shows_its_rule(opened: Any) -> None:
    page = opened("providers/deepseek/#usage.own-chunk")
    page.wait_for_timeout(300)
    box = page.locator("[id='usage.own-chunk']")
    assert box.evaluate("one => one.getBoundingClientRect().top") < 400
    assert "usage" in box.inner_text().lower()


def test_the_other_language_is_one_click_away_on_the_same_page(opened: Any) -> None:
    page = opened("rules/usage.once/")
    page.get_by_text("中文", exact=True).click()
    assert page.url.endswith("/zh/rules/usage.once/")
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.get_by_text("English", exact=True).click()
    assert page.url.endswith("/rules/usage.once/")
    assert "/zh/" not in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ground_follows_the_system_and_can_be_switched(opened: Any, scheme: str) -> None:
    page = opened(scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b)"
    before = page.evaluate(ground)
    assert (before > 600) == (scheme == "light")
    page.locator("label[for^=__palette]:visible").first.click()
    assert (page.evaluate(ground) > 600) != (scheme == "light")


def test_on_a_phone_each_answer_stands_beside_its_question(opened: Any) -> None:
    page = opened(width=390)
    cell = page.locator("tr", has_text="DeepSeek").locator("td").first
    assert cell.evaluate("one => getComputedStyle(one, '::before').content") == '"usage"'


@pytest.mark.parametrize(
    "path",
    ["providers/deepseek/", "clients/", "clients/langchain-openai/", "rules/usage.not-unasked/"],
)
def test_what_a_model_says_scripts_no_page(opened: Any, path: str) -> None:
    page = opened(path)
    page.wait_for_timeout(200)
    assert page.title() != "scripted"
    assert page.locator("img[src=x]").count() == 0
    assert "onerror" in page.content()


def test_nor_the_search(opened: Any) -> None:
    page = opened()
    search(page, "onerror scripted")
    assert page.title() != "scripted"
    assert page.locator("img[src=x]").count() == 0


def test_print_shows_every_provider_and_no_controls(opened: Any) -> None:
    page = opened()
    page.emulate_media(media="print")
    assert page.locator(".hc-start tbody tr:visible").count() == 4
    assert not page.locator(".md-header").is_visible()
    assert not page.locator(".hc-filter").is_visible()


@pytest.mark.parametrize(("language", "breaks"), [("", "breaks"), ("zh/", "影响")])
def test_a_cell_opens_in_place_with_bytes_harm_remedy_and_source(opened: Any, language: str, breaks: str) -> None:
    page = opened(language)
    page.locator("[id='deepseek.usage']").click()
    panel = page.locator(".hc-panel")
    assert panel.is_visible()
    assert page.url.endswith(f"/{language}#deepseek.usage")
    assert '"usage"' in panel.locator("mark").first.inner_text()
    labels = panel.locator("dt").all_inner_texts()
    assert labels.count(breaks) == len(labels) // 4 > 0  # breaks, instead, seen, source: for each rule
    assert panel.locator("a[href^=https]").count() > 0
    panel.locator("p a").last.click()
    assert page.url.endswith(f"/{language}providers/deepseek/#usage")


def test_the_panel_works_with_the_keyboard_and_gives_the_focus_back(opened: Any) -> None:
    page = opened()
    page.locator("[id='bailian.tools']").focus()
    page.keyboard.press("Enter")
    panel = page.locator(".hc-panel")
    assert panel.is_visible()
    for _ in range(12):  # what lies behind is not reached
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    assert not panel.is_visible()
    assert page.evaluate("document.activeElement.id") == "bailian.tools"
    assert "#" not in page.url


def test_a_link_to_a_cell_opens_it_and_back_closes_it(opened: Any) -> None:
    page = opened("#vllm.end")
    panel = page.locator(".hc-panel")
    assert "[DONE]" in panel.inner_text()
    page.keyboard.press("Escape")
    page.locator("[id='deepseek.role']").click()
    assert panel.is_visible()
    page.go_back()
    page.wait_for_timeout(200)
    assert not panel.is_visible()


def test_a_link_to_a_cell_that_is_filtered_away_opens_it_too(opened: Any) -> None:
    page = opened("?provider=deepseek#vllm.end")
    assert page.locator(".hc-panel").is_visible()


def test_a_hash_that_is_no_cell_opens_nothing(opened: Any) -> None:
    page = opened("#most")
    assert page.locator("dialog[open]").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_axe_finds_nothing_in_the_panel_and_it_fits_the_window(opened: Any, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: make test-site")
    page = opened("#deepseek.usage", width=width, scheme=scheme)
    violations = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []
    panel, close = (page.locator(one).bounding_box() for one in (".hc-panel", ".hc-close"))
    assert panel["x"] >= 0
    assert close["x"] + close["width"] <= panel["x"] + panel["width"] <= width


def test_without_scripts_a_cell_leads_to_the_page(chromium: Any, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.locator("[id='deepseek.usage']").click()
    assert page.url.endswith("/providers/deepseek/#usage")
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("guide", ["guide-app", "guide-endpoint", "method", "figures"])
def test_on_a_phone_the_tables_of_guides_fit_the_window(opened: Any, language: str, guide: str) -> None:
    page = opened(f"{language}guides/{guide}/", width=390)
    page.locator(".md-typeset__scrollwrap").first.wait_for()  # the theme's script wraps each table
    assert (
        page.locator(".md-typeset__scrollwrap").evaluate_all(
            "wraps => wraps.filter(one => one.scrollWidth > one.clientWidth).length"
        )
        == 0
    )
