"""A dialect drafted for a provider with an entry leaves the rest of the entry unchanged."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scripted import IDEAL, End, Received, Server, ideal_answer, plays

from harness.cli import main
from harness.judging.deviations import load_deviations
from harness.matrix.completions import COMPLETIONS
from harness.matrix.providers import Provider, load_matrix
from harness.simulate.completions.ideal import MODEL
from harness.simulate.edits import replace_bytes

ENTRY = f"""\
# Ours.
providers:
  - id: other
    name: Other
    base_url: https://api.other.example/v1
    key_env: OTHER_API_KEY
    docs: https://other.example
    models: [{{id: small, thinking: {{disable: {{}}}}}}]

  # The one that is asked.
  - id: acme
    name: Acme  # of all
    base_url: https://api.acme.example/v1
    key_env: ACME_TOKEN
    docs: https://acme.example
    models:
      - {{id: small, name: {MODEL}, thinking: {{disable: {{}}}}}}
published_only: []
"""
MESSAGES = """\
    dialects:
      messages:
        base_url: https://api.acme.example
        valid: {at: 2026-11, how: recorded}
"""
LISTED = """\
deviations:
  - check: usage.once
    message: usage came * times
    reason: It always was.
    source: https://acme.example
    seen: {first: "2026"}
"""


def faulty(request: Received) -> Iterable[bytes | float | End]:
    """Leave out the text of the last choice."""
    answer = ideal_answer(request)
    empty = b'"text":"",'
    return plays(replace_bytes(empty, b"")(answer) if empty in answer.response.body else answer)(request)


def draft(root: Path, address: str, *options: str, model: str = MODEL) -> Result:
    command = ["new-provider", address, "-m", model, "--id", "acme", "--dialect", "completions", "--root", str(root)]
    return CliRunner().invoke(main, [*command, *options], env={"ACME_TOKEN": "good"})


def project(root: Path, entry: str = ENTRY) -> Path:
    (root / "providers.yaml").write_text(entry)
    (root / "cassettes/acme").mkdir(parents=True)
    (root / "cassettes/acme/deviations.yaml").write_text(LISTED)
    return root


def acme(root: Path) -> Provider:
    return next(one for one in load_matrix(root / "providers.yaml").providers if one.id == "acme")


@pytest.mark.parametrize("has", ["none", "messages"])
def test_a_dialect_is_added_to_an_entry_and_all_else_stays(has: str, tmp_path: Path) -> None:
    entry = ENTRY if has == "none" else ENTRY.replace("    models:\n", f"{MESSAGES}    models:\n")
    root = project(tmp_path, entry)
    with Server(IDEAL) as server:
        result = draft(root, server.base_url)
    assert result.exit_code == 0, result.output
    found = acme(root)
    assert found.dialects.completions is not None
    assert found.dialects.completions.base_url == server.base_url
    assert (found.dialects.messages is not None) == (has == "messages")
    assert found.key_env == "ACME_TOKEN"
    text = (root / "providers.yaml").read_text().splitlines()
    assert [line for line in entry.splitlines() if line not in text] == []
    assert {path.stem for path in (root / "cassettes/acme/small").iterdir()} == set(COMPLETIONS)
    assert [one.check for one in load_deviations(root / "cassettes/acme")] == ["usage.once"]


def test_deviations_go_behind_those_that_are_listed(tmp_path: Path) -> None:
    root = project(tmp_path)
    with Server(faulty) as server:
        assert draft(root, server.base_url).exit_code == 0
    path = root / "cassettes/acme/deviations.yaml"
    assert path.read_text().startswith(LISTED)
    path.write_text(
        path.read_text()
        .replace("reason: ''", "reason: It is so.")
        .replace("source: https://acme", "source: https://docs.acme")
    )
    assert {one.check for one in load_deviations(root / "cassettes/acme")} >= {"usage.once", "completions.text"}


@pytest.mark.parametrize(
    ("entry", "options", "said"),
    [
        (ENTRY, ("-m", "large"), "acme is there already, with the models gpt-3.5-turbo-instruct; name one of them"),
        (ENTRY.replace("    models:", MESSAGES.replace("messages:", "completions:") + "    models:"), (), "it is there already; name another --id"),
        (ENTRY, ("--messages-url", "https://api.acme.example"), "is there already"),
        ("providers: [{id: acme, name: A, base_url: 'https://api.acme.example/v1', key_env: ACME_TOKEN, docs: 'https://acme.example', models: [{id: small, name: gpt-3.5-turbo-instruct, thinking: {disable: {}}}]}]\n", (), "write there: dialects:"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_one_line_before_anything_is_asked(
    entry: str, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    root = project(tmp_path, entry)
    with Server(IDEAL) as server:
        result = draft(root, server.base_url, *options)
        assert server.requests == []
    assert result.exit_code == 2
    assert said in result.stderr
    assert (root / "providers.yaml").read_text() == entry
