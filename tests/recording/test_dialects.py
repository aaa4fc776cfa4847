"""Exchanges other than chat completions are recognized by URL or by the beginning of the response."""

import pytest

from harness.recording.dialects import OTHER, dialect_of, dialect_of_answer, is_chat, is_judged
from harness.simulate.reference import REFERENCES
from harness.wire.exchange import Exchange, Request, Response


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1/responses", "Responses"),
        ("https://api.openai.com/v1/responses/resp_1?stream=true", "Responses"),
        ("https://x.example/v1/completions/c_1/tokens", "legacy Completions"),
        ("https://api.anthropic.com/v1/messages/count_tokens", "Anthropic Messages"),
        ("https://api.openai.com/v1/threads/t/messages", "Assistants"),
        ("https://api.anthropic.com/v1/messages/batches/b/results", "batches"),
        ("https://x.example/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "Gemini generateContent"),
        ("https://x.example/v1beta/models/embed:batchEmbedContents", "embeddings"),
        ("https://bedrock.example/model/m/converse-stream", "Bedrock Converse"),
        ("http://localhost:11434/api/chat", "Ollama chat"),
        ("https://api.cohere.com/v2/chat", "Cohere chat"),
        ("https://gateway.example.com/chat", OTHER),
        ("https://x.example/v1/embeddings", "embeddings"),
        ("https://x.example/favicon.ico", OTHER),
        ("https://x.example", OTHER),
        (7, OTHER),
    ],
)
def test_by_its_address(url: object, name: str) -> None:
    assert not is_chat(url)
    assert dialect_of(url) == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n', None),
        (b'{\n  "id": "msg_1",\n  "type": "message",\n  "content": []}', None),
        (b'data: {"type":"response.created","response":{}}\n\n', "Responses"),
        (b'{"id":"resp_1","object":"response"}', "Responses"),
        (b'{"object":"list","data":[{"object":"embedding","embedding":[0.1]}]}', "embeddings"),
        (b'{"error":{"message":"no","type":"invalid_request_error"}}', None),
        (b'{"choices":[{"message":{"content":"{\\"object\\":\\"response\\"}"}}]}', None),
        (b"", None),
    ],
)
def test_by_how_its_answer_begins(content: bytes, name: str | None) -> None:
    assert dialect_of_answer(content) == name


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("https://api.anthropic.com/v1/messages", "messages"),
        ("https://api.anthropic.com/v1/messages?beta=true", "messages"),
        ("https://api.anthropic.com/v1/messages/count_tokens", "messages"),
        ("https://x.example/anthropic/messages", "messages"),
        ("https://x.example/v1/projects/p/publishers/anthropic/models/m:streamRawPredict", "messages"),
        ("https://api.openai.com/v1/chat/completions", "chat"),
        ("https://x.example/v1/messages/chat/completions", "chat"),
        ("https://api.openai.com/v1/threads/t/messages", None),
        ("https://x.example/v1/messages/batches", None),
        ("https://api.openai.com/v1/completions", "completions"),
        ("https://api.deepseek.com/beta/completions", "completions"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/completions/", "completions"),
        ("https://x.openai.azure.com/openai/deployments/d/completions?api-version=1", "completions"),
        ("http://localhost:8080/v1/engines/codegen/completions", "completions"),
        ("http://localhost:8080/completion", None),
        ("https://x.example/v1/chat/completions/", "chat"),
        ("https://chat.example/api/messages", None),
        ("https://x.example/publishers/google/models/m:rawPredict", None),
        ("https://[x", None),
    ],
)
def test_what_is_judged_and_as_what(url: str, dialect: str | None) -> None:
    assert is_judged(url) == (dialect is not None)
    assert dialect is None or Exchange(Request("POST", url), Response(200)).dialect == dialect


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        (b'event: ping\ndata: {"type": "ping"}\n\n', "messages"),
        (b'{"id":"msg_1","type":"message","content":[]}', "messages"),
        (b'data: {"choices":[{"delta":{"content":"\\"type\\": \\"message\\""}}]}\n\n', "chat"),
        (b"", "chat"),
        (b'data: {"object":"text_completion","choices":[{"text":"a"}]}\n\n', "completions"),
        (b'{"object": "text_completion", "choices": [{"text": "a", "index": 0}]}', "completions"),
        (b'data: {"object":"text_completion","choices":[{"delta":{"content":"a"}}]}\n\n', "chat"),
    ],
)
def test_without_an_address_the_answer_tells(content: bytes, dialect: str) -> None:
    assert Exchange(Request("POST", ""), Response(200, body=content)).dialect == dialect


@pytest.mark.parametrize("name", REFERENCES)
def test_a_chat_completion_is_none_of_them(name: str) -> None:
    assert dialect_of_answer(REFERENCES[name].response.content) is None
