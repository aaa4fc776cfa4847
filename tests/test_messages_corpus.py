"""
Recorded streams of Messages are audited: api.anthropic.com passes, and the defects of local servers are found.

The recordings are other people's and are beside this repository, not in it.
"""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judging import findings

from harness.judging.audit import audit
from harness.matrix.messages import MESSAGES
from harness.recording.archives import read_archive
from harness.results import Outcome
from harness.wire.dialect import DIALECTS

SHARED = Path(__file__).resolve().parents[2] / "shared" / "dialects"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded exchanges are not beside this repository")

FACTS = {
    "messages.blocks-stopped": {640: "a fixture that ends in the middle of a call, on purpose"},
    "messages.stop-sequence-key": {874: "a stub written for unit tests"},
    "messages.thinking-keys": {255: "written by hand: its id is made up"},
    "messages.tool-fits": {
        41: "the model gave '<UNKNOWN>' for a number",
        797: "the model gave 'True' for a boolean",
        940: "the model gave a key of its own",
    },
    "sse.final-blank-line": dict.fromkeys((638, 639, 640), "a fixture without the blank line at its end"),
}
"""The failures in the recordings of api.anthropic.com, by the line of the file: each is a fact about the recording."""

DEFECTS = {
    ("llamacpp-think", "m01_text"): {"messages.one-block-open", "messages.thinking-keys", "messages.signed"},
    ("llamacpp-think", "m04_both"): {"messages.one-block-open", "messages.block-keys"},
    ("llamacpp-chat", "m03_tools"): {"messages.block-keys"},
    ("llamacpp-chat", "m06_stop"): {"messages.stop-sequence"},
    ("llamacpp-chat", "m08_badmodel"): {"error.refused"},
    ("llamacpp-chat", "m09_nomax"): {"messages.cap-required"},
    ("llamacpp-chat", "m13_badkey"): {"messages.error-envelope"},
    ("aimock", "m01_text"): {"messages.output-counted", "messages.input-counted"},
    ("aimock", "m06_stop"): {"messages.stop-kept"},
    ("aimock", "m08_badmodel"): {"error.refused"},
    ("aimock", "m11_count"): {"messages.count-served"},
    ("aimock", "m13_badkey"): {"messages.error-envelope"},
}
"""The known defects of local servers, by the case that shows them."""

ASKED = {"m08_badmodel": "messages.unknown-model", "m13_badkey": "messages.bad-key", "m09_nomax": "messages.no-cap"}
"""The scenarios of the cases in which a rejection is expected."""


@pytest.fixture(scope="module")
def failing() -> dict[str, dict[str, list[str]]]:
    """Return where each check fails, by provider; crashes are under their outcome."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    files = [*(SHARED / "messages").glob("*.gz"), *(SHARED / "count_tokens").glob("*.gz")]
    for told in audit(sorted(files), None, "auto"):
        for one in told:
            found["*"][one.outcome].append(one.check)
            if one.outcome is Outcome.FAIL:
                found[one.provider][one.check].append(str(one.cassette).rpartition(":")[2])
    return found


@pytest.mark.thorough
def test_no_check_crashes(failing: dict[str, dict[str, list[str]]]) -> None:
    assert failing["*"][Outcome.BROKEN] == []
    assert len(failing["*"][Outcome.PASS]) > 50_000


@pytest.mark.thorough
def test_anthropics_own_recordings_raise_no_alarm(failing: dict[str, dict[str, list[str]]]) -> None:
    known = {check: sorted(map(str, lines)) for check, lines in FACTS.items()}
    assert {check: sorted(lines) for check, lines in failing["anthropic"].items()} == known
    assert [name for name in failing if name in {"vertex", "azure-foundry", "mirascope-router"}] == []


@pytest.mark.thorough
def test_what_minimax_leaves_out_is_found(failing: dict[str, dict[str, list[str]]]) -> None:
    assert {check: len(lines) for check, lines in failing["minimax"].items()} == {
        "messages.stop-sequence-key": 5,
        "messages.thinking-keys": 5,
    }


def capture(server: str, case: str) -> dict[str, Any]:
    """Return a captured answer as a row of JSON lines."""
    folder = SHARED / "captures" / server
    head, _, body = (folder / f"{case}.txt").read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    asked = json.loads((folder / f"{case}.req.json").read_text())
    url = f"http://127.0.0.1/v1/messages{'/count_tokens' if 'count' in case else ''}"
    answer = {"status": int(first.split()[1]), "headers": headers, "body_text": body.decode()}
    return {"request": {"method": "POST", "url": url, "body": asked}, "response": answer}


@pytest.mark.parametrize(("server", "case"), DEFECTS, ids=["-".join(key) for key in DEFECTS])
def test_the_defects_of_servers_that_run_here_are_found(server: str, case: str, tmp_path: Path) -> None:
    path = tmp_path / "captured.jsonl"
    path.write_text(json.dumps(capture(server, case)))
    (judged,) = audit([path], None, "auto")
    failed = {one.check for one in judged if one.outcome is Outcome.FAIL}
    if case in ASKED:
        failed |= failing_as_expected(path, ASKED[case])
    assert failed >= DEFECTS[server, case]


def failing_as_expected(path: Path, scenario: str) -> set[str]:
    """Return the failures if the request is known to be rejected."""
    (entry,) = read_archive(path, dialects=DIALECTS)
    told = replace(entry.exchange, expected=MESSAGES[scenario].expected(0))
    return {one.check for one in findings(told).values() if one.outcome is Outcome.FAIL}
