"""
Implements ``harness explain`` for a check, a family, a scenario, a fault, a client, a provider or a cell.

The modules of each are imported on demand: a check is shown without loading all others.
"""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from harness.checks import FAMILIES, check_named
from harness.errors import UnknownName
from harness.explain.lines import WIDE, WIDTH, show_line
from harness.explain.rules import explain_check, explain_family, explain_fault
from harness.site.addresses import address_of
from harness.words import language, translated

if TYPE_CHECKING:
    from harness.matrix.providers import Matrix, Provider

_CELL_PARTS = 4


def explain(name: str, root: Path, console: Console, results: Path | None = None) -> None:
    """
    Print all that is known of ``name``; of a cell, as in the file ``results`` if there is one.

    Raises:
        UnknownName: the project at ``root`` has no check, family, scenario, fault, client, provider or cell with that name.
    """
    check = check_named(name)
    if check:
        explain_check(check, console, address_of("rules", check.id, root, language()))
    elif name in FAMILIES:
        explain_family(name, console)
    else:
        _explain_other(name, root, results, console)


def _explain_other(name: str, root: Path, results: Path | None, console: Console) -> None:
    from harness.matrix.dialects import EVERY_SCENARIO

    if name in EVERY_SCENARIO:
        from harness.explain.scenarios import explain_scenario

        explain_scenario(EVERY_SCENARIO[name], console)
        return
    from harness.simulate.fault_named import fault_named

    fault = fault_named(name)
    if fault:
        explain_fault(fault, console)
        _show_page("rules", fault.rule, root, console, WIDTH)
        return
    from harness.clients.catalogue import CLIENTS
    from harness.explain.providers import explain_cell, explain_provider
    from harness.matrix.project import project_matrix

    client, _, answer = name.partition("/")
    if client in CLIENTS:
        from harness.clients.explaining import explain_client, explain_client_cell  # imports a server

        explain_client_cell(CLIENTS[client], answer, root, console) if answer else explain_client(
            CLIENTS[client], console
        )
        _show_page("clients", client, root, console)
    elif name.count("/") >= _CELL_PARTS - 1:
        explain_cell(name, root, results, console)
        if results is None:  # those in a file may be of anybody
            _show_page("providers", name.partition("/")[0], root, console, WIDTH, f"#{name.rpartition('/')[2]}")
    else:
        provider = _provider(name, project_matrix(root), root)
        explain_provider(provider, root, console)
        _show_page("providers", provider.id, root, console)


def _provider(name: str, matrix: "Matrix", root: Path) -> "Provider":
    """Return the provider with that name, including those known only by published recordings."""
    from harness.evidence.stand_ins import with_published
    from harness.matrix.naming import called

    found = called(name, matrix.providers)
    if found is None and called(name, matrix.published_only):
        found = called(name, with_published(matrix, root).providers)
    if found is None:
        raise _unknown(name, [one.id for one in matrix.providers])
    return found


def _show_page(kind: str, name: str, root: Path, console: Console, width: int = WIDE, place: str = "") -> None:  # noqa: PLR0913, PLR0917 - a page, and how it is shown
    """Print the URL of the page on the site, if there is one, and of a ``place`` on it."""
    page = address_of(kind, name, root, language())
    if page:
        show_line(translated("page"), page + place, console, width)


def _unknown(name: str, providers: list[str]) -> UnknownName:
    """Return the error for an unknown name, with similar ones, or where the names are listed."""
    from harness.checks import CHECKS
    from harness.clients.catalogue import CLIENTS
    from harness.matrix.dialects import EVERY_SCENARIO
    from harness.simulate.faults import EVERY_FAULT

    known = [*FAMILIES, *CHECKS, *EVERY_SCENARIO, *EVERY_FAULT, *CLIENTS, *providers]
    near = difflib.get_close_matches(name.lower().replace(" ", "-"), known, 3)
    said = f"unknown check, family, scenario, fault, client, provider or cell {name!r}"
    if near:
        hint = f"; try {', '.join(near)}"
    elif "/" in name:
        hint = "; a cell is PROVIDER/MODEL/SCENARIO/CHECK"
    else:
        hint = "; see: harness checks, harness scenarios, harness clients --help, harness providers"
    return UnknownName(f"{said}{hint}")
