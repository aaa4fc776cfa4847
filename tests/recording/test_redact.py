"""Redaction removes every secret in every form, and not a byte of anything else."""

import json
import random
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parted import each
from planted import ACCOUNTS, KEYS, MARKED, UNMARKED, forms, leaks, masked

from harness.matrix.scenarios import SCENARIOS
from harness.recording.key_shapes import _SHAPES
from harness.recording.named_keys import _REPETITIVE, _WORDS, BETWEEN, _refuses, told_once
from harness.recording.redact import Secrets, configured, redact
from harness.simulate.chat import ideal

ALL = Secrets.of(KEYS.values())
EVERY_FORM = [(key, form) for key in KEYS.values() for form in forms(key).values()]


@pytest.mark.parametrize("name", KEYS)
def test_a_known_key_goes_in_every_form(name: str) -> None:
    key = KEYS[name]
    for form, said in forms(key).items():
        text = f"\x00before {said}, after 你好".encode()
        clean = Secrets.of([key]).redact(text)
        assert leaks(text, [key]), f"{form}: the search itself finds it"
        assert leaks(clean, [key]) == [], form
        assert len(clean) == len(text), form
        assert clean.startswith(b"\x00before "), form
        assert clean.endswith(", after 你好".encode()), form


@pytest.mark.parametrize("name", KEYS)
def test_what_a_mask_shows_of_a_known_key_goes(name: str) -> None:
    for form, said in masked(KEYS[name]).items():
        clean = ALL.redact_text(f"bad key {said}. See")
        assert said not in clean, form
        assert len(clean) == len(f"bad key {said}. See"), form
        assert set(re.findall(r"[*…]", clean)) == set(re.findall(r"[*…]", said)), "that it was masked is evidence"


@pytest.mark.thorough
def test_what_a_mask_shows_of_another_key_is_left_alone() -> None:
    for key in KEYS.values():
        others = Secrets.of(other for other in KEYS.values() if other[:8] != key[:8] and other[-2:] != key[-2:])
        for form, said in masked(key).items():
            assert others.redact_text(f"bad key {said}. See") == f"bad key {said}. See", form


AROUND = ["%s", '{"error":"key %s"}', "a\\n%s\\nb", "?q=%%20%s&x=1", "Bearer %s", "\\u003c%s\\u003e", "(%s)."]


@pytest.mark.parametrize("name", MARKED)
def test_a_key_that_nobody_named_goes_by_its_shape(name: str) -> None:
    key = MARKED[name]
    for form in ("plain", "quoted", "in JSON", "in JSON of PHP", "in JSON in JSON"):
        for around in AROUND:
            text = (around % forms(key)[form]).encode()
            assert leaks(redact(text), [key]) == [], (form, around)
            assert len(redact(text)) == len(text)


NAMED = [
    '{"api_key":"%s"}',
    '{"apiKey": "%s"}',
    "Authorization: Bearer %s",
    "Incorrect API key provided: %s. You",
    "https://x/v1?key=%s",
    "ARK_API_KEY=%s",
    '{\\"api-key\\": \\"%s\\"}',
    "Received API Key = %s, ",
    "API Key：%s",
    '{"token":"%s","status":401}',
    '{"secret": "%s"}',
    '{\\"token\\": \\"%s\\"}',
    "Your token %s has expired",
    '{"message":"API key %s is invalid"}',
    "Key Hash (Token) =%s. Unable to find token in cache",
    "密钥 %s 无效",
    '{"error":"\\u5bc6\\u94a5 %s"}',
    "x-secret: %s",
    "the credentials (%s) were refused",
]
BEFORE = [
    '{"message":"%s is not a valid API key"}', "%s: no such token", '"%s 不是有效的密钥"',
    '{"error":{"message":"nobody is %s","code":"invalid_api_key"}}',
]  # fmt: skip


@pytest.mark.parametrize("name", UNMARKED)
def test_a_key_without_a_mark_goes_where_it_is_called_one(name: str) -> None:
    key = UNMARKED[name]
    for around in NAMED:
        text = (around % key).encode()
        assert leaks(redact(text), [key]) == [], around
        assert len(redact(text)) == len(text)
        assert redact(text).startswith(text[: text.index(key.encode())]), "the words that call it one stay"


@pytest.mark.parametrize("name", UNMARKED)
def test_a_key_without_a_mark_goes_where_it_is_called_one_behind_it(name: str) -> None:
    for around in BEFORE:
        text = (around % UNMARKED[name]).encode()
        assert leaks(redact(text), [UNMARKED[name]]) == [], around
        assert len(redact(text)) == len(text)


