"""The budget of a probe is kept: prompts are counted before they are sent, and GETs are free."""

from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter
from scripted import IDEAL, End, Received, Server, ideal_answer, plays, refuses

from harness.cli import main
from harness.live.budget import ANSWER_TOKENS, Budget, prompt_tokens, tokens_of
from harness.matrix.scenarios import SCENARIOS, request_body
from harness.results import Finding, Outcome
from harness.simulate.reference import BODY, with_body, with_response

FINDING = TypeAdapter(Finding)

CHAT, LONG, MODELS = (SCENARIOS[name] for name in ("chat.nonstream", "error.too-long", "models.list"))


def probe(server: Server, *options: str) -> Result:
    command = ["probe", server.base_url, "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *options]
    return CliRunner().invoke(main, command, env={"PROBE_KEY": "good", "COLUMNS": "200"})


def findings(result: Result) -> list[Finding]:
    return [FINDING.validate_json(line) for line in result.stdout.splitlines()[:-1]]


@pytest.mark.parametrize(
    ("text", "told"),
    [  # tokens a character, as vendors tell of their own
        ("The quick brown fox jumps over the lazy dog.", 0.3),  # https://api-docs.deepseek.com/quick_start/token_usage
        ("春眠不觉晓处处闻啼鸟", 0.6),  # the same
        ("The quick brown fox jumps over the lazy dog.", 1 / 4),  # https://github.com/openai/tiktoken
        ("a " * 300, 1 / 2),  # no vocabulary was made to hold it in fewer than a token a word
    ],
)
def test_a_text_is_reckoned_at_no_less_than_vendors_tell(text: str, told: float) -> None:
    assert tokens_of(text.encode()) >= len(text) * told


@pytest.mark.parametrize("text", ["春眠不觉晓", "👩‍👩‍👧‍👦🏳️‍🌈", "𠮷野家", "naïve café"])
def test_what_is_not_ascii_is_reckoned_at_the_most_that_bytes_can_give(text: str) -> None:
    plain = sum(character.isascii() for character in text)
    assert tokens_of(text.encode()) == len(text.encode()) - plain + (plain + 1) // 2


def test_what_is_no_utf8_is_counted_by_bytes() -> None:
    assert tokens_of(b"\xff\xfe\xff") == 3
    assert tokens_of(b"") == 0


def test_without_long_a_spent_budget_is_not_why_the_long_prompt_is_left_out() -> None:
    budget = Budget(requests=1)
    assert budget.try_reserve(CHAT) is None
    skipped = budget.try_reserve(LONG)
    assert skipped
    assert skipped.reason.startswith("sent only with --long"), "more requests would not send it"


def test_one_request_is_told_as_one() -> None:
    assert Budget().told([CHAT]).startswith("up to 1 request and ")
    assert Budget().told([CHAT, LONG, CHAT]).startswith("up to 2 requests and ")


@pytest.mark.thorough
def test_the_long_prompt_is_not_sent_unless_that_is_said() -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--format", "json")
    assert max(len(request.body) for request in server.requests) < 3_000
    (left,) = [one for one in findings(result) if one.scenario == LONG.id]
    assert left.outcome is Outcome.MISSING
    assert left.message.startswith("sent only with --long: it takes about 15")


@pytest.mark.thorough
def test_it_is_sent_last_and_only_where_the_budget_holds_it() -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--long")
    assert [len(request.body) > 300_000 for request in server.requests].index(True) == len(server.requests) - 1
    assert "up to 68 requests and 200,000 tokens (prompts: about 1" in result.stderr
    with Server(IDEAL) as server:
        result = probe(server, "--long", "--max-tokens", "100000", "--format", "json")
    assert max(len(request.body) for request in server.requests) < 3_000
    (left,) = [one for one in findings(result) if one.scenario == LONG.id]
    assert "and it may take 15" in left.message


@pytest.mark.parametrize("options", [("--max-tokens", "0"), ("--max-requests", "0"), ("--max-requests", "3")])
def test_gets_are_never_skipped_for_the_budget(options: tuple[str, ...]) -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--format", "json", *options)
    asked = [request.path for request in server.requests if request.method == "GET"]
    assert sorted(asked) == ["/v1/models", "/v1/models/gpt-4o-mini"]
    assert not [
        one for one in findings(result) if one.outcome is Outcome.MISSING and one.scenario.startswith("models.")
    ]
    if options == ("--max-requests", "3"):
        assert len(server.requests) == 3


@pytest.mark.parametrize("each", [100, 1_000, ANSWER_TOKENS])
@pytest.mark.parametrize("most", [5_000, 20_000])
def test_no_more_tokens_are_spent_than_was_said(each: int, most: int) -> None:
    """Every response counts ``each`` tokens."""

    def counting(request: Received) -> Iterable[bytes | float | End]:
        answer = ideal_answer(request)
        body = orjson.loads(BODY.response.body) | {
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": each}
        }
        if answer.response.status != 200 or request.method == "GET":
            return plays(answer)(request)
        return plays(with_response(BODY, body=orjson.dumps(body), reads=None))(request)

    with Server(counting) as server:
        probe(server, "--max-tokens", str(most))
    chats = [request for request in server.requests if request.method == "POST"]
    assert len(chats) >= 1
    assert len(chats) * each <= most + 4 * each, "refusals cost nothing, and are counted here"


def test_what_does_not_fit_beside_what_is_under_way_waits_for_it() -> None:
    budget = Budget(tokens=ANSWER_TOKENS + 400)
    assert budget.try_reserve(CHAT) is None
    assert budget.try_reserve(SCENARIOS["chat.stream"]) is not None
    budget.settle(CHAT, [BODY])
    assert 0 < budget.tokens_spent < 200
    assert budget.try_reserve(SCENARIOS["chat.stream"]) is None
    with Server(IDEAL) as server:
        probe(
            server,
            "--max-tokens",
            "4000",
            "--scenario",
            "chat.stream",
            "--scenario",
            "chat.nonstream",
            "--scenario",
            "chat.n2",
        )
    assert len(server.requests) == 2, "of two answers it is reckoned that they take 4,000"


def test_of_larger_answers_the_largest_is_reckoned_with() -> None:
    budget = Budget(tokens=20_000)
    assert budget.try_reserve(CHAT) is None
    large = with_body(BODY, BODY.response.body.replace(b'"total_tokens":', b'"total_tokens":9'))
    budget.settle(CHAT, [large])
    assert budget.tokens_spent > 900
    for taken, fits in ((6_000, True), (7_500, False)):
        one = Budget(tokens=20_000, tokens_spent=taken)
        usage = with_body(BODY, orjson.dumps(orjson.loads(BODY.response.body) | {"usage": {"total_tokens": 6_600}}))
        one.settle(CHAT, [usage])
        assert (one.try_reserve(CHAT) is None) is fits


def test_what_gives_no_answer_is_counted_as_if_it_had() -> None:
    budget = Budget()
    budget.settle(CHAT, [with_response(BODY, status=0, body=b"", eof=False, error="ReadTimeout")])
    assert budget.tokens_spent > ANSWER_TOKENS
    budget.settle(MODELS, [BODY])
    budget.settle(CHAT, [with_response(BODY, status=400, body=b"{}")])
    assert budget.tokens_spent < ANSWER_TOKENS + 200


def test_caps_are_reckoned_with() -> None:
    capped, plain = Budget(), Budget()
    assert capped.try_reserve(SCENARIOS["params.max-tokens"]) is None
    assert plain.try_reserve(CHAT) is None
    assert sum(capped._held.values()) < 200 < ANSWER_TOKENS < sum(plain._held.values())  # noqa: SLF001


def test_every_prompt_is_counted_as_it_is_sent() -> None:
    for scenario in SCENARIOS.values():
        if not scenario.path:
            sent = scenario.raw_body or orjson.dumps(request_body(scenario, "", {}))
            assert len(sent) / 2 <= prompt_tokens(scenario) <= len(sent), scenario.id


def test_a_record_is_asked_for_the_long_prompt_with_long_only(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(
        "providers:\n  - id: acme\n    name: acme\n    base_url: http://127.0.0.1:1/v1\n    key_env: ACME_KEY\n"
        "    docs: https://acme.example/docs\n    models:\n      - {id: small, name: m, thinking: {disable: {}}}\n"
    )
    command = ["record", "--root", str(tmp_path), "--dry-run"]
    short = CliRunner().invoke(main, command, env={"ACME_KEY": "good"})
    assert "error.too-long" not in short.stdout
    long = CliRunner().invoke(main, [*command, "--long"], env={"ACME_KEY": "good"})
    assert long.stdout.splitlines()[-1] == "acme/small/error.too-long"
    told = [int(result.stderr.split("about ")[1].split()[0].replace(",", "")) for result in (short, long)]
    assert told[1] - told[0] > 150_000


def test_a_refusal_of_everything_spends_no_tokens() -> None:
    with Server(refuses(429)) as server:
        probe(server, "--max-tokens", "9000")
    assert len(server.requests) > 40
