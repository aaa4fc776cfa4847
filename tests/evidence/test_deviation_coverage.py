"""Listed deviations are compared with recordings: each figure is right, and the committed ones are current."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from harness.cli import main
from harness.evidence.deviation_coverage import ProviderCoverage, measure, render
from harness.evidence.recordings import published_folders
from harness.matrix.providers import load_matrix
from harness.simulate.chat.ideal import error
from harness.simulate.reference import BODY, STREAM, STREAM_USAGE, replace_in_body, with_response
from harness.wire.exchange import Exchange

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [ROOT.parent / "shared" / name for name in ("corpus", "corpus-2")]
CREATED = 1_760_000_000  # 2025-10-09, as in the reference exchanges
MATRIX = {
    "providers": [
        {
            "id": name, "name": name, "base_url": f"https://api.{name}.example/v1", "key_env": "KEY", "docs": "https://docs.example",
            "models": [{"id": "small", "name": "gpt-4o-mini", "thinking": {"disable": {}}}, {"id": "other", "thinking": {"disable": {}}}],
        }
        for name in ("acme", "quiet", "unheard")
    ]
}  # fmt: skip
NULL = replace_in_body(STREAM, '"role":"assistant"', '"role":null')
"""Fails role.value and role.first."""


def entry(check: str = "role.value", **more: Any) -> dict[str, Any]:
    told = {
        "check": check,
        "message": "role is null in *",
        "reason": "So.",
        "source": "https://x.example",
        "seen": {"first": "2025-10"},
    }
    return told | more


def line(exchange: Exchange, provider: str = "acme") -> str:
    headers = {"content-type": exchange.response.headers.get("content-type")}
    url = f"https://api.{provider}.example/v1/chat/completions"
    response = {"status": exchange.response.status, "headers": headers, "body_text": exchange.response.body.decode()}
    return json.dumps({"request": {"method": "POST", "url": url, "body": exchange.request.json}, "response": response})


def standing(
    root: Path, exchanges: list[Exchange], *listed: dict[str, Any], provider: str = "acme"
) -> dict[str, ProviderCoverage]:
    (root / "providers.yaml").write_text(yaml.safe_dump(MATRIX))
    (root / "cassettes/acme").mkdir(parents=True)
    (root / "cassettes/acme/deviations.yaml").write_text(yaml.safe_dump({"deviations": list(listed)}))
    (root / "a.jsonl").write_text("\n".join(line(one, provider) for one in exchanges))
    return {one.provider: one for one in measure([root / "a.jsonl"], load_matrix(root / "providers.yaml"), root)}


def test_a_recording_with_an_address_that_is_none_is_of_nobody(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(yaml.safe_dump(MATRIX))
    (tmp_path / "a.jsonl").write_text(line(STREAM).replace("https://api.acme.example", "http://[::1"))
    assert measure([tmp_path / "a.jsonl"], load_matrix(tmp_path / "providers.yaml"), tmp_path) == []


def test_a_local_server_is_known_by_its_port(tmp_path: Path) -> None:
    local = MATRIX["providers"][0] | {"base_url": "http://localhost:11434/v1"}
    (tmp_path / "providers.yaml").write_text(yaml.safe_dump({"providers": [local]}))
    (tmp_path / "a.jsonl").write_text(line(STREAM).replace("https://api.acme.example", "http://localhost:11434"))
    (found,) = measure([tmp_path / "a.jsonl"], load_matrix(tmp_path / "providers.yaml"), tmp_path)
    assert (found.provider, found.recordings) == ("acme", 1)


def test_a_fault_counts_once_a_provider_and_rule_and_listed_by_its_rule(tmp_path: Path) -> None:
    acme = standing(tmp_path, [NULL, NULL, STREAM], entry())["acme"]
    assert acme.recordings == 3
    counts = {fault.check: (len(fault.recordings), len(fault.unlisted)) for fault in acme.faults}
    assert (counts["role.value"], counts["role.first"]) == ((2, 0), (2, 2))
    assert acme.listed == 1


@pytest.mark.parametrize(
    ("told", "listed"),
    [
        ({"seen": {"first": "2025"}}, 1),
        ({"seen": {"first": "2025-10"}}, 1),
        ({"seen": {"first": "2025-10-09"}}, 1),
        ({"seen": {"first": "2025-10-10"}}, 1),
        ({"seen": {"first": "2026"}}, 1),
        ({"seen": {"first": "2024"}, "until": "2025-10", "fault": "role-null"}, 1),
        ({"seen": {"first": "2024"}, "until": "2025-10-08", "fault": "role-null"}, 0),
        ({"seen": {"first": "2024"}, "until": "2024-12", "fault": "role-null"}, 0),
        ({"fault": "role-null"}, 1),
        ({"message": "in other words"}, 1),
    ],
)
def test_an_entry_counts_for_recordings_of_its_time(told: dict[str, Any], listed: int, tmp_path: Path) -> None:
    assert standing(tmp_path, [NULL], entry(**told))["acme"].listed == listed


def test_entries_of_two_times_count_together(tmp_path: Path) -> None:
    later = replace_in_body(NULL, f'"created":{CREATED}', '"created":1780000000')
    gone = entry(seen={"first": "2025"}, until="2025-12", fault="role-null")
    again = standing(tmp_path, [NULL, later], gone, entry(seen={"first": "2026-04"}))["acme"]
    assert (again.listed, len(again.present)) == (1, 1)


@pytest.mark.parametrize(
    ("told", "could", "seen"),
    [
        ({}, 2, 1),
        ({"message": "in other words"}, 2, 0),
        ({"seen": {"first": "2026"}}, 2, 1),
        ({"models": ["small"]}, 2, 1),
        ({"models": ["other"]}, 0, 0),
        ({"scenarios": ["chat.stream"]}, 2, 1),
        ({"scenarios": ["chat.n2"], "message": "in other words"}, 0, 0),
        ({"scenarios": ["tools.*"], "message": "in other words"}, 0, 0),
        ({"scenarios": ["chat.n2"]}, 1, 1),
        ({"check": "error.code", "message": "*"}, 0, 0),
    ],
)
def test_an_entry_is_seen_in_its_words_where_it_could_be(
    told: dict[str, Any], could: int, seen: int, tmp_path: Path
) -> None:
    (present,) = standing(tmp_path, [NULL, STREAM], entry(**told))["acme"].present
    assert (len(present.could), present.seen) == (could, seen)


@pytest.mark.parametrize(
    ("scenario", "check", "could"),
    [
        ("chat.stream", "http.content-type", 1),
        ("chat.stream-usage", "http.content-type", 1),
        ("chat.nonstream", "http.content-type", 1),
        ("params.seed", "http.content-type", 1),
        ("error.bad-key", "http.content-type", 0),
        ("tools.auto", "http.content-type", 0),
        ("error.bad-key", "error.code", 1),
        ("params.seed", "error.code", 1),
        ("chat.nonstream", "error.code", 0),
        ("error.bad-key-stream", "error.code", 0),
    ],
)
def test_a_question_like_that_of_a_scenario_is_one_with_the_same_form_of_answer(
    scenario: str, check: str, could: int, tmp_path: Path
) -> None:
    refused = with_response(BODY, status=401, body=error(401, "The key is not valid.").body)
    told = entry(check, message="in other words", scenarios=[scenario])
    (present,) = standing(tmp_path, [STREAM, STREAM_USAGE, BODY, refused], told)["acme"].present
    assert len(present.could) == could


def test_what_was_made_is_no_recording() -> None:
    found = {
        one.provider: one for one in measure([ROOT / "cassettes/sglang"], load_matrix(ROOT / "providers.yaml"), ROOT)
    }
    assert found["sglang"].recordings == 0


def test_what_is_of_no_provider_of_the_matrix_is_not_counted(tmp_path: Path) -> None:
    found = standing(tmp_path, [NULL], entry(), provider="elsewhere")
    assert set(found) == {"acme"}
    assert (found["acme"].recordings, found["acme"].faults) == (0, ())


def test_the_command_prints_the_figures_and_what_is_left(tmp_path: Path) -> None:
    odd = replace_in_body(STREAM, '"object":"chat.completion.chunk"', '"object":"odd"')
    standing(tmp_path, [NULL, NULL, odd], entry(), entry(message="in other words", kind="issue", sometimes=True))
    command = ["registry", str(tmp_path / "a.jsonl"), "--root", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    figures = next(row for row in result.stdout.splitlines() if row.startswith("| acme | 3 |"))
    _, failed, listed, present, seen, without, unseen = (int(cell) for cell in figures.split("|")[2:-1])
    assert (listed, present, seen, without, unseen) == (1, 2, 1, 0, 1)
    assert failed > listed
    assert figures.replace("acme", "all 合计") in result.stdout
    assert "| acme | role.first | SHOULD | 2 of 2 | gpt-4o-mini; 2025-10 | no delta of choice 0 names" in result.stdout
    assert (
        "| acme | role.value | in other words | 2025-10 | issue, sometimes | 3: gpt-4o-mini; 2025-10 |" in result.stdout
    )
    assert "| acme | chunk.object | MUST | 1 of 1 | gpt-4o-mini; 2025-10 | object is '…' in " in result.stdout, (
        "not its words"
    )
    assert "| acme | role.value | MUST" not in result.stdout
    assert CliRunner().invoke(main, [*command, "--write", str(tmp_path / "r.md")]).stdout == ""
    assert (tmp_path / "r.md").read_text() == result.stdout


@pytest.mark.thorough
def test_the_committed_figures_are_current() -> None:
    found = measure(published_folders(ROOT), load_matrix(ROOT / "providers.yaml"), ROOT)
    assert (ROOT / "docs/registry.md").read_text(encoding="utf-8") == render(found), "run: make evidence"
    assert sum(one.listed for one in found) == sum(len(one.faults) for one in found), "what is kept is listed"


@pytest.mark.thorough
@pytest.mark.skipif(
    not all(path.is_dir() for path in OTHERS), reason="the recorded exchanges are not beside this repository"
)
def test_of_what_recordings_show_95_in_100_is_listed() -> None:
    found = measure(OTHERS, load_matrix(ROOT / "providers.yaml"), ROOT)
    assert sum(one.listed for one in found) >= 0.95 * sum(len(one.faults) for one in found) > 100
