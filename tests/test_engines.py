"""The known deviations of five real servers are found in their recordings."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.checks import CHECKS
from harness.judging.runner import Selection, plan, run_case
from harness.matrix.providers import load_matrix
from harness.results import Finding, Outcome

ROOT = Path(__file__).resolve().parents[1]
LEAST = {"llamacpp": 50, "mlx-lm": 50, "litellm": 50, "aimock": 50, "claude-code-router": 20}
"""The servers, and how many scenarios of each are recorded at least; the last speaks Messages alone."""
ENGINES = tuple(LEAST)


class Known(NamedTuple):
    """A known deviation of a server: its recording, the check that reports it, and its message."""

    cell: str
    says: str


# Each line is of what others saw these servers do; one server a block.
KNOWN = {
    "llama.cpp: the first delta has content null": Known("llamacpp/tiny-chat/chat.stream/content.first", "null"),
    "llama.cpp: timings in the last chunk": Known("llamacpp/tiny-chat/chat.stream/chunk.vendor-keys", "timings"),
    "llama.cpp: no usage null before the usage": Known("llamacpp/tiny-chat/chat.stream-usage/usage.null-elsewhere", "usage is absent from "),
    "llama.cpp: usage in a chunk without choices, when asked for": Known("llamacpp/tiny-chat/chat.stream-usage/usage.place", "own chunk"),
    "llama.cpp: ids of calls are 32 characters": Known("llamacpp/tiny-chat/tools.auto/tool_calls.id-form", "32 characters"),
    "llama.cpp: the first fragment begins the arguments": Known("llamacpp/tiny-chat/tools.auto/tool_calls.first", "id, type, name, arguments"),
    "llama.cpp: with tool_choice none the call is text": Known("llamacpp/tiny-chat/tools.none/tool_calls.not-in-text", "the markup of a tool call"),
    "llama.cpp: a usage chunk a choice": Known("llamacpp/tiny-chat/chat.n2/usage.once", "usage came 2 times"),
    "llama.cpp: the first of them before the other's finish": Known("llamacpp/tiny-chat/chat.n2/chunk.choices-not-empty", "between the first choice and the finish"),
    "llama.cpp: any model is answered": Known("llamacpp/tiny-chat/error.unknown-model/error.refused", "status 200"),
    "llama.cpp: by the name of the loaded one": Known("llamacpp/tiny-chat/error.unknown-model/identity.model-asked", "differs"),
    "llama.cpp: a cap of no tokens is answered": Known("llamacpp/tiny-chat/error.no-tokens/error.refused", "status 200"),
    "llama.cpp: probabilities have an id": Known("llamacpp/tiny-chat/chat.logprobs/chunk.vendor-keys", "logprobs.id"),
    "llama.cpp: models beside the list": Known("llamacpp/tiny-chat/models.list/models.form", "beside the list: models"),
    "llama.cpp: JSON mode works": Known("llamacpp/tiny-chat/json.object/structured.mode", "json_object: JSON"),
    "llama.cpp: the code of an error is a number": Known("llamacpp/tiny-chat/error.wrong-type/error.code", "code is 400, not a string"),
    "llama.cpp: an error has no param": Known("llamacpp/tiny-chat/error.bad-key/error.param", "param is absent"),
    "llama.cpp: thoughts under reasoning_content": Known("llamacpp/tiny-think/reasoning.stream/reasoning.place", "reasoning_content"),
    "llama.cpp in Messages: all blocks start before one stops": Known("llamacpp/tiny-chat/messages.two-tools/messages.one-block-open", "block 1 starts while block 0 is open"),
    "llama.cpp in Messages: a call begins without input": Known("llamacpp/tiny-chat/messages.tool/messages.block-keys", "input is absent"),
    "llama.cpp in Messages: end_turn beside a stop sequence": Known("llamacpp/tiny-chat/messages.stop/messages.stop-sequence", "stop_reason is 'end_turn', and stop_sequence '7'"),
    "llama.cpp in Messages: no cap is asked for": Known("llamacpp/tiny-chat/messages.no-cap/messages.cap-required", "status 200"),
    "llama.cpp in Messages: a thought is not signed": Known("llamacpp/tiny-think/messages.thinking-stream/messages.signed", "no signature"),
    "llama.cpp in Messages: errors as OpenAI's": Known("llamacpp/tiny-chat/messages.bad-key/messages.error-envelope", "type is absent"),
    "mlx-lm: HTTP/1.0, ended by closing": Known("mlx-lm/tiny-chat/chat.stream/http.transfer", "HTTP/1.0, until it closes"),
    "mlx-lm: comments before the first event": Known("mlx-lm/tiny-chat/chat.stream/sse.comments", ": keepalive "),
    "mlx-lm: the role in every delta": Known("mlx-lm/tiny-chat/chat.stream/role.pattern", "every"),
    "mlx-lm: text in the first delta": Known("mlx-lm/tiny-chat/chat.stream/content.first", "text"),
    "mlx-lm: the usage chunk is named as a body is": Known("mlx-lm/tiny-chat/chat.stream-usage/chunk.object", "object is 'chat.completion' in 1 of "),
    "mlx-lm: thoughts under reasoning": Known("mlx-lm/tiny-think/reasoning.stream/reasoning.place", "reasoning"),
    "mlx-lm: a call comes whole": Known("mlx-lm/tiny-chat/tools.auto/tool_calls.pieces", "whole"),
    "mlx-lm: ids of calls are UUIDs": Known("mlx-lm/tiny-chat/tools.auto/tool_calls.id-form", "a UUID"),
    "mlx-lm: white space beside the second call": Known("mlx-lm/tiny-chat/tools.parallel/content.beside-calls", "white space"),
    "mlx-lm: tool_choice none calls a tool": Known("mlx-lm/tiny-chat/tools.none/tool_choice.none", "tools were forbidden"),
    "mlx-lm: tool_choice by name is ignored": Known("mlx-lm/tiny-chat/tools.forced/tool_choice.named", "get_time was forced, get_weather is called"),
    "mlx-lm: response_format is ignored": Known("mlx-lm/tiny-chat/json.schema/structured.mode", "json_schema: no JSON"),
    "mlx-lm: n is ignored": Known("mlx-lm/tiny-chat/chat.n2/params.n", "2 choices were asked for, 1 came"),
    "mlx-lm: no probabilities in a stream": Known("mlx-lm/tiny-chat/chat.logprobs/params.logprobs", "none came"),
    "mlx-lm: probabilities in a body": Known("mlx-lm/tiny-chat/params.logprobs/params.outcome", "logprobs: honoured"),
    "mlx-lm: an error is a text": Known("mlx-lm/tiny-chat/error.wrong-type/error.envelope", "the error is text under error"),
    "LiteLLM: finish_reason is missing until the end": Known("litellm/mock/chat.stream/finish_reason.key-present", "finish_reason is absent from "),
    "LiteLLM: usage beside an empty delta": Known("litellm/mock/chat.stream-usage/usage.own-chunk", "usage came in a chunk beside choices"),
    "LiteLLM: after the finish": Known("litellm/mock/chat.stream-usage/finish_reason.last", "continues after its finish_reason"),
    "LiteLLM: the mock has no system_fingerprint": Known("litellm/mock/chat.stream/chunk.fingerprint-form", "missing"),
    "LiteLLM: the mock's first delta has text": Known("litellm/mock/chat.stream/content.first", "text"),
    "LiteLLM: the mock ignores max_tokens": Known("litellm/mock/params.max-tokens/params.outcome", "max_tokens: ignored"),
    "LiteLLM: the mock ignores tools": Known("litellm/mock/tools.required/tool_choice.required", "a tool was required, and none is called"),
    "LiteLLM: the mock ignores logprobs": Known("litellm/mock/params.logprobs/params.outcome", "logprobs: ignored"),
    "LiteLLM: two choices in one chunk": Known("litellm/mock/chat.n2/chunk.choices-together", "several in a chunk"),
    "LiteLLM: the second choice has no finish": Known("litellm/mock/chat.n2/finish_reason.given", "choice 1 ends without a finish_reason"),
    "LiteLLM: forwarding drops content null": Known("litellm/tiny-chat/chat.stream/content.first", "missing"),
    "LiteLLM: forwarding drops timings in a stream": Known("litellm/tiny-chat/chat.stream/chunk.vendor-keys", "none"),
    "LiteLLM: forwarding adds the type to every fragment": Known("litellm/tiny-chat/tools.auto/tool_calls.repeated", "type"),
    "LiteLLM: forwarding loses the second choice's role": Known("litellm/tiny-chat/chat.n2/role.first", "no delta of choice 1 names the role"),
    "LiteLLM: and its finish": Known("litellm/tiny-chat/chat.n2/finish_reason.given", "choice 1 ends without a finish_reason"),
    "LiteLLM: a wrong key is refused with 400": Known("litellm/mock/error.bad-key/error.status", "the status is 400, not 401 or 403"),
    "LiteLLM in Messages: the prompt is counted at the end only": Known("litellm/tiny-chat/messages.stream/messages.input-counted", "input_tokens is 0 in message_start"),
    "LiteLLM in Messages: a cap of 12 is one of 16": Known("litellm/tiny-chat/messages.capped/messages.cap-kept", "output_tokens is 16, the cap is 12"),
    "LiteLLM in Messages: stop sequences are lost": Known("litellm/tiny-chat/messages.stop/messages.stop-kept", "holds the stop sequence '7'"),
    "LiteLLM in Messages: overlap is passed on": Known("litellm/tiny-chat/messages.two-tools/messages.one-block-open", "block 1 starts while block 0 is open"),
    "LiteLLM in Messages: a mocked answer does not stream": Known("litellm/mock/messages.stream/http.stream-asked", "a JSON body"),
    "LiteLLM: a mocked answer counts another prompt in each dialect": Known("litellm/mock/messages.both-dialects/parity.dialects", "tokens of the prompt in chat: 10; in Messages: "),
    "aimock: the prompt is counted in chat only": Known("aimock/tiny-chat/messages.both-dialects/parity.dialects", "in Messages: 0"),
    "aimock in Messages: all counts are 0": Known("aimock/tiny-chat/messages.stream/messages.output-counted", "output_tokens is 0"),
    "aimock in Messages: stop sequences are not looked at": Known("aimock/tiny-chat/messages.stop/messages.stop-kept", "holds the stop sequence '7'"),
    "aimock in Messages: tokens are not counted": Known("aimock/tiny-chat/messages.count-tokens/messages.count-served", "status 404"),
    "aimock: no system_fingerprint": Known("aimock/tiny-chat/chat.stream/chunk.fingerprint-form", "missing"),
    "aimock: no usage null": Known("aimock/tiny-chat/chat.stream-usage/usage.null-elsewhere", "usage is absent from "),
    "aimock: stop is ignored": Known("aimock/tiny-chat/params.stop/params.outcome", "stop: ignored"),
    "aimock: n is ignored": Known("aimock/tiny-chat/params.n/params.n", "1 came"),
    "aimock: logprobs is ignored": Known("aimock/tiny-chat/params.logprobs/params.logprobs", "none came"),
    "aimock: tool_choice none calls a tool": Known("aimock/tiny-chat/tools.none/tool_choice.none", "tools were forbidden"),
    "aimock: the role after the thought": Known("aimock/tiny-think/reasoning.stream/role.pattern", "once, later"),
    "aimock: any model is answered": Known("aimock/tiny-chat/error.unknown-model/error.refused", "status 200"),
    "aimock: ids of OpenRouter under its path": Known("aimock/openrouter-face/chat.stream/identity.id-form", "gen-…"),
    "aimock: its keys": Known("aimock/openrouter-face/chat.stream/chunk.vendor-keys", "choice.native_finish_reason, provider"),
    "aimock: its roles": Known("aimock/openrouter-face/chat.stream/role.pattern", "first + some"),
    "aimock: its usage, unasked": Known("aimock/openrouter-face/chat.stream/usage.not-unasked", "chunks have usage"),
    "Claude Code Router: no usage in a stream": Known("claude-code-router/tiny-chat/messages.stream/messages.output-counted", "output_tokens is 0"),
    "Claude Code Router: a stop sequence is lost on the way": Known("claude-code-router/tiny-chat/messages.stop/messages.stop-kept", "holds the stop sequence"),
    "Claude Code Router: an error within an error": Known("claude-code-router/tiny-chat/messages.wrong-type/error.own-words", "holds another error"),
    "Claude Code Router: a wrong key is refused in plain text": Known("claude-code-router/tiny-chat/messages.bad-key/error.json", "plain text"),
}  # fmt: skip


@cache
def found() -> dict[str, Finding]:
    checks = tuple(CHECKS.values())
    cases = plan(load_matrix(ROOT / "providers.yaml"), ROOT, Selection(providers=ENGINES))
    return {finding.cell: finding for case in cases if case.skip is None for finding in run_case(case, checks)}


@pytest.mark.parametrize("name", KNOWN)
def test_what_a_server_does_otherwise_is_found(name: str) -> None:
    known = KNOWN[name]
    finding = found()[known.cell]
    assert finding.outcome in {Outcome.KNOWN, Outcome.OBSERVED}
    assert known.says in (finding.value or finding.message)


@pytest.mark.parametrize("engine", ENGINES)
def test_all_they_do_otherwise_is_listed(engine: str) -> None:
    judged = [finding for finding in found().values() if finding.provider == engine]
    assert [
        finding.cell for finding in judged if finding.outcome in {Outcome.FAIL, Outcome.CHANGED, Outcome.FIXED}
    ] == []
    assert {finding.provenance for finding in judged if finding.family != "recording"} == {"recorded"}
    assert len({finding.scenario for finding in judged if finding.family != "recording"}) >= LEAST[engine]


def test_the_gateway_is_seen_through_the_same_server() -> None:
    """One upstream, with and without a gateway: what differs is the gateway's."""
    direct, through = (
        {cell.split("/", 2)[2]: finding for cell, finding in found().items() if cell.startswith(f"{target}/")}
        for target in ("llamacpp/tiny-chat", "litellm/tiny-chat")
    )
    failing = (Outcome.KNOWN,)
    added = {
        cell.rpartition("/")[2]
        for cell, one in through.items()
        if one.outcome in failing and cell in direct and direct[cell].outcome not in failing
    }
    assert {"finish_reason.key-present", "finish_reason.last", "usage.own-chunk", "finish_reason.given"} <= added


def test_a_gateway_of_messages_adds_its_own() -> None:
    """llama.cpp counts what it streams in Messages, and keeps to a stop sequence; behind this gateway neither comes."""
    for check, scenario in (("messages.output-counted", "messages.stream"), ("messages.stop-kept", "messages.stop")):
        assert found()[f"llamacpp/tiny-chat/{scenario}/{check}"].outcome is Outcome.PASS
        assert found()[f"claude-code-router/tiny-chat/{scenario}/{check}"].outcome is Outcome.KNOWN


def test_a_server_is_asked_in_the_dialects_that_it_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "engines"))
    record = import_module("record")
    spoken = {name: record.dialects_of(name) for name in record.TARGETS}
    assert (spoken["mlx-lm"], spoken["aimock"]) == (["chat"], ["chat", "messages"])
    assert spoken["llamacpp"] == ["chat", "messages", "completions"]
    assert spoken["ccr"] == ["messages"]
