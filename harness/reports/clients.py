"""Renders the outcomes of client code as Markdown: clients × providers, clients × faults, tool loops."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from harness.markdown import cell, padded_table, table
from harness.reports.shown import shown
from harness.reports.summary import PROVENANCES
from harness.results import WORST_FATE_FIRST, ClientFinding, ClientOutcome, ClientResults, LoopFinding

LETTERS = {
    ClientOutcome.SILENT: "S", ClientOutcome.HANG: "H", ClientOutcome.CRASH: "X", ClientOutcome.WRONG_CALLS: "C", ClientOutcome.WRONG: "W", ClientOutcome.MOJIBAKE: "M",
    ClientOutcome.EMPTY: "E", ClientOutcome.NONE: "N", ClientOutcome.TAGS: "T", ClientOutcome.LOST_REASONING: "r", ClientOutcome.LOST_USAGE: "u",
    ClientOutcome.LOST_FINISH: "f", ClientOutcome.OK: "✓", ClientOutcome.NA: "·", ClientOutcome.ENV: "?",
}  # fmt: skip

LEGEND = (
    "✓ survives · **S** silent: an error or a cut answer reported as success, the worst · H hangs · X crashes · "
    "C wrong tool calls · W wrong text · M mojibake · E nothing shown · N prints None · T think tags shown as text · "
    "r reasoning lost · u usage lost · f finish_reason lost · · does not read such answers · ? could not be run · "
    "- nothing recorded. The letter is the worst that happened; in brackets, such as (X), it happens with the reference "
    "answers of OpenAI's form as well, so the provider is not to blame. Answers are R recorded from the provider, P published "
    "by someone who called it, C reconstructed from cited facts: what survives these may still break on the provider."
)
OWN = "# Client code\n\nTried on "
"""Pattern of the beginning of a file of this report."""

_GLANCE = {
    "a stream that was cut": "stream-cut",
    "a JSON error at status 200 instead of a stream": "error-for-stream",
    "an error between two chunks": "error-event-mid-stream",
    "a tool call without index": "call-index-missing",
    "the name of a tool in every piece": "call-name-repeated",
    "choices null": "choices-null",
    "delta null": "delta-null",
    "a chunk without choices before the answer": "choices-empty-first",
    "finish_reason empty before the end": "finish-empty-before-end",
    "a thought in think tags": "think-tags",
    "reasoning under the key reasoning": "thought-under-other-name",
    "usage so far in every chunk": "usage-in-every-chunk",
    "comments between events": "comments-between-events",
    "no space after data:": "space-absent",
}
_REFERENCE = "reference"
_THOUGHT = "thinking"
_NAMES_SHOWN = 20


def render(results: ClientResults) -> str:
    """Return the whole report."""
    results = shown(results, cell)
    parts = [
        "# Client code", _versions(results), "## At a glance", glance(results), "## Which client survives which provider", LEGEND,
        "Measured: every answer that is kept of a provider, each form once, replayed to each client.",
        provider_table(results), "### Predicted", _about_foretelling(results), foretold_table(results), _disagreements(results),
        "## Which client survives which fault and variant", deviation_summary(results), deviation_table(results),
        "## What goes back after a tool call", loop_table(results),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(results: ClientResults) -> str:
    """Return the terminal summary: the measured table and its legend, or the faults if no provider was tried."""
    results = shown(results, cell)
    first = provider_table(results) if providers_of(results) else deviation_summary(results)
    return "\n\n".join(filter(None, [first, LEGEND, agreement(results)])) + "\n"


def _padded(header: list[str], rows: list[list[str]]) -> str:
    return padded_table(header, rows) if rows else ""


def _name(client: str) -> str:
    return f"`{client}`"


def _versions(results: ClientResults) -> str:
    tried: dict[str, list[str]] = defaultdict(list)
    for about in results.clients.values():
        tried[about["environment"]] = [f"{name} {version}" for name, version in about["versions"].items()]
    return (
        f"Tried on {results.run.started[:10]}: "
        + " · ".join(", ".join(found) for found in tried.values() if found)
        + "."
    )


def providers_of(results: ClientResults) -> list[str]:
    """Return the providers whose responses were replayed."""
    return list(dict.fromkeys(one.provider for one in results.findings if one.provider != _REFERENCE))


def basis_of(results: ClientResults, provider: str) -> str:
    """Return the letters of the evidence for a provider; none for the reference, which is synthetic."""
    kinds = {one.provenance for one in results.findings if one.provider == provider and not one.fault}
    return "" if provider == _REFERENCE else "".join(letter for kind, letter in PROVENANCES.items() if kind in kinds)


def letter_of(findings: Iterable[ClientFinding]) -> str:
    """Return the letter of the worst outcome, in brackets if the reference has the same."""
    read = [one for one in findings if one.fate is not ClientOutcome.NA]
    blamed = [one for one in read if one.fate.bad and not one.on_reference]
    worst = min(blamed or read, key=lambda one: WORST_FATE_FIRST[one.fate], default=None)
    if worst is None:
        return "·"
    return f"({LETTERS[worst.fate]})" if worst.on_reference else LETTERS[worst.fate]


def provider_table(results: ClientResults) -> str:
    """Return clients × providers, as measured."""
    cells: dict[tuple[str, str], list[ClientFinding]] = defaultdict(list)
    for one in results.findings:
        cells[one.client, one.provider].append(one)
    names = providers_of(results)
    rows = [
        [_name(client), *(letter_of(cells[client, name]) if cells[client, name] else "-" for name in names)]
        for client in results.clients
    ]
    return (
        padded_table(["client", *(f"{name} {basis_of(results, name)}".strip() for name in names)], rows)
        if names
        else ""
    )


def foretold_table(results: ClientResults) -> str:
    """Return clients × providers, as predicted; for providers without recordings by their listed deviations."""
    cells: dict[tuple[str, str], list[ClientOutcome]] = defaultdict(list)
    for one in results.findings:
        if one.predicted is not None:
            cells[one.client, one.provider].append(one.predicted)
    for seen in results.foreseen:
        cells[seen.client, seen.provider].append(seen.predicted)
    names = list(dict.fromkeys([*providers_of(results), *(seen.provider for seen in results.foreseen)]))
    rows = [[_name(client), *(_worst(cells[client, name]) for name in names)] for client in results.clients]
    return _padded(["client", *names], rows) if names else ""


def _worst(fates: list[ClientOutcome]) -> str:
    return f"≈{LETTERS[min(fates, key=WORST_FATE_FIRST.__getitem__)]}" if fates else "-"


def glance(results: ClientResults) -> str:
    """Return the most asked-about faults: how many libraries each breaks, and how many fail silently."""
    libraries = {client for client, about in results.clients.items() if not about["idiom"]}
    rows = []
    for what, fault in _GLANCE.items():
        findings = [one for one in results.findings if one.fault == fault and one.client in libraries]
        read = [one for one in findings if one.fate not in {ClientOutcome.NA, ClientOutcome.ENV}]
        bad = [one for one in read if one.fate.bad and not one.on_reference]
        silent = sum(one.fate is ClientOutcome.SILENT for one in bad)
        rows.append([what, f"`{fault}`", f"{len(bad)} of {len(read)}", str(silent)])
    return _padded(["what comes", "as", "libraries that do not survive", "of these silent"], rows)


def agreement(results: ClientResults) -> str:
    """Return how often the prediction was right."""
    predicted = [one for one in results.findings if one.agrees is not None]
    if not predicted:
        return ""
    good = sum(bool(one.agrees) for one in predicted)
    missed = sum(one.fate.bad for one in predicted if not one.agrees)
    return (
        f"Predicted correctly: {good:,} of {len(predicted):,} ({good / len(predicted):.1%}). "
        f"{missed:,} were predicted to work and broke; {len(predicted) - good - missed:,} were predicted to break and worked."
    )


def _about_foretelling(results: ClientResults) -> str:
    said = (
        "≈ is the worst that each client does with any trait of the provider's answers alone, as its fate with the faults "
        "and variants below shows. Where nothing is recorded it rests on the listed deviations."
    )
    return f"{said} {agreement(results)}"


def _disagreements(results: ClientResults) -> str:
    grouped: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for one in results.findings:
        if one.agrees is False and one.predicted is not None:
            answer = f"{one.provider}/{one.model}/{one.request_id}"
            grouped[answer, one.predicted.value, one.fate.value, one.why].append(_name(one.client))
    rows = [[*key[:3], _named(clients), key[3]] for key, clients in grouped.items()]
    header = ["answer", "predicted", "measured", "clients", "what may be the reason"]
    return f"#### Where the prediction was wrong\n\n{table(header, rows)}" if rows else ""


def _named(clients: list[str]) -> str:
    more = len(clients) - _NAMES_SHOWN
    return ", ".join(clients[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def deviation_summary(results: ClientResults) -> str:
    """Return for each client the number of faults and variants per outcome."""
    rows = []
    for client in results.clients:
        own = [one for one in results.findings if one.client == client and one.fault]
        if own:
            counts = [sum(one.fate is fate for one in own) for fate in LETTERS]
            rows.append([_name(client), str(len(own)), *(str(count or "") for count in counts)])
    return _padded(["client", "tried", *LETTERS.values()], rows)


def deviation_table(results: ClientResults) -> str:
    """Return each fault and variant, and the clients it breaks which handle the reference: libraries by name."""
    by_fault: dict[str, list[ClientFinding]] = defaultdict(list)
    for one in results.findings:
        if one.fault:
            by_fault[one.fault].append(one)
    idioms = {client for client, about in results.clients.items() if about["idiom"]}
    rows = []
    for fault, found in by_fault.items():
        judged = [
            one for one in found if one.fate not in {ClientOutcome.NA, ClientOutcome.ENV} and not one.on_reference
        ]
        broken = [one for one in judged if one.fate.bad]
        kept = f"{len(judged) - len(broken)}/{len(judged)}"
        libraries = _by_letter([one for one in broken if one.client not in idioms], _named)
        others = _by_letter([one for one in broken if one.client in idioms], lambda names: str(len(names)))
        rows.append([f"`{fault}`", found[0].request_id, kept, libraries, others])
    return (
        table(["fault or variant", "in the answer to", "survive", "libraries that do not", "idioms"], rows)
        if rows
        else ""
    )


def _by_letter(broken: Iterable[ClientFinding], listed: Callable[[list[str]], str]) -> str:
    letters: dict[str, list[str]] = defaultdict(list)
    for one in sorted(broken, key=lambda one: WORST_FATE_FIRST[one.fate]):
        letters[LETTERS[one.fate]].append(one.client)
    return " · ".join(f"{letter} {listed(clients)}" for letter, clients in letters.items())


def loop_table(results: ClientResults) -> str:
    """Return what each client sends back after a tool call: in chat completions, then in Messages."""
    messages = [
        [_name(one.client), _sent(one), one.content, ", ".join(one.adds)]
        for one in results.loops
        if one.given == _THOUGHT
    ]
    header = ["client", "thinking goes back", "blocks of that turn", "adds unasked"]
    return "\n\n".join(filter(None, [_loops_of_chat(results.loops), _padded(header, messages)]))


def _loops_of_chat(loops: Iterable[LoopFinding]) -> str:
    rows = []
    chat = [one for one in loops if one.given != _THOUGHT]
    for client in dict.fromkeys(one.client for one in chat):
        own = {one.given: one for one in chat if one.client == client}
        sent = [_sent(one) for one in own.values()]
        content = " or ".join(dict.fromkeys(one.content for one in own.values()))
        adds = dict.fromkeys(name for one in own.values() for name in one.adds)
        rows.append([_name(client), *sent, content, ", ".join(adds)])
    header = ["client", "reasoning_content goes back", "reasoning goes back", "content beside the call", "adds unasked"]
    return _padded(header, rows)


def _sent(loop: LoopFinding) -> str:
    if loop.message:
        return f"fails: {loop.message}"
    return "no" if loop.sent is None else "yes" if loop.sent == loop.given else f"as {loop.sent}"
