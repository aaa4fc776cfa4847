"""The command that drafts a provider of an endpoint."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from harness.cli.common import ROOT, one_line_errors, progress
from harness.cli.outlet import say
from harness.cli.spending import LONG, MAX_REQUESTS, MAX_SECONDS, MAX_TOKENS, TIMEOUT, end, stopping
from harness.errors import HarnessError
from harness.matrix.addresses import check_address
from harness.matrix.providers import Thinking, slug
from harness.matrix.scenarios import SCENARIOS
from harness.words import translated


@click.command("new-provider")
@click.argument("base_url")
@click.option("-m", "--model", required=True, help="Model name, as sent in requests.")
@click.option(
    "--docs",
    metavar="URL",
    help="Page that documents the API; it becomes the source of the entry  [default: BASE_URL].",
)
@click.option(
    "--id",
    "name_id",
    metavar="ID",
    help="Id of the provider, for folders and the command line  [default: made from the host].",
)
@click.option("--name", help="Display name  [default: the id].")
@click.option(
    "--key-env", metavar="NAME", help="Environment variable that holds the API key  [default: made from the id]."
)
@click.option(
    "--thinking-on", metavar="JSON", help="Fields that turn thinking on, added to a request  [default: none]."
)
@click.option("--thinking-off", metavar="JSON", help="Fields that turn thinking off  [default: none].")
@MAX_REQUESTS
@MAX_TOKENS
@MAX_SECONDS
@TIMEOUT
@LONG
@ROOT
@one_line_errors
def new_provider(  # noqa: PLR0913, PLR0917 - one parameter an option
    base_url: str,
    model: str,
    docs: str | None,
    name_id: str | None,
    name: str | None,
    key_env: str | None,
    thinking_on: str | None,
    thinking_off: str | None,
    max_requests: int,
    max_tokens: int,
    max_seconds: float,
    timeout: float,
    long: bool,  # noqa: FBT001 - a flag of the command line
    root: Path,
) -> None:
    """
    Send every scenario to an endpoint, and draft a provider for the matrix.

    Writes the entry in providers.yaml, the recordings, and a list of deviations; write a reason for each before running
    `harness run`.
    """
    # What speaks to the network takes a while to import.
    from harness.live.budget import Budget
    from harness.live.capture import Limits
    from harness.live.draft import NewProvider, matrix_to_ask, write_draft
    from harness.live.probe import Course, probe_endpoint
    from harness.live.record import environment_of

    own = name_id or slug(check_address(base_url))
    variable = key_env or _variable(own)
    thinking = Thinking(enable=_added("--thinking-on", thinking_on), disable=_added("--thinking-off", thinking_off))
    new = NewProvider(
        own, name or own, base_url, model, variable, docs or base_url, datetime.now(UTC).date().isoformat(), thinking
    )
    matrix = matrix_to_ask(new, root)
    key, wanted = environment_of(root).get(variable), list(SCENARIOS.values())
    budget, course = Budget(max_requests, max_tokens, long=long), Course(max_seconds)
    told = f"{budget.told(wanted)}, within {max_seconds:g} s, to {base_url}"
    say(f"harness: {told}{'' if key else f', without a key: {variable} is not set'}", err=True)
    probed = probe_endpoint(base_url, model, key, matrix, wanted, budget, Limits.within(timeout), course)
    with stopping(course) as came:
        draft = write_draft(new, progress(probed, len(wanted), translated("asking")), root, with_key=bool(key))
    folder = f"cassettes/{own}"
    say(f"providers.yaml: {own}, {draft.provider.models[0].id}")
    if draft.provider.lacks:
        say(f"lacks: {', '.join(draft.provider.lacks)}")
    say(f"{folder}/{draft.provider.models[0].id}/: {len(draft.cassettes)} recordings")
    for reason, count in Counter(draft.left_out.values()).items():
        say(f"  {count} not kept: {reason}")
    if draft.deviations:
        say(
            f"{folder}/deviations.yaml: {draft.deviations} deviations; write a reason for each before you run harness run"
        )
    if docs is None:
        say(f"docs: {base_url} is only a placeholder; replace it with the page that documents the API")
    if draft.provider.models[0].note:
        say(f"note: {draft.provider.models[0].note}")
    say(f"then: harness run --provider {own}")
    end(came, [], None, unexpected=False)


def _variable(provider: str) -> str:
    """Return the name of the variable for the key of a provider; an address may begin with a digit, a variable not."""
    name = re.sub(r"[^A-Z0-9]", "_", provider.upper())
    return f"{'AT_' if name[:1].isdigit() else ''}{name}_API_KEY"


def _added(option: str, text: str | None) -> dict[str, Any] | None:
    """Return what is to be added to a request; None where nothing was said."""
    try:
        value = None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    if value is not None and not isinstance(value, dict):
        raise HarnessError(
            f"{option}: {text!r} is not a JSON object; write one such as '{{\"enable_thinking\": true}}'"
        )
    return value
