"""
Compares two endpoints like two runs of one, matching what both were sent by scenario.

The findings on one target of each run are put under one name, ``A vs B``, so that cells of one scenario and check
are paired.
"""

from dataclasses import replace

from harness.errors import NothingInCommon
from harness.reports.changes import BETWEEN
from harness.results import Finding, Results

_NAMED = 8


def side_by_side(
    runs: tuple[Results, Results], targets: tuple[str, str] | None = None, names: tuple[str, str] = ("OLD", "NEW")
) -> tuple[Results, Results]:
    """
    Return runs with the findings on two endpoints under one name.

    ``targets`` are PROVIDER or PROVIDER/MODEL, one of each run; without them runs that share a target are
    unchanged, and otherwise each run is taken for one endpoint if it has one provider.

    Raises:
        NothingInCommon: a run has no findings on its target, or their models can't be matched.
    """
    if targets is None:
        found = [_targets(run) for run in runs]
        providers = [list(dict.fromkeys(provider for provider, _ in one)) for one in found]
        if found[0] & found[1] or any(len(one) != 1 for one in providers):
            return runs
        targets = providers[0][0], providers[1][0]
    chosen = [_of(run, target, name) for run, target, name in zip(runs, targets, names, strict=True)]
    models = [list(dict.fromkeys(one.model for one in findings)) for findings in chosen]
    pairs = _matched(models[0], models[1], targets)
    provider = _both(chosen[0][0].provider, chosen[1][0].provider)
    old, new = (
        [(one, side[one.model]) for one in found if one.model in side]
        for found, side in zip(chosen, pairs, strict=True)
    )
    return (
        Results(runs[0].run, [replace(one, provider=provider, model=model) for one, model in old]),
        Results(runs[1].run, [replace(one, provider=provider, model=model) for one, model in new]),
    )


def _targets(run: Results) -> set[tuple[str, str]]:
    return {(one.provider, one.model) for one in run.recordings()}


def _of(run: Results, target: str, name: str) -> list[Finding]:
    found = [one for one in run.findings if target in {one.provider, f"{one.provider}/{one.model}"}]
    if not found:
        there = [f"{provider}/{model}" for provider, model in sorted(_targets(run))]
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        raise NothingInCommon(f"{name} has no findings on {target!r}; it has {', '.join(there[:_NAMED])}{more}")
    return found


def _matched(old: list[str], new: list[str], targets: tuple[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the common name of each model of both sides: models of one name are paired, or the only model of each."""
    if len(old) == len(new) == 1:
        name = _both(old[0], new[0])
        return {old[0]: name}, {new[0]: name}
    shared = {model: model for model in old if model in new}
    if not shared:
        raise NothingInCommon(
            f"{targets[0]} has the models {', '.join(old[:_NAMED])}, {targets[1]} has {', '.join(new[:_NAMED])}: none is on both "
            "sides; name one of each: --targets PROVIDER/MODEL PROVIDER/MODEL"
        )
    return shared, shared


def _both(old: str, new: str) -> str:
    return old if old == new else f"{old}{BETWEEN}{new}"
