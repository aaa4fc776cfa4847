"""Other programs' files called providers.yaml affect no run of pytest, and no command."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from projects import MATRIX, SCHEMA_LINE, write_project

from harness.cli import main

FOREIGN = {
    # A template of a Helm chart: no YAML before it is filled in.
    "helm": """\
{{- range $name, $provider := .Values.providers }}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata:
  name: {{ $name | quote }}
spec: {{- toYaml $provider | nindent 2 }}
{{- end }}
""",
    # Grafana's provisioning of dashboards.
    "grafana": """\
apiVersion: 1
providers:
  - name: default
    orgId: 1
    type: file
    options: {path: /var/lib/grafana/dashboards}
""",
    # A gateway's own list of providers of models, much like ours.
    "gateway": """\
# yaml-language-server: $schema=https://gateway.example/schemas/providers.schema.json
providers:
  - id: openai
    base_url: https://api.openai.com/v1
    api_key: ${OPENAI_API_KEY}
    models: [gpt-4o-mini]
""",
    # Encryption at rest of Kubernetes.
    "kubernetes": """\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers: [{identity: {}}]
""",
    "terraform": "providers:\n  aws: {version: ~> 5.0}\n  google: {version: ~> 6.0}\n",
    "list": "- name: a\n- name: b\n",
    "names": "- openai\n- anthropic\n",
    "tags": "providers: !include providers/*.yaml\n",
    "damaged": "providers:\n\t- {id: [}\n",
    "empty": "",
    "binary": "\ufeff\0\0providers: \x01",
}

pytest_plugins = ["pytester"]


@pytest.fixture(params=list(FOREIGN))
def foreign(request: pytest.FixtureRequest) -> str:
    return FOREIGN[request.param]


def test_a_run_of_pytest_leaves_it_alone(foreign: str, pytester: pytest.Pytester) -> None:
    (pytester.path / "deploy/templates").mkdir(parents=True)
    (pytester.path / "deploy/templates/providers.yaml").write_text(foreign, encoding="utf-8")
    (pytester.path / "providers.yaml").write_text(foreign, encoding="utf-8")
    pytester.makepyfile("def test_mine(): pass")
    told = pytester.runpytest_inprocess("-p", "no:hypothesispytest")
    told.assert_outcomes(passed=1)
    told.stdout.no_fnmatch_line("compat:*")


def test_a_command_uses_what_comes_with_harness(foreign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "providers.yaml").write_text(foreign, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(main, ["providers", "deepseek"])
    assert told.exit_code == 0
    assert "deepseek/deepseek-flash" in told.stdout
    assert told.stderr.startswith("harness: providers.yaml: ignored, because it is not a matrix of harness; ")


def test_one_that_is_named_is_read(pytester: pytest.Pytester) -> None:
    (pytester.path / "providers.yaml").write_text(FOREIGN["grafana"])
    told = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "providers.yaml")
    told.assert_outcomes(errors=1)
    told.stdout.fnmatch_lines(["*providers.yaml:*: providers.0.orgId: unknown key; *"])


@pytest.mark.parametrize(
    ("head", "ini", "arguments"),
    [
        (SCHEMA_LINE, "", []),
        ("# yaml-language-server: $schema=harness/matrix/providers.schema.json\n", "", []),
        ("", "", ["providers.yaml"]),
        ("", "", ["providers.yaml::acme/small/chat.stream/sse.done"]),
        ("", "compat_matrix = providers.yaml", []),
        ("", "testpaths = providers.yaml", []),
    ],
)
def test_one_of_ours_is_collected(head: str, ini: str, arguments: list[str], pytester: pytest.Pytester) -> None:
    write_project(pytester.path, head + MATRIX)
    pytester.makeini(f"[pytest]\n{ini}\n")
    told = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "--compat-check=sse.done", *arguments)
    assert told.parseoutcomes()["passed"] == 1


def test_a_matrix_may_have_another_name_in_the_ini_file(pytester: pytest.Pytester) -> None:
    write_project(pytester.path / "ci", MATRIX, "who.yaml")
    pytester.makeini("[pytest]\ncompat_matrix = ci/who.yaml\n")
    told = pytester.runpytest_inprocess("-p", "no:hypothesispytest", "--compat-check=sse.done")
    assert told.parseoutcomes()["passed"] == 1


def test_one_that_looks_like_ours_is_told(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, MATRIX)
    pytester.makepyfile("def test_mine(): pass")
    told = pytester.runpytest_inprocess("-p", "no:hypothesispytest")
    told.assert_outcomes(passed=1)
    told.stdout.fnmatch_lines(
        ["compat: *providers.yaml: not collected; name it, set compat_matrix, or begin it with: *"]
    )
