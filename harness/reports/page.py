"""Renders the compatibility tables and their details as one self-contained HTML file."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.reports.summary import (
    FEATURES,
    LEGEND,
    Cell,
    by_provider,
    coverage,
    families,
    family_cells,
    feature_cell,
    providers,
    recorded,
)
from harness.results import UNEXPECTED, Finding, Outcome, Results

OWN = r'<!DOCTYPE html>\n<html lang="en">\n<meta [^\n]*\n<meta [^\n]*\n<title>Compatibility of OpenAI-compatible chat APIs</title>\n'
"""Pattern of the beginning of such a page."""

_SHOWN = UNEXPECTED | {Outcome.KNOWN, Outcome.BLOCKED, Outcome.INCONCLUSIVE}


def render(results: Results) -> str:
    """Return the page; texts from providers are escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    names, cells, have = families(results), family_cells(results), set(recorded(results))
    shown, standing = _shown(results), by_provider(results)
    return environment.get_template("page.html.jinja").render(
        run=results.run,
        totals=results.outcomes,
        families=names,
        features=list(FEATURES),
        rows=[
            {
                "provider": provider,
                "coverage": coverage(standing[provider]),
                "cells": [cells.get((provider, family), Cell()) for family in names],
                "features": _features(standing[provider]) if provider in have else [],
                "shown": shown.get(provider, []),
            }
            for provider in providers(results)
        ],
        legend=LEGEND,
        red=UNEXPECTED,
    )


def _features(findings: list[Finding]) -> list[str]:
    return [feature_cell(findings, check) for check in FEATURES.values()]


def _shown(results: Results) -> dict[str, list[Finding]]:
    """Return the details of each provider below the tables."""
    shown: dict[str, list[Finding]] = {}
    for finding in results.findings:
        if finding.outcome in _SHOWN:
            shown.setdefault(finding.provider, []).append(finding)
    return shown
