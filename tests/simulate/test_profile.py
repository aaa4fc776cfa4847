"""An invalid profile is rejected in one line that names file, line, key and the fix."""

from pathlib import Path

import pytest
from profiled import PROFILE, load, write

from harness.errors import BadProfile
from harness.simulate.chat.profile import FILE_NAME, load_profile

FORM = """\
provider: acme
evidence:
  seen: {url: "https://acme.example/", kind: recording, at: 2026-05-06}
forms:
  - ids: {id: "{uuid}"}
    stream:
      headers: {content-type: text/event-stream}
      chunk: {id: $id, choices: [{index: $index, delta: $delta}]}
      chat:
        unasked: [seen]
        phases:
          saying: {content: $text}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("$text", "$txt", 12, "unknown place $txt; did you mean $text?"),
        ("{content: $text}", "{content if asking: $text}", 12, "unknown condition asking; did you mean calling?"),
        ("saying:", "talking:", 12, "forms.0.stream.chat.phases.talking: unknown phase; use one of before, first"),
        ("saying:", "first-last:", 12, "unknown phase"),
        ("unasked: [seen]", "unasked: [heard]", 10, "forms.0.stream.chat.unasked.0: there is no 'heard' under evidence; list it there"),
        ("        unasked: [seen]\n", "", 9, "there is no evidence for it; add asked or unasked with the evidence"),
        ("{uuid}", "{guid}", 5, "an unknown part; use {uuid}, {hex N}"),
        ('{id: "{uuid}"}', "{ident: a}", 5, "unknown id; use one of id, call_id, fingerprint, request_id"),
        ("2026-05-06", "May", 3, "string should match pattern"),
        ("kind: recording", "kind: rumour", 3, "input should be 'recording', 'document' or 'issue'"),
        ("headers:", "header:", 7, "unknown key; did you mean headers?"),
        ("      chat:", "      chats:", 9, "unknown key; did you mean chat?"),
        ("provider: acme", "provider: other", 1, "'other' in the folder of acme; name that"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_in_a_line(old: str, new: str, line: int, said: str, tmp_path: Path) -> None:
    assert old in FORM
    path = tmp_path / "acme" / FILE_NAME
    path.parent.mkdir()
    path.write_text(FORM.replace(old, new))
    with pytest.raises(BadProfile) as refused:
        load_profile(path.parent)
    (told,) = str(refused.value).splitlines()
    assert told.startswith(f"{path}:{line}: ")
    assert said in told


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"parameters": [{"taken": ["max_token"], "evidence": ["seen"]}]}, "no scenario depends on 'max_token'"),
        ({"parameters": [{"taken": ["seed"], "evidence": []}]}, "tuple should have at least 1 item"),
        ({"refusals": [{"scenarios": ["error.key"], "status": 401, "headers": {}, "body": {}, "evidence": ["seen"]}]}, "unknown scenario 'error.key'"),
        ({"refusals": [{"scenarios": ["error.bad-key"], "status": 200, "headers": {}, "body": {}, "evidence": ["seen"]}]}, "greater than or equal to 400"),
    ],
)  # fmt: skip
def test_a_wrong_part_is_refused(part: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match=said):
        load_profile(write(tmp_path, **part))


def test_without_a_profile_there_is_none(tmp_path: Path) -> None:
    assert load_profile(tmp_path) is None


def test_the_form_is_that_of_the_model_and_the_day(tmp_path: Path) -> None:
    form = PROFILE["forms"][0]
    dated = [
        form | {"models": ["big-*"], "note": "big"},
        form | {"since": "2026-03", "note": "new"},
        form | {"until": "2026-02", "note": "old"},
    ]
    profile = load(tmp_path, forms=dated)
    found = {
        (model, day): profile.form_of(model, day)
        for model, day in (("big-1", None), ("small", None), ("small", "2026-03-01"), ("small", "2026-02-28"))
    }
    assert [form.note if form else None for form in found.values()] == ["big", "new", "new", "old"]
    only = load(tmp_path, forms=[form | {"since": "2026-03", "until": "2026-04"}])
    assert only.form_of("small", "2026-02-01") is None
    assert only.form_of("small", "2026-04-30")
    assert only.form_of("small", "2026-05-01") is None
