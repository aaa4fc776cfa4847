"""Defines conditions: each returns None if a check applies to an exchange, else the reason why it does not."""

from functools import cache
from typing import Any

from harness.checks.registry import Applies, NotApplicable, Reason
from harness.wire.chat.chunks import Choice, Finish
from harness.wire.exchange import Exchange
from harness.wire.shapes import as_object

_ALL_ALONG = ("continuous_usage_stats", "chunk_include_usage")
"""Keys of ``stream_options`` that request usage in every chunk."""
_FEW = 2  # choices: more are needed to tell that they are counted
_WITHIN = ("raw", "none")
"""Values of ``reasoning_format`` that leave reasoning in the text."""


def success_status(exchange: Exchange) -> Reason | None:
    """The status is 2xx: there is a response to judge."""
    status = exchange.response.status
    if exchange.response.is_success:
        return None
    reason = f"status {status} is not an answer; the error rules judge it"
    return NotApplicable(reason, "blocked") if exchange.expected.answer else reason


def error_status(exchange: Exchange) -> Reason | None:
    """The status is 4xx or 5xx."""
    if exchange.response.is_error:
        return None
    reason = f"status {exchange.response.status} is not an error"
    return NotApplicable(reason, "blocked") if exchange.expected.refusal else reason


def uncut(exchange: Exchange) -> Reason | None:
    """The recorder did not close it before its end."""
    response = exchange.response
    if response.closed_by_us or (exchange.expected.cancelled_by_client and not response.eof):
        return NotApplicable("closed by the reader before its end; checked up to there", "cut")
    return None


def come(exchange: Exchange) -> Reason | None:
    """It was not closed before its body began."""
    content = exchange.response.content
    return uncut(exchange) if not content or content.isspace() else None


def begun(exchange: Exchange) -> Reason | None:
    """It was not closed before its first choice."""
    return None if exchange.columns.choices else uncut(exchange)


def any_exchange(_exchange: Exchange) -> str | None:
    """Always."""
    return None


def stream(exchange: Exchange) -> Reason | None:
    """A stream was requested and sent."""
    return success_status(exchange) or (None if exchange.is_stream else "no stream was asked for")


def body(exchange: Exchange) -> Reason | None:
    """A non-streaming response was requested and sent."""
    return success_status(exchange) or ("a stream was asked for" if exchange.is_stream else None)


def has_headers(exchange: Exchange) -> str | None:
    """Whatever the status, the recorder kept the headers."""
    return None if exchange.response.headers else "the recording has no headers"


def answer_with_headers(exchange: Exchange) -> Reason | None:
    """There is a response, and the recorder kept its headers."""
    return success_status(exchange) or has_headers(exchange)


def exact_framing(exchange: Exchange) -> Reason | None:
    """A stream with its original bytes, blank lines included."""
    if exchange.source.fidelity == "lines":
        return "the blank lines of this recording were rebuilt"
    return exact_lines(exchange)


def exact_lines(exchange: Exchange) -> Reason | None:
    """A stream with its original lines."""
    if exchange.source.fidelity in {"chunks", "transcript"}:
        return "the framing of this recording was rebuilt"
    return stream(exchange)


def complete_answer(exchange: Exchange) -> Reason | None:
    """A response that its publisher did not shorten."""
    if exchange.source.fidelity == "transcript":
        return "this transcript may be shortened"
    return success_status(exchange)


@cache
def all_of(first: Applies, second: Applies) -> Applies:
    """Return the condition that both hold."""
    return lambda exchange: first(exchange) or second(exchange)


@cache
def unaltered(*names: str) -> Applies:
    """Return the condition that the fields ``names`` of a response have no placeholders of a publisher."""

    def applies(exchange: Exchange) -> Reason | None:
        altered = [name for name in names if name in exchange.altered]
        return success_status(exchange) or (
            f"the publisher of the recording altered {' and '.join(altered)}" if altered else None
        )

    return applies


def counts_chunks(exchange: Exchange) -> bool:
    """Return whether each chunk of a stream has its own choice index although one choice was requested."""
    choices = exchange.columns.choices
    one_each = all(choice.first_chunk == choice.last_chunk for choice in choices.values())
    return exchange.is_stream and len(choices) > _FEW and one_each and exchange.request.get("n") in {None, 1}


def told_apart(exchange: Exchange) -> Reason | None:
    """The index of a choice identifies it: it does not count chunks."""
    counted = "the index counts chunks, and tells no choices apart"
    return NotApplicable(counted, "blocked") if counts_chunks(exchange) else None


