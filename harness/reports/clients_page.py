"""Renders clients × providers as one self-contained HTML page, with the outcome of each response behind its cell."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.reports.clients import LEGEND, LETTERS, agreement, basis_of, letter_of, providers_of
from harness.results import WORST_FATE_FIRST, ClientFinding, ClientOutcome, ClientResults

_REFERENCE = "reference"
_LOSSES = frozenset(
    {ClientOutcome.LOST_REASONING, ClientOutcome.LOST_USAGE, ClientOutcome.LOST_FINISH, ClientOutcome.TAGS}
)

OWN = r'<!DOCTYPE html>\n<html lang="en">\n<meta [^\n]*\n<meta [^\n]*\n<title>Client code against recorded providers</title>\n'
"""Pattern of the beginning of such a page."""


def render(results: ClientResults) -> str:
    """Return the page; texts from clients and providers are escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    cells: dict[tuple[str, str], list[ClientFinding]] = defaultdict(list)
    for one in results.findings:
        if not one.fault:
            cells[one.client, one.provider].append(one)
    providers = [_REFERENCE, *providers_of(results)]
    return environment.get_template("clients.html.jinja").render(
        run=results.run,
        legend=LEGEND.replace("*", ""),
        agreement=agreement(results),
        providers=[(name, basis_of(results, name)) for name in providers],
        rows=[_row(client, about, providers, cells) for client, about in results.clients.items()],
    )


def _row(
    client: str, about: dict[str, Any], providers: list[str], cells: dict[tuple[str, str], list[ClientFinding]]
) -> dict[str, Any]:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return {
        "client": client,
        "title": about["title"],
        "idiom": about["idiom"],
        "versions": "" if about["idiom"] else versions,
        "cells": [_cell(cells[client, provider]) for provider in providers],
    }


def _cell(findings: list[ClientFinding]) -> dict[str, Any]:
    """Return the letter of a cell, its colour, and its details: what happened, for which responses."""
    if not findings:
        return {"letter": "-", "kind": "none", "told": []}
    letter = letter_of(findings)
    clients: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for one in findings:
        if one.fate is not ClientOutcome.NA:
            clients[WORST_FATE_FIRST[one.fate], one.fate.value, one.message if one.fate.bad else ""].append(
                f"{one.model}/{one.request_id}"
            )
    lines = [(fate, message, names) for (_, fate, message), names in sorted(clients.items())]
    return {"letter": letter, "kind": _kind(letter), "told": lines}


def _kind(letter: str) -> str:
    if letter.startswith("("):
        return "shared"
    fate = next(fate for fate, known in LETTERS.items() if known == letter)
    if not fate.bad:
        return "good" if fate is ClientOutcome.OK else "none"
    return "silent" if fate is ClientOutcome.SILENT else "lost" if fate in _LOSSES else "bad"
