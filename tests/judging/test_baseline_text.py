"""Editing a baseline changes only the edited entries."""

from typing import Any

import pytest
import yaml

from harness.judging.baseline_text import edited

TEXT = """\
# The known deviations of our engine.
schema: 1   # kept, too

deviations:
  # --- streams ---

  # ticket 12
  - check: chunk.object      # the SSE writer
    scenarios: [streams, chat.cancel]  # both
    message: "object is absent from * of * chunks"
    reason: >-
      It sends the delta alone;

      to be mended.

  - check: chunk.created
    message: x
    scenarios:
      - chat.stream # here
      # not since 1.2:
      - chat.stop
      - chat.n2
    reason: 'it''s so'

  # --- bodies ---

  # ticket 13
  # and 14
  -
    check: usage.sum
    reason: |
      Kept.
# the end

other: true
"""
NEW = {
    "check": "sse.done",
    "scenarios": ["chat.stream"],
    "message": "m",
    "reason": "",
    "seen": {"first": "2026-11-29"},
}


def entry(number: int, **changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(TEXT)["deviations"][number]
    return found | changed


def test_nothing_changed_is_the_same_text() -> None:
    assert edited(TEXT, {}, []) == TEXT


def test_a_new_entry_stands_behind_the_others_and_nothing_else_changes() -> None:
    told = edited(TEXT, {}, [NEW])
    assert told is not None
    head, found, tail = told.partition("  - check: sse.done\n")
    assert found
    assert TEXT.startswith(head)
    assert head.endswith("Kept.\n")
    assert tail.endswith("# the end\n\nother: true\n")
    assert yaml.safe_load(told)["deviations"][3] == NEW


def test_an_entry_that_is_gone_takes_the_comment_above_it_along() -> None:
    told = edited(TEXT, {0: None, 2: None}, [])
    assert told is not None
    for gone in ("ticket", "and 14", "delta alone", "usage.sum", "Kept"):
        assert gone not in told
    for kept in (
        "# The known",
        "# kept, too",
        "# --- streams ---",
        "# --- bodies ---",
        "# not since 1.2:",
        "# the end",
        "other: true",
    ):
        assert kept in told
    start, end = "  - check: chunk.created\n", "reason: 'it''s so'\n"
    assert TEXT[TEXT.index(start) : TEXT.index(end)] in told


def test_the_scenarios_that_are_left_are_written_in_the_place_of_all() -> None:
    told = edited(TEXT, {0: entry(0, scenarios=["streams"]), 1: entry(1, scenarios=["chat.stream", "chat.n2"])}, [NEW])
    assert told is not None
    narrowed = TEXT.replace("[streams, chat.cancel]", "[streams]").replace("      - chat.stop\n", "")
    head, _, tail = narrowed.partition("# the end")
    assert told.startswith(head)
    assert told.endswith(f"# the end{tail}")


def test_an_entry_of_all_scenarios_gets_those_that_are_left() -> None:
    told = edited(TEXT, {2: entry(2, scenarios=["chat.n2"])}, [])
    assert told is not None
    assert yaml.safe_load(told)["deviations"][2]["scenarios"] == ["chat.n2"]
    assert "# ticket 13\n  # and 14\n" in told


@pytest.mark.parametrize("added", [[], [NEW]])
def test_all_are_gone(added: list[dict[str, Any]]) -> None:
    told = edited(TEXT, dict.fromkeys(range(3)), added)
    assert told is not None
    assert yaml.safe_load(told) == {"schema": 1, "deviations": added, "other": True}
    assert "# --- streams ---" in told


def test_the_first_entry_of_an_empty_list() -> None:
    told = edited("# ours\ndeviations: []  # none yet\n# end\n", {}, [NEW])
    assert told is not None
    assert yaml.safe_load(told) == {"deviations": [NEW]}
    assert told.startswith("# ours\ndeviations:  # none yet\n  - check: sse.done\n")
    assert told.endswith("# end\n")


def test_dashes_at_the_left_and_no_line_end() -> None:
    told = edited("deviations:\n- check: a.b\n  reason: x\n# c\n- check: c.d\n  reason: y", {1: None}, [NEW])
    assert told is not None
    assert told.startswith("deviations:\n- check: a.b\n  reason: x\n- check: sse.done\n  scenarios: [chat.stream]\n")


@pytest.mark.parametrize(
    "text",
    [
        "deviations: [{check: a.b, reason: x}]\n",
        "deviations:\n  - {check: a.b, reason: x}\n  - &a {check: c.d, reason: y}\n  - *a\n",
        "{deviations: [{check: a.b, reason: x}]}\n",
        '"deviations":\n  - check: a.b\n',
    ],
)
def test_what_cannot_be_changed_so_is_told_or_right(text: str) -> None:
    wanted = [NEW]
    count = len(yaml.safe_load(text)["deviations"])
    told = edited(text, dict.fromkeys(range(count)), [NEW])
    assert told is None or yaml.safe_load(told) == {"deviations": wanted}
