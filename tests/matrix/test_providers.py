"""providers.yaml: what is valid, and the error messages."""

import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.errors import BadProviders
from harness.matrix.providers import Matrix, json_schema, load_matrix
from harness.matrix.recognising import has_schema_line, looks_like_ours
from harness.matrix.scenarios import CAPABILITIES, SCENARIOS, request_body

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    other_urls: [{url: "https://{place}.acme.example/v1", what: another place}]
    host_suffixes: [.acme.example.net]
    aliases: [acme-ai]
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models:
      - id: small
        name: acme/Small
        thinking: {disable: {}}
        lacks: [stream-usage]
"""
FILLED = GOOD.replace("https://api.acme.example/v1", "https://{org}.acme.example/{team}/v1").replace(
    "    docs:", "    fills: {org: ACME_ORG, team: ACME_TEAM}\n    docs:"
)
ALL = [
    "deepseek", "siliconflow", "bailian", "qianfan", "volcengine", "openai", "azure-openai", "anthropic",
    "gemini", "huggingface", "moonshot", "zhipu", "minimax", "stepfun", "hunyuan", "spark", "openrouter",
    "together", "fireworks", "groq", "cerebras", "mistral", "xai", "perplexity", "nvidia", "ollama", "vllm",
    "sglang", "llamacpp", "mlx-lm", "lm-studio", "litellm", "aimock", "claude-code-router",
]  # fmt: skip


def load(tmp_path: Path, text: str) -> Matrix:
    path = tmp_path / "providers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_matrix(path)


def test_the_projects_own_matrix_names_every_provider() -> None:
    assert [provider.id for provider in load_matrix(ROOT / "providers.yaml").providers] == ALL


def test_every_fact_of_the_own_matrix_has_a_source_and_what_none_confirms_is_said() -> None:
    for provider in load_matrix(ROOT / "providers.yaml").providers:
        about = {topic for source in provider.sources for topic in source.about}
        assert provider.confidence, provider.id
        low = [topic for topic, trust in provider.confidence if trust == "low"]
        assert not low or provider.note, f"{provider.id}: say in a note that nothing confirms {low}"
        assert "lacks" in about or not (provider.lacks or any(model.lacks for model in provider.models)), provider.id
        switches = [switch for model in provider.models for switch in (model.thinking.enable, model.thinking.disable)]
        assert "thinking" in about or not any(switches), provider.id
        assert all(model.valid for model in provider.models), provider.id


def test_what_is_said_to_be_recorded_is() -> None:
    for target in load_matrix(ROOT / "providers.yaml").targets():
        if target.model.valid and target.model.valid.how == "recorded":
            assert list((ROOT / "cassettes" / target.id).glob("*.yaml")), target.id


@pytest.mark.parametrize(
    ("host", "name", "found"),
    [
        ("", "dashscope", "bailian"),
        ("ws-7.cn-beijing.maas.aliyuncs.com", None, "bailian"),
        ("", "volcengine-ark", "volcengine"),
        ("", "gemini-openai", "gemini"),
        ("", "anthropic-openai-compat", "anthropic"),
        ("me.services.ai.azure.com", "azure-foundry", "azure-openai"),
        ("me.cognitiveservices.azure.com", None, "azure-openai"),
        ("", "azure-foundry", "azure-openai"),
        ("api.z.ai", "zai", "zhipu"),
        ("ollama.com", "ollama-cloud", "ollama"),
        ("api.hunyuan.cloud.tencent.com", None, "hunyuan"),
        ("localhost:11434", None, "ollama"),
        ("localhost:8000", "vllm", "vllm"),
        ("127.0.0.1:8080", "mlx-lm", "mlx-lm"),
        ("127.0.0.1:8080", None, None),
        ("api.inference.crusoecloud.com", "crusoe", None),
    ],
)
def test_the_own_matrix_knows_the_names_of_recordings(host: str, name: str | None, found: str | None) -> None:
    provider = load_matrix(ROOT / "providers.yaml").provider_of(host, name)
    assert (provider.id if provider else None) == found


def test_no_two_providers_share_a_name_or_an_address_but_a_local_one() -> None:
    providers = load_matrix(ROOT / "providers.yaml").providers
    names = [name for provider in providers for name in (provider.id, *provider.aliases)]
    assert len(names) == len(set(names))
    for provider in providers:
        host = urlsplit(provider.base_url.format_map(dict.fromkeys(provider.fills, "x"))).netloc
        there = [one.id for one in providers if one.answers_at(host)]
        assert there == [provider.id] or host == "127.0.0.1:8080"


def test_a_target_knows_what_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "providers.yaml"
    path.write_text(GOOD)
    (target,) = load_matrix(path).targets()
    reasons = {name: target.skip_reason(scenario) for name, scenario in SCENARIOS.items()}
    assert target.id == "acme/small"
    assert reasons["chat.stream"] is None
    assert reasons["chat.stream-usage"] == "acme/small lacks stream-usage"
    assert {name for name, reason in reasons.items() if reason == "small can't think"} == {
        name for name, scenario in SCENARIOS.items() if scenario.thinking
    }


@pytest.mark.parametrize(
    ("host", "name", "found"),
    [
        ("api.acme.example", None, "acme"),
        ("eu.acme.example", None, "acme"),
        ("EU.Acme.example", None, "acme"),
        ("a.eu.acme.example", None, None),
        (".acme.example", None, None),
        ("x.acme.example.net", None, "acme"),
        ("", "acme-ai", "acme"),
        ("", "acme", "acme"),
        ("acme.example.net.evil.example", None, None),
        ("", None, None),
        ("", "other", None),
    ],
)
def test_a_provider_is_found_by_host_or_name(tmp_path: Path, host: str, name: str | None, found: str | None) -> None:
    path = tmp_path / "providers.yaml"
    path.write_text(GOOD)
    provider = load_matrix(path).provider_of(host, name)
    assert (provider.id if provider else None) == found


def entry(name: str, address: str) -> str:
    return GOOD.partition("\n")[2].replace("id: acme", f"id: {name}").replace("acme-ai", f"{name}-ai").replace("https://api.acme.example/v1", address)  # fmt: skip


@pytest.mark.parametrize(
    ("host", "name", "found"),
    [
        ("localhost:9000", None, "one"),
        ("127.0.0.1:9000", None, "one"),
        ("[::1]:9000", None, "one"),
        ("localhost:9000", "two", "two"),  # any server may listen here
        ("localhost:9000", "unheard", None),
        ("api.three.example", "two", "three"),
        ("localhost:8080", None, None),  # two of them listen there by default
        ("localhost:8080", "two-ai", "two"),
        ("localhost:8080", "unheard", None),
        ("localhost", None, None),
        ("localhost.evil.example:9000", None, None),
    ],
)
def test_a_local_address_says_little(tmp_path: Path, host: str, name: str | None, found: str | None) -> None:
    addresses = {
        "one": "http://localhost:9000/v1",
        "two": "http://127.0.0.1:8080/v1",
        "four": "http://localhost:8080/v1",
    }
    entries = [entry(*item) for item in {**addresses, "three": "https://api.three.example/v1"}.items()]
    provider = load(tmp_path, "providers:\n" + "".join(entries)).provider_of(host, name)
    assert (provider.id if provider else None) == found


def test_a_model_may_answer_elsewhere(tmp_path: Path) -> None:
    matrix = load(tmp_path, FILLED.replace("name: acme/Small", "base_url: https://small.acme.example.org/v2"))
    (target,) = matrix.targets()
    assert target.url({}) == "https://small.acme.example.org/v2"
    assert matrix.provider_of("small.acme.example.org") is target.provider


def test_an_address_is_filled_from_the_environment(tmp_path: Path) -> None:
    (target,) = load(tmp_path, FILLED).targets()
    there = {"ACME_API_KEY": "k", "ACME_ORG": "me-2.eu", "ACME_TEAM": "x_1"}
    assert target.unset(there) is None
    assert target.url(there) == "https://me-2.eu.acme.example/x_1/v1"
    assert target.provider.answers_at("me.acme.example")
    for name in there:
        assert target.unset(there | {name: ""}) == name
        assert target.unset({key: value for key, value in there.items() if key != name}) == name


@pytest.mark.parametrize("where", ["    docs:", "        name:"])
def test_a_target_without_keys_needs_none(tmp_path: Path, where: str) -> None:
    text = FILLED.replace("        lacks: [stream-usage]\n", "").replace(
        where, f"{where[: -len(where.lstrip())]}lacks: [key]\n{where}"
    )
    (target,) = load(tmp_path, text).targets()
    assert target.unset({"ACME_ORG": "me", "ACME_TEAM": "x"}) is None
    assert target.unset({}) == "ACME_ORG"


@pytest.mark.parametrize("value", ["https://me.acme.example", "evil.example/", "a b", "@evil.example", "a?b", "é", ""])
def test_what_is_no_part_of_an_address_is_refused_unseen(tmp_path: Path, value: str) -> None:
    (target,) = load(tmp_path, FILLED).targets()
    with pytest.raises(BadProviders) as caught:
        target.url({"ACME_ORG": value, "ACME_TEAM": "x"})
    assert "ACME_ORG" in str(caught.value)
    assert "give only the part for {org} in https://{org}.acme.example/{team}/v1" in str(caught.value)
    assert not value or value not in str(caught.value).replace("{org}.acme.example", "")


VALID = "valid: {at: 2026-10-01, how: answered, source: https://acme.example/x}"


def test_dates_are_read_as_text(tmp_path: Path) -> None:
    for written in ("2026", "2026-10", "2026-10-01", "'2026-10'"):
        text = GOOD.replace("thinking:", VALID.replace("2026-10-01", written) + "\n        thinking:")
        (target,) = load(tmp_path, text).targets()
        assert target.model.valid
        assert target.model.valid.at == written.strip("'")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("api.acme.example", "{Org}.acme.example", ":4: providers.0.base_url: bad placeholder in https://{Org}.acme.example/v1; write {name}, the name in a-z"),
        ("api.acme.example", "{}.acme.example", ":4: providers.0.base_url: bad placeholder"),
        ("api.acme.example", "{org.acme.example", ":4: providers.0.base_url: bad placeholder"),
        ("api.acme.example", "{org!r}.acme.example", ":4: providers.0.base_url: bad placeholder"),
        ("api.acme.example", "{org}.acme.example", ":2: providers.0.fills: base_url contains {org}; name the variable that fills it, such as org: ACME_ORG"),
        ("{place}", "{Place}", ":5: providers.0.other_urls.0.url: bad placeholder"),
        ("https://{place}.acme.example/v1", "acme", ":5: providers.0.other_urls.0.url: input should be a valid URL"),
        ("    docs:", "    fills: {org: ACME_ORG}\n    docs:", ":9: providers.0.fills: base_url does not contain {org}; delete org"),
        ("    docs:", "    fills: {org: acme-org}\n    docs:", ":9: providers.0.fills.org: string should match pattern"),
        (", what: another place", "", ":5: providers.0.other_urls.0.what: missing; add it"),
        ("thinking:", "valid: {at: 2026-10, how: documented}\n        thinking:", ":13: providers.0.models.0.valid: documented needs a source; add source"),
        ("thinking:", "valid: {at: autumn, how: recorded}\n        thinking:", ":13: providers.0.models.0.valid.at: string should match pattern"),
        ("thinking:", "valid: {at: 2026, how: guessed}\n        thinking:", ":13: providers.0.models.0.valid.how: input should be 'recorded', 'made', "),
        ("    docs:", "    sources: [{url: https://acme.example, about: [colour]}]\n    docs:", ":9: providers.0.sources.0.about.0: input should be 'url', 'key'"),
        ("    docs:", "    sources: [{url: https://acme.example, about: []}]\n    docs:", ":9: providers.0.sources.0.about: tuple should have at least 1 item"),
        ("    docs:", "    confidence: {url: low, key: low, models: medium, stream: low, errors: low}\n    docs:", ":9: providers.0.confidence: models is medium, but no source is about models; add one, or say low"),
        ("    docs:", "    confidence: {url: low}\n    docs:", ":9: providers.0.confidence.key: missing; add it (and 3 more)"),
        ("    docs:", "    retired_models: [{name: old, at: soon, source: https://acme.example}]\n    docs:", ":9: providers.0.retired_models.0.at: input should be a valid date"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_address_or_a_claim_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(BadProviders, match=re.escape(said)) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("key_env:", "keyenv:", ":8: providers.0.keyenv: unknown key; did you mean key_env? (and 1 more)"),
        ("name: acme/Small", "colour: red", ":12: providers.0.models.0.colour: unknown key; use one of id, name"),
        ("disable: {}", "disable: {}, of: {}", ":13: providers.0.models.0.thinking.of: unknown key; use one of enable, disable"),
        ("    docs: https://acme.example/docs\n", "", ":2: providers.0.docs: missing; add it"),
        ("docs: https://acme.example/docs", "docs: 7", ":9: providers.0.docs: input should be a valid string, not 7"),
        ("https://api.acme.example/v1", "api.acme.example", ":4: providers.0.base_url: "),
        ("id: acme", "id: Acme", ":2: providers.0.id: string should match pattern"),
        ("ACME_API_KEY", "acme-key", ":8: providers.0.key_env: string should match pattern"),
        ("stream-usage", "tols", ":14: providers.0.models.0.lacks.0: unknown capability; use one of stream-usage"),
        ("    key_env: ACME_API_KEY\n", "    key_env: A\n    key_env: B\n", ":9: key_env: this key appears twice; delete one"),
        ("providers:", "providers: {}\nx:", ":2: x: unknown key; use one of providers, published_only (and 1 more)"),
        ("    models:", "    models: []\n    models_:", ":11: providers.0.models_: unknown key; did you mean models?"),
        ("id: acme", "id: [acme", "not YAML"),
        ("docs: https://acme.example/docs", "docs: &x [*x]", ":9: this alias refers to itself or expands too far; write out what"),
        ("name: Acme\n", "name: Ac\x0bme\n", ":3: not YAML: special characters are not allowed; mend that line"),
        ("disable: {}", "off: {}", "keys should be strings, not False"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_fix(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(BadProviders) as caught:
        load(tmp_path, GOOD.replace(old, new))
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "providers.yaml:"))
    assert said in message
    assert "\n" not in message


def test_a_few_aliases_that_stand_for_too_much_are_refused(tmp_path: Path) -> None:
    bomb = "".join(f"x{n + 1}: &x{n + 1} [{', '.join([f'*x{n}'] * 10)}]\n" for n in range(9))
    with pytest.raises(
        BadProviders, match=r"providers\.yaml:\d+: this alias refers to itself or expands too far; write out"
    ):
        load(tmp_path, f"x0: &x0 [a]\n{bomb}{GOOD}")


def test_what_is_too_large_to_be_written_by_a_person_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadProviders, match=r"providers\.yaml: more than 200,000 values; delete those"):
        load(tmp_path, GOOD + "x: [" + "a," * 300_000 + "]\n")
    with (tmp_path / "providers.yaml").open("wb") as file:
        file.truncate(1 << 40)  # of holes: it takes no room
    with pytest.raises(BadProviders, match=r"providers\.yaml: it holds more than 8,388,608 bytes; delete what"):
        load_matrix(tmp_path / "providers.yaml")
    assert not has_schema_line(tmp_path / "providers.yaml")
    assert looks_like_ours(tmp_path / "providers.yaml"), "so that it is told"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes among its files")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "providers.yaml"
    os.mkfifo(path)
    with pytest.raises(BadProviders, match=r"providers\.yaml: not a regular file; write it as a file"):
        load_matrix(path)
    assert not has_schema_line(path)
    assert looks_like_ours(path), "so that it is told"


@pytest.mark.parametrize("what", ["provider", "model"])
def test_an_id_stands_once(tmp_path: Path, what: str) -> None:
    start = GOOD.index("  - id: acme" if what == "provider" else "      - id: small")
    with pytest.raises(BadProviders, match=f"two {what}s have the id"):
        load(tmp_path, GOOD + GOOD[start:])


@pytest.mark.parametrize(
    ("text", "said"), [("", "not a mapping"), ("- a", "not a mapping"), ("providers: []", "at least 1 item")]
)
def test_an_empty_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadProviders, match=said):
        load(tmp_path, text)


def test_no_file_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadProviders, match=r"No such file.*run this where a providers\.yaml is"):
        load_matrix(tmp_path / "providers.yaml")
    (tmp_path / "providers.yaml").write_bytes(b"\xff")
    with pytest.raises(BadProviders, match="not UTF-8"):
        load_matrix(tmp_path / "providers.yaml")


def test_the_schema_for_editors_is_current() -> None:
    stored = json.loads((ROOT / "harness/matrix/providers.schema.json").read_text())
    assert stored == json.loads(json.dumps(json_schema())), "run: make schema"


def test_the_schema_names_the_capabilities() -> None:
    assert {"stream-usage", "reasoning-nonstream", "tools", "json-schema"} <= set(CAPABILITIES)
    assert json.dumps(list(CAPABILITIES)) in json.dumps(json_schema())


def test_a_request_carries_the_providers_own_switch() -> None:
    body = request_body(SCENARIOS["reasoning.stream"], "acme/Small", {"enable_thinking": True})
    assert body["model"] == "acme/Small"
    assert body["stream"] is True
    assert body["enable_thinking"] is True
    assert "stream_options" not in body
