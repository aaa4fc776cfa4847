"""
The command line.  Data goes to stdout, progress to stderr; exit 0 as expected, 1 unexpected failure, 2 could not
run.
"""

import click

from harness import __version__
from harness.cli.outlet import CommandEntry, Commands

SECTIONS = {
    "Judge an endpoint, or recordings": {
        "probe": CommandEntry("probing", "Send every scenario to an endpoint and report which checks pass and fail, with the bytes as evidence.", "http://localhost:8000/v1 -m qwen3"),
        "audit": CommandEntry("judging", "Check recordings you already have: vcrpy cassettes, HAR files, JSON lines. PATHS are files or folders.", "my-recordings/"),
        "mask": CommandEntry("masking", "Write recordings that can be shared: cassettes with all texts replaced by made-up ones.", "my-recordings/ --into masked/"),
        "diff": CommandEntry("comparing", "Compare two results files or two recordings, and report what changed and on which side; regressions first.", "old.jsonl new.jsonl"),
        "report": CommandEntry("judging", "Print the tables of a results file or of a clients.jsonl, or write those of a results file into documents.", "reports/results.jsonl"),
    },
    "Try your own client": {
        "serve": CommandEntry("serving", "Respond as recorded providers do, on 127.0.0.1 for your own client; no API key is needed."),
        "clients": CommandEntry("clients", "Run client code against recorded responses, to see which code works with which provider."),
    },
    "Look things up": {
        "explain": CommandEntry("explaining", "Explain a check, a family of checks, a scenario, a fault, a client, a provider, or a cell of a table.", "usage.own-chunk"),
        "checks": CommandEntry("listing", "List all checks, or the checks of a family."),
        "scenarios": CommandEntry("listing", "List the scenarios, with their requests and the capability each needs."),
        "providers": CommandEntry("listing", "List the providers: whether the API key is set, and number and age of the recordings."),
        "export": CommandEntry("exporting", "Export facts, feature flags and deviations of providers as JSON for other programs."),
    },
    "Keep a matrix of providers": {
        "run": CommandEntry("judging", "Check all recordings of the matrix, write reports/ and print the table."),
        "site": CommandEntry("building", "Build the site from results: static pages for each question, provider, rule and client, in English and Chinese."),
        "record": CommandEntry("live", "Send the scenarios that have no recording yet to each provider, and save the responses."),
        "new-provider": CommandEntry("drafting", "Send every scenario to an endpoint, and draft a provider for the matrix.", "http://localhost:8000/v1 -m qwen3 --docs https://docs.acme.example"),
        "import": CommandEntry("importing", "Save recordings that others published in cassettes/PROVIDER/published/, with all texts replaced.", "recordings/"),
        "verify": CommandEntry("verifying", "Check that cassettes are readable and contain no secrets, and that every baseline entry has a reason.", "baseline.yaml cassettes/"),
        "reconstruct": CommandEntry("reconstructing", "Generate reconstructed cassettes from the cited facts in cassettes/PROVIDER/profile.yaml."),
    },
    "Prove the rules": {
        "proof": CommandEntry("listing", "Test every rule with every fault of the catalogue, and print which faults are caught, missed or hidden."),
        "registry": CommandEntry("proving", "Compare the listed deviations with recordings from other tools: which failures are listed, which entries are seen.", "recordings/"),
    },
}  # fmt: skip
"""The commands, as ``harness --help`` shows them; a test compares the sentences with each command's own."""


@click.group(cls=Commands, sections=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def main() -> None:
    """Check how closely chat APIs follow the format of OpenAI, and what differs for client code."""
