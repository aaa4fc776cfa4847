"""Plain vcrpy and the OpenAI SDK replay a cassette of harness; vcrpy's own cassettes are read."""

from pathlib import Path

import pytest

from harness.recording.archives import read_archive
from harness.recording.cassette import write_cassette
from harness.simulate.reference import BODY, STREAM_USAGE

vcr = pytest.importorskip("vcr")
openai = pytest.importorskip("openai")

MESSAGES = [{"role": "user", "content": "你好"}]
KEY = "not-a-key"


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    path = tmp_path / "ours.yaml"
    write_cassette(path, [STREAM_USAGE, BODY])
    return path


def test_vcrpy_replays_ours_to_the_openai_sdk(cassette: Path) -> None:
    before = cassette.read_bytes()
    with (
        vcr.use_cassette(str(cassette), record_mode="none", match_on=["method", "uri", "body"]) as tape,
        openai.OpenAI(api_key=KEY, max_retries=0) as client,
    ):
        options = {"model": "gpt-4o-mini", "messages": MESSAGES}
        chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
        body = client.chat.completions.create(**options)
        assert tape.all_played
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == body.choices[0].message.content == "你好! How can I help?"
    assert chunks[-1].usage.total_tokens == 13
    assert cassette.read_bytes() == before, "replaying changes nothing"


def test_vcrpy_keeps_our_extras_when_it_saves_again(cassette: Path) -> None:
    from vcr.serialize import deserialize
    from vcr.serializers import yamlserializer

    requests, responses = deserialize(cassette.read_text(encoding="utf-8"), yamlserializer)[:2]
    assert [request.method for request in requests] == ["POST", "POST"]
    assert responses[0]["x_source"]["provenance"] == "reconstructed"
    assert responses[0]["body"]["string"] == STREAM_USAGE.response.body


@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_what_vcrpy_saves_is_read(cassette: Path, tmp_path: Path, serializer: str) -> None:
    from vcr.serialize import deserialize, serialize
    from vcr.serializers import jsonserializer, yamlserializer

    requests, responses = deserialize(cassette.read_text(encoding="utf-8"), yamlserializer)[:2]
    target = yamlserializer if serializer == "yaml" else jsonserializer
    path = tmp_path / f"theirs.{serializer}"
    path.write_text(serialize({"requests": requests, "responses": responses}, target), encoding="utf-8")
    entries = list(read_archive(path))
    assert [entry.exchange.response.body for entry in entries] == [STREAM_USAGE.response.body, BODY.response.body]
    assert [entry.exchange.is_stream for entry in entries] == [True, False]
