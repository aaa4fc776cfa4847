"""Defines the commands that list things."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console

from harness.checks import CHECKS
from harness.cli.common import FORCE, FORMAT, LANG, ROOT, columns, matrix_of, one_line_errors
from harness.cli.outlet import say, say_block, say_json
from harness.errors import UnknownName
from harness.judging.published import PublishedCase
from harness.judging.runner import Case
from harness.matrix.dialects import SCENARIOS_OF
from harness.matrix.providers import Provider, Target, json_schema
from harness.recording.atomic import check_own, write_atomically
from harness.recording.cassette import read_cassette
from harness.results import Outcome
from harness.wire.dialect import DIALECTS, DialectName
from harness.words import translated


@click.command()
@click.argument("name", required=False)
@LANG
@FORMAT
@one_line_errors
def checks(name: str | None, form: str) -> None:
    """List all checks, or the checks of a family."""
    listed = [check for check in CHECKS.values() if name in {None, check.family, check.id}]
    if not listed:
        raise UnknownName(f"no check or family is called {name!r}; see: harness checks")
    if form == "json":
        for check in listed:
            row = {
                "id": check.id,
                "level": check.level,
                "title": check.title,
                "source": check.source,
                "breaks": check.impact,
                "instead": check.workaround,
                "needs": check.depends_on,
            }
            say_json(row)
    else:
        rows = [(check.id, check.level.value, translated(check.title)) for check in listed]
        header = ("id", translated("level"), translated("title"))
        say_block(columns(header, rows, form))


@click.command()
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default="chat", show_default=True, help="List those of this dialect."
)
@LANG
@FORMAT
@one_line_errors
def scenarios(dialect: DialectName, form: str) -> None:
    """List the scenarios, with their requests and the capability each needs."""
    listed = SCENARIOS_OF[dialect].values()
    if form == "json":
        for scenario in listed:
            row = {"id": scenario.id, "title": scenario.title, "requests": scenario.requests}
            row |= {"statuses": scenario.statuses, "needs": scenario.needs, "tries": scenario.tested_parameter}
            say_json(row)
        return
    rows = [
        (one.id, translated(one.title), str(one.requests), " ".join(map(str, one.statuses)), ", ".join(one.needs))
        for one in listed
    ]
    header = ("id", translated("what is sent"), translated("requests"), translated("expected"), translated("needs"))
    say_block(columns(header, rows, form))


@click.command()
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write the full proof to this Markdown file.")
@click.option("--pairs/--no-pairs", default=True, show_default=True, help="Also try every pair of faults at once.")
@FORCE
@one_line_errors
def proof(file: Path | None, pairs: bool, force: bool) -> None:  # noqa: FBT001 - flags of the command line
    """Test every rule with every fault of the catalogue, and print which faults are caught, missed or hidden."""
    from harness.judging.proof import OWN, render, summary, try_faults

    if file:
        check_own(file, OWN, force=force)
    console = Console(stderr=True)
    with console.status("trying faults"):
        proofs = [try_faults(dialect, pairs=pairs) for dialect in DIALECTS]
    for found in proofs:
        say_block(f"{'' if found.dialect == 'chat' else f'{found.dialect}: '}{summary(found)}")
        for what, names in found.shortfalls.items():
            for name in names:
                say(f"{what}: {name}")
    if file:
        write_atomically(file.resolve(), render(*proofs).encode())
    sys.exit(1 if any(one for found in proofs for one in found.shortfalls.values()) else 0)


@click.command()
@click.argument("names", metavar="[PROVIDER]...", nargs=-1)
@ROOT
@click.option("--schema", is_flag=True, help="Print the JSON Schema of providers.yaml.")
@click.option("--reach", is_flag=True, help="Request the list of models from each base URL, and print the response.")
@FORMAT
@one_line_errors
def providers(names: tuple[str, ...], root: Path, schema: bool, reach: bool, form: str) -> None:  # noqa: FBT001 - flags of the command line
    """
    List the providers: whether the API key is set, and number and age of the recordings.

    Without names: those of the folder's own providers.yaml, or all that come with harness where it has none.
    """
    if schema:
        say_json(json_schema(), orjson.OPT_INDENT_2)
        return
    from harness.evidence.stand_ins import published_of, with_published
    from harness.live.record import environment_of

    matrix, environment = matrix_of(root), environment_of(root)
    known = with_published(matrix, root)
    ours = {one.id for one in matrix.providers}
    meant = known.meant(names)
    asked, apart = ([one for one in meant if (one.id in ours) is here] for here in (True, False))
    reached = _reached(asked, environment) if reach and asked else {}
    published = {case.id: case for case in published_of(root, *(one.id for one in meant))}
    rows = [_row(root, target, environment, reached, published.values()) for target in matrix.targets(asked)]
    rows += [_row_of_published(target, published.values()) for target in known.targets(apart)]
    unlisted = len(matrix.providers) - len(asked)
    if not names and unlisted:
        say(f"harness: {unlisted} more come with harness, and are found by name: harness providers deepseek", err=True)
    if form == "json":
        for row in rows:
            say_json(row)
        return
    header = [name for name in rows[0] if name != "reach" or reach]
    say_block(columns(header, [tuple(str(row[name] or "") for name in header) for row in rows], form))


_Row = dict[str, str | int | None]


def _row_of_published(target: Target, published: Iterable[PublishedCase]) -> _Row:
    """Return the row of a provider known only by published recordings."""
    cases = [case for case in published if (case.provider, case.model) == (target.provider.id, target.model.id)]
    newest = max((day for case in cases for day in _dates(case.cassette)), default=None)
    return {
        "target": target.id, "recorded": None, "reconstructed": None, "published": len(cases), "messages": None,
        "completions": None,
        "newest": newest, "days old": _age(newest), "key": target.provider.key_env, "set": None, "reach": None,
        "base_url": target.provider.base_url, "retired": "",
    }  # fmt: skip


def _row(
    root: Path,
    target: Target,
    environment: Mapping[str, str],
    reached: Mapping[str, str],
    published: Iterable[PublishedCase],
) -> _Row:
    asked = {dialect: _asked(root, target, dialect) for dialect in DIALECTS}
    recorded = {dialect: [case for case in cases if case.recorded] for dialect, cases in asked.items()}
    share = {dialect: f"{len(recorded[dialect])}/{len(cases)}" if cases else None for dialect, cases in asked.items()}
    of_others = [case for case in published if (case.provider, case.model) == (target.provider.id, target.model.id)]
    dates = [date for cases in recorded.values() for case in cases for date in _dates(case.cassette)]
    newest = max(dates, default=None)
    return {
        "target": target.id,
        "recorded": share["chat"],
        "reconstructed": sum(case.skip is None for case in asked["chat"]) - len(recorded["chat"]),
        "published": len(of_others),
        "messages": share["messages"],
        "completions": share["completions"],
        "newest": newest,
        "days old": _age(newest),
        "key": target.provider.key_env,
        "set": "yes" if environment.get(target.provider.key_env) else "no",
        "reach": reached.get(target.provider.id),
        "base_url": target.provider.base_url,
        "retired": str(target.model.retired or ""),
    }


def _asked(root: Path, target: Target, dialect: DialectName) -> list[Case]:
    """Return the cases of a target in a dialect; none if it does not support it."""
    cases = (Case(root, target, scenario) for scenario in SCENARIOS_OF[dialect].values())
    return [case for case in cases if not (case.skip and case.skip.outcome is Outcome.NA)]


def _age(day: str | None) -> int | None:
    return (datetime.now(UTC).date() - date.fromisoformat(day)).days if day else None


def _dates(cassette: Path) -> Iterator[str]:
    """Yield the days of a recording; a month or a year counts as its first day."""
    for exchange in read_cassette(cassette):
        if exchange.source.at:
            yield f"{exchange.source.at}-01-01"[:10] if len(exchange.source.at) < 7 else f"{exchange.source.at}-01"[:10]  # noqa: PLR2004 - YYYY-MM


def _reached(providers: Sequence[Provider], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the response of each provider, requested concurrently."""
    with ThreadPoolExecutor(len(providers)) as pool:
        told = {one.id: pool.submit(_reach, one, environment) for one in providers}
        return {name: answer.result() for name, answer in told.items()}


def _reach(provider: Provider, environment: Mapping[str, str]) -> str:
    from harness.live.asking import reach

    unset = next((name for name in provider.fills.values() if not environment.get(name)), None)
    return f"{unset} is not set" if unset else reach(provider.url(environment), environment.get(provider.key_env))
