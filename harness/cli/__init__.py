"""The command line.  Data goes to stdout, progress to stderr; exit 0 as expected, 1 unexpected failure, 2 could not run."""

import click

from harness import __version__
from harness.cli import (
    clients,
    comparing,
    drafting,
    exporting,
    judging,
    listing,
    live,
    proving,
    reconstructing,
    serving,
)
from harness.cli.outlet import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def main() -> None:
    """Check how closely chat APIs follow the format of OpenAI, and what differs for client code."""


for _command in (
    judging.run, judging.audit, judging.report, comparing.diff, live.probe, live.record, listing.checks, listing.scenarios,
    listing.explain, listing.providers, listing.proof, reconstructing.reconstruct, exporting.export, drafting.new_provider,
    proving.registry, serving.serve, clients.clients,
):  # fmt: skip
    main.add_command(_command)
