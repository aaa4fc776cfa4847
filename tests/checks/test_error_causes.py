"""The cause of an error is found in the words of many servers, and compared with its status."""

from dataclasses import replace

import pytest
from judging import ABOUT

from harness.checks import CHECKS
from harness.checks.error_causes import (
    BAD_KEY,
    BAD_REQUEST,
    LIMIT,
    MODEL_FAILED,
    NO_CREDIT,
    NO_MODEL,
    ONE_FORM,
    OVERLOADED,
    TOO_LONG,
    Cause,
    request_mistake,
    told_cause,
)
from harness.judging.runner import inconclusive_reason, judge_exchanges
from harness.results import Finding, Outcome
from harness.simulate.chat.ideal import error
from harness.simulate.chat.ideal import exchange as asked
from harness.simulate.reference import BODY, with_expected_status, with_header, with_request_params, with_response
from harness.wire.exchange import Exchange

# Each in the words of a server of its own, from public reports.
WORDS: list[tuple[int, bytes, Cause | None]] = [
    (502, b'{"error":{"message":"Unsupported: failed to apply chat template: Failed to parse tools: Missing tool function","type":"server_error","param":null,"code":null}}', BAD_REQUEST),
    (502, b'{"message":"Bad Request","code":"upstream_error"}', BAD_REQUEST),
    (400, b"Invalid request: [json.exception.out_of_range.403] key 'function' not found", BAD_REQUEST),
    (500, b'{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}}]}', BAD_REQUEST),
    (500, b'{"error":{"message":"litellm.BadRequestError: OpenAIException - Unsupported parameter: \'x\'","type":null,"param":null,"code":"500"}}', BAD_REQUEST),
    (500, b'{"error":{"message":"POST \\"https://upstream.invalid/v1\\": 400 Bad Request {}","type":"server_error"}}', BAD_REQUEST),
    (503, b'{"error":{"code":"model_not_found","message":"No available channel for model x under group default","type":"new_api_error"}}', NO_MODEL),
    (500, b'{"error":"model \'llama9\' not found"}', NO_MODEL),
    (500, b'{"errors":[{"message":"This model\'s maximum context length is 4096 tokens.","code":5021}],"success":false}', TOO_LONG),
    (500, b'{"error":{"code":500,"message":"Cannot use tools: streaming is not supported","type":"server_error"}}', ONE_FORM),
    (400, b'{"error":{"code":"invalid_parameter_error","param":null,"message":"This model only support stream mode, please enable the stream parameter to access the model. ","type":"invalid_request_error"}}', ONE_FORM),
    (500, b'{"error":{"message":"Error code: 429 - Too Many Requests"}}', LIMIT),
    (500, b'{"error":{"message":"401 Unauthorized","type":"upstream_error"}}', BAD_KEY),
    (400, b'{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}', BAD_KEY),
    (402, b'{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}', NO_CREDIT),
    (400, b'{"error":{"message":"Failed to generate JSON. Please adjust your prompt.","type":"invalid_request_error","code":"json_validate_failed","failed_generation":"{"}}', MODEL_FAILED),
    (400, b'{"error":{"message":"Tool choice is required, but model did not call a tool","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"rate limit"}}', MODEL_FAILED),
    (500, b'{"error":{"message":"missing \'model\' field"}}', BAD_REQUEST),
    (500, b'{"message":"Unprocessable Entity"}', BAD_REQUEST),
    (502, b'{"error":{"message":"Error code: 401 - invalid x-api-key"}}', BAD_KEY),
    (500, b"Model 'qwen9' is not available on this server", NO_MODEL),
    (500, b'{"detail":[{"type":"list_type","loc":["body","messages"],"msg":"Input should be a valid list"}]}', BAD_REQUEST),
    (500, b'{"error":{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}}', BAD_REQUEST),
    (500, '{"code":"InvalidParameter","message":"参数错误"}'.encode(), BAD_REQUEST),
    (500, b'{"error":{"message":"the engine was killed after 400 ms and 422 tokens"}}', None),
    (400, b'{"error":{"message":"The model llama3: tool use is not supported"}}', None),
    (400, b'{"error":{"message":"logprobs is not supported by this model"}}', None),
    (503, b'{"error":{"message":"The engine is overloaded, please try again later","type":"server_error"}}', OVERLOADED),
    (500, b'{"error":{"message":"Internal server error","type":"server_error","param":null,"code":null}}', None),
    (502, b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>", None),
    (504, b"upstream request timeout", None),
    (529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', OVERLOADED),
]  # fmt: skip


def audited(exchange: Exchange) -> dict[str, Finding]:
    """Return every finding on an exchange without expectations."""
    return {
        finding.check: finding for finding in judge_exchanges([with_expected_status(exchange)], ABOUT, CHECKS.values())
    }


def answered(status: int, body: bytes) -> Exchange:
    return with_response(with_header(BODY, "content-type", "application/json"), status=status, body=body)


@pytest.mark.parametrize(("status", "body", "cause"), WORDS, ids=[f"{n}-{w[0]}" for n, w in enumerate(WORDS)])
def test_the_words_of_an_error_tell_its_cause(status: int, body: bytes, cause: Cause | None) -> None:
    told = told_cause(answered(status, body))
    assert (told and told.cause) == cause


@pytest.mark.parametrize(("status", "body", "cause"), WORDS, ids=[f"{n}-{w[0]}" for n, w in enumerate(WORDS)])
def test_a_status_that_says_otherwise_is_a_finding(status: int, body: bytes, cause: Cause | None) -> None:
    misleads = cause is not None and status not in cause.due
    outcome = audited(answered(status, body))["error.status"].outcome
    assert outcome is (Outcome.FAIL if misleads else Outcome.PASS if cause else Outcome.NA)


def test_the_finding_names_both_and_advises_against_trying_again() -> None:
    finding = audited(answered(*WORDS[1][:2]))["error.status"]
    assert (
        finding.message
        == 'the status is 502, but the error reports an invalid request ("Bad Request"), expected 400 or 422'
    )
    assert finding.advice
    assert "max_retries=0" in finding.advice.instead


@pytest.mark.parametrize(
    ("params", "mistake"),
    [
        ({"messages": []}, "no messages"),
        ({"messages": "hello"}, "messages that are not an array"),
        ({"temperature": "hot"}, "temperature of the wrong type"),
        ({"max_tokens": "many"}, "max_tokens of the wrong type"),
        ({"tools": [{"type": "function"}]}, "no name of function 0"),
        ({"tools": [{"type": "function", "function": "nope"}]}, "no name of function 0"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, None),
        ({"tools": []}, None),
        ({"temperature": 0, "x_vendor": {"a": 1}}, None),
    ],
)
def test_what_a_request_is_wrong_in_is_known_by_its_form(params: dict[str, object], mistake: str | None) -> None:
    wrong = with_request_params(
        answered(502, b'{"error":{"message":"upstream model error","type":"server_error"}}'), **params
    )
    assert request_mistake(wrong) == mistake
    finding = audited(wrong)["error.status"]
    assert finding.outcome is (Outcome.FAIL if mistake else Outcome.NA)
    if mistake:
        assert finding.message == f"status 502 for a request with {mistake}, expected 400 or 422"


def test_a_body_that_is_no_json_is_the_client_s_mistake() -> None:
    wrong = asked({}, raw=b'{"model": "gpt", "messages": [')
    assert request_mistake(wrong) == "a body that is not a JSON object"
    assert request_mistake(replace(wrong, request=replace(wrong.request, body=None))) is None, "it was not kept"


@pytest.mark.parametrize(
    ("statuses", "status", "before", "verdict"),
    [
        ((200,), 503, None, False),
        ((200,), 503, 503, True),
        ((200,), 500, 502, True),
        ((200, 400), 500, None, False),
        ((200, 400), 500, 500, True),
        ((400, 422), 502, None, True),
        ((400, 422), 503, None, False),
        ((400, 422), 503, 503, True),
        ((400, 422), 403, None, True),
        ((200,), 403, None, False),
        ((401, 403), 400, None, True),
        ((400, 422), 429, None, False),
        ((400, 422), 401, None, False),
    ],
)
def test_a_failure_is_a_verdict_where_it_comes_twice_or_the_request_is_wrong(
    statuses: tuple[int, ...], status: int, before: int | None, *, verdict: bool
) -> None:
    failed = with_expected_status(answered(status, b'{"error":{"message":"Try later."}}'), *statuses)
    failed = replace(failed, source=replace(failed.source, failed_before=before))
    assert (inconclusive_reason(failed) is None) is verdict


@pytest.mark.parametrize(
    ("params", "message", "status", "said"),
    [
        ({"temperature": 5}, "Internal Server Error", 500, "a value out of range, temperature is 5"),
        ({}, "This group only allows Claude Code clients.", 503, "a request that is not allowed"),
        ({}, "Unsupported param: suffix", 500, "an invalid request"),
        ({}, "The model is overloaded.", 400, "an overload"),
    ],
)
def test_a_status_is_held_against_the_request_and_the_words_of_the_error(
    params: dict[str, object], message: str, status: int, said: str
) -> None:
    exchange = with_response(
        with_request_params(with_expected_status(BODY), **params), status=status, body=error(status, message).body
    )
    assert [said in problem.message for problem in CHECKS["error.status"].find(exchange)] == [True]
