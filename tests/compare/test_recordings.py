"""Two recordings, or two folders of them, are judged and compared: their pairing, and their names."""

import dataclasses
from pathlib import Path

import pytest

from harness.compare.recordings import compare_recordings
from harness.errors import HarnessError
from harness.matrix.providers import Matrix, load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import write_cassette
from harness.reports.changes import Diff, Kind
from harness.reports.pairing import compare
from harness.simulate import edits
from harness.simulate.chat.ideal import recording
from harness.simulate.reference import BODY, STREAM, STREAM_USAGE, replace_in_body, with_request_params, with_response
from harness.wire.exchange import Exchange, Request

ROOT = Path(__file__).resolve().parents[2]
NO_OBJECT = replace_in_body(STREAM, '"object":"chat.completion.chunk",', "")
NAMED = dataclasses.replace(STREAM, request=Request("POST", "http://127.0.0.1:8000/v1/chat/completions", body=STREAM.request.body))  # fmt: skip


@pytest.fixture
def matrix() -> Matrix:
    return load_matrix(ROOT / "providers.yaml")


def dated(exchange: Exchange, at: str) -> Exchange:
    return dataclasses.replace(exchange, source=dataclasses.replace(exchange.source, provenance="recorded", at=at))


def write(folder: Path, **cassettes: list[Exchange]) -> Path:
    for name, exchanges in cassettes.items():
        write_cassette(folder / f"{name.replace('__', '/').replace('_', '.')}.yaml", exchanges)
    return folder


def diff(old: Path, new: Path, matrix: Matrix | None = None) -> Diff:
    return compare(compare_recordings(old, new, matrix))


def told(found: Diff) -> list[tuple[Kind, str]]:
    return [(group.kind, check) for group in found.groups for check in group.checks]


def test_two_cassettes_of_any_name_are_compared(tmp_path: Path) -> None:
    write(tmp_path, before=[STREAM], after=[NO_OBJECT])
    found = diff(tmp_path / "before.yaml", tmp_path / "after.yaml")
    assert (Kind.WORSE, "chunk.object") in told(found)
    assert (Kind.SHAPE, "shape./object") in told(found)
    assert diff(tmp_path / "before.yaml", tmp_path / "before.yaml").groups == []


def test_a_shape_is_shown_in_both_recordings(tmp_path: Path) -> None:
    write(tmp_path, before=[STREAM], after=[NO_OBJECT])
    found = diff(tmp_path / "before.yaml", tmp_path / "after.yaml")
    (change,) = next(group for group in found.groups if group.kind is Kind.SHAPE).changes
    assert [one.evidence[0].excerpt[:10] for one in (change.old, change.new)] == ['"object":"', '{"id":"cha']


def test_folders_are_compared_by_the_path_below_them(tmp_path: Path) -> None:
    old = write(tmp_path / "old", acme__small__chat_stream=[STREAM], acme__small__chat_nonstream=[BODY])
    new = write(tmp_path / "new", acme__small__chat_stream=[NO_OBJECT], acme__small__error_bad=[BODY])
    found = diff(old, new)
    assert (Kind.WORSE, "chunk.object") in told(found)
    lost = [group for group in found.groups if group.kind is Kind.LOST]
    assert [group.reason for group in lost] == ["not in NEW"]
    assert lost[0].first.place == "acme/small/chat.nonstream/http.status"
    gained = [group for group in found.groups if group.kind is Kind.GAINED]
    assert gained[0].reason == "not in OLD"


def test_a_name_comes_from_the_folders_of_a_project_else_from_the_exchange(tmp_path: Path, matrix: Matrix) -> None:
    write(tmp_path / "llamacpp/tiny", chat_stream=[NAMED], other=[NAMED])
    write(tmp_path / "copy", chat_stream=[replace_in_body(NAMED, '"role":"assistant",', "")], other=[NAMED])
    place = diff(tmp_path / "llamacpp/tiny", tmp_path / "copy", matrix).groups[0].first.place
    assert place.startswith("llamacpp/tiny/chat.stream")
    place = diff(tmp_path / "copy", tmp_path / "llamacpp/tiny").groups[0].first.place
    assert place.startswith("127.0.0.1:8000/gpt-4o-mini/chat.stream")


def test_a_scenario_s_recording_is_judged_as_a_whole(tmp_path: Path) -> None:
    whole = recording(SCENARIOS["tools.round-trip"])
    old = write(tmp_path / "old", **{"tools_round-trip": whole})
    new = write(tmp_path / "new", **{"tools_round-trip": whole[:1]})
    assert (Kind.LOST, "recording.present") in told(diff(old, new))
    assert (Kind.WORSE, "error.refused") in told(
        diff(write(tmp_path / "a", **{"error_unknown-model": recording(SCENARIOS["error.unknown-model"])}), write(tmp_path / "b", **{"error_unknown-model": [BODY]}))
    )  # fmt: skip


