"""
Recordings that others published, made fit to be kept here: without their texts, one of each form, by provider and model.

What has the form of one that is kept already says nothing new and is left out; of those of one form the newest is kept.
A form is what was asked, as far as rules look at it, and how the answer came: shapes, order, framing, headers.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.compare.shape import changes
from harness.evidence.recordings import day_of
from harness.judging.runner import published_cassettes
from harness.matrix.providers import Matrix
from harness.recording.archives import Entry
from harness.recording.cassette import dump_cassette, read_cassette
from harness.recording.masking import mask_exchanges
from harness.recording.scrub import scrub
from harness.results.basis import PUBLISHED
from harness.wire.exchange import Exchange, include_usage
from harness.wire.shapes import as_object, objects_in

_UNKNOWN = "unknown"
_NO_DAY = "undated"
_SWITCHES = ("thinking", "enable_thinking", "reasoning", "reasoning_effort", "chat_template_kwargs", "think")
_ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/blob/\w+/\S+|https://(?!github\.com/)\S+")
_NO_SLUG = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True)
class Published:
    """A published exchange, and where it is kept: ``model`` is a part of a path, ``day`` the date of the recording."""

    provider: str
    model: str
    day: str
    exchange: Exchange

    @property
    def slug(self) -> str:
        """What is asked and what came, in words."""
        return "-".join(_words(self.exchange))

    def path(self, root: Path, number: int = 1) -> Path:
        """Return where it is kept: the first of its day and form, or a further one."""
        name = f"{self.day}-{self.slug}{f'-{number}' if number > 1 else ''}.yaml"
        return root / "cassettes" / self.provider / PUBLISHED / self.model / name

    def is_like(self, other: "Published") -> bool:
        """Tell whether both have one form."""
        one, two = self.exchange, other.exchange
        return (
            _asked(one) == _asked(two)
            and _framing(one) == _framing(two)
            and next(changes(one, two), next(changes(two, one), None)) is None
        )


def published(entries: Iterable[Entry], matrix: Matrix | None) -> Iterator[Published]:
    """Yield the exchanges with what tells where they belong; one whose provider nobody names is left out."""
    for entry in entries:
        exchange = scrub(entry.exchange)
        host = exchange.request.host
        known = matrix.provider_of(host, entry.provider) if matrix else None
        provider = slug_of(known.id if known else entry.provider or host)
        if provider:
            model = slug_of((exchange.model or _UNKNOWN).rpartition("/")[2]) or _UNKNOWN
            yield Published(provider, model, day_of(exchange) or _NO_DAY, exchange)


def slug_of(name: str) -> str:
    """Return a name as a part of a path."""
    return _NO_SLUG.sub("-", name.lower()).strip("-.")


def kept_in(root: Path) -> list[Published]:
    """
    Return what is kept of published exchanges in a project.

    Raises:
        BadCassette: one of them can't be read.
    """
    found: list[Published] = []
    for path in published_cassettes(root):
        model, provider = path.parent.name, path.parents[2].name
        found += [Published(provider, model, day_of(one) or _NO_DAY, one) for one in read_cassette(path)]
    return found


def new_forms(found: Iterable[Published], kept: Iterable[Published]) -> list[Published]:
    """Return those of a form that is not kept yet, one of each form, the newest first."""
    by_target: dict[tuple[str, str], list[Published]] = defaultdict(list)
    for one in kept:
        by_target[one.provider, one.model].append(one)
    new = []
    for one in sorted(found, key=lambda one: one.day if one.day != _NO_DAY else "", reverse=True):
        same_target = by_target[one.provider, one.model]
        if not any(map(one.is_like, same_target)):
            same_target.append(one)
            new.append(one)
    return new


def to_keep(one: Published, seed: str) -> Published:
    """Return a published exchange as it is kept: without its texts, marked as published, with its public address."""
    source = one.exchange.source
    url = source.url if source.url and _ADDRESS.fullmatch(source.url) else None
    day = one.day if one.day != _NO_DAY else None
    exchange = replace(one.exchange, source=replace(source, provenance="published", at=day, url=url), siblings=None)
    return replace(one, exchange=mask_exchanges([exchange], f"{seed} {one.provider}")[0])


def files_of(new: Sequence[Published], root: Path, seed: str) -> Iterator[tuple[Path, bytes, Published]]:
    """Yield path and content of a cassette for each; those of one day and form are numbered."""
    taken: set[Path] = set()
    for one in new:
        kept = to_keep(one, seed)
        number = 1
        while (path := kept.path(root, number)) in taken or path.exists():
            number += 1
        taken.add(path)
        yield path, dump_cassette([kept.exchange]), kept


def _words(exchange: Exchange) -> Iterator[str]:
    asked, response = exchange.request.json or {}, exchange.response
    yield "stream" if exchange.is_stream else "body"
    if response.is_error:
        yield f"error-{response.status}"
        return
    choices = exchange.columns.choices.values()
    if any(choice.tools for choice in choices):
        yield "calls"
    elif asked.get("tools"):
        yield "tools"
    if any(choice.reasoning for choice in choices):
        yield "reasoning"
    if isinstance(asked.get("response_format"), dict):
        yield "json"
    if any(choice.logprobs for choice in choices):
        yield "logprobs"
    if exchange.is_stream and exchange.columns.usages:
        yield "usage"


def _asked(exchange: Exchange) -> tuple[Any, ...]:
    """Return what of a request rules look at; of one that is not known nothing but that."""
    asked = exchange.request.json
    if asked is None:
        return (exchange.is_stream,)
    form, choice = as_object(asked.get("response_format")), asked.get("tool_choice")
    messages = objects_in(asked.get("messages"))
    return (
        exchange.is_stream, include_usage(asked), bool(asked.get("tools")), "named" if isinstance(choice, dict) else choice,
        asked.get("parallel_tool_calls"), form.get("type"), as_object(form.get("json_schema")).get("strict"),
        asked.get("n"), bool(asked.get("stop")), asked.get("logprobs"), bool(asked.get("top_logprobs")),
        bool(asked.get("max_tokens") or asked.get("max_completion_tokens")), [key for key in _SWITCHES if key in asked],
        messages[-1].get("role") if messages else None,
    )  # fmt: skip


def _framing(exchange: Exchange) -> tuple[Any, ...]:
    reading, response = exchange.reading, exchange.response
    parser = reading.parser
    oddities = frozenset(parser.oddities) if parser else frozenset()
    ends = (bool(reading.done), bool(parser and parser.unterminated_event), response.eof)
    headers = frozenset(name.lower() for name in response.headers)
    return exchange.source.fidelity, response.headers.get("content-type"), oddities, ends, headers
