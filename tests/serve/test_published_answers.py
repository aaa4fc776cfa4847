"""Published recordings are served if no other is more similar, or by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import NotRecorded
from harness.matrix.providers import load_matrix
from harness.recording.cassette import write_cassette
from harness.serve.recording_index import RecordingIndex
from harness.simulate.reference import BODY, STREAM, TOOLS
from harness.wire.exchange import Exchange, Source

MATRIX = """
providers:
  - id: acme
    name: Acme
    base_url: https://api.acme.example/v1
    key_env: ACME_API_KEY
    docs: https://acme.example/docs
    models: [{id: small, name: gpt-4o-mini, thinking: {}}, {id: large, thinking: {}}]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    def keep(exchange: Exchange, place: str) -> None:
        write_cassette(tmp_path / f"cassettes/acme/{place}.yaml", [exchange])

    (tmp_path / "providers.yaml").write_text(MATRIX, encoding="utf-8")
    source = Source("published", "2026-03-01", note="texts: replaced")
    keep(BODY, "small/chat.nonstream")
    keep(replace(BODY, source=source), "published/small/2026-03-01-body")
    keep(replace(STREAM, source=source), "published/small/2026-03-01-stream")
    refused = replace(TOOLS, response=replace(TOOLS.response, status=400), source=source)
    keep(refused, "published/small/2026-03-01-stream-error-400")
    return tmp_path


def index(root: Path, *names: str) -> RecordingIndex:
    return RecordingIndex(load_matrix(root / "providers.yaml"), root, names)


def test_they_answer_what_the_own_recordings_do_not(root: Path) -> None:
    assert index(root).choose("acme", BODY.request.json).name == "acme/small/chat.nonstream"
    assert index(root).choose("acme", STREAM.request.json).name == "acme/small/published.2026-03-01-stream"


def test_a_refusal_is_given_to_those_alone_who_name_it(root: Path) -> None:
    with pytest.raises(NotRecorded):
        index(root).choose("acme", TOOLS.request.json)
    name = "published.2026-03-01-stream-error-400"
    assert index(root).choose("acme", TOOLS.request.json, name).exchange.response.status == 400


def test_of_a_model_that_is_not_served_none_is(root: Path) -> None:
    assert len(index(root, "acme/small").answers("acme")) == 4
    assert index(root, "acme/large").answers("acme") == []
