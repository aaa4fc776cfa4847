"""A provider is drafted from an endpoint with Messages, alone or beside chat completions."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from scripted import IDEAL, End, Received, Script, Server, ideal_answer, plays, refuses, whole

from harness.cli import main
from harness.matrix.messages import MESSAGES
from harness.matrix.providers import Provider, load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.results import Outcome
from harness.simulate.edits import replace_bytes
from harness.simulate.messages.ideal import MODEL

CHAT_MODEL = "gpt-4o-mini"
THINKING = {name for name, one in SCENARIOS.items() if one.thinking}
COSTLY = {name for name, one in SCENARIOS.items() if one.costly}
NO_SUCH_PAGE: Script = whole(404, b'{"detail":"Not Found"}', ("Content-Type", "application/json"))


def in_messages(request: Received) -> bool:
    return "/messages" in request.path


def faulty(request: Received) -> Iterable[bytes | float | End]:
    """Serve Messages alone, with chat's word for their stop reason."""
    if not in_messages(request):
        return NO_SUCH_PAGE(request)
    answer = ideal_answer(request)
    word = b'"stop_reason":"end_turn"'
    changed = replace_bytes(word, b'"stop_reason":"stop"')(answer) if word in answer.response.body else answer
    return plays(changed)(request)


def both(request: Received) -> Iterable[bytes | float | End]:
    """Serve one model in both dialects under one name."""
    if not in_messages(request):
        return IDEAL(request)
    body = request.body.replace(CHAT_MODEL.encode(), MODEL.encode())
    answer = ideal_answer(dataclasses.replace(request, body=body))
    named = MODEL.encode() in answer.response.body
    return plays(replace_bytes(MODEL.encode(), CHAT_MODEL.encode())(answer) if named else answer)(request)


def base(server: Server) -> str:
    return server.base_url.removesuffix("/v1")


def draft(root: Path, address: str, *options: str, model: str = MODEL) -> Result:
    command = ["new-provider", address, "-m", model, "--id", "acme", "--docs", "https://docs.acme.example/messages"]
    return CliRunner().invoke(main, [*command, "--root", str(root), *options], env={"ACME_API_KEY": "good"})


def made(root: Path) -> Provider:
    (acme,) = load_matrix(root / "providers.yaml").providers
    return acme


def kept(root: Path) -> set[str]:
    return {path.stem for path in (root / "cassettes/acme").glob("*/*.yaml")}


def test_one_that_speaks_messages_alone_is_drafted_and_its_reasons_filled_it_is_green(tmp_path: Path) -> None:
    with Server(faulty) as server:
        result = draft(tmp_path, base(server), "--dialect", "messages")
    assert result.exit_code == 0, result.output
    acme = made(tmp_path)
    assert (acme.lacks, acme.base_url) == (("chat",), server.base_url)
    assert acme.dialects.messages is not None
    assert (acme.dialects.messages.base_url, acme.dialects.messages.key_header) == (base(server), "both")
    assert acme.dialects.messages.valid.how == "recorded"
    assert (acme.models[0].thinking.enable, acme.models[0].note) == ({}, None)
    assert kept(tmp_path) == {name for name, one in MESSAGES.items() if not one.in_chat_first}
    path = tmp_path / "cassettes/acme/deviations.yaml"
    listed = yaml.safe_load(path.read_text())["deviations"]
    assert [one["check"] for one in listed] == ["messages.stop-known"]
    (stop,) = listed
    assert (stop["reason"], stop["scenarios"][0]) == ("", "messages.stream")
    path.write_text(path.read_text().replace("reason: ''", "reason: It is so."))
    command = ["run", "--provider", "acme", "--root", str(tmp_path), "--format", "json"]
    judged = CliRunner().invoke(main, command)
    assert judged.exit_code == 0, judged.output
    found = [json.loads(line) for line in judged.stdout.splitlines()]
    assert sum(one["outcome"] == Outcome.KNOWN for one in found) > 1
    assert {one["outcome"] for one in found if one["scenario"] in SCENARIOS} == {Outcome.NA}


@pytest.mark.thorough
def test_one_that_speaks_both_is_one_entry_with_the_recordings_of_both(tmp_path: Path) -> None:
    with Server(both) as server:
        result = draft(tmp_path, server.base_url, "--messages-url", base(server), model=CHAT_MODEL)
        paths = [request.path for request in server.requests]
    assert result.exit_code == 0, result.output
    acme = made(tmp_path)
    assert (acme.lacks, acme.base_url) == ((), server.base_url)
    assert acme.dialects.messages is not None
    assert acme.dialects.messages.base_url == base(server)
    # Chat does not think unless it is told how, which nobody did; the one model has one switch.
    thoughts = {name for name, one in MESSAGES.items() if one.thinking}
    assert "It thought in Messages and not in chat." in result.stdout
    assert kept(tmp_path) == {*SCENARIOS, *MESSAGES} - THINKING - COSTLY - thoughts
    assert {path for path in paths if "chat" in path} == {"/v1/chat/completions"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--messages-url", "http://127.0.0.1:9"), "http://127.0.0.1:9: ConnectError"),
        (("--messages-url", "127.0.0.1:9"), "--messages-url: 127.0.0.1:9: not an address"),
        (("--messages-url", "http://127.0.0.1:9", "--dialect", "messages"), "leave out one of the two options"),
    ],
)
def test_a_wrong_address_is_told_in_a_line_before_much_is_asked(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with Server(both) as server:
        result = draft(tmp_path, server.base_url, *options, model=CHAT_MODEL)
        asked = len(server.requests)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert said in result.stderr.splitlines()[-1]
    assert asked <= len(("chat.nonstream", "chat.stream", "chat.stream-usage", "tools.auto"))


def test_a_server_of_chat_alone_is_told_before_much_is_asked(tmp_path: Path) -> None:
    with Server(lambda request: (NO_SUCH_PAGE if in_messages(request) else IDEAL)(request)) as server:
        result = draft(tmp_path, server.base_url, "--messages-url", base(server), model=CHAT_MODEL)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "status 404" in result.stderr.splitlines()[-1]


@pytest.mark.thorough
def test_a_dialect_in_which_nothing_is_answered_is_told_and_not_in_the_entry(tmp_path: Path) -> None:
    refused: Script = refuses(400, message="no such dialect")
    with Server(lambda request: (refused if in_messages(request) else IDEAL)(request)) as server:
        result = draft(tmp_path, server.base_url, "--messages-url", base(server), model=CHAT_MODEL)
    assert result.exit_code == 2
    assert "nothing was answered in messages, so it is not in the entry: status 400" in result.stderr.splitlines()[-1]
    assert made(tmp_path).dialects.messages is None
    assert kept(tmp_path) == set(SCENARIOS) - THINKING - COSTLY


@pytest.mark.thorough
def test_the_header_that_alone_is_taken_is_in_the_entry(tmp_path: Path) -> None:
    refused: Script = refuses(401, message="no key")
    with Server(lambda request: (IDEAL if request.authorized else refused)(request)) as server:
        result = draft(tmp_path, base(server), "--dialect", "messages")
    assert result.exit_code == 0, result.output
    at = made(tmp_path).dialects.messages
    assert at is not None
    assert at.key_header == "bearer"
    assert made(tmp_path).lacks == (), "chat knows another model, which says nothing of the dialect"
    assert f"chat: its scenarios were not sent; harness record acme sends them to {server.base_url}" in result.stdout
