"""Defines the options of the pytest plugin."""

import pytest

from harness.words import LANGUAGES

FILE_NAME = "providers.yaml"
"""The name of the file that is collected."""

BLOCK, ALLOWED = "--compat-block-network", "--compat-allowed-hosts"

SELECTING = ("provider", "model", "scenario", "check", "dialect")
"""The options that select items."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the prefix keeps them apart from those of other plugins."""
    group = parser.getgroup("compat", "compatibility of OpenAI-compatible chat APIs")
    for name in SELECTING:
        group.addoption(
            f"--compat-{name}", action="append", default=[], metavar="ID", help=f"run only this {name}; repeatable"
        )
    group.addoption(
        "--compat-level",
        choices=("must", "should", "observe"),
        default="observe",
        help="lowest level to run: must, should, or observe (all)",
    )
    group.addoption(
        "--compat-sdk-depth",
        choices=("shape", "full"),
        default="shape",
        help="how much of a stream the OpenAI SDK parses: one event of each shape (fast), or all of it",
    )
    group.addoption(
        "--compat-live",
        action="store_true",
        help="send requests to the providers instead of replaying; API keys come from the environment or .env",
    )
    group.addoption(
        "--compat-record",
        choices=("none", "missing", "all"),
        default="none",
        help="record the scenarios that have no recording (missing), or all scenarios, and save the cassettes",
    )
    group.addoption(
        "--compat-long", action="store_true", help="also send error.too-long: a prompt of about 150,000 tokens"
    )
    group.addoption(
        "--compat-client", action="append", default=[], metavar="ID|FILE",
        help="run this client, or the code in this file, on the recordings instead of the checks; repeatable",
    )  # fmt: skip
    group.addoption("--compat-lang", choices=LANGUAGES, help="language of failure texts [default: the locale's]")
    group.addoption(
        BLOCK, action="store_true", help="block the network in all tests except those that record with compat_recorder"
    )
    group.addoption(
        ALLOWED, default="", metavar="HOSTS",
        help="hosts that tests may connect to with --compat-block-network: regular expressions, with commas between",
    )  # fmt: skip
    parser.addini("compat_matrix", f"matrices to collect, beside each {FILE_NAME} that names our schema", type="paths")
    group.addoption(
        "--compat-report",
        metavar="DIR",
        help="write results.jsonl, digest.jsonl, compatibility.md, index.html and badges/ to this folder",
    )
