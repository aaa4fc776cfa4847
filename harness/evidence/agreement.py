"""Compares each recording with the reconstruction from its provider's profile."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.compare.shape import comparable_kind, is_constant
from harness.evidence.recordings import day_of, models_and_months, recordings_in
from harness.markdown import cell, table
from harness.matrix.providers import Matrix
from harness.recording.archives import Entry
from harness.simulate.chat.content import Call, Said
from harness.simulate.chat.profile import Form, Profile
from harness.simulate.chat.render import Answer, render, render_headers, render_refusal
from harness.wire.chat.chunks import CONSTANT_KEYS, Choice
from harness.wire.exchange import OK, Exchange, Request, Response, Source
from harness.wire.shapes import PADDING, kind

_LITERAL = frozenset({"role", "finish_reason", "object", "type"})
_SHOWN = 3

Phase = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A recording and its reconstruction: ``differs`` is empty if they agree; ``why`` says why there is none."""

    provider: str
    form: str
    model: str
    day: str | None
    origin: str
    differs: tuple[str, ...] = ()
    why: str | None = None


def compare_all(paths: Iterable[Path], matrix: Matrix, profiles: dict[str, Profile]) -> Iterator[Comparison]:
    """
    Yield each recording in ``paths`` of a provider with a profile, compared with its reconstruction.

    Raises:
        BadArchive: a file can't be read.
    """
    for provider, entry in recordings_in(paths, matrix):
        if provider.id in profiles:
            yield compare(entry, profiles[provider.id])


def compare(entry: Entry, profile: Profile) -> Comparison:
    """Compare one recording with the reconstruction from ``profile`` for the same request and number of fragments."""
    recorded = entry.exchange
    model = recorded.model or "unknown"
    day = day_of(recorded)
    form = profile.form_of(model, day)
    about = Comparison(profile.provider, _label(recorded), model, day, entry.origin)
    if form is None:
        return replace(about, why="no form of that model and time")
    made = _reconstructions(recorded, profile, form, model)
    if not made:
        refused = recorded.response.is_error
        return replace(about, why="no refusal of that status" if refused else "no such kind in the form")
    return replace(about, differs=min((differences(recorded, one) for one in made), key=len))


def _label(exchange: Exchange) -> str:
    """Return the form of response of a recording."""
    if exchange.response.is_error:
        return f"error {exchange.response.status}"
    answer = _answer(exchange, "", asked=False)
    usage = {True: ", usage asked", False: "", None: ", request unknown"}[_asked(exchange)]
    return f"stream {answer.kind}{usage}" if exchange.is_stream else f"body {answer.kind}"


def _asked(exchange: Exchange) -> bool | None:
    """Return whether usage was requested; None if the request is unknown."""
    if exchange.request.json is None:
        return None
    return exchange.request.include_usage


def _reconstructions(recorded: Exchange, profile: Profile, form: Form, model: str) -> list[Exchange]:
    """Return the reconstructions: several if the recording leaves the request open."""
    if recorded.response.is_error:
        fit = [one for one in profile.refusals if one.is_of(model) and one.status == recorded.response.status]
        answers = [
            (one.status, render_headers(form, one.headers, ""), render_refusal(form, one, "x", "")) for one in fit
        ]
    else:
        asked = _asked(recorded)
        tried = [_answer(recorded, model, asked=one) for one in ((asked,) if asked is not None else (True, False))]
        rendered = [render(form, answer, streamed=recorded.is_stream) for answer in tried]
        answers = [(OK, one.headers, one.content) for one in rendered if one]
    return [
        Exchange(Request("POST", ""), Response(status, headers, content), Source("reconstructed"))
        for status, headers, content in answers
    ]


def _answer(exchange: Exchange, model: str, *, asked: bool) -> Answer:
    """Return a response with as many fragments as the recorded one."""
    choices = exchange.columns.choices
    said = tuple(_said(exchange, choices[index]) for index in sorted(choices))
    probable = any(choice.logprobs for choice in choices.values())
    return Answer(said or (Said(),), model, 1, "", asked, 0 if probable else None)


