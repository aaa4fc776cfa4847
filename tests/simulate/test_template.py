"""Templates: placeholders are filled, keys are conditional, ids have the requested form."""

import re

import pytest

from harness.simulate.template import CONDITIONS, PLACES, check, fill, make_id, uses

VALUES = {"text": "你好", "finish": None, "calls": [{"id": "a"}]}


@pytest.mark.parametrize(
    ("template", "holding", "filled"),
    [
        ({"b": "$text", "a": "$finish"}, set(), {"b": "你好", "a": None}),
        ({"list": [{"deep": "$text"}, "$calls"]}, set(), {"list": [{"deep": "你好"}, [{"id": "a"}]]}),
        ({"usage if asked": None}, {"asked"}, {"usage": None}),
        ({"usage if asked": None}, set(), {}),
        ({"content if text": "$text", "content if not text": ""}, set(), {"content": ""}),
        ({"content if text": "$text", "content if not text": ""}, {"text"}, {"content": "你好"}),
        ({"price": "5 $", "n": 0, "yes": True}, set(), {"price": "5 $", "n": 0, "yes": True}),
    ],
)
def test_a_template_is_filled(template: dict[str, object], holding: set[str], filled: dict[str, object]) -> None:
    done = fill(template, VALUES, frozenset(holding))
    assert done == filled
    assert list(done) == list(filled)


def test_every_place_and_condition_passes_the_check() -> None:
    check({name: f"${name}" for name in PLACES})
    check({f"a if {name}": [{f"b if not {name}": None}] for name in CONDITIONS})


def test_a_place_is_found_wherever_it_stands() -> None:
    assert uses({"a": [{"b": "$text"}]}, "text")
    assert not uses({"a": [{"text": "text"}]}, "text")


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("{uuid}", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("chatcmpl-{alnum 29}", r"chatcmpl-[0-9A-Za-z]{29}"),
        ("call_{number 2}_{digit 4}{lower 3}", r"call_07_\d{4}[0-9a-z]{3}"),
        ("fp_fixed", "fp_fixed"),
        ("{hex 200}", "[0-9a-f]{200}"),
    ],
)
def test_an_id_has_its_form_and_depends_on_its_seed_alone(form: str, pattern: str) -> None:
    assert re.fullmatch(pattern, make_id(form, "seed", 7))
    assert make_id(form, "seed", 7) == make_id(form, "seed", 7)
    assert make_id(form, "seed", 7) != make_id(form, "other", 7) or "{" not in form


def test_an_id_is_the_same_on_every_machine() -> None:
    assert make_id("{hex 16}", "deepseek/deepseek-flash chat.stream 0 id") == "e18cdcef0b6e2724"
    assert (
        make_id("{number 2}-{hex 3}%{digit 3}{hex 40}", "seed", 123)
        == "123-fc6%719304b5ad2494a9dd3f9795cacce2c7c1922aaf085"
    )
