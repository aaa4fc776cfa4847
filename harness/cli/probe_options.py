"""Parses and validates the options of ``probe`` before any request is sent."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import orjson

from harness.checks import Check
from harness.cli.common import ALL, CHECK, FORCE, FORMAT, KNOWN, LANG, ROOT, SDK_DEPTH, SIZES
from harness.cli.outlet import say_json
from harness.cli.spending import LONG, MAX_REQUESTS, MAX_SECONDS, MAX_TOKENS, TIMEOUT, Scale, scaled
from harness.errors import HarnessError, unknown
from harness.judging.runner import Selection
from harness.matrix.dialects import SCENARIOS_OF
from harness.matrix.scenarios import KINDS, SCENARIOS, Scenario, named_scenarios
from harness.results import Level
from harness.wire.dialect import DIALECTS, DialectName

_FILE = click.Path(path_type=Path)
_MOST_REPEATS = 100
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LEVELS = {"must": {Level.MUST}, "should": {Level.MUST, Level.SHOULD}, "never": set[Level]()}


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """The options of a probe; the fields are named like the options."""

    base_url: str
    model: str
    dialect: DialectName
    key_env: str
    headers: tuple[str, ...] = field(repr=False)
    scenarios: tuple[str, ...]
    checks: tuple[str, ...]
    level: str
    baseline: Path | None
    write_baseline: Path | None
    repeat: int
    delay: float
    results_file: Path | None
    folder: Path | None
    markdown: Path | None
    junit: Path | None
    sarif: Path | None
    github: bool
    max_requests: int
    max_tokens: int
    max_seconds: float
    timeout: float
    long: bool
    fail_on: str | None
    force: bool
    root: Path
    known: bool
    whole: bool
    form: str

    def failing_levels(self) -> set[Level]:
        """Return the levels whose failures count: with a baseline all except observations, else MUST."""
        return _LEVELS[self.fail_on or ("should" if self.baseline else "must")]

    def asked_scenarios(self) -> list[Scenario]:
        """Return the scenarios to send; raise UnknownName."""
        table = SCENARIOS_OF[self.dialect]
        names = [name for given in self.scenarios for name in _named(given, table)] or list(table)
        return [table[name] for name in dict.fromkeys(names)]

    def chosen_checks(self) -> tuple[Check, ...]:
        """Return the checks to run; raise UnknownName."""
        return Selection(checks=self.checks, level=Level(self.level.upper())).chosen(self.dialect)

    def extra_headers(self) -> dict[str, str]:
        """Return the headers to send, by name; raise HarnessError, which does not show possible secrets."""
        return dict(map(_header, self.headers))

    def scaled(self, requests: int) -> Scale:
        """Return the limits of the probe, given the requests of one round: defaults grow with the number of rounds."""
        own = Scale(self.max_requests, self.max_tokens, self.max_seconds)
        return scaled(own, self.repeat, self.delay * requests * self.repeat)


def _named(name: str, table: Mapping[str, Scenario]) -> Iterable[str]:
    found = _found(name, table)
    if not found:
        for dialect, other in SCENARIOS_OF.items():
            if _found(name, other):
                raise HarnessError(f"--scenario {name}: a scenario of another dialect; add --dialect {dialect}")
        families = sorted({f"{one.partition('.')[0]}.*" for one in table})
        raise unknown("scenario", name, [*table, *families, *(KINDS if table is SCENARIOS else ())])
    return found


def _found(name: str, table: Mapping[str, Scenario]) -> list[str]:
    """Return the ids of ``table`` that an id, a kind or a family covers."""
    family = [one for one in table if name == f"{one.partition('.')[0]}.*"]
    return [one for one in named_scenarios(name) or [name] if one in table] or family


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _HEADER_NAME.fullmatch(name):
        raise HarnessError("--header: there is no name before a colon; write NAME:VALUE, such as X-Team:compat")
    if not (value.isascii() and value.strip().isprintable()):
        raise HarnessError(
            f"--header {name}: the value contains a character that a header cannot contain; write it again"
        )
    return name, value.strip()


class Pace:
    """Spaces requests at least so many seconds apart; shared by threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the next slot."""
        with self._lock:
            turn = max(time.monotonic(), self._next)
            self._next = turn + self._seconds
        time.sleep(max(0.0, turn - time.monotonic()))


def _print_schema(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        from harness.results.schema import probe_schema

        say_json(probe_schema(), orjson.OPT_INDENT_2)
        context.exit()


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("base_url"),
    click.option(
        "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_print_schema,
        help="Print the JSON Schema of a line of --format json, and exit.",
    ),
    click.option("-m", "--model", required=True, help="Model name, as sent in requests."),
    click.option(
        "--dialect", type=click.Choice(DIALECTS), default="chat", show_default=True,
        help="API to test: OpenAI chat completions, Anthropic Messages (BASE_URL as in ANTHROPIC_BASE_URL), or legacy "
        "completions.",
    ),
    click.option(
        "--key-env", default="OPENAI_API_KEY", show_default=True, help="Environment variable that holds the API key."
    ),
    click.option(
        "--header", "headers", multiple=True, metavar="NAME:VALUE",
        help="Header to send with every request, for example to a gateway. Repeatable.",
    ),
    click.option(
        "--scenario", "scenarios", multiple=True,
        help="Send only this scenario, or this family, such as `tools.*`. Repeatable.",
    ),
    CHECK,
    click.option(
        "--level", type=click.Choice(["must", "should", "observe"]), default="observe", show_default=True,
        help="Lowest level to run: must, should, or observe (all).",
    ),
    click.option(
        "--baseline", type=_FILE,
        help="File with the known deviations of this endpoint. Exit with 1 if a rule fails that is not listed, or if an "
        "entry is stale.",
    ),
    click.option(
        "--write-baseline", type=_FILE,
        help="Write all failures to this file as a baseline whose reasons you fill in. Entries it has are kept, stale "
        "ones removed. Exit with 0.",
    ),
    click.option(
        "--repeat", type=click.IntRange(1, _MOST_REPEATS), default=1, show_default=True,
        help="Send every scenario this many times, and report how often a rule failed. Default limits grow with it.",
    ),
    click.option(
        "--delay", type=click.FloatRange(0, 3600), default=0.0, show_default=True,
        help="Minimum time between the starts of two requests, in seconds.",
    ),
    click.option("--results", "results_file", type=_FILE, help="Write all findings to this file, as JSON lines."),
    click.option("--record", "folder", type=_FILE, help="Save the recordings in this folder."),
    click.option("--markdown", type=_FILE, help="Write the tables to this Markdown file."),
    click.option("--junit", type=_FILE, help="Write the findings to this file, as JUnit XML."),
    click.option("--sarif", type=_FILE, help="Write new failures and stale entries to this file, as SARIF 2.1.0."),
    click.option(
        "--github", is_flag=True,
        help="Print annotations for GitHub Actions, and append a summary to the file in $GITHUB_STEP_SUMMARY.",
    ),
    MAX_REQUESTS, MAX_TOKENS, MAX_SECONDS, TIMEOUT, LONG,
    click.option(
        "--fail-on", type=click.Choice(["must", "should", "never"]),
        help="Exit with 1 if a rule of this level fails  [default: must; with --baseline: should].",
    ),
    FORCE, ROOT, SDK_DEPTH, SIZES("body", "line", "event", "events", "values"), KNOWN, ALL, LANG, FORMAT,
)  # fmt: skip


def probe_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of ``probe`` to a command, in the order of its help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
