"""Finds the recorded responses for a test of an app, which ``@pytest.mark.compat`` selects."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from harness.errors import HarnessError, NotRecorded, unknown
from harness.matrix.project import project_matrix
from harness.serve.playback import changed
from harness.serve.recording_index import REFERENCE, RecordedAnswer, RecordingIndex
from harness.simulate.faults import FAULTS, VARIANTS

_INDEX: pytest.StashKey[RecordingIndex] = pytest.StashKey()
_USUAL = ("chat.*", "reasoning.*", "tools.*", "json.*")
_TAKES = ("providers", "scenarios", "faults", "variants")


class BadMarker(HarnessError):
    """A marker selects something that does not exist."""


@dataclass(frozen=True, slots=True)
class CompatCall:
    """A tool call: its name, and its arguments as received, which is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CompatAnswer:
    """
    A recorded response, its URL, and its content.

    ``fault`` is the id of an injected fault, ``variant`` that of a legal change; ``text``, ``reasoning``,
    ``calls``, ``usage`` and ``finish_reason`` are of the response without a fault.  ``streamed`` is whether it is a
    stream, ``provenance`` whether it was recorded, published or reconstructed.
    """

    provider: str
    model: str
    scenario: str
    fault: str | None = None
    variant: str | None = None
    text: str = ""
    reasoning: str = ""
    calls: tuple[CompatCall, ...] = ()
    usage: Mapping[str, Any] | None = None
    finish_reason: str | None = None
    streamed: bool = False
    provenance: str = ""
    url: str = ""

    @property
    def id(self) -> str:
        """``provider/scenario``, with the fault or variant."""
        change = self.fault or self.variant
        return f"{self.provider}/{self.scenario}" + (f"+{change}" if change else "")

    @property
    def base_url(self) -> str:
        """The base URL for the app's client."""
        change = self.fault or self.variant
        return f"{self.url}/{self.provider}/{self.scenario}{f'/{change}' if change else ''}/v1"

    @property
    def right(self) -> bool:
        """Whether it has no injected fault."""
        return self.fault is None

    def at(self, url: str) -> "CompatAnswer":
        """Return the response as served at the URL of a server."""
        return replace(self, url=url)


def answers_of(config: pytest.Config, wanted: Mapping[str, Any], positional: tuple[Any, ...]) -> list[CompatAnswer]:
    """
    Return the responses that a marker selects: for each provider those of matching scenarios, plain, and with each
    change.

    Raises:
        BadMarker: the marker names no provider, or one without recordings.
        UnknownName: there is no such provider, fault or variant.
    """
    strange = [name for name in wanted if name not in _TAKES]
    if positional or strange or not wanted.get("providers"):
        raise BadMarker(f"it needs providers=[...] and may have {', '.join(_TAKES[1:])}")
    index = _index_of(config)
    found = [one for provider in _names(wanted["providers"]) for one in _of_provider(index, provider, wanted)]
    if not found:
        raise BadMarker(
            f"there is no recorded response for what it names; see harness scenarios; the provider {REFERENCE} has all of them"
        )
    return found


def _index_of(config: pytest.Config) -> RecordingIndex:
    if _INDEX not in config.stash:
        config.stash[_INDEX] = RecordingIndex(project_matrix(config.rootpath), config.rootpath)
    return config.stash[_INDEX]


def _names(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def _of_provider(index: RecordingIndex, provider: str, wanted: Mapping[str, Any]) -> Iterator[CompatAnswer]:
    if provider not in index.providers:
        raise unknown("provider", provider, index.providers)
    patterns = _names(wanted.get("scenarios")) or _USUAL
    changes = [(None, None), *_changes(wanted)]
    for held in _first_of_each_scenario(index.answers(provider)):
        if any(fnmatchcase(held.scenario.id, pattern) for pattern in patterns):
            for fault, variant in changes:
                if _has_place(held, fault or variant):
                    yield _answer(provider, held, fault, variant)


def _changes(wanted: Mapping[str, Any]) -> Iterator[tuple[str | None, str | None]]:
    for name in _names(wanted.get("faults")):
        if name not in FAULTS:
            raise unknown("fault", name, list(FAULTS))
        yield name, None
    for name in _names(wanted.get("variants")):
        if name not in VARIANTS:
            raise unknown("legal variant", name, list(VARIANTS))
        yield None, name


def _first_of_each_scenario(answers: Iterable[RecordedAnswer]) -> Iterator[RecordedAnswer]:
    """Yield the response to the first request of each scenario, of the first model that has it, without errors."""
    seen: set[str] = set()
    for one in answers:
        if one.scenario.id not in seen and one.exchange.response.is_success:
            seen.add(one.scenario.id)
            yield one


def _has_place(held: RecordedAnswer, change: str | None) -> bool:
    try:
        changed(held.exchange, change)
    except NotRecorded:
        return False
    return True


def _answer(provider: str, held: RecordedAnswer, fault: str | None, variant: str | None) -> CompatAnswer:
    exchange = held.exchange
    message = next(iter(exchange.completion.messages), None)
    usages = exchange.columns.usages
    return CompatAnswer(
        provider=provider,
        model=held.names[0],
        scenario=held.scenario.id,
        fault=fault,
        variant=variant,
        text=(message.content if message else None) or "",
        reasoning=(message.reasoning if message else None) or "",
        calls=tuple(CompatCall(str(call.name), call.arguments) for call in message.tool_calls) if message else (),
        usage=usages[-1].value if usages else None,
        finish_reason=message.finish_reason if message else None,
        streamed=exchange.is_stream,
        provenance=exchange.source.provenance,
    )