def test_each_exchange_of_another_recording_is_judged_by_itself(tmp_path: Path) -> None:
    write(tmp_path, before=[STREAM, STREAM], after=[STREAM, NO_OBJECT])
    found = diff(tmp_path / "before.yaml", tmp_path / "after.yaml")
    (worse,) = [group for group in found.groups if "chunk.object" in group.checks]
    assert worse.first.place.split("/")[2] == "before.yaml#1"


def test_two_recordings_with_one_name_are_both_compared(tmp_path: Path) -> None:
    old = write(tmp_path / "old", a__chat_stream=[STREAM], b__chat_stream=[STREAM])
    new = write(tmp_path / "new", a__chat_stream=[STREAM], b__chat_stream=[NO_OBJECT])
    found = diff(old, new)
    assert (Kind.WORSE, "chunk.object") in told(found)
    assert not [change for group in found.groups for change in group.changes if "b/chat.stream" not in change.place]


def test_an_answer_that_says_nothing_is_lost_coverage(tmp_path: Path) -> None:
    old = write(tmp_path / "old", chat_stream=[STREAM])
    new = write(tmp_path / "new", chat_stream=[with_response(STREAM, status=429)])
    found = diff(old, new)
    assert {group.kind for group in found.groups} == {Kind.LOST, Kind.SHAPE}
    assert found.groups[0].reason == "status 429: no verdict on what was asked"


def test_texts_ids_and_times_are_no_change(tmp_path: Path) -> None:
    again = edits.pieces(50)(
        replace_in_body(replace_in_body(STREAM, "你好", "Hi"), "chatcmpl-reference", "chatcmpl-other")
    )
    write(tmp_path, old=[edits.pieces(90)(dated(STREAM, "2026-05-01"))], new=[dated(again, "2026-06-01")])
    assert diff(tmp_path / "old.yaml", tmp_path / "new.yaml").groups == []


def test_it_is_the_provider_who_changed(tmp_path: Path) -> None:
    write(tmp_path, old=[dated(STREAM, "2026-05-01")], new=[dated(NO_OBJECT, "2026-06-01")])
    found = diff(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert {group.first.by for group in found.groups} == {"provider: recorded anew 2026-06-01 (before: 2026-05-01)"}


def test_it_is_the_question_that_changed(tmp_path: Path) -> None:
    write(
        tmp_path,
        old=[dated(STREAM, "2026-05-01")],
        new=[dated(with_request_params(STREAM_USAGE, seed=7), "2026-06-01")],
    )
    found = diff(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert (Kind.ASKED, "asked.stream_options") in told(found)
    assert {group.first.by for group in found.groups} == {"another question: recorded anew 2026-06-01 (before: 2026-05-01)"}  # fmt: skip


def test_a_question_that_changed_in_a_later_turn_is_told_of_the_whole_recording(tmp_path: Path) -> None:
    first, second = recording(SCENARIOS["parity.chat"])
    old, new = ([dated(first, at), dated(second, at)] for at in ("2026-05-01", "2026-06-01"))
    other = replace_in_body(with_request_params(new[1], seed=7), '"object":"chat.completion"', '"object":"x"')
    write(tmp_path, old__parity_chat=old, new__parity_chat=[new[0], other])
    found = diff(tmp_path / "old", tmp_path / "new")
    (worse,) = [group for group in found.groups if "chunk.object" in group.checks]
    assert worse.first.by.startswith("another question: ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a", "b", "a holds one.yaml, b holds two.yaml; recordings are compared that have the same path"),
        ("a", "b/two.yaml", "one is a folder and one a file; give two cassettes or two folders"),
        ("a", "empty", "empty: no recordings in it"),
        ("a/one.yaml", "b/two.yaml", "b/two.yaml: no chat completion in it"),
        ("a/one.yaml", "cut.yaml", "cut.yaml: no version line, so the file is truncated"),
    ],
)
def test_what_can_t_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str) -> None:
    write(tmp_path / "a", one=[STREAM])
    other = Request("POST", "https://api.openai.com/v1/embeddings")
    write(tmp_path / "b", two=[dataclasses.replace(STREAM, request=other)])
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.yaml").write_text("interactions: []\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match=said):
        compare_recordings(Path(old), Path(new), None)
