"""The official Anthropic SDK's results for Messages responses equal the bytes, or are the class of its exception."""

import subprocess
import sys
from importlib import metadata

import pytest

from harness.sdk import anthropic_reader, kept
from harness.sdk.anthropic_reader import MessageReading, message_reading, unusable
from harness.simulate.faults import VARIANTS_OF
from harness.simulate.messages.edits import dropped, typed
from harness.simulate.messages.reference import BAD_KEY, REFERENCES, STREAM, THINKING
from harness.simulate.reference import replace_in_body
from harness.wire.exchange import Exchange

pytestmark = pytest.mark.skipif(unusable() is not None, reason=str(unusable()))

ANSWERS = {name: one for name, one in REFERENCES.items() if one.turn.stop}
VARIANTS = {name: one.apply() for name, one in VARIANTS_OF["messages"].items()}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_message_is_what_the_bytes_hold(name: str) -> None:
    held, reading = ANSWERS[name].turn, message_reading(ANSWERS[name])
    assert (reading.error, reading.turn is None) == (None, False)
    assert reading.turn
    assert (reading.turn.text, reading.turn.reasoning, reading.turn.stop) == (held.text, held.reasoning, held.stop)
    assert [(one.id, one.name) for one in reading.turn.calls] == [(one.id, one.name) for one in held.calls]


@pytest.mark.parametrize("name", [name for name, one in VARIANTS.items() if one.response.is_success])
def test_no_legal_variant_is_more_than_it_reads(name: str) -> None:
    assert message_reading(VARIANTS[name]).error is None


def test_an_error_shows_the_providers_message() -> None:
    reading = message_reading(BAD_KEY)
    assert (reading.turn, reading.error, reading.is_own, reading.shown) == (None, "AuthenticationError", True, True)
    silent = message_reading(replace_in_body(BAD_KEY, '"message":"invalid x-api-key"', '"detail":"x"'))
    assert (silent.is_own, silent.shown) == (True, False)


def test_what_it_can_not_read_is_an_exception_of_python() -> None:
    reading = message_reading(dropped(typed("content_block_start"))(STREAM))
    assert (reading.error, reading.is_own) == ("IndexError", False)


def test_a_reading_is_kept_between_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    readings = kept.KeptReadings(tmp_path_factory.mktemp("kept") / "r.sqlite")
    monkeypatch.setattr(anthropic_reader, "kept_readings", lambda: readings)
    first = message_reading(replace_in_body(THINKING, "so it", "hence it"))
    monkeypatch.setattr(anthropic_reader, "_read", lambda _exchange: MessageReading(error="read again"))
    again: Exchange = replace_in_body(THINKING, "so it", "hence it")
    assert message_reading(again) == first


def test_it_is_imported_when_the_first_answer_is_read() -> None:
    code = "import sys, harness.checks; len(harness.checks.CHECKS); print('anthropic' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_without_it_its_rules_do_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    from judging import findings

    from harness.checks import CHECKS
    from harness.results import Outcome

    def missing(_name: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", missing)
    unusable.cache_clear()
    try:
        told = findings(STREAM, [CHECKS["messages.sdk-reads"]])["messages.sdk-reads"]
    finally:
        unusable.cache_clear()
    assert (told.outcome, "the Anthropic SDK is not installed; run: pip install" in told.message) == (Outcome.NA, True)
