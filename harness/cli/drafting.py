"""Defines the command that drafts a provider from an endpoint."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from harness.cli.common import ROOT, one_line_errors, progress
from harness.cli.outlet import say
from harness.cli.spending import LONG, MAX_REQUESTS, MAX_SECONDS, MAX_TOKENS, TIMEOUT, Scale, end, scaled, stopping
from harness.errors import HarnessError, Unreachable
from harness.matrix.addresses import check_address
from harness.matrix.providers import Thinking, slug
from harness.wire.dialect import DIALECTS, DialectName
from harness.words import translated

if TYPE_CHECKING:
    from harness.live.draft import Draft


@click.command("new-provider")
@click.argument("base_url")
@click.option("-m", "--model", required=True, help="Model name, as sent in requests.")
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="chat",
    show_default=True,
    help="API served at BASE_URL: OpenAI chat completions, Anthropic Messages (BASE_URL as in ANTHROPIC_BASE_URL), or "
    "legacy completions.",
)
@click.option(
    "--messages-url",
    metavar="URL",
    help="Base URL for Anthropic Messages of the same provider, as in ANTHROPIC_BASE_URL. Both dialects go into one entry.",
)
@click.option(
    "--completions-url",
    metavar="URL",
    help="Base URL for legacy completions of the same provider, as in the OpenAI SDK. Both dialects go into one entry.",
)
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
    dialect: DialectName,
    messages_url: str | None,
    completions_url: str | None,
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
    # The network modules are slow to import.
    from harness.live.budget import Budget
    from harness.live.capture import Limits
    from harness.live.draft import NewProvider, ask_all, entry_beside, matrix_to_ask, write_draft
    from harness.live.probe import Course
    from harness.live.record import environment_of

    beside: dict[DialectName, str | None] = {"messages": messages_url, "completions": completions_url}
    addresses = _addresses(base_url, dialect, beside)
    own = name_id or slug(check_address(base_url))
    there = entry_beside(root, own, model, addresses)
    variable = key_env or (there.key_env if there else None) or _variable(own)
    thinking = Thinking(enable=_added("--thinking-on", thinking_on), disable=_added("--thinking-off", thinking_off))
    new = NewProvider(
        own,
        name or own,
        addresses,
        model,
        variable,
        docs or base_url,
        datetime.now(UTC).date().isoformat(),
        thinking,
        there,
    )
    matrix = matrix_to_ask(new, root)
    key = environment_of(root).get(variable)
    scale = scaled(Scale(max_requests, max_tokens, max_seconds), len(addresses))
    budget, course = Budget(scale.requests, scale.tokens, long=long), Course(scale.seconds)
    told = f"{budget.told(new.scenarios)}, within {scale.seconds:g} s, to {' and '.join(addresses.values())}"
    say(f"harness: {told}{'' if key else f', without a key: {variable} is not set'}", err=True)
    probed = ask_all(new, matrix, key, budget, Limits.within(timeout), course)
    with stopping(course) as came:
        draft = write_draft(new, progress(probed, len(new.scenarios), translated("asking")), root, with_key=bool(key))
    _tell(draft)
    if there is None and "chat" not in {*addresses, *draft.provider.lacks}:
        say(f"chat: its scenarios were not sent; harness record {own} sends them to {new.base_url}")
    if docs is None:
        say(f"docs: {base_url} is only a placeholder; replace it with the page that documents the API")
    say(f"then: harness run --provider {own}")
    failed = [
        f"{addresses[one]}: nothing was answered in {one}, so it is not in the entry: {why}"
        for one, why in draft.unanswered.items()
    ]
    end(came, failed, None, unexpected=False)


def _addresses(base_url: str, dialect: DialectName, beside: dict[DialectName, str | None]) -> dict[DialectName, str]:
    """Return the base URLs by dialect: the given one, and those ``beside`` it."""
    addresses = {dialect: base_url}
    for name, url in beside.items():
        if url is None:
            continue
        if name == dialect:
            raise HarnessError(f"--{name}-url: BASE_URL is one of {name} already; leave out one of the two options")
        try:
            check_address(url)
        except Unreachable as error:
            raise HarnessError(f"--{name}-url: {error}") from None
        addresses[name] = url
    return addresses


def _tell(draft: "Draft") -> None:
    """Print what was written."""
    provider = draft.provider
    folder = f"cassettes/{provider.id}"
    say(f"providers.yaml: {provider.id}, {provider.models[0].id}")
    if provider.lacks:
        say(f"lacks: {', '.join(provider.lacks)}")
    say(f"{folder}/{provider.models[0].id}/: {len(draft.cassettes)} recordings")
    for reason, count in Counter(draft.left_out.values()).items():
        say(f"  {count} not kept: {reason}")
    if draft.deviations:
        say(
            f"{folder}/deviations.yaml: {draft.deviations} deviations; write a reason for each before you run harness run"
        )
    if provider.models[0].note:
        say(f"note: {provider.models[0].note}")


def _variable(provider: str) -> str:
    """Return the name of the variable for the key of a provider; a host may begin with a digit, a variable not."""
    name = re.sub(r"[^A-Z0-9]", "_", provider.upper())
    return f"{'AT_' if name[:1].isdigit() else ''}{name}_API_KEY"


def _added(option: str, text: str | None) -> dict[str, Any] | None:
    """Return what to add to a request; None if nothing was given."""
    try:
        value = None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    if value is not None and not isinstance(value, dict):
        raise HarnessError(
            f"{option}: {text!r} is not a JSON object; write one such as '{{\"enable_thinking\": true}}'"
        )
    return value
