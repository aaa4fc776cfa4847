"""
Drafts a provider from an endpoint: its entry in providers.yaml, its cassettes, and its deviations.

How it works: each dialect is probed at its URL, the first scenario of each before the rest of any, so that a wrong
URL is reported before much is spent.  A dialect without any successful response is left out of the entry.
"""

import contextlib
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.checks import CHECKS
from harness.checks.error_causes import NO_MODEL, told_cause
from harness.errors import BadProviders, Unreachable
from harness.judging.deviations import FILE_NAME as DEVIATIONS
from harness.judging.drafted import SaidProblem, as_yaml, drafted_entries
from harness.judging.runner import Case, inconclusive_reason, problems_of
from harness.live.budget import Budget
from harness.live.capture import Limits
from harness.live.entry_text import appended, with_dialect
from harness.live.probe import Course, Probed, probe_endpoint
from harness.matrix.bundled import FILE_NAME
from harness.matrix.dialects import EVERY_SCENARIO, SCENARIOS_OF
from harness.matrix.messages import versioned
from harness.matrix.providers import Dialects, Matrix, Provider, Target, Thinking, load_matrix, slug
from harness.matrix.scenarios import KeyHeader, Scenario, with_expectations
from harness.recording.atomic import write_atomically
from harness.recording.cassette import read_cassette, write_cassette
from harness.results import Level
from harness.wire.dialect import DialectName
from harness.wire.exchange import OK, Exchange
from harness.wire.shapes import Json

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_ORDER = tuple(EVERY_SCENARIO)
_NOT_SERVED = frozenset({404, 405, 501})
_UNASKED = "It thinks unasked. Say in thinking.disable what keeps it from that, and ask the rest: harness record {}"
_NOT_SEEN = (
    "It did not think unasked. Say in thinking.enable what makes it, if anything does, and ask: harness record {}"
)
_ONLY_IN_MESSAGES = "It thought in Messages and not in chat. Say in thinking.enable what makes it think in chat, and ask: harness record {}"
_DRAFTED = """\
# Drafted of recordings. Say of each why it is so, best with the place where others met it as source; * stands for any
# text. An entry without a reason is refused.
"""


