"""Masked recordings: how texts are replaced, and which bytes around them stay."""

import itertools
import json
import re
from dataclasses import replace

import orjson
import pytest

from harness.judging.alike import differences
from harness.matrix.messages import MESSAGES
from harness.recording.masking import NOTE, mask_exchanges
from harness.recording.masking.identifiers import masked_url
from harness.recording.masking.joined import masked_pieces
from harness.recording.masking.words import Vocabulary
from harness.simulate.messages.ideal import recording as messages_recording
from harness.wire.exchange import Exchange, Expected, Headers, Request, Response, Source

STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def masked(exchange: Exchange, seed: str = "seed") -> Exchange:
    return mask_exchanges([exchange], seed)[0]


def answered(body: bytes, asked: object = None, status: int = 200, **headers: str) -> Exchange:
    request = Request(
        "POST", "https://api.deepseek.com/chat/completions", Headers(), orjson.dumps(asked) if asked else None
    )
    kind = "text/event-stream" if body.startswith(b"data:") else "application/json"
    pairs = (("content-type", kind), *((name.replace("_", "-"), value) for name, value in headers.items()))
    return Exchange(request, Response(status, Headers(pairs), body))


def stream(*deltas: object, **beside: object) -> bytes:
    events = [{"id": "chatcmpl-a1B2c3D4e5", **beside, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def said(exchange: Exchange, channel: str = "content") -> list[str]:
    return exchange.columns.choices[0].fragments(channel).texts


@pytest.mark.parametrize(
    "text",
    [
        "Hello world, hello HELLO Hello!", "你好，世界！今天天气很好。", "Привет, мир", "こんにちは 안녕하세요 สวัสดี", "naïve café Ærø",
        "1, 2, 3, 100, 2024-17-18, 3.50", "0b5c3e1e-5c0f-4c0f-9c4e-2f6f3b7f0a11", "0217a3b4c5d6e7f8", "🎉 **bold** | a | b |",
    ],
)  # fmt: skip
def test_a_made_up_text_has_the_form_of_the_one_before(text: str) -> None:
    made = Vocabulary("1").text(text)
    kept = "49" if text.startswith("0b5c") else "0" if text.startswith("0") else ""  # what the version of a UUID says
    assert len(made) == len(text)
    assert len(made.encode()) == len(text.encode())
    for old, new in zip(text, made, strict=True):
        assert (old == new) is not old.isalnum() or old in kept
        assert (old.isupper(), old.islower(), old.isdigit(), old.isspace()) == (
            new.isupper(), new.islower(), new.isdigit(), new.isspace(),
        )  # fmt: skip
        assert (old <= "\x7f") is (new <= "\x7f")
        assert ("\u4e00" <= old <= "\u9fff") is ("\u4e00" <= new <= "\u9fff")


@pytest.mark.parametrize(
    "mark",
    [
        "<think>", "</think>", "<|im_end|>", "<｜end▁of▁sentence｜>", "[TOOL_CALLS]", "<tool_call>", "<function=", "```json\n",
        "\ufffd\ufffd", "</s>", "锟斤拷", "https://", "data:image/png;base64,", "◁think▷", "\n\n  \t", "--- | ---", "[/INST]",
    ],
)  # fmt: skip
def test_what_rules_look_for_stays(mark: str) -> None:
    made = Vocabulary("1").text(f"Some words {mark} others")
    assert mark in made
    assert "words" not in made


def test_text_that_was_read_in_a_wrong_encoding_is_so_still() -> None:
    made = Vocabulary("1").text("Ã©tÃ© â€™ å¤©")
    bytes_of = {bytes([n]).decode("cp1252", "replace"): n for n in range(0x80, 0x100)} | {
        chr(n): n for n in range(0x100)
    }
    assert bytes(bytes_of[letter] for letter in made).decode()


def test_equal_words_become_equal_ones_and_others_do_not() -> None:
    words = Vocabulary("1")
    made = words.text(" ".join(f"w{n}x the cat {n} {chr(97 + n % 26)}" for n in range(300))).split()
    was = " ".join(f"w{n}x the cat {n} {chr(97 + n % 26)}" for n in range(300)).split()
    assert len(dict(zip(was, made, strict=True))) == len(set(zip(was, made, strict=True))) == len(set(made))


def test_a_seed_gives_the_same_texts_again_and_another_seed_others() -> None:
    exchange = answered(stream({"content": "Some words of an answer"}))
    assert masked(exchange, "a").response.body == masked(exchange, "a").response.body
    assert masked(exchange, "a").response.body != masked(exchange, "b").response.body


def test_only_the_inside_of_strings_changes() -> None:
    body = (
        b': keep-alive\r\n\r\nid: 7\r\nevent: x\r\ndata:  {"choices" : [ {"delta":{"content": "Hel"},"index":0} ] ,"z":null}\r\n\r\n'
        b'data: {"choices":[{"index":0,"delta":{"content":"lo\\u4f60 \xe4\xbd\xa0 \\"q\\" \\n","a":1.50e3}}]}\n\ndata: [DONE]'
    )
    made = masked(answered(body)).response.body
    assert STRING.sub(b'""', made) == STRING.sub(b'""', body).replace(b"id: 7", made[made.index(b"id: ") :][:5])
    assert len(made) == len(body)
    assert b"Hel" not in made
    assert re.search(rb'\\u[0-9a-f]{4} [\xe4-\xe9]..? \\"\w\\" \\n', made)


def test_a_word_in_pieces_is_one_word() -> None:
    exchange = answered(stream({"content": "weather "}, {"content": "wea"}, {"content": "th"}, {"content": "er"}))
    whole, *pieces = said(masked(exchange))
    assert "".join(pieces) == whole.strip()
    assert list(map(len, pieces)) == [3, 2, 2]


def test_a_character_that_is_cut_in_two_events_is_so_still() -> None:
    body = stream({"content": "X"}, {"content": "Y"})
    body = body.replace(b'"X"', b'"\xe4\xbd"').replace(b'"Y"', b'"\xa0\xe5\xa5\xbd"')
    first, second = re.findall(rb'"content":"([^"]*)"', masked(answered(body)).response.body)
    assert (len(first), len(second)) == (2, 4)
    assert len((first + second).decode()) == 2
    assert (first + second).decode() != "你好"


@pytest.mark.parametrize(
    ("pieces", "relation"),
    [
        (["He", "Hello", "Hello wor", "Hello world"], lambda made: all(b.startswith(a) for a, b in itertools.pairwise(made))),
        (["Hel", "Hel", "lo wo", "lo wo", "rld", "rld"], lambda made: made[::2] == made[1::2]),
        (["Hello", " wor", "ld", "Hello world"], lambda made: made[3] == "".join(made[:3])),
        (["Hello world, you", "Hello world, you"], lambda made: made[0] == made[1]),
        (["Hello worldHello world"], lambda made: made[0][:11] == made[0][11:]),
        (["Hel", "lo world", "Hel", "lo world"], lambda made: made[:2] == made[2:]),
        (["HelHel", "lolo", "yoyo"], lambda made: all(one[: len(one) // 2] * 2 == one for one in made)),
    ],
)  # fmt: skip
def test_text_that_comes_twice_comes_twice(pieces: list[str], relation: object) -> None:
    made = masked_pieces(pieces, Vocabulary("1").text)
    assert list(map(len, made)) == list(map(len, pieces))
    assert relation(made), made  # type: ignore[operator]
    assert made != pieces


def test_arguments_fit_the_schema_as_they_did() -> None:
    parameters = {"type": "object", "properties": {"city_name": {"type": "string", "enum": ["Paris", "Lyon"]}, "days": {"type": "integer", "maximum": 14}}, "required": ["city_name"]}  # fmt: skip
    asked = {
        "tools": [
            {"type": "function", "function": {"name": "get_weather", "description": "Looks.", "parameters": parameters}}
        ]
    }
    call = [{"index": 0, "id": "call_9", "type": "function", "function": {"name": "get_weather", "arguments": ""}}]
    parts = ['{"city_', 'name":"Par', '\\u0069s","da', 'ys":12}']
    deltas = [
        {"tool_calls": call},
        *({"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in parts),
    ]
    made = masked(answered(stream(*deltas), asked))
    function = made.request.get("tools")[0]["function"]
    called = made.completion.messages[0].tool_calls[0]
    arguments = orjson.loads(called.arguments)
    assert called.name == function["name"] != "get_weather"
    assert list(arguments) == list(function["parameters"]["properties"]) != ["city_name", "days"]
    assert function["parameters"]["required"] == list(arguments)[:1]
    assert next(iter(arguments.values())) in next(iter(function["parameters"]["properties"].values()))["enum"]
    assert list(arguments.values())[1] == 12  # a bound is set to it
    assert "\\u00" in called.arguments
    assert function["parameters"]["type"] == "object"


def test_a_property_may_be_called_as_a_word_of_the_schema() -> None:
    inner = {"type": "object", "properties": {"items": {"type": "string"}, "colour": {"type": "string"}}}
    parameters = {
        "type": "object",
        "properties": {"properties": inner, "pattern": {"type": "string", "pattern": "^[a-z]{2}$"}},
    }
    asked = {"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]}
    made = masked(answered(b"{}", asked)).request.get("tools")[0]["function"]["parameters"]
    first, second = made["properties"].values()
    assert (made["type"], first["type"], second["pattern"]) == ("object", "object", "^[a-z]{2}$")
    assert {"items", "colour"}.isdisjoint(first["properties"])


def test_the_tokens_beside_probabilities_join_to_the_text_with_their_bytes() -> None:
    def token(text: str, content: bytes, *others: str) -> object:
        beside = [{"token": one, "logprob": -1, "bytes": list(one.encode())} for one in others]
        return {"token": text, "logprob": -0.1, "bytes": list(content), "top_logprobs": beside}

    tokens = [
        token("Hel", b"Hel", "Hel", "Bye"), token("lo", b"lo"), token(" \\xe4\\xbd", b" \xe4\xbd"), token("\ufffd", b"\xa0"),
        token("<|end|>", b"<|end|>"),
    ]  # fmt: skip
    body = orjson.dumps(
        {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hello 你"}, "logprobs": {"content": tokens}}
            ]
        }
    )
    made = masked(answered(body))
    assert len(made.response.body) == len(body)
    text = said(made)[0]
    kept = made.columns.choices[0].logprobs[0].value["content"]
    assert b"".join(bytes(one["bytes"]) for one in kept[:4]).decode() == text != "Hello 你"
    assert kept[0]["token"] + kept[1]["token"] == text[:5]
    assert kept[0]["top_logprobs"][0]["token"] == kept[0]["token"] != kept[0]["top_logprobs"][1]["token"]
    assert [kept[3]["token"], kept[4]["token"]] == ["\ufffd", "<|end|>"]


def test_ids_keep_their_pattern_and_their_equalities() -> None:
    first = answered(
        orjson.dumps({"id": "chatcmpl-AbC12345xyz", "choices": [{"index": 0, "message": {"tool_calls": [{"id": "call_00_k2J9", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]}),
        x_request_id="req_0123456789abcdef",
    )  # fmt: skip
    history = [{"role": "tool", "tool_call_id": "call_00_k2J9", "content": "x"}]
    second = answered(
        b'{"error":{"message":"Bad call call_00_k2J9 (request id: req_0123456789abcdef)"}}', {"messages": history}, 400
    )
    one, two = mask_exchanges([first, second], "1")
    call = one.completion.messages[0].tool_calls[0].id
    assert re.fullmatch(r"call_00_[a-z]\d[A-Z]\d", call)
    assert call != "call_00_k2J9"
    assert two.request.get("messages")[0]["tool_call_id"] == call
    number = one.response.headers["x-request-id"]
    assert re.fullmatch(r"req_[0-9a-f]{16}", number)
    assert number in two.response.body.decode()
    assert re.fullmatch(r"chatcmpl-[A-Z][a-z][A-Z]\d{5}[a-z]{3}", str(next(iter(one.columns.values["id"]))))


def test_of_an_error_only_what_it_repeats_of_others_goes() -> None:
    asked = {
        "model": "deepseek-chat",
        "messages": [{"role": "user", "content": "My secret plan is to move to Lyon"}],
        "top_k": 1,
    }
    message = (
        "Invalid value for 'top_k': 'Lyonnaise' is no integer (model deepseek-chat); got: My secret plan is to move"
    )
    body = orjson.dumps(
        {"error": {"message": message, "type": "invalid_request_error", "param": "top_k", "code": "bad_value"}}
    )
    error = masked(answered(body, asked, 400)).columns.errors[0].value
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", "top_k", "bad_value")
    assert error["message"].startswith("Invalid value for 'top_k': '")
    assert "is no integer (model deepseek-chat); got: " in error["message"]
    assert not {"Lyonnaise", "secret", "plan"} & set(re.findall(r"\w+", error["message"]))


def test_of_an_error_within_an_error_the_words_stay_too() -> None:
    inner = '{"error": {"message": "The region of this deployment has no \'Lyonnaise\'", "prompt": "lemon cake"}}'
    body = orjson.dumps({"error": {"message": f"upstream: {inner}", "type": "upstream_error", "code": 400}})
    told = masked(answered(body, status=400)).columns.errors[0].value["message"]
    assert told.startswith('upstream: {"error": {"message": "The region of this deployment has no \'')
    assert not {"Lyonnaise", "lemon", "cake"} & set(re.findall(r"\w+", told))


@pytest.mark.parametrize(
    "told", ["T-99812", "ada@contoso.com", "https://contoso.example/billing", "7f3a9b2c4d5e6f70", "1234567890"]
)
def test_of_an_error_what_tells_whose_it_was_goes(told: str) -> None:
    body = orjson.dumps(
        {"error": {"message": f"Quota of 200000 tokens per day exceeded, see {told}.", "type": "quota", "code": 429}}
    )
    message = masked(answered(body, status=429)).columns.errors[0].value["message"]
    assert told not in message
    assert message.startswith("Quota of 200000 tokens per day exceeded, see ")


def test_of_numbers_with_bounds_only_these_stay() -> None:
    parameters = {
        "type": "object",
        "properties": {"day": {"type": "string"}, "seats": {"type": "integer", "minimum": 1}},
    }
    asked = {"tools": [{"type": "function", "function": {"name": "book", "parameters": parameters}}]}
    call = {"index": 0, "id": "c", "function": {"name": "book", "arguments": '{"day":"2026-11-12","seats":3}'}}
    made = masked(answered(stream({"tool_calls": [call]}), asked)).completion.messages[0].tool_calls[0].arguments
    day, seats = orjson.loads(made).values()
    assert (seats, len(day)) == (3, 10)
    assert "2026" not in day


def test_a_sequence_that_ends_an_answer_stands_where_it_stood() -> None:
    for stop, text, held in (
        ("sto", "It says histoTOP and stops", True),
        ("5", "1 2 3 4 15", True),
        ("e", "bcd fgh", False),
    ):
        made = masked(answered(stream({"content": text[:8]}, {"content": text[8:]}), {"stop": [stop]}))
        assert (made.request.get("stop")[0] in "".join(said(made))) is held
        assert made.request.get("stop") != [stop]


def test_parameters_usage_and_the_words_of_the_protocol_stay() -> None:
    asked = {
        "model": "deepseek-chat", "temperature": 0.7, "max_tokens": 12345, "reasoning_effort": "low", "tool_choice": "auto",
        "response_format": {"type": "json_object"}, "thinking": {"type": "enabled"}, "user": "ada@example.org",
        "metadata": {"case": "Lovelace", "number": 4711}, "messages": [{"role": "user", "content": "Hi Ada"}],
    }  # fmt: skip
    body = {
        "id": "x", "object": "chat.completion", "created": 1760000000, "model": "deepseek-chat", "system_fingerprint": "fp_44709d6fcb",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}, "service_tier": "default",
    }  # fmt: skip
    made = masked(answered(orjson.dumps(body), asked))
    was, now = body, orjson.loads(made.response.body)
    assert {key: now[key] for key in now if key not in {"id", "choices"}} == {
        key: was[key] for key in was if key not in {"id", "choices"}
    }
    assert (now["choices"][0]["message"]["role"], now["choices"][0]["finish_reason"]) == ("assistant", "stop")
    sent = made.request.json or {}
    assert {key: sent[key] for key in sent if key not in {"user", "metadata", "messages"}} == {
        key: asked[key] for key in asked if key not in {"user", "metadata", "messages"}
    }
    assert (sent["user"], sent["metadata"]["case"], sent["metadata"]["number"]) != ("ada@example.org", "Lovelace", 4711)
    assert re.fullmatch(r"\w{3}@\w{7}\.\w{3}", sent["user"])


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("https://api.deepseek.com/v1/chat/completions", r"https://api\.deepseek\.com/v1/chat/completions"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", r"https://dashscope\.aliyuncs\.com/compatible-mode/v1/chat/completions"),
        ("https://contoso-east.openai.azure.com/openai/deployments/contoso/chat/completions?api-version=2024-10-21", r"https://(?!contoso)\w{7}-\w{4}\.openai\.azure\.com/openai/deployments/(?!contoso)\w{7}/chat/completions\?api-version=2024-10-21"),
        ("https://llm.intra.contoso.com:8443/v1/chat/completions?team=blue", r"https://\w{3}\.\w{5}\.(?!contoso)\w{7}\.com:8443/v1/chat/completions\?team=(?!blue)\w{4}"),
        ("https://api.deepseek.com/anthropic/v1/messages?beta=true", r"https://api\.deepseek\.com/anthropic/v1/messages\?beta=true"),
        ("https://dashscope.aliyuncs.com/apps/anthropic/v1/messages", r"https://dashscope\.aliyuncs\.com/apps/anthropic/v1/messages"),
        ("http://localhost:8000/v1/messages/count_tokens", r"http://localhost:8000/v1/messages/count_tokens"),
        ("https://us-east5-aiplatform.googleapis.com/v1/projects/contoso/locations/east/publishers/anthropic/models/claude:streamRawPredict", r"https://us-east5-aiplatform\.googleapis\.com/v1/projects/(?!contoso)\w{7}/locations/\w{4}/publishers/anthropic/models/\w{6}:streamRawPredict"),
        ("http://localhost:8000/v1/chat/completions", r"http://localhost:8000/v1/chat/completions"),
        ("http://10.20.30.40:8000/v1/chat/completions", r"http://(?!10\.20)\d\d\.\d\d\.\d\d\.\d\d:8000/v1/chat/completions"),
        ("http://[::1/v1", r"http://\[::1/v1"),
    ],
)  # fmt: skip
def test_an_address_tells_the_provider_and_not_whose_it_is(url: str, pattern: str) -> None:
    assert re.fullmatch(pattern, masked_url(url, Vocabulary("1")))


def test_the_note_says_so_and_the_rest_of_the_origin_stays() -> None:
    source = Source("published", "2026-06-08", "https://example.org/a.yaml", "by hand", "lines")
    made = masked(replace(answered(b"{}"), source=source))
    assert made.source == replace(source, note=f"by hand; {NOTE}")
    assert masked(made).source == made.source


@pytest.mark.parametrize("number", ["0", "7", "44", "1010", "-12", "0.5", "10.0", "1e5", "-0.0003", "100000000000"])
def test_a_number_that_stands_for_a_text_is_a_number_of_the_same_kind(number: str) -> None:
    made = masked(
        answered(b'{"choices":[{"index":0,"delta":{"content":"x","token_id":%s}}]}' % number.encode())
    ).response.body
    value = orjson.loads(made)["choices"][0]["delta"]["token_id"]
    assert type(value) is type(orjson.loads(number))
    assert float(value).is_integer() is float(number).is_integer()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe\x00", b'{"choices":[{"message":{"content":"cut off here', b'data: {"choices":[{"delta":{"content":"cut', b"[[[[[[{]}",
        b'"', b'{"a":"\\', b'{"a":"\\u00', b"data:", b"data\n\n", b'data: {"a":"b\r\ndata: c"}\r\n\r\n', b"<html><body>Hello you</body>",
        b'\xef\xbb\xbfdata: {"id":"x"}\n\n', b'{"choices":[{"message":{"content":"\\ud83d"}}]}', b'{"a":1e999,"b":-0}', b"word",
        b'{"choices":{"0":{"delta":"text"}},"choices":[[{"delta":{"content":"x"}}]]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 500])
def test_whatever_the_bytes_are_they_stay_as_many(body: bytes, status: int) -> None:
    made = masked(answered(body, status=status))
    assert len(made.response.body) == len(body)
    assert made.reading.body_kind == answered(body).reading.body_kind


@pytest.mark.parametrize("channel", ["content", "refusal", "reasoning_content", "reasoning"])
def test_the_keys_of_alternatives_stay_in_every_channel(channel: str) -> None:
    def token(text: str) -> dict[str, object]:
        return {"token": text, "logprob": -0.1, "bytes": list(text.encode())}

    listed = [token("Hello") | {"top_logprobs": [token("Hello"), token("Goodbye")]}]
    choice = {"index": 0, "logprobs": {channel: listed}, "message": {"role": "assistant", "content": "Hello"}}
    kept = orjson.loads(masked(answered(orjson.dumps({"choices": [choice]}))).response.body)
    (one,) = kept["choices"][0]["logprobs"][channel]
    assert [list(beside) for beside in one["top_logprobs"]] == [["token", "logprob", "bytes"]] * 2
    assert "Goodbye" not in one["top_logprobs"][1]["token"]
    assert bytes(one["top_logprobs"][1]["bytes"]).decode() == one["top_logprobs"][1]["token"]


def test_the_tokens_that_are_keys_in_the_older_form_are_replaced() -> None:
    older = {"tokens": ["Hello"], "token_logprobs": [-0.1], "top_logprobs": [{"Hello": -0.1, "Goodbye": -2.5}]}
    made = masked(answered(orjson.dumps({"choices": [{"index": 0, "text": "Hello", "logprobs": older}]})))
    assert b"Goodbye" not in made.response.body


@pytest.mark.parametrize(
    "name", ["messages.two-tools", "messages.thinking-tool", "messages.tool-nonstream", "messages.bad-key"]
)
def test_messages_are_masked_as_chat_is(name: str) -> None:
    told = [replace(one, expected=Expected()) for one in messages_recording(MESSAGES[name])]
    for before, after in zip(told, mask_exchanges(told, "1"), strict=True):
        assert after.dialect == before.dialect == "messages"
        assert after.turn != before.turn or before.response.is_error
        assert [block.kind for block in after.message.blocks] == [block.kind for block in before.message.blocks]
    assert list(differences(told, mask_exchanges(told, "1"))) == []


def test_the_pieces_of_a_block_of_messages_are_one_text_whatever_order_the_keys_have() -> None:
    (told,) = messages_recording(MESSAGES["messages.two-tools"])
    swapped = re.sub(rb'"index":(\d),"delta":(\{.*\})\}', rb'"delta":\2,"index":\1}', told.response.body)
    assert swapped != told.response.body
    (made,) = mask_exchanges([replace(told, response=replace(told.response, body=swapped))], "1")
    (other,) = mask_exchanges([told], "1")
    assert made.turn == other.turn
    assert all(json.loads(call.arguments) for call in made.turn.calls)
