"""Changes files that people and other tools write: each must be read, or rejected in one line."""

import gzip
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from fuzz import odd, values
from fuzz.corpus import ROOT
from fuzz.holding import Broken, hold_reports
from harness.checks import CHECKS
from harness.errors import HarnessError
from harness.judging.audit import audit
from harness.judging.deviations import load_deviations
from harness.judging.runner import Subject, judge_exchanges
from harness.matrix.providers import Matrix, load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.recording.archives import SUFFIXES
from harness.recording.cassette import read_cassette
from harness.reports import clients
from harness.results import Results, Run, is_client_log, read_client_results, read_results, write_results
from harness.simulate.chat.profile import load_profile
from harness.simulate.chat.synthesize import synthesize
from harness.simulate.reference import REFERENCES

_LARGEST = 60_000
_LINES = 40
_RECORDINGS = 10


class File(NamedTuple):
    """A file to change, its name for reading, and its reader."""

    path: Path
    name: str
    read: Callable[[Path], object]


@cache
def _own_matrix() -> Matrix:
    return load_matrix(ROOT / "providers.yaml")


def _matrix(path: Path) -> None:
    for target in load_matrix(path).targets():
        target.provider.answers_at("api.example.com")
        for scenario in SCENARIOS.values():
            target.skip_reason(scenario)


def _profile(path: Path) -> None:
    profile = load_profile(path.parent)
    for target in _own_matrix().targets():
        if profile and target.provider.id == path.parent.name:
            for scenario in ("chat.stream", "chat.nonstream", "tools.parallel", "reasoning.stream", "error.bad-key"):
                synthesize(profile, target, SCENARIOS[scenario])


def _log(path: Path) -> None:
    if is_client_log(path):
        clients.render(read_client_results(path))
    else:
        hold_reports(read_results(path).findings)


def _audited(path: Path) -> None:
    for _ in audit([path], _own_matrix(), "auto", ()):
        pass