@dataclass(frozen=True, slots=True)
class NewProvider:
    """
    The user's input for a new provider.

    ``addresses`` are its base URLs by dialect: of chat and completions as the OpenAI SDK takes it, of Messages as
    ``ANTHROPIC_BASE_URL`` does.  ``thinking`` is the thinking switch, as far as known.  ``beside`` is an existing
    entry to which a dialect is added.
    """

    id: str
    name: str
    addresses: dict[DialectName, str]
    model: str
    key_env: str
    docs: str
    day: str
    thinking: Thinking
    beside: Provider | None = None

    @property
    def base_url(self) -> str:
        """The base URL of chats, even if only to learn that there are none."""
        spoken = self.addresses
        return spoken.get("chat") or spoken.get("completions") or versioned(spoken["messages"])

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios it is sent."""
        return [scenario for dialect in self.addresses for scenario in SCENARIOS_OF[dialect].values()]


@dataclass(frozen=True, slots=True)
class Draft:
    """
    The result: the provider, its recordings, the number of deviations, and why scenarios were not saved.

    ``unanswered`` gives the rejection of each dialect without a successful response.
    """

    provider: Provider
    cassettes: tuple[Path, ...]
    deviations: int
    left_out: dict[str, str]
    unanswered: dict[DialectName, str]


@dataclass(frozen=True, slots=True)
class _Learned:
    """The facts of an entry learned from the responses."""

    switch: Thinking
    lacks: tuple[str, ...] = ()
    note: str | None = None
    key_header: KeyHeader = "both"


def matrix_to_ask(new: NewProvider, root: Path) -> Matrix:
    """
    Return the matrix for probing: the new provider alone, with the thinking switch as far as known.

    Raises:
        BadProviders: one line that says what is in the way of an entry.
    """
    known = new.thinking
    provider = _provider(new, _Learned(Thinking(enable=known.enable or {}, disable=known.disable or {})), new.addresses)
    folder = root / "cassettes" / provider.id
    if folder.exists() and not new.beside:
        raise BadProviders(f"{folder}: it is there already; name another --id, or delete it")
    _text_with(new, provider, root)
    return Matrix(providers=(provider,), published_only=())


def ask_all(  # noqa: PLR0913, PLR0917 - what a user says, and what it may cost
    new: NewProvider, matrix: Matrix, key: str | None, budget: Budget, limits: Limits, course: Course
) -> Generator[Probed, None, None]:
    """
    Probe each dialect at its URL; see `probe_endpoint`.

    Raises:
        Unreachable: one of the URLs does not respond, or the key is rejected.
    """
    with contextlib.ExitStack() as closed:
        asked = [
            probe_endpoint(
                address, new.model, key, matrix, SCENARIOS_OF[dialect].values(), budget, limits, course,
                chat_url=new.addresses.get("chat"),
            )
            for dialect, address in new.addresses.items()
        ]  # fmt: skip
        for one in asked:
            closed.enter_context(contextlib.closing(one))
        yield from [first for one in asked for first in (next(one, None),) if first]
        for one in asked:
            yield from one


def write_draft(new: NewProvider, probed: Iterable[Probed], root: Path, *, with_key: bool) -> Draft:
    """
    Write the draft from a probe's results: cassettes, deviations without reasons, and the entry.

    Raises:
        Unreachable: no chat request succeeded.
        HarnessError: a file can't be written.
    """
    found = list(probed)
    unanswered = _unanswered(new, found)
    spoken = [dialect for dialect in new.addresses if dialect not in unanswered]
    if not spoken:
        raise Unreachable(
            f"{new.base_url}: nothing to draft of, no chat request got an answer: {next(iter(unanswered.values()))}"
        )
    found = [one for one in found if one.scenario.dialect in spoken]
    seen = _seen(new, found)
    provider = _provider(new, seen if with_key else replace(seen, lacks=(*seen.lacks, "key")), spoken)
    target = Target(provider, provider.models[0])
    kept, left_out = list[Case](), dict[str, str]()
    for one in found:
        case = Case(root, target, one.scenario)
        reason = _unkept(case, one)
        if reason:
            left_out[one.scenario.id] = reason
        else:
            write_cassette(case.cassette, one.exchanges)
            kept.append(case)
    kept.sort(key=lambda case: _ORDER.index(case.scenario.id))
    listed = list(_deviations(kept, new.docs))
    if listed:
        path = root / "cassettes" / provider.id / DEVIATIONS
        write_atomically(path, _deviations_with(path, listed).encode())
    write_atomically((root / FILE_NAME).resolve(), _text_with(new, provider, root).encode())
    return Draft(provider, tuple(case.cassette for case in kept), len(listed), left_out, unanswered)


def entry_beside(root: Path, name: str, model: str, spoken: Collection[DialectName]) -> Provider | None:
    """
    Return the project's own entry of an id, if ``spoken`` is one other dialect that can be added to it.

    Raises:
        BadProviders: its models have other names, or the file can't be read.
    """
    path = root / FILE_NAME
    known = {one.id: one for one in load_matrix(path).providers} if path.exists() else {}
    found = known.get(name)
    if found is None or len(spoken) > 1 or any(one == "chat" or found.spoken_at(one) for one in spoken):
        return None
    if model not in {word for one in found.models for word in (one.id, one.name)}:
        names = ", ".join(one.name or one.id for one in found.models)
        raise BadProviders(
            f"{path}: {name} is there already, with the models {names}; name one of them, or another --id"
        )
    return found


def _text_with(new: NewProvider, provider: Provider, root: Path) -> str:
    """Return the text of providers.yaml with the draft: an entry, or a dialect of one."""
    path = root / FILE_NAME
    (dialect, *_) = new.addresses
    return with_dialect(path, provider, dialect) if new.beside else appended(path, provider)


def _deviations_with(path: Path, listed: list[dict[str, Any]]) -> str:
    """Return the list of deviations with more of them appended."""
    if not path.exists():
        return _DRAFTED + as_yaml({"deviations": listed})
    before = path.read_text(encoding="utf-8")
    first = next((line for line in before.splitlines() if line.lstrip().startswith("- ")), "")
    indent = " " * (len(first) - len(first.lstrip()))
    added = "".join(f"{indent}{line}\n" for line in as_yaml(listed).splitlines())
    return f"{before.rstrip()}\n{added}"


def _unanswered(new: NewProvider, found: list[Probed]) -> dict[DialectName, str]:
    """Return the dialects without a successful response, each with the response it got."""
    told = dict[DialectName, str]()
    for dialect in new.addresses:
        asked = [one for one in found if one.scenario.dialect == dialect]
        if not any(_answered_in(dialect, one) for one in asked):
            told[dialect] = next(filter(None, (one.unanswered for one in asked)), "none was asked")
    return told


def _answered_in(dialect: DialectName, one: Probed) -> bool:
    """Return whether a dialect got a successful response, rather than chat before it."""
    return one.answered and any(
        exchange.response.status == OK and exchange.dialect == dialect for exchange in one.exchanges
    )


def _seen(new: NewProvider, found: list[Probed]) -> _Learned:
    """Return the facts learned; if only Messages were probed, also whether chat is served."""
    in_chat, in_messages = ([one for one in found if one.scenario.dialect == name] for name in ("chat", "messages"))
    switch = _switch(new.thinking, in_chat or in_messages)
    note = None
    if in_chat:
        elsewhere = any(_thoughts(in_messages, asked_for=True))
        unseen = _ONLY_IN_MESSAGES if elsewhere else _NOT_SEEN
        note = unseen if switch.enable is None else _UNASKED if switch.disable is None else None
    lacks = (*(() if in_chat or not _without_chat(in_messages) else ("chat",)), *_refused(found))
    return _Learned(switch, lacks, note and note.format(new.id), _key_header(in_messages))


def _without_chat(in_messages: list[Probed]) -> bool:
    """Return whether a chat request before Messages was rejected as by a server without that endpoint."""
    first = [one.exchanges[0] for one in in_messages if one.scenario.in_chat_first and one.exchanges]
    return bool(first) and all(map(_nowhere, first))


def _nowhere(exchange: Exchange) -> bool:
    """Return whether a rejection says that there is no such endpoint, rather than no such model."""
    told = told_cause(exchange)
    return exchange.response.status in _NOT_SERVED and (told is None or told.cause is not NO_MODEL)


def _key_header(in_messages: list[Probed]) -> KeyHeader:
    """Return the header for the key, if only one of the two was accepted alone."""
    taken = {one.scenario.key_header for one in in_messages if one.answered}
    alone = taken - {"both"}
    return next(iter(alone)) if len(alone) == 1 else "both"


def _switch(known: Thinking, found: list[Probed]) -> Thinking:
    """Return the thinking switch, given what is known and which responses had reasoning."""
    asked_to, unasked = (any(_thoughts(found, asked_for=on)) for on in (True, False))
    return Thinking(
        enable=(known.enable or {}) if asked_to else None,
        disable=known.disable or (None if unasked else {}),
    )


def _thoughts(found: list[Probed], *, asked_for: bool) -> Iterator[bool]:
    """Yield for each exchange that asked for thinking, or did not, whether it had reasoning."""
    for one in found:
        if one.scenario.thinking is asked_for:
            yield from map(_thought, one.exchanges)


def _thought(exchange: Exchange) -> bool:
    """Return whether a response has reasoning, or counts it."""
    if exchange.dialect == "messages":
        return any(block.kind in _THOUGHTS for block in exchange.message.blocks)
    columns = exchange.columns
    details = [usage.value.get("completion_tokens_details") for usage in columns.usages]
    counted = any(isinstance(one, dict) and one.get("reasoning_tokens") for one in details)
    return counted or any(choice.reasoning for choice in columns.choices.values())


def _refused(found: list[Probed]) -> tuple[str, ...]:
    """Return the capabilities that were rejected when tried, and served nowhere."""
    served = {need for one in found if _answered(one) for need in one.scenario.needs}
    refused = (need for one in found if one.refused and one.exchanges for need in one.scenario.needs)
    return tuple(dict.fromkeys(need for need in refused if need not in served))


def _answered(one: Probed) -> bool:
    return not one.refused and any(exchange.response.status == OK for exchange in one.exchanges)


def _unkept(case: Case, one: Probed) -> str | None:
    """Return why a scenario is not saved; None if its recording is."""
    refusal = case.target.skip_reason(one.scenario)
    if refusal or not one.exchanges:
        return refusal or one.findings[0].message
    if len(one.exchanges) < one.scenario.requests:
        return "the first answer gave nothing to go on with"
    return next(filter(None, map(inconclusive_reason, one.exchanges)), None)


def _provider(new: NewProvider, seen: _Learned, spoken: Iterable[DialectName]) -> Provider:
    """Return the entry, with the dialects that are ``spoken``; raise BadProviders if the user's input is invalid."""
    valid = {"at": new.day, "how": "recorded"}
    if new.beside:
        return _with_dialects(new.beside, {one: _spoken_at(new, seen, one, valid) for one in spoken})
    model: dict[str, Any] = {
        "id": slug(new.model),
        "thinking": seen.switch.model_dump(exclude_none=True),
        "valid": valid,
    }
    if new.model != model["id"]:
        model["name"] = new.model
    if seen.note:
        model["note"] = seen.note
    told = {name: getattr(new, name) for name in ("id", "name", "base_url", "key_env", "docs")}
    beside = [dialect for dialect in spoken if dialect != "chat"]
    if beside:
        told["dialects"] = {dialect: _spoken_at(new, seen, dialect, valid) for dialect in beside}
    try:
        return Provider.model_validate({**told, "lacks": seen.lacks, "models": [model]})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadProviders(f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r}") from None


