"""The command line.  Data goes to stdout, progress to stderr; exit 0 as expected, 1 unexpected failure, 2 could not run."""

import click

from harness import __version__
from harness.cli.outlet import CommandEntry, Commands

SECTIONS = {
    "Judge an endpoint, or recordings": {
        "probe": CommandEntry("live", "Ask an endpoint every scenario, and print what it passes and fails, with the bytes that show it."),
        "audit": CommandEntry("judging", "Judge recordings you already have: vcrpy cassettes, HAR files, JSON lines; files or folders."),
        "mask": CommandEntry("masking", "Write recordings without their content, to be shown to others: cassettes whose texts are made up."),
        "diff": CommandEntry("comparing", "Say what changed between two results files, or two recordings, and who changed; regressions first."),
        "report": CommandEntry("judging", "Print the tables of a results file, or put them into documents; of a clients.jsonl too, which goes into none."),
    },
    "Try your own client": {
        "serve": CommandEntry("serving", "Answer as recorded providers do, on 127.0.0.1, without keys: point your own client at it."),
        "clients": CommandEntry("clients", "Run client code against recorded answers: which of it survives which provider."),
    },
    "Look things up": {
        "explain": CommandEntry("explaining", "Show all of a check, a family of checks, a scenario, a fault, a client, a provider, or a cell."),
        "checks": CommandEntry("listing", "List the checks, all or those of a family."),
        "scenarios": CommandEntry("listing", "List the scenarios: what is asked, in how many requests, and what a provider may lack."),
        "providers": CommandEntry("listing", "List the providers, whose keys are set, and what is recorded of them and how old it is."),
        "export": CommandEntry("exporting", "Say what is known of providers as JSON for other programs: facts, flags that clients know, deviations."),
    },
    "Keep a matrix of providers": {
        "run": CommandEntry("judging", "Replay the recorded matrix, write reports/ and print the table."),
        "record": CommandEntry("live", "Ask the providers of the matrix what is not recorded yet, and keep the answers; keys from the environment or .env."),
        "new-provider": CommandEntry("drafting", "Ask an endpoint every scenario, and draft what the matrix says of it."),
        "import": CommandEntry("importing", "Keep recordings that others published: cassettes/PROVIDER/published/MODEL/DATE-FORM.yaml, without their texts."),
        "reconstruct": CommandEntry("reconstructing", "Make the cassettes that follow from cited facts: cassettes/PROVIDER/profile.yaml."),
    },
    "Prove the rules": {
        "proof": CommandEntry("listing", "Try every fault of the catalogue against every rule, and print what is caught, missed and hidden."),
        "registry": CommandEntry("proving", "Say how much of what rules find in recordings of other tools is listed, and how much of what is listed they show."),
    },
}  # fmt: skip
"""The commands, as ``harness --help`` shows them; a test holds the sentences to what each says of itself."""


@click.group(cls=Commands, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def main() -> None:
    """Test how compatible OpenAI-compatible chat APIs are."""
