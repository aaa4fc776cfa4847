"""Results derived from a request's frame are cached for requests that differ only in messages."""

from typing import Any

from harness.simulate.chat.refusing import wrong_with
from harness.simulate.frames import of_frame, of_latest


def test_a_frame_is_worked_through_once_whatever_the_messages() -> None:
    seen: list[dict[str, Any]] = []

    @of_frame
    def model(body: dict[str, Any]) -> Any:
        seen.append(body)
        return body["model"]

    assert [model({"model": name, "messages": [name, number]}) for number in range(3) for name in "ab"] == [*"ababab"]
    assert seen == [{"model": "a"}, {"model": "b"}]


def test_the_frames_of_a_request_and_of_its_chat_form_are_both_at_hand() -> None:
    seen: list[str] = []

    @of_latest
    def other(body: dict[str, Any]) -> dict[str, Any]:
        seen.append(body["model"])
        return body | {"model": "other"}

    @of_frame
    def model(body: dict[str, Any]) -> Any:
        return body["model"]

    for name in ("a", "b"):
        body = {"model": name}
        assert [model(one) for one in (body, other(body), body, other(body))] == [name, "other"] * 2
    assert seen == ["a", "b"]


def test_a_long_frame_is_not_kept_and_a_deep_one_is_no_error() -> None:
    seen: list[int] = []

    @of_frame
    def size(body: dict[str, Any]) -> int:
        seen.append(1)
        return len(body)

    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert [size({"tools": "x" * 40_000}), size({"tools": "x" * 40_000}), size({"tools": deep})] == [1, 1, 1]
    assert len(seen) == 3


def test_what_is_wrong_is_found_in_messages_and_around_them_in_turn() -> None:
    right = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    for body, param in (
        (right, None),
        (right | {"n": 0}, "n"),
        (right | {"n": 0, "messages": []}, "messages"),
        (right, None),
    ):
        wrong = wrong_with(body)
        assert (wrong.param if wrong else None) == param
