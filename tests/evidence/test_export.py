"""The export for other programs follows its schema, is shown by recordings, and is never guessed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from harness.checks import CHECKS
from harness.cli import main
from harness.evidence.export.build import export
from harness.evidence.export.document import dump, json_schema
from harness.evidence.stand_ins import with_published
from harness.judging.deviations import load_deviations
from harness.judging.runner import Subject, judge_exchanges
from harness.matrix.providers import Provider, load_matrix
from harness.matrix.scenarios import SCENARIOS
from harness.results import Deviation, Finding, Level, Outcome
from harness.simulate.chat.ideal import recording
from harness.wire.exchange import Source

ROOT = Path(__file__).resolve().parents[2]
EXPORTS = sorted((ROOT / "reports/export").glob("*.json"))
FIRST_SCHEMA = json.loads((ROOT / "tests/evidence/export.v1.schema.json").read_text())
ACME = Provider.model_validate({
    "id": "acme", "name": "Acme", "base_url": "https://api.acme.example/v1", "key_env": "ACME_API_KEY",
    "docs": "https://docs.acme.example",
    "models": [
        {"id": "small", "thinking": {"disable": {}}},
        {"id": "large", "thinking": {"enable": {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}}},
    ],
})  # fmt: skip


def seen(check: str, value: str, scenario: str = "chat.stream", model: str = "small", **more: Any) -> Finding:
    """Return the value of an observation or, with ``outcome``, the message of a rule for a recording."""
    told: dict[str, Any] = {"provenance": "recorded", "recorded_at": "2026-10-02", "outcome": Outcome.OBSERVED} | more
    level = CHECKS[check].level
    if told["outcome"] is Outcome.OBSERVED:
        return Finding("acme", model, scenario, check, level, value=value, **told)
    return Finding("acme", model, scenario, check, level, message=value, **told)


def flags(*findings: Finding) -> dict[str, list[Any]]:
    told = json.loads(export(ACME, findings, ()).to_json())
    jsonschema.validate(told, json_schema())
    return {name: [one["value"] for one in said] for name, said in told["flags"].items()}


@pytest.fixture(scope="module")
def now(matrix_findings: tuple[Finding, ...], published_findings: tuple[Finding, ...]) -> dict[str, str]:
    """The current export of each provider of the matrix, and of those known only by published recordings."""
    findings = (*matrix_findings, *published_findings)
    return {
        one.id: export(one, findings, load_deviations(ROOT / "cassettes" / one.id)).to_json()
        for one in with_published(load_matrix(ROOT / "providers.yaml"), ROOT).providers
    }


@pytest.mark.thorough
def test_the_committed_exports_are_current(now: dict[str, str]) -> None:
    assert {path.stem: path.read_text(encoding="utf-8") for path in EXPORTS} == now, "run: make export"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in EXPORTS])
def test_every_export_is_as_the_schema_says_and_as_its_first_one_said(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    for schema in (json_schema(), FIRST_SCHEMA):
        jsonschema.Draft202012Validator(schema).validate(told)


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "harness/evidence/export/schema.json").read_text(encoding="utf-8") == dump(json_schema()), (
        "run: make export"
    )
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_within_a_version_nothing_goes_and_nothing_changes_its_kind() -> None:
    current = json_schema()
    assert current["$id"] == FIRST_SCHEMA["$id"], "another version has another first schema: keep its copy here"
    for name, first in {"": FIRST_SCHEMA, **FIRST_SCHEMA["$defs"]}.items():
        own = current["$defs"][name] if name else current
        for key, kind in first["properties"].items():
            assert bare(own["properties"][key]) == bare(kind), f"{name}.{key}"
        assert set(first.get("required", ())) <= set(own.get("required", ())), name


def bare(kind: Any) -> Any:
    """Return a part of a schema without descriptions and permitted extensions."""
    if isinstance(kind, dict):
        return {key: bare(value) for key, value in kind.items() if key not in {"description", "title", "enum"}}
    return [bare(one) for one in kind] if isinstance(kind, list) else kind


def test_a_reader_of_today_reads_what_is_added_later() -> None:
    told = json.loads((ROOT / "reports/export/deepseek.json").read_text(encoding="utf-8"))
    told["added"] = told["provider"]["added"] = told["flags"]["added"] = 1
    told["provider"]["models"][0]["added"] = told["deviations"][0]["added"] = told["deviations"][0]["shown"][0][
        "added"
    ] = 1
    jsonschema.validate(told, FIRST_SCHEMA)
    del told["provider"]["base_url"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, FIRST_SCHEMA)


def test_of_the_ideal_provider_the_flags_are_those_of_openai() -> None:
    findings: list[Finding] = []
    for scenario in SCENARIOS.values():
        came = [replace(one, source=Source("recorded", "2026-10-02")) for one in recording(scenario)]
        findings += judge_exchanges(came, Subject("acme", "small", scenario.id, None), CHECKS.values())
    assert flags(*findings) == {
        "supportsDeveloperRole": [True],
        "supportsStore": [True],
        "supportsUsageInStreaming": [True],
        "supportsJsonObject": [True],
        "supportsJsonSchema": [True],
        "maxTokensField": ["max_tokens", "max_completion_tokens"],
        "requiresReasoningContentOnAssistantMessages": [False],
        "reasoningField": ["reasoning_content"],
        "usagePlacement": ["own chunk"],
        "usagePlacementUnasked": ["none"],
        "emptyChoicesChunk": [True],
        "toolDeltaIndex": ["given"],
        "toolArguments": ["in pieces"],
        "finishReasonBeforeEnd": ["null"],
        "rolePattern": ["first"],
        "doneMarker": ["[DONE]"],
        "errorEnvelope": ["nested"],
        "streamMediaType": ["text/event-stream; charset=utf-8"],
    }


def test_a_dialect_that_it_lacks_stands_apart_since_the_first_schema_knows_none() -> None:
    small, large = (one.model_copy(update={"lacks": ("messages", "tools")}) for one in ACME.models)
    lacking = ACME.model_copy(update={"lacks": ("key", "messages"), "models": (small, large)})
    told = json.loads(export(lacking, (), ()).to_json())
    for schema in (json_schema(), FIRST_SCHEMA):
        jsonschema.validate(told, schema)
    assert (told["lacks_dialects"], told["provider"]["lacks"]) == (["messages"], ["key"])
    assert [one["lacks"] for one in told["provider"]["models"]] == [["tools"], ["tools"]]
    assert "lacks_dialects" not in json.loads(export(ACME, (), ()).to_json())


def test_what_nothing_shows_is_left_out() -> None:
    missing = Finding("acme", "small", "chat.stream", "recording.present", Level.MUST, Outcome.MISSING, "no recording")
    other = replace(seen("role.pattern", "first"), provider="other")
    blocked = seen("tool_calls.index", "sse.json must pass first", outcome=Outcome.BLOCKED)
    assert flags(missing, other, blocked) == {}


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (seen("params.outcome", "developer role: refused (400)"), {"supportsDeveloperRole": [False]}),
        (seen("params.outcome", "max_tokens: refused (400)"), {}),
        (seen("params.outcome", "max_tokens: ignored"), {}),
        (seen("params.outcome", "max_completion_tokens: honoured"), {"maxTokensField": ["max_completion_tokens"]}),
        (seen("usage.place", "none"), {"usagePlacement": ["none"], "supportsUsageInStreaming": [False]}),
        (seen("usage.place", "every chunk (not asked)"), {"usagePlacementUnasked": ["every chunk"]}),
        (seen("usage.place", "own chunk (request unknown)"), {}),
        (seen("reasoning.place", "none"), {}),
        (seen("reasoning.place", "reasoning", model="large"), {"reasoningField": ["reasoning"]}),
        (seen("reasoning.on", "nothing", model="large"), {}),
        (seen("reasoning.on", "text", model="large"), {"thinkingFormat": ["deepseek"], "supportsReasoningEffort": [True]}),
        (seen("reasoning.on", "text", model="small"), {}),
        (seen("multi_turn.reasoning", "reasoning left out: refused (400)"), {"requiresReasoningContentOnAssistantMessages": [True]}),
        (seen("multi_turn.reasoning", "no reasoning came: accepted"), {}),
        (seen("structured.mode", "json_schema refused (400)"), {"supportsJsonSchema": [False]}),
        (seen("tool_calls.index", "index is absent from 3 of 3 fragments", outcome=Outcome.KNOWN), {"toolDeltaIndex": ["absent"]}),
        (seen("tool_calls.index", "index is a string in the fragment", outcome=Outcome.FAIL), {"toolDeltaIndex": ["no number"]}),
        (seen("tool_calls.index-distinct", "2 calls have the same index", outcome=Outcome.FAIL), {"toolDeltaIndex": ["shared"]}),
        (seen("http.media-type", "application/json"), {}),
    ],
)  # fmt: skip
def test_a_flag_says_what_a_recording_shows(finding: Finding, expected: dict[str, list[Any]]) -> None:
    assert flags(finding) == expected


def test_hidden_thoughts_and_empty_choices_are_told_by_two_findings() -> None:
    assert flags(seen("reasoning.place", "none"), seen("reasoning.on", "tokens"))["reasoningField"] == ["none"]
    stray = seen("chunk.choices-not-empty", "the first chunk has no choices", outcome=Outcome.KNOWN)
    assert flags(seen("usage.place", "finish chunk"), stray)["emptyChoicesChunk"] == [True]
    assert flags(seen("usage.place", "finish chunk"), replace(stray, outcome=Outcome.PASS))["emptyChoicesChunk"] == [
        False
    ]


def test_values_stand_apart_and_the_best_shown_first() -> None:
    made = {"provenance": "reconstructed", "recorded_at": "2026-11"}
    findings = [
        seen("role.pattern", "every", "tools.auto", **made),
        seen("role.pattern", "every", **made),
        seen("role.pattern", "first", "chat.n2"),
        seen("role.pattern", "every", model="large", recorded_at="2026-09"),
        seen("role.pattern", "every", "tools.auto", model="large"),
    ]
    told = json.loads(export(ACME, findings, ()).to_json())["flags"]["rolePattern"]
    assert told == [
        {
            "value": "every",
            "shown": [
                {"provenance": "recorded", "date": "2026-10-02", "models": {"large": ["chat.stream", "tools.auto"]}},
                {"provenance": "reconstructed", "date": "2026-11", "models": {"small": ["chat.stream", "tools.auto"]}},
            ],
        },
        {
            "value": "first",
            "shown": [{"provenance": "recorded", "date": "2026-10-02", "models": {"small": ["chat.n2"]}}],
        },
    ]
    assert export(ACME, reversed(findings), ()).to_json() == export(ACME, findings, ()).to_json()


def test_a_deviation_says_what_shows_it() -> None:
    listed = Deviation("usage.once", "Again and again.", "https://acme.example", "2026-01", "usage came * times")
    gone = replace(listed, until="2026-05", fault="usage-chunk-twice")
    finding = seen("usage.once", "usage came 3 times (and 1 more)", outcome=Outcome.KNOWN)
    others = [
        replace(finding, message="usage came late"),
        replace(finding, outcome=Outcome.CHANGED, scenario="chat.n2"),
    ]
    known = json.loads(export(ACME, [finding, *others[1:]], (listed, gone)).to_json())["deviations"]
    assert [one["shown"] for one in known] == [
        [{"provenance": "recorded", "date": "2026-10-02", "models": {"small": ["chat.stream"]}}],
        [],
    ]
    assert (known[1]["until"], known[1]["fault"]) == ("2026-05", "usage-chunk-twice")
    assert known[0]["breaks"] == CHECKS["usage.once"].impact
    assert export(ACME, others, (listed,)).deviations[0].shown == ()


@pytest.mark.thorough
def test_the_command_writes_a_file_a_provider_and_prints_one(tmp_path: Path, now: dict[str, str]) -> None:
    command = ["export", "--root", str(ROOT)]
    assert CliRunner().invoke(main, [*command, "deepseek"]).stdout == now["deepseek"]
    assert CliRunner().invoke(main, [*command, "deepseek", "xai", "--into", str(tmp_path / "x")]).exit_code == 0
    assert {path.name for path in (tmp_path / "x").iterdir()} == {"deepseek.json", "xai.json"}
    for arguments, said in (([], "name one, or a folder"), (["deepsek"], "unknown provider 'deepsek'; try deepseek")):
        refused = CliRunner().invoke(main, [*command, *arguments])
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert said in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_flags_of_messages_come_from_recordings_in_messages_alone() -> None:
    overlap = {"outcome": Outcome.KNOWN, "scenario": "messages.two-tools"}
    told = flags(
        seen("messages.one-block-open", "block 1 starts while block 0 is open", **overlap),
        seen("messages.count-served", "", "messages.count-tokens", outcome=Outcome.PASS),
        seen("http.status", "", "messages.bearer", outcome=Outcome.PASS),
        seen("http.media-type", "text/event-stream", "messages.stream", model="large"),
        seen("messages.done", "no", "messages.stream", model="large"),
        seen("sse.end", "no [DONE]", "messages.stream", model="large"),
        seen("sse.end", "[DONE]"),
    )
    assert told == {
        "messagesBlocksOverlap": [True],
        "messagesCountTokens": [True],
        "messagesKeyHeader": ["authorization"],
        "messagesMediaType": ["text/event-stream"],
        "doneMarker": ["[DONE]"],
    }


def test_flags_of_completions_come_from_recordings_in_completions_alone() -> None:
    told = flags(
        seen("params.outcome", "suffix: accepted", "completions.suffix"),
        seen("params.outcome", "suffix: refused (400)", "completions.suffix", model="large"),
        seen("params.outcome", "n: ignored", "completions.n2"),
        seen("completions.echo", "does not begin with it", "completions.echo", outcome=Outcome.FAIL),
        seen("completions.text", "", "completions.stream", outcome=Outcome.PASS),
        seen("usage.place", "finish chunk", "completions.stream-usage"),
        seen("usage.place", "every chunk (not asked)", "completions.capped"),
        seen("sse.end", "no [DONE]", "completions.capped", model="large"),
    )
    assert told == {
        "completionsSuffix": [False, True],
        "completionsSeveral": [False],
        "completionsEcho": [False],
        "completionsTextEverywhere": [True],
        "completionsUsagePlacement": ["finish chunk"],
        "completionsUsagePlacementUnasked": ["every chunk"],
        "completionsDoneMarker": ["no [DONE]"],
    }


@pytest.mark.parametrize(
    ("given", "form", "told"),
    [
        (Outcome.PASS, Outcome.PASS, ["lists"]),
        (Outcome.PASS, Outcome.KNOWN, ["other"]),
        (Outcome.FAIL, Outcome.BLOCKED, ["none"]),
        (Outcome.NA, Outcome.NA, []),
    ],
)
def test_the_form_of_probabilities(given: Outcome, form: Outcome, told: list[str]) -> None:
    asked = "completions.logprobs"
    findings = [
        seen(f"completions.logprobs-{name}", "what was wrong", asked, outcome=outcome)
        for name, outcome in (("given", given), ("form", form))
    ]
    assert flags(*findings).get("completionsLogprobs", []) == told
