"""Defines the scenarios of legacy completions, and their requests."""

from typing import Any

from harness.matrix.scenarios import Scenario
from harness.wire.shapes import Json

_HELLO = "The sky at dawn is 🌅 红色的, and this is what one hears first:\n"
_COUNT = "Count from 1 to 40 in digits, separated by commas and nothing else: "
_PREFIX = "def fib(n):\n"
_SUFFIX = "    return fib(n - 1) + fib(n - 2)\n"
_ENOUGH = 64
_STREAM: Json = {"stream": True}
_USAGE: Json = {"stream": True, "stream_options": {"include_usage": True}}
_STREAM_ONLY = ("stream", "stream_options")
_BAD_REQUEST = (400, 422)
_OPEN = (200, 400, 403, 404, 422)
"""Sent to learn whether the provider supports it: a completion and a plain rejection are both expected."""


def _ask(name: str, title: str, prompt: str = _HELLO, **more: Any) -> Scenario:
    return Scenario(f"completions.{name}", title, prompt, dialect="completions", **more)


def _try(name: str, title: str, params: Json, tested_parameter: str, **more: Any) -> Scenario:
    return _ask(name, title, params=params, statuses=_OPEN, tested_parameter=tested_parameter, **more)


_TABLE = (
    _ask("stream", "A text, streamed.", params=_STREAM),
    _ask("stream-usage", "The same, with usage requested.", params=_USAGE, needs=("stream-usage",)),
    _ask("nonstream", "The same, non-streaming."),
    _ask("both-forms", "The same question, streaming and non-streaming.", params=_USAGE, needs=("stream-usage",), repeat_with={}),
    _ask("capped", "A long text, capped at 12 tokens, streamed.", _COUNT, params=_STREAM | {"max_tokens": 12}),
    _ask("stop", "A text that a stop sequence ends, streamed.", _COUNT, params=_STREAM | {"stop": ["7"]}),
    _try("suffix", "A gap in code to fill, streamed.", _STREAM | {"suffix": _SUFFIX}, "suffix", prompt=_PREFIX),
    _try("echo", "A text that repeats its prompt first.", {"echo": True}, "echo"),
    _try("n2", "Two texts in one stream.", _STREAM | {"n": 2}, "n", needs=("n",)),
    _try("two-prompts", "Two prompts in one request.", {"prompt": [_HELLO, _COUNT]}, "a list of prompts"),
    _try("logprobs", "A text with logprobs, streamed.", _STREAM | {"logprobs": 2}, "logprobs", needs=("logprobs",)),
    _ask("bad-key", "An invalid API key.", statuses=(401, 403), key="wrong", needs=("key",)),
    _ask("unknown-model", "A model that does not exist.", statuses=(404, 400), model="no-such-model-7"),
    _ask("no-prompt", "No prompt.", statuses=_BAD_REQUEST, omit=("prompt",)),
    _ask("malformed-json", "A body that is not JSON.", statuses=_BAD_REQUEST, raw_body=b'{"model": "m", "prompt": ['),
    _ask("wrong-type", "A string instead of a number.", statuses=_BAD_REQUEST, params={"max_tokens": "many"}),
)  # fmt: skip

COMPLETIONS: dict[str, Scenario] = {scenario.id: scenario for scenario in _TABLE}
"""The scenarios of legacy completions, by id."""


def address(base_url: str) -> str:
    """Return the URL of the endpoint, given a base URL as OpenAI's SDK takes it."""
    return f"{base_url.rstrip('/')}/completions"


def first_body(scenario: Scenario, model: str) -> Json:
    """Return the JSON of a scenario's first request."""
    body = {"model": scenario.model or model, "prompt": scenario.prompt, "max_tokens": _ENOUGH, **scenario.params}
    return {key: value for key, value in body.items() if key not in scenario.omit}


def second_body(scenario: Scenario, body: Json) -> Json:
    """Return the JSON of a scenario's second request, the same without streaming."""
    return {key: value for key, value in body.items() if key not in _STREAM_ONLY} | (scenario.repeat_with or {})