IDS = [
    '{"id":"%s"}', "request id: %s", "chatcmpl-%s", '"request_id": "%s"', "fp_%s", '"system_fingerprint":"%s"',
    '{"error":{"message":"Incorrect API key","code":"invalid_api_key"},"request_id":"%s"}', "max context by 9 tokens (ref: %s)",
    "Invalid token. (request id: %s)", "Authentication failed, trace=%s", '"prompt_cache_key":"%s"',
    "https://github.com/a/b/blob/%s/key.py", '"usage":{"prompt_tokens":1},"session":"%s"',
]  # fmt: skip


@pytest.mark.parametrize(
    ("around", "secret"),
    [
        ("connect postgres://svc:%s@db.internal:5432/x failed", "q8Kd" + "9Tw2mBn8Lr5"),
        ('{"url":"redis://:%s@cache"}', "q8Kd" + "9Tw2mBn8Lr5"),
        ("-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----", "MIIEvq8Kd" * 7 + "+\n" + "9Tw2/mBn8+Lr5=="),
        (
            '"-----BEGIN RSA PRIVATE KEY-----\\n%s\\n-----END RSA PRIVATE KEY-----"',
            "MIIEvq8Kd" * 2 + "\\n" + "9Tw2/mBn8+Lr5==",
        ),
    ],
)
def test_a_password_in_an_address_and_a_private_key_go(around: str, secret: str) -> None:
    clean = redact((around % secret).encode()).decode()
    assert len(clean) == len(around % secret)
    assert [word for word in secret.replace("\\n", "\n").split("\n") if word in clean] == []
    assert clean.endswith(around.rpartition("%s")[2].lstrip("\n\\n")), "what is around it stays"


def test_a_private_key_takes_no_end_of_an_event_with_it() -> None:
    stream = b"data: -----BEGIN PRIVATE KEY-----\n\ndata: MIIE\n\n"
    assert redact(stream) == stream


@pytest.mark.parametrize("name", UNMARKED)
def test_what_looks_the_same_and_is_an_id_is_left_alone(name: str) -> None:
    for around in IDS:
        text = (around % UNMARKED[name]).encode()
        assert redact(text) == text


@pytest.mark.parametrize("name", ACCOUNTS)
def test_the_ids_of_an_account_go(name: str) -> None:
    said = ACCOUNTS[name]
    clean = redact(said.encode()).decode()
    ids = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?=[A-Za-z]*[0-9])[A-Za-z0-9]{9,}", said)
    assert ids
    assert [one for one in ids if one in clean] == []
    assert len(clean) == len(said)


LEFT_ALONE = [
    '{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx","system_fingerprint":"fp_44709d6fcb"}',
    '{"x":"sk-short","y":"sk-learn-is-a-library-for-python","model":"task-oriented-and-very-long-name-v2-2024-07-18"}',
    '{"id":"0217560192845738f1c3e5a7b9d","request_id":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}',
    '{"token":" Hello","logprob":-0.31725305,"bytes":[32,72]},{"prompt_tokens":13,"total_tokens":2100334555}',
    'client = OpenAI(api_key=os.environ["OPENAI_API_KEY"], organization=None)\nauthorization: required since 2024',
    "Incorrect API key provided: sk-fake-key. You can find your API key at https://platform.openai.com/account/api-keys.",
    "accounts/fireworks/models/llama-v3p1-405b-instruct, an account of 1,234,567 or since 20250101, team of 12",
    "the basic internationalization of organizations, projects/gutenberg/2024, user-friendly, user_location, org-mode",
    "**bold** and ... so on****",
    '{"created":1760000000,"model":"doubao-seed-2-0-lite-260428","p":"abcdefghijklmnopqrstuvwxyz0123456789"}',
    "see https://example.com/a:b@c or http://user:password@host, and postgres://localhost:5432/db@1",
    "eyJhIjoxfQ== is base64 of JSON, and hf_hub_download or AKIA are no keys",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text.encode()).decode() == text
    assert ALL.redact(text.encode()).decode() == text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_not_a_byte_of_an_ordinary_recording_is_touched(scenario: str) -> None:
    for exchange in ideal.recording(SCENARIOS[scenario]):
        for body in (exchange.request.body or b"", exchange.response.content):
            assert ALL.redact(body) == body


