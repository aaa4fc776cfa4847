"""A drafted provider is valid except for the reasons, passes once they are filled, and loses nothing."""

import contextlib
import dataclasses
import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType

import orjson
import pytest
import yaml
from click.testing import CliRunner, Result
from parted import parted
from scripted import IDEAL, End, Received, Script, Server, ideal_answer, plays, refuses

from harness.cli import main
from harness.judging.drafted import in_common
from harness.matrix.providers import load_matrix
from harness.matrix.recognising import has_schema_line
from harness.matrix.scenarios import SCENARIOS
from harness.results import Outcome
from harness.simulate.reference import replace_in_body

ROOT = Path(__file__).resolve().parents[2]
DOCS = "https://docs.acme.example/chat"
THINKING = {name for name, one in SCENARIOS.items() if one.thinking}


def faulty(request: Received) -> Iterable[bytes | float | End]:
    answer = ideal_answer(request)
    before = '"finish_reason":null'
    return plays(
        replace_in_body(answer, before, '"finish_reason":""') if before.encode() in answer.response.body else answer
    )(request)


def draft(server: Server, root: Path, *options: str, key: str = "good") -> Result:
    command = [
        "new-provider",
        server.base_url,
        "-m",
        "gpt-4o-mini",
        "--id",
        "acme",
        "--docs",
        DOCS,
        "--root",
        str(root),
        "--long",
        "--max-tokens",
        "500000",
    ]
    return CliRunner().invoke(main, [*command, *options], env={"ACME_API_KEY": key, "OTHER_KEY": "good"})


def run(root: Path) -> Result:
    return CliRunner().invoke(main, ["run", "--provider", "acme", "--root", str(root), "--format", "json"])


def fill(root: Path) -> None:
    path = root / "cassettes/acme/deviations.yaml"
    if path.exists():
        path.write_text(path.read_text().replace("reason: ''", "reason: It is so."))