def made_archives(folder: Path) -> Iterator[Path]:
    """Write reference answers as other tools would: as a HAR file, as JSON lines, as a cassette in JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = [
        (one.request.url, one.request.body.decode(), one.response.body.decode())
        for one in REFERENCES.values()
        if one.request.body
    ]
    head, entries = {"content-type": "text/event-stream"}, []
    for url, body, answer in asked:
        request = {"method": "POST", "url": url, "headers": [{"name": "a", "value": "b"}], "postData": {"text": body}}
        response = {"status": 200, "statusText": "OK", "headers": [], "content": {"text": answer, "size": len(answer)}}
        entries.append({"startedDateTime": "2026-01-01T00:00:00Z", "request": request, "response": response})
    rows = [
        {
            "provider": "x",
            "request": {"url": url, "body": body},
            "response": {"status": 200, "headers": head, "body_text": answer},
        }
        for url, body, answer in asked
    ]
    interactions = [
        {
            "request": {"method": "POST", "uri": url, "body": body, "headers": {"a": ["b"]}},
            "response": {"status": {"code": 200, "message": "OK"}, "headers": {"a": ["b"]}, "body": {"string": answer}},
        }
        for url, body, answer in asked
    ]
    texts = {
        "a.har": json.dumps({"log": {"entries": entries}}),
        "a.jsonl": "".join(f"{json.dumps(row)}\n" for row in rows),
        "a.json": json.dumps({"version": 1, "interactions": interactions}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        yield folder / name


def made_log(folder: Path, own: list[Path]) -> Path:
    """Write the results file of some recordings."""
    subject = Subject("acme", "small", "chat.stream", None)
    findings = [
        finding
        for number, path in enumerate(own[:: max(1, len(own) // _RECORDINGS)])
        for finding in judge_exchanges(
            read_cassette(path), replace(subject, cassette=f"{number}.yaml"), CHECKS.values()
        )
    ]
    write_results(folder / "results.jsonl", Results(Run("1", "2026-05-01", "replay"), findings))
    return folder / "results.jsonl"


def files_of(own: list[Path], others: list[Path], logs: list[Path]) -> list[list[File]]:
    """Return the files to change, a list for each kind."""
    cassettes = [path for path in own if path.stat().st_size < _LARGEST]
    archives = [path for path in others if path.suffix in SUFFIXES and path.stat().st_size < _LARGEST]
    kinds = [
        [File(path, path.name, read_cassette) for path in cassettes],
        [File(path, f"x{path.suffix}", _audited) for path in archives],
        [File(ROOT / "providers.yaml", "providers.yaml", _matrix)],
        [File(path, path.name, _profile) for path in sorted((ROOT / "cassettes").glob("*/profile.yaml"))],
        [File(path, path.name, lambda path: load_deviations(path.parent)) for path in _lists()],
        [File(path, path.name, _log) for path in (*logs, ROOT / "reports/clients.jsonl")],
    ]
    return [kind for kind in kinds if kind]


def _lists() -> list[Path]:
    return sorted((ROOT / "cassettes").glob("*/deviations.yaml"))


def changed(draw: random.Random, file: File, other: bytes) -> tuple[bytes, list[str]]:
    """Return the content of a file with one to four things changed, and the names of the changes."""
    content, trail = _cut(draw, file), []
    for _ in range(min(4, 1 + int(draw.expovariate(0.9)))):
        way = draw.choice((_in_json_line, _in_json, _in_yaml, _in_yaml, _line, _blind, _packed))
        content = way(draw, content, other)
        trail.append(way.__name__.strip("_"))
    return content, trail


def _cut(draw: random.Random, file: File) -> bytes:
    """Truncate a long log or list to some lines, since long ones are slow."""
    content = file.path.read_bytes()
    if file.name == "clients.jsonl":
        head, *rows, end = content.splitlines(keepends=True)
        told = [row for row in rows if b'"kind":"answers"' not in row]
        at = draw.randrange(len(told))
        kept = [row for row in rows if row not in told or row in told[at : at + _LINES]]
        return _counted([head, *kept, end])
    if file.name == "providers.yaml":
        head, *entries = content.split(b"\n  - id: ")
        return b"\n  - id: ".join([head, *draw.sample(entries, 2)])
    return content


def _counted(lines: list[bytes]) -> bytes:
    """Return a log of clients with a corrected end line, so that the rest is read."""
    fates = Counter[str]()
    for line in lines[1:-1]:
        row = json.loads(line)
        if row["kind"] == "fate":
            fates[row["fate"]] += sum(len(clients) * _count(numbers) for numbers, clients in row["answers"].items())
    end = {**json.loads(lines[-1]), "findings": fates.total(), "outcomes": fates}
    return b"".join([*lines[:-1], json.dumps(end).encode() + b"\n"])


def _count(numbers: str) -> int:
    """Return how many numbers a text such as ``0-4 7`` covers."""
    ends = [part.split("-") for part in numbers.split()]
    return sum(int(last) - int(first) + 1 for first, last in ((one[0], one[-1]) for one in ends))


def _in_json_line(draw: random.Random, content: bytes, _: bytes) -> bytes:
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    text = values.changed(draw, lines[at].decode("utf-8", "replace"))
    if text is not None:
        lines[at] = text.encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def _in_json(draw: random.Random, content: bytes, _: bytes) -> bytes:
    text = values.changed(draw, content.decode("utf-8", "replace"))
    return content if text is None else text.encode("utf-8", "surrogatepass")


def _in_yaml(draw: random.Random, content: bytes, other: bytes) -> bytes:
    """Change the document and write it in flow style, in which odd JSON is odd YAML too; or change a line."""
    try:
        text = json.dumps(yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except Exception:  # noqa: BLE001 - it is no YAML any more
        return _blind(draw, content, other)
    changed = values.changed(draw, text)
    return content if changed is None else changed.encode("utf-8", "surrogatepass")


_YAML = (
    b"!!binary x", b"!!timestamp 0000-00-00", b"!!set {a}", b"!!omap [a: 1]", b"&x [*x]", b"*x", b"!!float x", b"!!int 0x", b"1:99",
    b"2026-13-45", b"2026-01-01", b".inf", b".nan", b"0o9", b"~", b"? x", b"<<: *x", b"<<: 1", b"[a: 1", b"!x y", b"'", b"|", b"@", b"%",
    b"9" * 5000, b"!!python/tuple [1]", b"[" * 3000, b"- ", b"!!bool x", b"!!null x", b"1e400", b"!!map []", b"!!seq {}", b"0x_", b"1_:1",
    b"[{}: 1]", b"{[a]: 1}", b"? [a]\n: 1", b"=",
)  # fmt: skip


def _line(draw: random.Random, content: bytes, _: bytes) -> bytes:
    """Give a line another value, indent or place."""
    lines = content.split(b"\n")
    at = draw.randrange(len(lines))
    head, colon, _ = lines[at].partition(b": ")
    value = draw.choice((*_YAML, draw.choice(odd.JSON).encode()))
    lines[at : at + 1] = draw.choice((
        [head + colon + value], [head + colon + value], [b"  " + lines[at]], [lines[at].lstrip()], [lines[at]] * 2, [], [value],
        [lines[at], lines[draw.randrange(len(lines))]],
    ))  # fmt: skip
    return b"\n".join(lines)


def _blind(draw: random.Random, content: bytes, other: bytes) -> bytes:
    return draw.choice(odd.BLIND)(draw, content, other)


def _packed(draw: random.Random, content: bytes, other: bytes) -> bytes:
    packed = gzip.compress(content, mtime=0)
    return packed if draw.random() < 0.7 else _blind(draw, packed, other)


def hold(file: File, content: bytes, folder: Path) -> None:
    """Read a changed file; raise the failure, or Broken if the rejection is not one line."""
    place = folder / "read" / file.path.parent.name / file.name
    shutil.rmtree(place.parent, ignore_errors=True)
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    try:
        file.read(place)
    except HarnessError as error:
        said = str(error)
        said.encode()
        if len(said.splitlines()) != 1:
            raise Broken(f"a refusal of {len(said.splitlines())} lines: {said!r}") from None