NO_SECRETS = ["", "none", "None", "EMPTY", "test", "ollama", "changeme", "postgres", "12345", "20250101", "a1b2c"]
NO_SECRETS += ["not-needed", "lm-studio", "No-Key", "sk-no-key-required", "not-a-key", "  dummy \n"]


@pytest.mark.parametrize("value", NO_SECRETS)
def test_a_common_word_is_no_secret(value: str) -> None:
    assert Secrets.of([value, None]).values == ()


def test_words_of_a_key_that_is_words_are_left_alone() -> None:
    known = Secrets.of(["key-for-local-development"])
    assert known.redact(b"It is for local development only.") == b"It is for local development only."
    assert b"development" not in known.redact(b"key-for-local-development")


def test_the_secrets_of_an_environment_are_those_named_and_those_called_so() -> None:
    environment = {
        "ACME": "named-1234", "ACME_API_KEY": "key-12345", "github_token": "token-1234", "DB_PASSWORD": "p4ss word!",
        "CLIENT_SECRET": "secret-1", "PATH": "/usr/bin:/bin", "KEYBOARD": "qwerty-123", "OTHER_KEY": "EMPTY",
        "SORT_KEY": "finish_reason", "SIGNING_KEY": "letters-only-but-long-enough-for-a-key",
    }  # fmt: skip
    found = {
        "named-1234",
        "key-12345",
        "token-1234",
        "p4ss word!",
        "secret-1",
        "letters-only-but-long-enough-for-a-key",
    }
    assert set(configured(environment, ["ACME"]).values) == found


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://me:" + "pass%2Fword1@host/v1", {"pass%2Fword1", "pass/word1"}),
        ("https://host/v1?api-version=2024-10-21&api-key=abc-123-def", {"abc-123-def"}),
        ("https://host/v1?key=a%2Bb%2Bc123&x=1", {"a+b+c123"}),
        ("https://[host/v1", set()),
        ("localhost:8000", set()),
    ],
)
def test_the_secrets_of_an_address(address: str, found: set[str]) -> None:
    assert set(Secrets().and_of(None, address).values) == found


def test_secrets_do_not_show_themselves() -> None:
    assert leaks(repr(ALL).encode(), KEYS.values()) == []


@pytest.mark.parametrize(
    "value", ['pass "word" 123', "two\nlines of 1 key", "tab\tand\\slash1", "пароль-123", "🔑🔑🔑key1"]
)
def test_a_secret_of_any_characters_goes(value: str) -> None:
    escaped = [
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(value))[3:-3],
    ]
    for said in (value, *escaped, *(forms(value)[name] for name in ("quoted", "quoted plus", "quoted twice"))):
        clean = Secrets.of([value]).redact(f"< {said} >".encode())
        assert set(clean[2:-2]) <= set(b"REDACTED"), said


def test_a_number_stays_a_number() -> None:
    account, key = "21" + "00334555", "1234567" + "89012345"
    text = f'{{"account_id":{account},"key":{key},"name":"account {account}"}}'
    clean = json.loads(Secrets.of([key]).redact_text(text))
    assert clean == {"account_id": int("9" * 10), "key": int("9" * 15), "name": f"account {'9' * 10}"}


TEXTS = st.text(
    st.sampled_from('abkqsS07-_.:/\\"{}[], *…\n\u00e9你🙂') | st.characters(exclude_categories=["Cs"]), max_size=40
)
PLANTED = st.sampled_from([said for _, said in EVERY_FORM] + [*ACCOUNTS.values(), "bearer ", "api_key=", "account "])


@example([b"bearer ", MARKED["deepseek, bailian"].replace("-", "\\u002d").encode(), b"0"])
@example([b"token ", MARKED["deepseek, bailian"].replace("-", "\\u002d").encode(), b"a0"])
@given(st.lists(TEXTS.map(str.encode) | PLANTED.map(str.encode) | st.binary(max_size=20), max_size=6))
@settings(max_examples=300, deadline=None)
def test_redaction_keeps_the_length_and_does_nothing_twice(parts: list[bytes]) -> None:
    text = b"".join(parts)
    clean = ALL.redact(text)
    assert len(clean) == len(text)
    assert ALL.redact(clean) == clean


