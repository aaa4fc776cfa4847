"""A provider is drafted from an endpoint with legacy completions, alone or beside chat completions."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scripted import IDEAL, End, Received, Script, Server, ideal_answer, plays, refuses, whole

from harness.cli import main
from harness.matrix.completions import COMPLETIONS
from harness.matrix.providers import Provider, load_matrix
from harness.results import Outcome
from harness.simulate.completions.ideal import MODEL
from harness.simulate.edits import replace_bytes

CHAT_MODEL = "gpt-4o-mini"
NO_SUCH_PAGE: Script = whole(404, b'{"detail":"Not Found"}', ("Content-Type", "application/json"))
BASES = ("https://api.acme.example/v1", "https://api.acme.example/beta")


def faulty(request: Received) -> Iterable[bytes | float | End]:
    """Serve completions alone, without the text of the last choice."""
    answer = ideal_answer(request)
    empty = b'"text":"",'
    return plays(replace_bytes(empty, b"")(answer) if empty in answer.response.body else answer)(request)


def both(request: Received) -> Iterable[bytes | float | End]:
    """Serve one model under one name in chat, and below /beta in completions."""
    if not request.path.startswith("/beta"):
        return IDEAL(request)
    body = request.body.replace(CHAT_MODEL.encode(), MODEL.encode())
    answer = ideal_answer(dataclasses.replace(request, path=request.path.replace("/beta", "/v1"), body=body))
    named = MODEL.encode() in answer.response.body
    return plays(replace_bytes(MODEL.encode(), CHAT_MODEL.encode())(answer) if named else answer)(request)


def draft(root: Path, address: str, *options: str, model: str = MODEL) -> Result:
    command = ["new-provider", address, "-m", model, "--id", "acme", "--docs", "https://docs.acme.example/completions"]
    return CliRunner().invoke(main, [*command, "--root", str(root), *options], env={"ACME_API_KEY": "good"})


def made(root: Path) -> Provider:
    (acme,) = load_matrix(root / "providers.yaml").providers
    return acme


def kept(root: Path) -> set[str]:
    return {path.stem for path in (root / "cassettes/acme").glob("*/*.yaml")}


def test_one_that_speaks_completions_alone_is_drafted_and_its_reasons_filled_it_is_green(tmp_path: Path) -> None:
    with Server(faulty) as server:
        result = draft(tmp_path, server.base_url, "--dialect", "completions")
    assert result.exit_code == 0, result.output
    acme = made(tmp_path)
    assert acme.dialects.completions is not None
    assert (acme.dialects.completions.base_url, acme.base_url) == (server.base_url, server.base_url)
    assert acme.dialects.messages is None
    assert kept(tmp_path) == set(COMPLETIONS)
    path = tmp_path / "cassettes/acme/deviations.yaml"
    assert "check: completions.text" in path.read_text()
    path.write_text(path.read_text().replace("reason: ''", "reason: It is so."))
    judged = CliRunner().invoke(main, ["run", "--provider", "acme", "--root", str(tmp_path), "--format", "json"])
    assert judged.exit_code == 0, judged.output
    found = [json.loads(line) for line in judged.stdout.splitlines()]
    assert {one["scenario"] for one in found if one["outcome"] == Outcome.KNOWN} >= {"completions.stream"}


@pytest.mark.thorough
def test_one_that_speaks_both_is_one_entry_with_the_recordings_of_both(tmp_path: Path) -> None:
    with Server(both) as server:
        beta = server.base_url.replace("/v1", "/beta")
        result = draft(tmp_path, server.base_url, "--completions-url", beta, model=CHAT_MODEL)
    assert result.exit_code == 0, result.output
    acme = made(tmp_path)
    assert acme.dialects.completions is not None
    assert (acme.base_url, acme.dialects.completions.base_url) == (server.base_url, beta)
    assert kept(tmp_path) > set(COMPLETIONS)
    assert "chat.stream" in kept(tmp_path)


def test_a_server_of_chat_alone_is_told_before_much_is_asked(tmp_path: Path) -> None:
    with Server(lambda request: (IDEAL if "chat" in request.path else NO_SUCH_PAGE)(request)) as server:
        result = draft(tmp_path, server.base_url, "--completions-url", server.base_url, model=CHAT_MODEL)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "status 404" in result.stderr.splitlines()[-1]


@pytest.mark.thorough
def test_a_dialect_in_which_nothing_is_answered_is_told_and_not_in_the_entry(tmp_path: Path) -> None:
    refused: Script = refuses(400, message="only below /beta")
    with Server(lambda request: (IDEAL if "chat" in request.path else refused)(request)) as server:
        result = draft(tmp_path, server.base_url, "--completions-url", server.base_url, model=CHAT_MODEL)
    assert result.exit_code == 2
    assert (
        "nothing was answered in completions, so it is not in the entry: status 400" in result.stderr.splitlines()[-1]
    )
    assert made(tmp_path).dialects.completions is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--dialect", "completions", "--completions-url", BASES[1]),
            "--completions-url: BASE_URL is one of completions",
        ),
        (("--completions-url", "ftp://acme.example"), "--completions-url: "),
        (("--completions-url", "acme"), "--completions-url: "),
    ],
)
def test_a_wrong_address_is_one_line(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = draft(tmp_path, BASES[0], *options)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.stderr.splitlines()) == 1
