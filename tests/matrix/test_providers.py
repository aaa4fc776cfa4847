"""providers.yaml: what is accepted, and what an error says."""

import json
from pathlib import Path

import pytest

from harness.errors import BadProviders
from harness.matrix.providers import json_schema, load_matrix
from harness.matrix.scenarios import CAPABILITIES, SCENARIOS, request_body

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    other_urls: [https://eu.acme.example/v1]
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


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "providers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_matrix(path)


def test_the_projects_own_matrix_is_good() -> None:
    ids = [provider.id for provider in load_matrix(ROOT / "providers.yaml").providers]
    assert ids[:6] == ["deepseek", "siliconflow", "bailian", "qianfan", "volcengine", "openai"]


def test_a_target_knows_what_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "providers.yaml"
    path.write_text(GOOD)
    (target,) = load_matrix(path).targets()
    reasons = {name: target.refuses(scenario) for name, scenario in SCENARIOS.items()}
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
        ("    key_env: ACME_API_KEY\n", "    key_env: A\n    key_env: B\n", ":9: key_env: this key stands twice; delete one"),
        ("providers:", "providers: {}\nx:", ":2: x: unknown key; use one of providers (and 1 more)"),
        ("    models:", "    models: []\n    models_:", ":11: providers.0.models_: unknown key; did you mean models?"),
        ("id: acme", "id: [acme", "not YAML"),
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