def _said(exchange: Exchange, choice: Choice) -> Said:
    reasons = choice.finish_reasons
    pieces = Counter(_call_number(one.value) for one in choice.tools if _arguments(one.value))
    numbers = dict.fromkeys(_call_number(one.value) for one in choice.tools)
    if not exchange.is_stream:
        numbers = dict.fromkeys(range(len(choice.tools)))
        pieces = Counter(dict.fromkeys(numbers, 1))
    thoughts = len(choice.fragments(choice.reasoning).texts) if choice.reasoning else _parts(choice, "thinking")
    return Said(
        ("x",) * thoughts,
        ("x",) * (len(choice.fragments("content").texts) + _parts(choice, "text")),
        tuple(Call("x", ("x",) * max(1, pieces[number])) for number in numbers),
        reasons[-1].value if reasons else "stop",
    )


def _parts(choice: Choice, name: str) -> int:
    """Return the number of parts of a type if content is a list."""
    return choice.part_types[name].count if name in choice.part_types else 0


def _call_number(fragment: Any) -> Any:
    return fragment.get("index", 0) if isinstance(fragment, dict) else 0


def _arguments(fragment: Any) -> Any:
    function = fragment.get("function") if isinstance(fragment, dict) else None
    return function.get("arguments") if isinstance(function, dict) else None


def differences(recorded: Exchange, made: Exchange) -> tuple[str, ...]:
    """Return the differences between a recording and a reconstruction, one per line."""
    return tuple(_of_headers(recorded, made)) + tuple(_of_framing(recorded, made)) + tuple(_of_json(recorded, made))


def _of_headers(recorded: Exchange, made: Exchange) -> Iterator[str]:
    own, other = (one.response.headers.get("content-type") for one in (recorded, made))
    if own and own != other:
        yield f"content-type {own}, made {other}"


def _of_framing(recorded: Exchange, made: Exchange) -> Iterator[str]:
    if recorded.reading.parser is None or recorded.source.fidelity not in {"wire", "reserialized"}:
        return
    for what, own, other in zip(_FRAMING, _framing(recorded), _framing(made), strict=True):
        if own != other:
            yield f"{what} {own}, made {other}"


_FRAMING = ("line ends", "after data:", "[DONE]", "other lines")


def _framing(exchange: Exchange) -> tuple[str, str, str, str]:
    body = exchange.response.content
    others = sorted({line.split(b":")[0].decode() or "comment" for line in re.findall(rb"(?m)^(?!data)[^\r\n]+", body)})
    return (
        "CRLF" if b"\r\n" in body else "LF",
        "a space" if b"data: " in body else "no space",
        "yes" if exchange.reading.done else "no",
        ", ".join(others) or "none",
    )


def _of_json(recorded: Exchange, made: Exchange) -> Iterator[str]:
    own, other = (_phases(one) for one in (recorded, made))
    yield from _of_kinds(own, other)
    if recorded.source.fidelity == "reserialized":
        own, other = (tuple(tuple(sorted(phase)) for phase in phases) for phases in (own, other))
    if own != other and _kinds(own) == _kinds(other):
        same = sorted(map(sorted, own)) == sorted(map(sorted, other))
        yield "the order of keys or phases" if same else "which keys stand together"
    for name in CONSTANT_KEYS if recorded.is_stream else ():
        constant, same_constant = (_constancy(one, name) for one in (recorded, made))
        ticked = name == "created" and (constant, same_constant) == ("constant", "varies")
        if constant != same_constant and not ticked:  # a short recording may end before the clock ticks
            yield f"{name} {constant}, made {same_constant}"


def _phases(exchange: Exchange) -> tuple[Phase, ...]:
    """Return the distinct shapes of the chunks in order of first appearance, or that of the body."""
    parser = exchange.reading.parser
    numbers = range(len(parser.events)) if parser else range(1)
    chunks = (exchange.chunk(number) for number in numbers if number not in exchange.reading.done)
    return tuple(dict.fromkeys(tuple(_shape("", chunk)) for chunk in chunks))


def _shape(key: str, value: Any, at: str = "") -> Phase:
    """Return pointer and kind of everything in a chunk, in order; discriminating values are kept literally."""
    if isinstance(value, dict):
        inner = [pair for name, one in value.items() for pair in _shape(name, one, f"{at}/{name}")]
        return ((at, "object" if value else "{}"), *inner)
    if isinstance(value, list) and key in {"choices", "tool_calls"}:
        return ((at, "list" if value else "[]"), *(pair for one in value for pair in _shape("", one, f"{at}/*")))
    what = "padding" if key in PADDING else comparable_kind(key, kind(value))
    return ((at, str(value) if key in _LITERAL and what == "text" else what),)


