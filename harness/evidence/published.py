"""
Selects published recordings to keep: masked, one of each form, by provider and model.

A recording of a form that is already kept is left out; of several of one form the newest is kept. A form is what
distinguishes responses of a provider for a reader: the outcome of every rule, and the observed values in tables. A
recording that can't be verified, or that contradicts itself, is not evidence and left out: one without a public
URL, of an unknown model, without a completion or an error in it, or with inconsistent times.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from harness.checks import CHECKS
from harness.evidence.recordings import day_of
from harness.judging.runner import Subject, judge_exchanges, published_cassettes
from harness.matrix.providers import Matrix
from harness.recording.archives import Entry
from harness.recording.cassette import dump_cassette, read_cassette
from harness.recording.masking import mask_exchanges
from harness.recording.scrub import scrub
from harness.results import Level, Outcome
from harness.results.basis import PUBLISHED
from harness.wire.exchange import Exchange
from harness.wire.shapes import Json

UNADDRESSED = "without a public address"
_UNKNOWN = "unknown"
_NO_DAY = "undated"
_ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/(?:blob|tree)/\w+/\S+|https://(?!github\.com/)\S+")
_TREE = re.compile(r"(https://github\.com/[\w.-]+/[\w.-]+)/tree/")
_NO_SLUG = re.compile(r"[^a-z0-9._-]+")
TELLING = frozenset({
    "error.shape", "finish_reason.form", "http.media-type", "reasoning.phases", "reasoning.place", "role.pattern", "sse.end",
    "tool_calls.pieces", "usage.place",
})  # fmt: skip
"""The observations whose values distinguish forms: those in the tables."""
_OF_MESSAGES = frozenset({"messages.id-form", "messages.ping", "messages.thinking", "messages.usage-in-delta"})
"""The same of Messages, which no table shows yet."""
_CHECKS = tuple(
    check for check in CHECKS.values() if check.level is not Level.OBSERVE or check.id in TELLING | _OF_MESSAGES
)
_OF_TIMES = (CHECKS["identity.created-near"],)
_VARYING = re.compile(r"'[^']*'|\d+")

Form = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Published:
    """A published exchange, and its path: ``model`` is a part of a path, ``day`` the date of the recording."""

    provider: str
    model: str
    day: str
    exchange: Exchange

    @property
    def dated(self) -> bool:
        """Whether its day is known."""
        return self.day != _NO_DAY

    @property
    def doubt(self) -> str | None:
        """Why it is not evidence about its provider; None if nothing speaks against it."""
        exchange = self.exchange
        if self.address is None:
            return UNADDRESSED
        if self.model == _UNKNOWN:
            return "of a model that nobody names"
        if not (exchange.response.is_error or _answers(exchange)):
            return "without an answer or an error"
        judged = judge_exchanges([exchange], Subject(self.provider, self.model, PUBLISHED, None), _OF_TIMES)
        return "with times that contradict each other" if any(one.outcome is Outcome.FAIL for one in judged) else None

    @property
    def slug(self) -> str:
        """A description of request and response, in words."""
        return "-".join(_words(self.exchange))

    def path(self, root: Path, number: int = 1) -> Path:
        """Return its path: the first of its day and form, or a further one."""
        name = f"{self.day}-{self.slug}{f'-{number}' if number > 1 else ''}.yaml"
        return root / "cassettes" / self.provider / PUBLISHED / self.model / name

    @cached_property
    def form(self) -> Form:
        """The results of the checks: outcomes, and the values of observations without numbers and quoted words."""
        judged = judge_exchanges([self.exchange], Subject(self.provider, self.model, PUBLISHED, None), _CHECKS)
        return tuple((one.outcome.value, _VARYING.sub("#", one.value or "")) for one in judged)

    @property
    def address(self) -> str | None:
        """The public URL; None if there is none, or it does not work."""
        url = self.exchange.source.url
        return url if url and is_public(url) else None


def is_public(url: str) -> bool:
    """Return whether a URL is a permanent public location of a recording; on GitHub it must name a commit."""
    return _ADDRESS.fullmatch(url) is not None


def address_below(url: str | None, path: Path, archive: Path) -> str | None:
    """Return the URL of ``archive``, which is ``path`` or in it, given ``url``, that of ``path``."""
    if url is None:
        return None
    of_files = _TREE.sub(r"\1/blob/", url)
    return of_files if archive == path else f"{of_files.rstrip('/')}/{quote(archive.relative_to(path).as_posix())}"


def with_address(exchange: Exchange, url: str | None) -> Exchange:
    """Return an exchange with the public URL it was found at, unless it has one."""
    told = exchange.source.url or url is None
    return exchange if told else replace(exchange, source=replace(exchange.source, url=url))


def published(entries: Iterable[Entry], matrix: Matrix | None) -> Iterator[Published]:
    """Yield the exchanges with their provider and model; one without a known provider is left out."""
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
    Return the published exchanges kept in a project.

    Raises:
        BadCassette: one of them can't be read.
    """
    found: list[Published] = []
    for path in published_cassettes(root):
        model, provider = path.parent.name, path.parents[2].name
        found += [Published(provider, model, day_of(one) or _NO_DAY, one) for one in read_cassette(path)]
    return found


def new_forms(found: Iterable[Published], kept: Iterable[Published]) -> list[Published]:
    """Return the exchanges of a form not yet kept for their provider, one of each form, the newest first."""
    there = {(one.provider, one.form) for one in kept}
    new = []
    for one in sorted(found, key=lambda one: one.day if one.dated else "", reverse=True):
        if (one.provider, one.form) not in there:
            there.add((one.provider, one.form))
            new.append(one)
    return new


def to_keep(one: Published, seed: str) -> Published:
    """Return a published exchange in its kept form: masked, marked as published, with its public URL."""
    day = one.day if one.dated else None
    source = replace(one.exchange.source, provenance="published", at=day, url=one.address)
    exchange = replace(one.exchange, source=source, siblings=None)
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


def _answers(exchange: Exchange) -> bool:
    """Return whether there is a completion, or an error."""
    if exchange.dialect == "messages":
        return bool(exchange.message.blocks or exchange.message.start)
    return bool(exchange.columns.choices or exchange.columns.errors)


def _words(exchange: Exchange) -> Iterator[str]:
    asked, response = exchange.request.json or {}, exchange.response
    if exchange.dialect != "chat":
        yield exchange.dialect
    yield "stream" if exchange.is_stream else "body"
    if response.is_error:
        yield f"error-{response.status}"
        return
    yield from _of_messages(exchange, asked) if exchange.dialect == "messages" else _of_chat(exchange, asked)


def _of_messages(exchange: Exchange, asked: Json) -> Iterator[str]:
    kinds = {block.kind for block in exchange.message.blocks}
    if "tool_use" in kinds:
        yield "calls"
    elif asked.get("tools"):
        yield "tools"
    if kinds & {"thinking", "redacted_thinking"}:
        yield "reasoning"
    if kinds - {"text", "tool_use", "thinking", "redacted_thinking", None}:
        yield "blocks"


def _of_chat(exchange: Exchange, asked: Json) -> Iterator[str]:
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
