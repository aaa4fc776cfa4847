"""The agreement of reconstructions with recordings: every difference is found, and the figures are current."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from profiled import MATRIX, load, write

from harness.cli import main
from harness.evidence.agreement import compare, compare_all, differences, render_agreement
from harness.evidence.reconstruct import profiles_of
from harness.evidence.recordings import published_folders
from harness.matrix.providers import load_matrix
from harness.recording.archives import Entry, archives_in, read_archive
from harness.simulate.reference import (
    BODY,
    STREAM,
    STREAM_USAGE,
    TOOLS,
    recorded,
    replace_in_body,
    replace_last_in_body,
    with_header,
    with_request_params,
)
from harness.wire.exchange import Exchange, Fidelity

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
WIRE = recorded(STREAM)
SECOND = '"delta":{"content":"! How can I"}'


@pytest.mark.parametrize("exchange", [STREAM, STREAM_USAGE, TOOLS, BODY])
def test_what_is_the_same_differs_in_nothing(exchange: Exchange) -> None:
    assert differences(recorded(exchange), exchange) == ()


def test_stream_options_that_are_no_object_ask_for_nothing(tmp_path: Path) -> None:
    compared = compare(Entry(with_request_params(WIRE, stream_options=[]), "a.jsonl"), load(tmp_path))
    assert compared.form == "stream chat"


def test_texts_and_how_many_pieces_do_not_matter() -> None:
    other = replace_in_body(replace_in_body(WIRE, "你好", "Hello"), "chatcmpl-reference", "chatcmpl-another")
    assert differences(other, STREAM) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace_in_body(WIRE, '"finish_reason":null', '"finish_reason":""'), '/choices/*/finish_reason: "" or stop, made null or stop'),
        (replace_in_body(WIRE, ',"finish_reason":null', ""), "/choices/*/finish_reason: missing or stop, made null or stop"),
        (replace_in_body(WIRE, '"content":"","refusal"', '"content":null,"refusal"'), '/choices/*/delta/content: missing or null or text, made "" or missing or text'),
        (replace_in_body(WIRE, '"service_tier":"default",', ""), "/service_tier: missing, made text"),
        (replace_in_body(WIRE, '"choices"', '"x_extra":{"a":[1]},"choices"', 1), "/x_extra: missing or object, made missing"),
        (replace_in_body(WIRE, '"role":"assistant",', '"role":"system",'), "/choices/*/delta/role: missing or system, made assistant or missing"),
        (replace_in_body(WIRE, '"index":0,"delta"', '"delta_index":0,"delta"'), "/choices/*/index: missing, made number"),
        (replace_in_body(WIRE, '"object":"chat.completion.chunk","created":1760000000', '"created":1760000000,"object":"chat.completion.chunk"'), "the order of keys or phases"),
        (replace_in_body(WIRE, SECOND, '"delta":{"content":"x","refusal":null}'), "which keys stand together"),
        (replace_last_in_body(WIRE, "chatcmpl-reference", "chatcmpl-other"), "id varies, made constant"),
        (replace_last_in_body(WIRE, "1760000000", "1760000001"), "created varies, made constant"),
        (replace_last_in_body(WIRE, "gpt-4o-mini", "gpt-4o"), "model varies, made constant"),
        (replace_in_body(WIRE, "\n", "\r\n"), "line ends CRLF, made LF"),
        (replace_in_body(WIRE, "data: ", "data:"), "after data: no space, made a space"),
        (replace_in_body(WIRE, "data: [DONE]\n\n", ""), "[DONE] no, made yes"),
        (replace_in_body(WIRE, "data:", ": ping\n\ndata:", 1), "other lines comment, made none"),
        (replace_in_body(WIRE, "data:", "event: x\ndata:", 1), "other lines event, made none"),
        (with_header(WIRE, "Content-Type", "text/plain"), "content-type text/plain, made text/event-stream; charset=utf-8"),
    ],
)  # fmt: skip
def test_every_difference_is_seen(changed: Exchange, said: str) -> None:
    assert said in differences(changed, STREAM)


def test_usage_in_another_place_is_seen() -> None:
    found = differences(recorded(STREAM_USAGE), STREAM)
    assert {"/choices: [] or list, made list", "/usage: null or object, made missing"} <= set(found)


@pytest.mark.parametrize(
    ("changed", "kept_by"),
    [
        (replace_in_body(WIRE, '"object":"chat.completion.chunk","created":1760000000', '"created":1760000000,"object":"chat.completion.chunk"'), {"wire", "chunks"}),
        (replace_in_body(WIRE, "data: [DONE]\n\n", ""), {"wire", "reserialized"}),
        (replace_in_body(WIRE, '"finish_reason":null', '"finish_reason":""'), {"wire", "reserialized", "chunks"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fidelity", ["wire", "reserialized", "chunks"])
def test_what_a_recording_did_not_keep_is_not_compared(
    changed: Exchange, kept_by: set[str], fidelity: Fidelity
) -> None:
    altered = dataclasses.replace(changed, source=dataclasses.replace(changed.source, fidelity=fidelity))
    assert bool(differences(altered, STREAM)) == (fidelity in kept_by)


def test_a_clock_that_did_not_go_on_agrees_with_one_that_does() -> None:
    assert differences(WIRE, replace_last_in_body(STREAM, "1760000000", "1760000001")) == ()


TIER = '"service_tier":"default","system_fingerprint":"fp_reference",'
ACME = replace_in_body(
    replace_in_body(replace_in_body(WIRE, TIER, ""), ',"refusal":null', ""), "gpt-4o-mini-2024-07-18", "small"
)


def entry(exchange: Exchange) -> Entry:
    return Entry(exchange, "a.jsonl:1", "acme")


def plain(exchange: Exchange) -> Exchange:
    return with_header(exchange, "Content-Type", "text/event-stream")


def test_a_recording_is_compared_with_what_is_made_of_the_same_request(tmp_path: Path) -> None:
    same = compare(entry(plain(ACME)), load(tmp_path))
    assert (same.form, same.model, same.day, same.differs, same.why) == (
        "stream chat",
        "gpt-4o-mini",
        "2026-01-01",
        (),
        None,
    )
    other = compare(entry(plain(replace_in_body(ACME, "chat.completion.chunk", "chunk"))), load(tmp_path))
    assert other.differs == ("/object: chunk, made chat.completion.chunk",)


def test_where_the_request_is_unknown_the_nearer_of_both_counts(tmp_path: Path) -> None:
    unknown = dataclasses.replace(plain(ACME), request=dataclasses.replace(ACME.request, body=None))
    found = compare(entry(unknown), load(tmp_path))
    assert (found.form, found.model, found.differs) == ("stream chat, request unknown", "small", ())


def test_a_thought_inside_content_is_a_thought(tmp_path: Path) -> None:
    parts = '"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}]}'
    found = compare(entry(plain(replace_in_body(ACME, SECOND, parts))), load(tmp_path))
    assert (found.form, found.why) == ("stream thinking", "no such kind in the form")


@pytest.mark.parametrize(
    ("exchange", "form", "why"),
    [
        (plain(recorded(TOOLS)), "stream tools", "no such kind in the form"),
        (recorded(dataclasses.replace(BODY, response=dataclasses.replace(BODY.response, status=429, body=b'{"error":{}}'))), "error 429", "no refusal of that status"),
        (with_request_params(plain(ACME), model="big"), "stream chat", "no form of that model and time"),
    ],
)  # fmt: skip
def test_what_the_profile_does_not_describe_is_not_compared(
    exchange: Exchange, form: str, why: str, tmp_path: Path
) -> None:
    profile = load(tmp_path)
    dated = profile.model_copy(update={"forms": (profile.forms[0].model_copy(update={"models": ("gpt-*",)}),)})
    found = compare(entry(exchange), dated)
    assert (found.form, found.why) == (form, why)


def line(exchange: Exchange) -> str:
    row: dict[str, Any] = {
        "provider": "acme",
        "request": {"method": "POST", "url": "https://api.acme.example/v1/chat/completions", "body": exchange.request.json},
        "response": {"status": 200, "headers": {"content-type": "text/event-stream"}, "body_text": exchange.response.body.decode()},
    }  # fmt: skip
    return json.dumps(row)


def test_the_command_counts_what_agrees_and_says_what_does_not(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(yaml.safe_dump(MATRIX))
    write(tmp_path)
    kinds = [ACME, ACME, replace_in_body(ACME, "chat.completion.chunk", "chunk|a"), TOOLS]
    (tmp_path / "a.jsonl").write_text("\n".join(map(line, kinds)))
    arguments = ["reconstruct", "--root", str(tmp_path), "--against", str(tmp_path / "a.jsonl")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "| acme | 4 | 3 | 2 |" in result.stdout
    assert (
        "| acme | stream chat | 3 | 3 | 2 | 1 (gpt-4o-mini; 2025-10): `/object: chunk\\|a, made chat.completion.chunk` |"
        in result.stdout
    )
    assert "| acme | stream tools | 1 | 0 | 0 | 1 (gpt-4o-mini; 2025-10): no such kind in the form |" in result.stdout
    assert not (tmp_path / "cassettes/acme/small").exists(), "comparing makes no cassettes"
    assert CliRunner().invoke(main, [*arguments, "--write", str(tmp_path / "a.md")]).stdout == ""
    assert (tmp_path / "a.md").read_text() == result.stdout.removesuffix("\n")


def test_the_committed_figures_are_current() -> None:
    matrix = load_matrix(ROOT / "providers.yaml")
    compared = list(compare_all(published_folders(ROOT), matrix, profiles_of(matrix, ROOT)))
    assert (ROOT / "docs/fidelity.md").read_text(encoding="utf-8") == render_agreement(compared), "run: make evidence"
    assert len({one.provider for one in compared}) > 15


@pytest.mark.thorough
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded exchanges are not beside this repository")
def test_nine_in_ten_of_all_recordings_are_as_reconstructed() -> None:
    """The kept recordings are one per form, rare or common; here each form has its weight."""
    matrix = load_matrix(ROOT / "providers.yaml")
    compared = compare_all([CORPUS], matrix, profiles_of(matrix, ROOT))
    own = [one for one in compared if one.why is None]
    assert sum(not one.differs for one in own) >= 0.9 * len(own) > 500


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded exchanges are not beside this repository")
def test_the_recordings_that_profiles_count_are_there() -> None:
    urls = [str(entry.exchange.source.url) for path in archives_in(CORPUS) for entry in read_archive(path)]
    matrix = load_matrix(ROOT / "providers.yaml")
    counted = 0
    for provider, profile in profiles_of(matrix, ROOT).items():
        for name, evidence in profile.evidence.items():
            found = sum(url.startswith(evidence.url.replace("/tree/", "/blob/")) for url in urls)
            if evidence.kind == "recording" and found:
                assert (evidence.recordings or 0) <= found, f"{provider}: {name}"
                counted += 1
    assert counted > 20