def walk_through() -> list[str]:
    """Return the commands of CONTRIBUTING.md for adding a provider."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text.partition("## Add a provider")[2].partition("\n## ")[0]
    return re.findall(r"^\$ harness (.*)$", part, re.MULTILINE)


def servers() -> ModuleType:
    path = ROOT / "engines/servers.py"
    spec = importlib.util.spec_from_file_location("servers", path)
    assert spec
    assert spec.loader
    module = sys.modules["servers"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def a_faulty_provider() -> Iterator[tuple[str, str, str]]:
    with Server(faulty) as server:
        yield server.base_url, "gpt-4o-mini", "good"


@contextmanager
def llamacpp() -> Iterator[tuple[str, str, str]]:
    engines = servers()
    if not engines.ENGINES["xllamacpp"].installed:
        pytest.skip("llama.cpp's server is not installed here: python engines/servers.py install llamacpp")
    with engines.running("llamacpp") as server:
        yield server.base_url, server.model, server.key


@pytest.mark.parametrize("endpoint", [a_faulty_provider, llamacpp])
def test_the_walk_through_of_contributing_leads_to_a_green_run(
    endpoint: Callable[[], AbstractContextManager[tuple[str, str, str]]], tmp_path: Path
) -> None:
    drafting, judging = (shlex.split(line) for line in walk_through())
    runner = CliRunner()
    with endpoint() as (address, model, key):
        at = [
            address if word.startswith("http://localhost") else model if word == "qwen3" else word for word in drafting
        ]
        drafted = runner.invoke(main, [*at, "--root", str(tmp_path)], env={"ACME_API_KEY": key})
    assert drafted.exit_code == 0, drafted.output
    assert f"cassettes/acme/{model}/: 52 recordings" in drafted.stdout, (
        "all but thinking, and what is asked with --long only"
    )
    assert drafted.stdout.splitlines()[-1] == "then: harness run --provider acme"
    refused = runner.invoke(main, [*judging, "--root", str(tmp_path)])
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert re.search(r"cassettes/acme/deviations\.yaml:\d+: deviations\.0\.reason: empty; fill it in", refused.stderr)
    fill(tmp_path)
    judged = run(tmp_path)
    assert judged.exit_code == 0, judged.output
    found = [json.loads(line) for line in judged.stdout.splitlines()]
    assert sum(one["outcome"] == Outcome.KNOWN for one in found) > 1
    assert {one["provenance"] for one in found if one["provenance"]} == {"recorded"}


@pytest.mark.thorough
def test_of_a_faulty_provider_each_rule_that_fails_is_an_entry(tmp_path: Path) -> None:
    with Server(faulty) as server:
        assert draft(server, tmp_path).exit_code == 0
    listed = yaml.safe_load((tmp_path / "cassettes/acme/deviations.yaml").read_text())["deviations"]
    assert {one["check"] for one in listed} == {"finish_reason.null-before-end", "sdk.strict"}
    first = next(one for one in listed if one["check"] == "finish_reason.null-before-end")
    assert first["message"] == 'finish_reason is "" in * of * choices'
    assert (first["reason"], first["source"]) == ("", DOCS)
    assert first["scenarios"] == [name for name in SCENARIOS if name in first["scenarios"]], "in the order of the table"
    assert {"chat.stream", "tools.auto", "parity.chat"} <= set(first["scenarios"])
    assert "chat.nonstream" not in first["scenarios"]


def test_the_key_is_not_on_disk(tmp_path: Path) -> None:
    key = "good"
    with Server(IDEAL) as server:
        assert draft(server, tmp_path, key=key).exit_code == 0
    assert any(request.header("authorization") == f"Bearer {key}" for request in server.requests)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files if key.encode() in path.read_bytes()] == []


def with_providers_first() -> str:
    return (ROOT / "providers.yaml").read_text(encoding="utf-8")


def with_providers_last() -> str:
    """Return the same file, its keys in another order."""
    first, mark, then = with_providers_first().partition("\n# Known by the recordings")
    head, key, providers = first.partition("\nproviders:\n")
    assert mark, key
    return f"{head}{mark}{then}{key}{providers}  # The last words.\n\n"


@pytest.mark.parametrize("whole", parted([with_providers_first, with_providers_last], {with_providers_last}))
def test_an_entry_is_appended_and_all_that_stands_there_stays(whole: Callable[[], str], tmp_path: Path) -> None:
    before = whole()
    (tmp_path / "providers.yaml").write_text(before, encoding="utf-8")
    with Server(IDEAL) as server:
        result = draft(server, tmp_path, "--name", "Acme: 云", "--key-env", "OTHER_KEY")
    assert result.exit_code == 0, result.output
    after = (tmp_path / "providers.yaml").read_text(encoding="utf-8")
    if whole is with_providers_last:
        assert after.startswith(before.rstrip())
    added = "\n  - id: acme\n" + after.partition("\n  - id: acme\n")[2].partition("\n\n")[0].rstrip("\n") + "\n"
    assert after.replace(added, "", 1).rstrip() == before.rstrip()
    *others, acme = load_matrix(tmp_path / "providers.yaml").providers
    assert tuple(others) == load_matrix(ROOT / "providers.yaml").providers
    assert (acme.name, acme.key_env, acme.base_url, acme.docs) == ("Acme: 云", "OTHER_KEY", server.base_url, DOCS)


def test_what_is_not_said_is_made_of_the_address(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        command = ["new-provider", server.base_url, "-m", "gpt-4o-mini", "--root", str(tmp_path)]
        result = CliRunner().invoke(main, command, env={f"AT_127_0_0_1_{server.port}_API_KEY": "good"})
    assert result.exit_code == 0, result.output
    (made,) = load_matrix(tmp_path / "providers.yaml").providers
    assert (made.id, made.name) == (f"127.0.0.1-{server.port}", f"127.0.0.1-{server.port}")
    assert made.docs == server.base_url
    assert (
        f"docs: {server.base_url} is only a placeholder; replace it with the page that documents the API"
        in result.stdout
    )
    assert has_schema_line(tmp_path / "providers.yaml"), "pytest collects it"


def test_an_ideal_provider_has_nothing_to_list_but_a_clock_that_stands_still(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        draft(server, tmp_path)
    path = tmp_path / "cassettes/acme/deviations.yaml"
    listed = yaml.safe_load(path.read_text())["deviations"] if path.exists() else []
    assert {one["check"] for one in listed} <= {"identity.created-near"}


def without_tools(request: Received) -> Iterable[bytes | float | End]:
    script: Script = refuses(400, message="tools are not supported") if b'"tools":' in request.body else IDEAL
    return script(request)


def test_a_capability_that_is_refused_is_lacking(tmp_path: Path) -> None:
    with Server(without_tools) as server:
        result = draft(server, tmp_path)
    (acme,) = load_matrix(tmp_path / "providers.yaml").providers
    assert acme.lacks == ("tools",)
    assert "lacks: tools" in result.stdout
    kept = {path.stem for path in (tmp_path / "cassettes/acme/gpt-4o-mini").glob("*.yaml")}
    assert kept == {name for name, one in SCENARIOS.items() if "tools" not in one.needs and not one.thinking}


def always_thinking(request: Received) -> Iterable[bytes | float | End]:
    with contextlib.suppress(orjson.JSONDecodeError):
        body = orjson.loads(request.body) | {"reasoning_effort": "high"}
        return plays(ideal_answer(dataclasses.replace(request, body=orjson.dumps(body))))(request)
    return IDEAL(request)


@pytest.mark.thorough
def test_of_a_model_that_thinks_unasked_what_is_kept_is_its_thoughts(tmp_path: Path) -> None:
    with Server(always_thinking) as server:
        result = draft(server, tmp_path)
    assert result.exit_code == 0, result.output
    (acme,) = load_matrix(tmp_path / "providers.yaml").providers
    assert (acme.models[0].thinking.enable, acme.models[0].thinking.disable) == ({}, None)
    assert "thinking.disable" in (acme.models[0].note or "")
    assert {path.stem for path in (tmp_path / "cassettes/acme/gpt-4o-mini").glob("*.yaml")} == THINKING


def switched(request: Received) -> Iterable[bytes | float | End]:
    """Respond like a model that thinks unless enable_thinking is false."""
    with contextlib.suppress(orjson.JSONDecodeError):
        body = orjson.loads(request.body)
        if body.pop("enable_thinking", True):
            body["reasoning_effort"] = "high"
        return plays(ideal_answer(dataclasses.replace(request, body=orjson.dumps(body))))(request)
    return IDEAL(request)


@pytest.mark.parametrize(
    ("options", "enable", "kept"),
    [
        pytest.param(("--thinking-off", '{"enable_thinking": false}'), {}, set(SCENARIOS), marks=pytest.mark.thorough),
        (("--thinking-off", '{"enable_thinking": false}', "--thinking-on", '{"enable_thinking": true}'), {"enable_thinking": True}, set(SCENARIOS)),
        pytest.param(
            ("--thinking-off", '{"enable_thinking": false}', "--thinking-on", '{"enable_thinking": false}'), None, set(SCENARIOS) - THINKING,
            marks=pytest.mark.thorough,
        ),
    ],
)  # fmt: skip
def test_with_the_switch_all_is_asked_and_kept(
    options: tuple[str, ...], enable: dict[str, bool] | None, kept: set[str], tmp_path: Path
) -> None:
    with Server(switched) as server:
        result = draft(server, tmp_path, *options)
    assert result.exit_code == 0, result.output
    (acme,) = load_matrix(tmp_path / "providers.yaml").providers
    (model,) = acme.models
    assert (model.thinking.enable, model.thinking.disable) == (enable, {"enable_thinking": False})
    assert (model.note is None) == (enable is not None)
    assert {path.stem for path in (tmp_path / "cassettes/acme/gpt-4o-mini").glob("*.yaml")} == kept
    fill(tmp_path)
    assert run(tmp_path).exit_code == 0


@pytest.mark.thorough
def test_what_gave_no_answer_is_not_kept(tmp_path: Path) -> None:
    def busy(request: Received) -> Iterable[bytes | float | End]:
        return (refuses(429) if b'"seed"' in request.body else IDEAL)(request)

    with Server(busy) as server:
        result = draft(server, tmp_path)
    assert "1 not kept: status 429" in result.stdout
    assert not (tmp_path / "cassettes/acme/gpt-4o-mini/params.seed.yaml").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--id", "deepseek"), "providers.yaml: deepseek is there already; name another --id, or: harness record deepseek"),
        (("--id", "kept"), "it is there already; name another --id, or delete it"),
        (("--id", "A B"), "id: String should match pattern"),
        (("--key-env", "key"), "key_env: String should match pattern"),
        (("--docs", "docs"), "docs: "),
        (("--thinking-on", "true"), "--thinking-on: 'true' is not a JSON object; write one such as"),
        (("--thinking-off", "{"), "--thinking-off: '{' is not a JSON object; write one such as"),
    ],
)  # fmt: skip
def test_what_makes_no_entry_is_refused_before_anything_is_asked(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "providers.yaml").write_bytes((ROOT / "providers.yaml").read_bytes())
    (tmp_path / "cassettes/kept").mkdir(parents=True)
    with Server(IDEAL) as server:
        result = draft(server, tmp_path, *options)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr
    assert server.requests == []


def test_a_list_in_a_row_takes_no_entry(tmp_path: Path) -> None:
    row = {
        "id": "x",
        "name": "x",
        "base_url": "https://x.example",
        "key_env": "X",
        "docs": DOCS,
        "models": [{"id": "m", "thinking": {}}],
    }
    (tmp_path / "providers.yaml").write_text(json.dumps({"providers": [row]}))
    with Server(IDEAL) as server:
        result = draft(server, tmp_path)
    assert (result.exit_code, server.requests) == (2, [])
    assert "an entry can't be put at its end" in result.stderr


def keyless(request: Received) -> Iterable[bytes | float | End]:
    return IDEAL(dataclasses.replace(request, headers=[("authorization", "Bearer good"), *request.headers]))


@pytest.mark.thorough
def test_where_no_key_is_set_and_none_is_asked_for_it_lacks_one(tmp_path: Path) -> None:
    with Server(keyless) as server:
        result = draft(server, tmp_path, key="")
    assert result.exit_code == 0, result.output
    assert "without a key: ACME_API_KEY is not set" in result.stderr
    (acme,) = load_matrix(tmp_path / "providers.yaml").providers
    assert acme.lacks == ("key",)
    assert not (tmp_path / "cassettes/acme/gpt-4o-mini/error.bad-key.yaml").exists()


def test_nobody_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with Server(refuses(401)) as server:
        result = draft(server, tmp_path)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["usage came 2 times"], "usage came * times"),
        (["usage came 2 times", "usage came 2 times"], "usage came * times"),
        (["1 of 50 chunks have usage", "1 of 9 chunks have usage"], "* of * chunks have usage"),
        (["code is 400, not a string"], "code is 400, not a string"),
        (["code is 400, not a string", "code is 401, not a string"], "code is *, not a string"),
        (["role is 'ai' in 3 choices"], "role is 'ai' in 3 choices"),
        (["role is 'ai' in 3 choices", "role is 'bot' in 3 choices"], "role is * in 3 choices"),
        (["nothing varies"], "nothing varies"),
        (["created is 416 days from the date of the response"], "created is * days from the date of the response"),
        (["prompt_tokens is 9, and was 9 before"], "prompt_tokens is *, and was * before"),
        (["another answer has the id 'chatcmpl-7x1' as well"], "another answer has the id * as well"),
    ],
)
def test_what_messages_have_in_common(messages: list[str], expected: str) -> None:
    assert in_common(messages) == expected