def _spoken_at(new: NewProvider, seen: _Learned, dialect: DialectName, valid: Json) -> Json:
    """Return the part of an entry for a dialect besides chat."""
    header = {"key_header": seen.key_header} if dialect == "messages" else {}
    return {"base_url": new.addresses[dialect], **header, "valid": valid}


def _with_dialects(provider: Provider, said: dict[DialectName, Json]) -> Provider:
    known = provider.dialects.model_dump(mode="json", exclude_defaults=True)
    return provider.model_copy(update={"dialects": Dialects.model_validate({**known, **said})})


def _deviations(cases: Iterable[Case], docs: str) -> Iterator[dict[str, Any]]:
    """Yield an entry per rule and problem, with the scenarios that show it."""
    said = []
    for case in cases:
        exchanges = with_expectations(read_cassette(case.cassette), case.scenario)
        day = min((exchange.source.at or "")[:10] for exchange in exchanges)
        for check in CHECKS.values():
            if check.level is not Level.OBSERVE and case.scenario.dialect in check.dialects:
                said += [
                    SaidProblem(check.id, case.scenario.id, problem.message, day)
                    for problem in problems_of(exchanges, check)
                ]
    for entry in drafted_entries(said):
        seen = entry.pop("seen")
        yield entry | {"source": docs, "seen": seen}
