"""Invalid JSON is reported by its cause."""

import pytest

from harness.wire.json_faults import fault_of

FORMS = {
    "{'a': None}": ("python", "it is written as Python prints a dict"),
    "{'a': null}": ("quote", "its texts stand in single quotes"),
    '{"a":1}{"b":2}': ("several", "2 JSON texts stand in one"),
    '{"a":1}\n{"b":2}\n[]': ("several", "3 JSON texts stand in one, with no blank line between them"),
    '{"a":1} [DONE]': ("several", "after the JSON text comes '[DONE]'"),
    '\ufeff{"a":1}': ("bom", "a byte order mark stands before it"),
    '{"a":NaN}': ("constant", "it holds NaN, which JSON has not"),
    '{"a":-Infinity}': ("constant", "it holds -Infinity, which JSON has not"),
    '{"a":1e400}': ("number", "it holds the number 1e400, which is out of range"),
    '{"a":' + "9" * 5000 + "}": ("number", "it holds the number 999999999999999999999999, which is out of range"),
    '{"a":[1,],}': ("comma", "a comma stands before a closing bracket"),
    '{"a":1/* one */}': ("comment", "it holds a comment"),
    '{"a":1} // one': ("several", "after the JSON text comes '// one'"),
    '{"a":"b\nc"}': ("control", "a text in it holds a control character that is not escaped, such as a line break"),
    '{"a":undefined}': ("word", "it holds undefined, which JSON has not"),
    '{"a":null,"b":True}': ("word", "it holds True, which JSON has not"),
    '{a:"b"}': ("key", "a key in it has no quotes"),
    '{"a":"b': ("cut", "it breaks off after 7 characters"),
    '{"a":"b\n{"c":1}': (
        "unclosed",
        "it breaks off after 7 characters, and another JSON text follows on the next line",
    ),
    '{"a":1,\n"b":[2': ("cut", "it breaks off after 14 characters"),
    '{"a":[1,2': ("cut", "it breaks off after 9 characters"),
    '{"a":' + "[" * 5000 + "]" * 5000 + "}": ("deep", "it is nested deeper than parsers go"),
    "[done]": ("text", "it is plain text, '[done]'"),
    "[1 2]": ("other", "the parser's words"),
    "data: {}": ("field", "the name of the field stands twice, 'data: {}'"),
    "{a:'b'}": ("key", "a key in it has no quotes"),
    "ping": ("text", "it is plain text, 'ping'"),
    '{"a" 1}': ("other", "the parser's words"),
}

DEPTHS = (1_100, 3_000, 20_000, 200_000)
"""Levels: more than orjson parses; what depends on the version of Python; more than any Python parses."""


@pytest.mark.parametrize("levels", DEPTHS)
@pytest.mark.parametrize(("begins", "ends"), [("[", "]"), ('{"a":', "}")])
def test_too_many_levels_are_told_alike_by_every_python(levels: int, begins: str, ends: str) -> None:
    deep = begins * levels + "1" + ends * levels
    assert fault_of(deep.encode(), "the parser's words") == ("deep", "it is nested deeper than parsers go")


@pytest.mark.parametrize("text", FORMS, ids=lambda text: text[:20])
def test_the_cause_is_told(text: str) -> None:
    assert fault_of(text.encode(), "the parser's words") == FORMS[text]


def test_a_long_text_is_told_by_what_one_pass_finds() -> None:
    assert fault_of(b"{'a': '" + b"x" * 70_000 + b"'}", "the parser's words").form == "other"
    assert fault_of(b'{"a": "' + b"x" * 70_000, "the parser's words").form == "cut"
