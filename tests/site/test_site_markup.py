"""Outside text on the pages is shown verbatim, whatever Markdown or HTML it contains."""

import re
from html import unescape

import pytest

from harness.site.markup import address, bytes_around, environment, prose, safe, safe_lines


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "```\n# title\n```", "a\tb", "*a* _b_ `c`", '" onclick="x', "&lt;", "{{ 7 * 7 }}", "思考 <think>"],
)  # fmt: skip
def test_what_is_shown_reads_as_it_came_and_holds_no_markup(text: str) -> None:
    made = str(safe_lines(text))
    assert unescape(made) == text
    assert not re.search(r"[<>`\n\t\"*_]", made)


def test_a_line_shows_controls_as_escapes() -> None:
    assert unescape(str(safe("a\x1b[31m\u202eb\n"))) == "a\\x1b[31m\\u202eb\\n"


def test_a_template_makes_safe_what_it_is_given() -> None:
    said = environment().from_string("<p title='{{ text }}'>{{ text }}</p>").render(text="'<b>`")
    assert said == "<p title='&#x27;&lt;b&gt;&#96;'>&#x27;&lt;b&gt;&#96;</p>"


def test_prose_has_code_between_backticks_and_an_odd_one_stays() -> None:
    assert str(prose("use `a < b` here")) == "use <code>a &lt; b</code> here"
    assert unescape(str(prose("a ` b"))) == "a ` b"


def test_the_place_is_marked_and_what_is_around_it_is_cut() -> None:
    line = b'data: {"a":1}\n\n'
    content = line * 100
    shown = bytes_around(content, len(line) * 50 + 6, 7)
    assert shown.marked == '{"a":1}'
    assert shown.before.startswith("…")
    assert shown.before.endswith("data: ")
    assert shown.after.startswith("\n\n")
    assert shown.after.endswith("…")
    assert len(shown.before) + len(shown.after) < 500


@pytest.mark.parametrize("at", range(30))
def test_no_character_is_cut_in_two(at: int) -> None:
    content = "静默失败静默失败".encode() * 60
    shown = bytes_around(content, 300 + at, 5)
    assert "\\x" not in shown.before + shown.marked + shown.after
    assert shown.number == 300 + at


def test_a_place_beyond_the_end_shows_the_end() -> None:
    shown = bytes_around(b"abc", 99, 4)
    assert (shown.before, shown.marked, shown.after) == ("abc", "", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a%20b", "example.com/a b"),
        ("https://example.com/%E4%BD%A0%E5%A5%BD", "example.com/你好"),
        ("https://example.com/" + "a" * 80 + "/end.md", "example.com/" + "a" * 22 + "…" + "a" * 29 + "/end.md"),
    ],
)
def test_where_a_link_leads_is_short_enough_to_read(url: str, shown: str) -> None:
    assert address(url) == shown


def test_raw_html_reaches_the_page_as_without_the_extension() -> None:
    markdown = pytest.importorskip("markdown", reason="Zensical is not installed: make test-site")
    page = '# Title\n\n<div class="hc">\n<div class="hc-pair">\n<p>a *b* & `c`</p>\n</div>\n</div>\n\n## More { #more }\n\n<div class="hc hc-breach">\n<p>end</p></div>\n\n*text*\n'
    plain = markdown.markdown(page, extensions=["attr_list"])
    taken_past = markdown.markdown(page, extensions=["attr_list", "harness.site.raw_html"])
    assert '<div class="hc-pair">\n<p>a *b* & `c`</p>' in plain
    assert taken_past.split() == plain.split()


def test_an_unclosed_block_is_left_to_markdown() -> None:
    markdown = pytest.importorskip("markdown", reason="Zensical is not installed: make test-site")
    page = '<div class="hc">\n<p>a</p>\n\n## More'
    assert markdown.markdown(page, extensions=["harness.site.raw_html"]) == markdown.markdown(page)
