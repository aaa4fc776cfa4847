"""Prepares a response for playback: injects a fault, segments it, and sets the delays."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from harness.errors import NotRecorded, unknown
from harness.recording.pacing import Pace
from harness.serve.framing import reframe
from harness.simulate.edits import NothingChanged
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT
from harness.simulate.reference import with_header
from harness.wire.exchange import Exchange, Response

FRAMINGS = "recorded, bytes, events, merged, crlf or random:SEED"

_PACES: dict[str, Pace] = {"none": "none", "recorded": "recorded"}


@dataclass(frozen=True, slots=True)
class PlaybackOptions:
    """How responses are played unless a request overrides it; ``fault`` is a fault or legal variant to inject."""

    pace: Pace = "none"
    reframe: str = "recorded"
    fault: str | None = None

    def __post_init__(self) -> None:
        """Raise UnknownName for an unknown fault or segmentation."""
        if reframe(self.reframe) is None:
            raise unknown("way to cut", self.reframe, FRAMINGS.replace(" or", ",").split(", "))
        if self.fault is not None and self.fault not in EVERY_FAULT and self.fault not in EVERY_VARIANT:
            raise unknown("fault", self.fault, [*EVERY_FAULT, *EVERY_VARIANT])

    def of(self, request: web.Request) -> "PlaybackOptions":
        """Return the options of one request; raise UnknownName for invalid ones."""
        said, named = request.headers, request.match_info.get("fault")
        if not named and not _asks_for_another(said):
            return self
        pace = pace_of(said["x-harness-pace"]) if "x-harness-pace" in said else self.pace
        fault = said.get("x-harness-fault", named or self.fault)
        return PlaybackOptions(pace, said.get("x-harness-reframe", self.reframe), fault)


def _asks_for_another(said: Mapping[str, str]) -> bool:
    """Return whether the headers of a request override options; few do."""
    return "x-harness-pace" in said or "x-harness-reframe" in said or "x-harness-fault" in said


def pace_of(word: str) -> Pace:
    """Return a pace: ``none``, ``recorded`` or a number of seconds; raise UnknownName for another word."""
    named = _PACES.get(word)
    if named:
        return named
    try:
        seconds = float(word)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour
        raise unknown("pace", word, ["none", "recorded", "0.05"])
    return seconds


def changed(exchange: Exchange, fault: str | None) -> Exchange:
    """Return an exchange with a fault or legal variant injected; raise NotRecorded if it does not apply."""
    if fault is None:
        return exchange
    wanted = EVERY_FAULT.get(fault) or EVERY_VARIANT[fault]
    try:
        return _with_own_length(exchange, wanted.change(exchange))
    except (
        NothingChanged,
        LookupError,
        ValueError,
        TypeError,
        StopIteration,
        RecursionError,
    ):  # made for another response
        raise NotRecorded(
            f"the fault {fault} does not fit this response; it fits responses such as those to {wanted.on}"
        ) from None


def _with_own_length(before: Exchange, after: Exchange) -> Exchange:
    """Return a changed exchange with the length of its own body, if the original's length was right."""
    length = before.response.headers.get("content-length")
    right = str(len(after.response.body))
    if (
        length != str(len(before.response.body))
        or after.response.headers.get("content-length") != length
        or right == length
    ):
        return after
    return with_header(after, "Content-Length", right)


def cut(response: Response, options: PlaybackOptions) -> list[bytes]:
    """Return the segments of a response body to send; a synthesized stream with a pace is split by event."""
    paced = options.pace not in ("none", "recorded") and response.reads is None
    pieces = reframe("events" if paced and options.reframe == "recorded" else options.reframe)
    assert pieces is not None, "a manner holds no other word"  # noqa: S101 - for mypy
    return pieces(response)


def with_fault(note: str, fault: str | None) -> str:
    """Return the note of a response with the fault after its provenance."""
    if fault is None:
        return note
    name, provenance, basis = (*note.split("; ", 2), "")[:3]
    return "; ".join(filter(None, (name, provenance, f"fault={fault}", basis)))
