"""Cached readings of the SDK equal new ones, and are never wrong."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sdk import clients, kept
from harness.sdk.clients import sdk_results
from harness.sdk.kept import KeptReadings, kept_readings, key_of
from harness.sdk.readings import SdkResult
from harness.simulate.chat.faults import FAULTS
from harness.simulate.reference import BODY, STREAM, TOOLS_PARALLEL
from harness.wire.exchange import Exchange


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(kept.NO_CACHE)
    kept_readings.cache_clear()
    yield tmp_path
    kept_readings.cache_clear()
    clients.readings_of.cache_clear()


def read_by_all(exchange: Exchange) -> list[SdkResult | None]:
    """Each client's result for an exchange, as in a new process."""
    clients.readings_of.cache_clear()
    vars(exchange).pop("sdk_results", None)
    readings = sdk_results(exchange)
    return [readings.sync, readings.strict, readings.helper, readings.asynchronous]


FORMS = [STREAM, BODY, TOOLS_PARALLEL, *(FAULTS[name].apply() for name in list(FAULTS)[::60])]


def test_what_is_kept_is_what_the_sdk_says_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anew = [read_by_all(exchange) for exchange in FORMS]
    readings = kept_readings()
    assert readings
    readings.write()
    (file,) = cache.rglob("*.sqlite")
    kept_readings.cache_clear()
    monkeypatch.setattr(clients, "_reading", lambda *_: pytest.fail("the SDK was asked again"))
    assert [read_by_all(exchange) for exchange in FORMS] == anew
    assert file.stat().st_size > 1000


def test_with_no_cache_nothing_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kept.NO_CACHE, "1")
    assert kept_readings() is None
    read_by_all(STREAM)
    assert list(cache.iterdir()) == []


def test_a_cache_that_is_damaged_is_passed_over(cache: Path) -> None:
    anew = read_by_all(STREAM)
    readings = kept_readings()
    assert readings
    readings.write()
    (file,) = cache.rglob("*.sqlite")
    with sqlite3.connect(file) as table:
        table.execute("UPDATE readings SET reading = ?", (b'{"chunks": "many"}',))
    kept_readings.cache_clear()
    assert read_by_all(STREAM) == anew
    kept_readings.cache_clear()
    file.write_bytes(b"no database at all" * 500)
    assert read_by_all(STREAM) == anew
    kept_readings.cache_clear()
    file.unlink()
    file.mkdir()
    assert read_by_all(STREAM) == anew


def test_other_bytes_and_other_releases_have_keys_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        key_of("sync", 200, "a", b"x"), key_of("strict", 200, "a", b"x"), key_of("sync", 201, "a", b"x"),
        key_of("sync", 200, "a", b"y"), key_of("sync", 200, "ab", b""), key_of("sync", 200, None, b"x"),
    }  # fmt: skip
    assert len(keys) == 6
    before = kept.releases_and_code()
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name}-9")
    assert kept.releases_and_code() != before


def test_what_can_not_be_read_back_is_not_kept(tmp_path: Path) -> None:
    readings = KeptReadings(tmp_path / "r.sqlite")
    odd = {
        b"half a pair": SdkResult(1, (), "Error", "\ud800"),
        b"long": SdkResult(1, (), "Error", "x" * 70_000),
        b"another type": SdkResult(1, (), "Error", "m", shows=("a", 1)),  # type: ignore[arg-type]
    }
    for key, reading in odd.items():
        readings.put(key, reading)
    readings.put(b"fine", SdkResult(2, ()))
    readings.write()
    assert [readings.get(key, SdkResult) for key in odd] == [None, None, None]
    assert KeptReadings(tmp_path / "r.sqlite").get(b"fine", SdkResult) == SdkResult(2, ())
