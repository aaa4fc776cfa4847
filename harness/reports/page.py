"""The compatibility tables and what is behind them as one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.reports.summary import (
    FEATURES,
    LEGEND,
    Cell,
    coverage,
    families,
    family_cells,
    feature_cell,
    providers,
    recorded,
)
from harness.results import UNEXPECTED, Outcome, Results

OWN = r'<!DOCTYPE html>\n<html lang="en">\n<meta [^\n]*\n<meta [^\n]*\n<title>Compatibility of OpenAI-compatible chat APIs</title>\n'
"""How such a page begins, as a pattern."""

_SHOWN = UNEXPECTED | {Outcome.KNOWN, Outcome.BLOCKED, Outcome.INCONCLUSIVE}


def render(results: Results) -> str:
    """Return the page; texts from providers are escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.jinja").render(
        run=results.run,
        totals=results.outcomes,
        families=families(results),
        features=list(FEATURES),
        rows=[_row(results, provider) for provider in providers(results)],
        legend=LEGEND,
        red=UNEXPECTED,
    )


def _row(results: Results, provider: str) -> dict[str, Any]:
    findings = [finding for finding in results.findings if finding.provider == provider]
    cells = family_cells(results)
    have = provider in recorded(results)
    return {
        "provider": provider,
        "coverage": coverage(results, provider),
        "cells": [cells.get((provider, family), Cell()) for family in families(results)],
        "features": [feature_cell(findings, check) for check in FEATURES.values()] if have else [],
        "shown": [finding for finding in findings if finding.outcome in _SHOWN],
    }