def usage_asked(exchange: Exchange) -> Reason | None:
    """A stream with ``stream_options.include_usage``."""
    return stream(exchange) or (None if exchange.request.include_usage else "usage was not asked for")


def usage_not_asked(exchange: Exchange) -> Reason | None:
    """A stream known to be requested without usage, by OpenAI's parameter or another's."""
    return stream(exchange) or request_known(exchange) or ("usage was asked for" if asks_usage(exchange) else None)


def asks_usage(exchange: Exchange) -> bool:
    """
    Return whether the request asks for streamed usage: ``include_usage``, continuous usage, or OpenRouter's
    ``usage``.
    """
    wanted = exchange.request.get("usage")
    openrouter = isinstance(wanted, dict) and wanted.get("include") is True
    return exchange.request.include_usage or openrouter or asks_usage_all_along(exchange)


def asks_usage_all_along(exchange: Exchange) -> bool:
    """Return whether the request asks for usage in every chunk, as vLLM and SGLang, or Volcengine Ark, allow."""
    options = exchange.request.get("stream_options")
    return isinstance(options, dict) and any(options.get(name) is True for name in _ALL_ALONG)


def usage_once_due(exchange: Exchange) -> Reason | None:
    """A stream without a request for usage in every chunk."""
    return stream(exchange) or ("usage was asked for in every chunk" if asks_usage_all_along(exchange) else None)


def usage_all_along_asked(exchange: Exchange) -> Reason | None:
    """A stream with a request for usage in every chunk."""
    return stream(exchange) or (None if asks_usage_all_along(exchange) else "usage was not asked for in every chunk")


def json_mode(exchange: Exchange) -> str | None:
    """Return the requested JSON mode, ``json_object`` or ``json_schema``; None if there is none."""
    wanted = exchange.request.get("response_format")
    if wanted is None and guided_schema(exchange) is not None:
        return "json_schema"
    mode = wanted.get("type") if isinstance(wanted, dict) else None
    return mode if isinstance(mode, str) and mode in {"json_object", "json_schema"} else None


def guided_schema(exchange: Exchange) -> Any:
    """Return the schema given in the form of vLLM, old or new, or of llama.cpp; None if there is none."""
    asked = exchange.request
    given = (asked.get("guided_json"), as_object(asked.get("structured_outputs")).get("json"), asked.get("json_schema"))
    return next((one for one in given if isinstance(one, dict)), None)


def thought_apart(exchange: Exchange) -> Reason | None:
    """A response without a request to leave reasoning in the text, as Groq, llama.cpp and SGLang allow."""
    within = exchange.request.get("separate_reasoning") is False or exchange.request.get("reasoning_format") in _WITHIN
    return success_status(exchange) or ("the thought was asked for in the text" if within else None)


def plain_text(exchange: Exchange) -> Reason | None:
    """A response without a request for special tokens in the text, as vLLM and SGLang allow."""
    raw = exchange.request.get("skip_special_tokens") is False
    return success_status(exchange) or ("the special tokens were asked for in the text" if raw else None)


def request_known(exchange: Exchange) -> Reason | None:
    """A response to a request that was recorded with its body."""
    return success_status(exchange) or (None if exchange.request.json is not None else "the recording has no request")


def texts(exchange: Exchange) -> list[str]:
    """Return the whole text of each choice."""
    return [choice.fragments("content").text for choice in exchange.columns.choices.values()]


def cap_of(exchange: Exchange) -> Any:
    """Return the cap on completion tokens in the request; None if there is none, or an unlimited one."""
    sent = [exchange.request.get(name) for name in ("max_completion_tokens", "max_tokens")]
    return next((cap for cap in sent if type(cap) is int and cap > 0), None)


def finish_values(exchange: Exchange) -> set[object]:
    """Return the finish reasons."""
    return {finish.value for choice in exchange.columns.choices.values() for finish in choice.finish_reasons}


def ends_of(choice: Choice) -> list[Finish]:
    """Return the finish reasons of a choice without the string "null", which finish_reason.vocabulary reports."""
    return [finish for finish in choice.finish_reasons if finish.value not in {"null", "None"}]


def has_read_times(exchange: Exchange) -> Reason | None:
    """A stream whose reads were recorded with their times."""
    reads = exchange.response.reads
    return stream(exchange) or (None if reads and reads.dt_us else "the recording has no times of reads")


def has_reasoning(exchange: Exchange) -> Reason | None:
    """A response with reasoning text in a separate field."""
    has = any(choice.reasoning for choice in exchange.columns.choices.values())
    return success_status(exchange) or (None if has else NotApplicable("no reasoning text came", "not-present"))