def _of_kinds(own: tuple[Phase, ...], other: tuple[Phase, ...]) -> Iterator[str]:
    """Yield each place whose kinds of values differ, but not the places inside a missing one."""
    kinds, made = _kinds(own), _kinds(other)
    gone: list[str] = []
    for place in dict.fromkeys((*kinds, *made)):
        if kinds.get(place) == made.get(place) or any(place.startswith(f"{parent}/") for parent in gone):
            continue
        if place not in kinds or place not in made:
            gone.append(place)
        yield f"{place}: {_words(kinds.get(place))}, made {_words(made.get(place))}"


def _words(kinds: frozenset[str] | None) -> str:
    return " or ".join(sorted(kinds or {"missing"}))


def _kinds(phases: tuple[Phase, ...]) -> dict[str, frozenset[str]]:
    """Return the kinds of values in each place; missing if only its container is present."""
    seen: dict[str, set[str]] = defaultdict(set)
    for phase in phases:
        for place, what in phase:
            seen[place].add(what)
    for phase in phases:
        there = {place for place, _ in phase}
        for place, kinds in seen.items():
            parent = place.rpartition("/")[0]
            if place and place not in there and (parent in there or not parent) and not place.endswith("*"):
                kinds.add("missing")
    return {place: frozenset(kinds) for place, kinds in seen.items()}


def _constancy(exchange: Exchange, name: str) -> str:
    return {None: "absent", True: "constant", False: "varies"}[is_constant(exchange.columns, name)]


def render_agreement(compared: Iterable[Comparison]) -> str:
    """Return the agreement as a Markdown page: a line for each provider, and one for each of its forms of response."""
    found = list(compared)
    providers: dict[tuple[str, ...], list[Comparison]] = defaultdict(list)
    forms: dict[tuple[str, ...], list[Comparison]] = defaultdict(list)
    for one in found:
        providers[one.provider,].append(one)
        forms[one.provider, one.form].append(one)
    totals = [_row(key, group) for key, group in sorted(providers.items())]
    rows = [(*map(cell, _row(key, group)), _summarize(group)) for key, group in sorted(forms.items())]
    header = ("provider 服务商", "form 形式", *_FIGURES, "what differs 差异")
    tables = table(("provider 服务商", *_FIGURES), totals, _FIGURES), table(header, rows, _FIGURES)
    return "\n".join([_ABOUT, "\n\n".join(tables)]) + "\n"


OWN = "# Agreement of reconstructions and recordings "
"""Pattern of the beginning of an agreement file."""

_ABOUT = """\
# Agreement of reconstructions and recordings 重建与录制的一致程度

How closely reconstructions match published recordings. Each recording in `cassettes/`, one per form of a provider, is compared with
what the provider's profile generates for the same request and number of chunks: the shapes and order of chunks, the
fields and their order, null, absent and "", places, constancy, framing, and media type. Equal means equal in all of them. If a
recording does not keep all bytes, only the rest is compared. A recording without a matching form in the profile is not compared; the last column says why.

重建与公开录制的一致程度。`cassettes/` 中的公开录制（每家服务商每种形式一份）逐项与 profile 对同一请求、同样多的数据块生成的重建比较：数据块的形状与顺序、
字段与顺序、null / 没有该字段 / ""、位置、恒定性、分帧和媒体类型。全部相同才算一致。录制没有保留全部字节时，只比较保留的部分；profile 中没有对应形式的录制不参与比较，最后一列说明原因。
"""
_FIGURES = ("recordings 录制", "compared 已比较", "equal 一致")


def _row(key: tuple[str, ...], group: list[Comparison]) -> tuple[str, ...]:
    compared = [one for one in group if one.why is None]
    equal = sum(not one.differs for one in compared)
    return (*key, str(len(group)), str(len(compared)), str(equal))


def _summarize(group: list[Comparison]) -> str:
    """Return the differences and what was not compared, the most frequent first."""
    differing: dict[str, list[Comparison]] = defaultdict(list)
    for one in group:
        if one.differs or one.why:
            differing[one.why or _shortened(one.differs)].append(one)
    return "<br>".join(
        cell(f"{len(ones)} ({models_and_months(ones)}): {what}")
        for what, ones in sorted(differing.items(), key=_by_count)
    )


def _by_count(item: tuple[str, list[Comparison]]) -> tuple[int, str]:
    return -len(item[1]), item[0]


def _shortened(differs: tuple[str, ...]) -> str:
    more = f"; and {len(differs) - _SHOWN} more" if len(differs) > _SHOWN else ""
    return "; ".join(f"`{one}`" for one in differs[:_SHOWN]) + more
