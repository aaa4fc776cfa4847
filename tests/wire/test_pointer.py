"""The bytes that a JSON pointer points at."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.pointer import locate

TEXT = '{"id": "é", "choices": [ {"delta":{"content":"你\\"好"},"a/b":1,"m~n":2} , [10, 20]], "id2":null}'.encode()


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("", TEXT.decode()),
        ("/id", '"id": "é"'),
        ("/choices/0/delta/content", '"content":"你\\"好"'),
        ("/choices/0/a~1b", '"a/b":1'),
        ("/choices/0/m~0n", '"m~n":2'),
        ("/choices/1/1", "20"),
        ("/id2", '"id2":null'),
        ("/choices/0/absent", '{"delta":{"content":"你\\"好"},"a/b":1,"m~n":2}'),
        ("/choices/9/x", '"choices": [ {"delta":{"content":"你\\"好"},"a/b":1,"m~n":2} , [10, 20]]'),
    ],
)
def test_spans(pointer: str, expected: str) -> None:
    begin, end = locate(TEXT, pointer)
    assert TEXT[begin:end].decode() == expected


def test_a_value_without_members_ends_the_way() -> None:
    assert locate(b'[5,{"x":1}]', "/0/x") == (1, 2)


def test_the_last_of_equal_keys_wins() -> None:
    data = b'{"a":1,"a":2}'
    begin, end = locate(data, "/a")
    assert data[begin:end] == b'"a":2'


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":', b"nonsense", b'{"a" 1}', b"[" * 5000, b"\xff{}", b"  "])
def test_what_is_not_json_is_shown_whole(data: bytes) -> None:
    begin, end = locate(data, "/a/b")
    assert 0 <= begin <= end <= len(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_every_pointer_leads_to_its_value(value: Any, ascii_only: bool) -> None:  # noqa: FBT001
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    def visit(inner: Any, pointer: str) -> None:
        begin, end = locate(data, pointer)
        text = data[begin:end].decode("utf-8", "surrogatepass")
        found = (
            json.loads("{" + text + "}")
            if pointer.count("/") and isinstance(parent_of(pointer), dict)
            else json.loads(text)
        )
        assert (next(iter(found.values())) if isinstance(parent_of(pointer), dict) and pointer else found) == inner
        items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        for key, child in items:
            visit(child, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")

    def parent_of(pointer: str) -> Any:
        at = value
        for token in pointer.split("/")[1:-1]:
            token = token.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901
            at = at[token] if isinstance(at, dict) else at[int(token)]
        return at if pointer else None

    visit(value, "")