@given(st.lists(TEXTS, min_size=2, max_size=4), st.lists(st.sampled_from(EVERY_FORM), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_no_text_around_it_hides_a_key(around: list[str], told: list[tuple[str, str]]) -> None:
    # A letter or digit next to base64 makes other base64 of it; that is another text.
    said = " ".join(form for _, form in told).join([f"{around[0]} ", f" {around[-1]}"])
    clean = ALL.redact(said.encode())
    assert leaks(clean, {key for key, _ in told}) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | PLANTED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | PLANTED, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
@settings(max_examples=300, deadline=None)
def test_json_stays_json_of_the_same_form(value: Any, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert _form(json.loads(ALL.redact(text), object_pairs_hook=tuple)) == _form(
        json.loads(text, object_pairs_hook=tuple)
    )


def _form(value: Any) -> Any:
    """Return the kinds of values, each in its place; an object is its pairs, since two keys may become one."""
    if isinstance(value, tuple):
        return ("object", *(_form(one) for _, one in value))
    return [_form(one) for one in value] if isinstance(value, list) else type(value)


def _spent(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


WORDS = [word.encode() for words in _SHAPES.values() for word in words.split(",")] + list(_WORDS)


@given(st.lists(st.sampled_from([*WORDS, b'"', b":", b",", b" ", b"x", b"-", b"_", BETWEEN]), min_size=1, max_size=40))
def test_what_is_said_once_has_the_same_words(pieces: list[bytes]) -> None:
    assert not any(BETWEEN in word for word in WORDS)
    once = b"".join(pieces)
    text = once * (_REPETITIVE // len(once) + 1)
    said = told_once(text)
    assert [word in said for word in WORDS] == [word in text for word in WORDS]


def test_of_chunks_that_repeat_little_is_left_to_look_through() -> None:
    chunk = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    assert len(told_once(chunk * 300)) < 3 * len(chunk)


@pytest.mark.thorough
def test_ten_megabytes_take_little_more_than_cutting_them_into_events() -> None:
    stream = b"".join(exchange.response.content for one in SCENARIOS.values() for exchange in ideal.recording(one))
    text = stream * (10_000_000 // len(stream) + 1)
    some = Secrets.of(list(KEYS.values())[:5])
    some.redact(b"")
    cut = min(_spent(lambda: text.split(b"\n\n")) for _ in range(5))
    assert min(_spent(lambda: some.redact(text)) for _ in range(3)) < 100 * cut  # 45 where nothing is read twice


SLOW = [
    "1", "a", "A1", "sk-", "sk-aaaa1aaaa ", "eyJ", "eyJaaaaaaaaaaaa.", "eyJaaaaaaaaaaaa.x.", "org ", "account/", "bearer ",
    "bearer:/", "apikey=", "apikey= aaaaaaaaaaaaaaaaaaaaaaaa.", "*", "** ", "**x", "...a", "…a", "sk-proj-", "%25", "\\",
    "basic aaaaaaaaaaaaaaaaaaaaaaaa-", "://", "://a:a1", "PRIVATE KEY-----", "key ", "token ", "a1B" * 12 + " key", "invalid_api_key ", "api_key      ", 'api_key"\\', "arn:aws:", "arn:aws---", "bce-v3/ALTAK-", "-", "\0",
    "org:0dccdde6-f924-4f1b-bb3b- ", "account 123456789012345 ", "：", "\\u003c", "://a:a@", MARKED["gemini"][:-1],
]  # fmt: skip


@pytest.mark.parametrize("unit", each(8, SLOW))
def test_no_text_makes_it_slow(unit: str) -> None:
    def seconds(size: int) -> float:
        long = unit * (size // len(unit))
        texts = [text.encode() for text in (long, f"api_key={long}", f"api_key={long}x")]
        return min(_spent(lambda: [ALL.redact(text) for text in texts]) for _ in range(2))

    assert seconds(100_000) < 8 * max(seconds(25_000), 0.005)  # with its square it would be 16 times


def test_random_bytes_are_left_alone() -> None:
    noise = random.Random(1).randbytes(300_000)
    assert ALL.redact(noise) == noise


@pytest.mark.parametrize(
    "said",
    ["Invalid API key", "incorrect access_token", "wrong_key", "Unknown auth", "EXPIRED TOKEN", "Authentication", "unauthorised", "Unauthorized"],
)  # fmt: skip
def test_a_short_body_that_refuses_a_key_is_told_by_its_words(said: str) -> None:
    assert _refuses(f'{{"error":"{said}"}}'.encode())
    assert not _refuses(said.encode())
    assert not _refuses(b'{"error":"the tokens of the key are expiring"}')
