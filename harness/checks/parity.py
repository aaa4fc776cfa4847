"""The same question streamed and in one body: what the two answers have in common."""

from collections.abc import Iterator

from harness.checks import sources
from harness.checks.applies import success_status
from harness.checks.registry import Reason, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Level, Problem
from harness.simulate.ideal import recording
from harness.simulate.reference import replace_in_body, with_body
from harness.wire.completion import Message
from harness.wire.exchange import Exchange

SHOULD = Level.SHOULD

_CHAT, _TOOLS, _REASONING = (recording(SCENARIOS[f"parity.{name}"])[1] for name in ("chat", "tools", "reasoning"))
_HELD = ("chunk.present", "sse.no-error", "http.complete")


def other(exchange: Exchange) -> Exchange | None:
    """Return the earlier exchange that asked the same in the other way; None if there is none."""
    whole = (one for one in exchange.earlier if not one.expected.cancelled_by_client)
    same = (one for one in whole if one.request.get("messages") == exchange.request.get("messages"))
    return next((one for one in same if one.is_stream != exchange.is_stream and success_status(one) is None), None)


def _pair(exchange: Exchange) -> Reason | None:
    found = success_status(exchange) or (None if other(exchange) else "the same was not asked the other way")
    return found or (None if _message(exchange) and _message(other(exchange)) else "one of the answers is empty")


def _message(exchange: Exchange | None) -> Message | None:
    return next(iter(exchange.completion.messages), None) if exchange else None


def _both(exchange: Exchange) -> tuple[Message, Message]:
    """Return the message that was streamed, and the one in the body."""
    streamed, whole = sorted((exchange, other(exchange) or exchange), key=lambda one: not one.is_stream)
    return streamed.completion.messages[0], whole.completion.messages[0]


def _channels(exchange: Exchange | None) -> set[str]:
    choices = exchange.columns.choices.values() if exchange else ()
    return {name for choice in choices for name, pieces in choice.channels.items() if pieces.text}


def _prompt_tokens(exchange: Exchange | None) -> object:
    usages = exchange.columns.usages if exchange else []
    return usages[-1].value.get("prompt_tokens") if usages else None


@rule(
    "parity.channels", SHOULD, "Text comes in the same fields streamed and in one body.",
    sources.REFERENCE, _pair,
    good=(_CHAT, _REASONING),
    bad=(replace_in_body(_REASONING, '"reasoning_content"', '"reasoning"'), replace_in_body(_REASONING, '"reasoning_content":"The user greets me.",', "")),
    depends_on=_HELD,
)  # fmt: skip
def channels(exchange: Exchange) -> Iterator[Problem]:
    """
    A client that learned the field in one mode loses the text in the other.

    Instead: Look for every name of the reasoning field in both modes.
    """
    here, there = _channels(exchange), _channels(other(exchange))
    # What a model says beside a call is its own choice, so only fields that tell of the form are held together.
    if here - {"content"} != there - {"content"}:
        streamed, whole = (here, there) if exchange.is_stream else (there, here)
        yield Problem(
            f"streamed: {', '.join(sorted(streamed)) or 'none'}; in one body: {', '.join(sorted(whole)) or 'none'}",
            ((exchange.columns.first, ""),),
        )


@rule(
    "parity.finish", SHOULD, "The finish_reason is the same streamed and in one body.",
    sources.REFERENCE, _pair,
    good=(_CHAT, _TOOLS),
    bad=(replace_in_body(_CHAT, '"finish_reason":"stop"', '"finish_reason":"length"'),),
    depends_on=_HELD,
)  # fmt: skip
def finish(exchange: Exchange) -> Iterator[Problem]:
    """
    A loop that works streamed ends, or never ends, in one body.

    Instead: Decide by the calls and the text, not by the reason alone.
    """
    streamed, whole = _both(exchange)
    # The two are answers of their own: a model that calls a tool in one of them only ends them differently.
    if bool(streamed.tool_calls) == bool(whole.tool_calls) and streamed.finish_reason != whole.finish_reason:
        said = f"streamed: {streamed.finish_reason}; in one body: {whole.finish_reason}"
        yield Problem(said, ((exchange.columns.last, "/choices/0/finish_reason"),))


@rule(
    "parity.prompt-tokens", SHOULD, "The same prompt counts as many tokens streamed and in one body.",
    sources.USAGE, lambda x: _pair(x) or (None if type(_prompt_tokens(x)) is type(_prompt_tokens(other(x))) is int else "not both have usage"),
    good=(_CHAT, _TOOLS),
    bad=(replace_in_body(_CHAT, '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13', '"prompt_tokens":90,"completion_tokens":4,"total_tokens":94'),),
    depends_on=_HELD,
)  # fmt: skip
def prompt_tokens(exchange: Exchange) -> Iterator[Problem]:
    """
    One of the two bills is wrong.

    Instead: Count the prompt once with a tokenizer of the model's, and compare.
    """
    here, there = _prompt_tokens(exchange), _prompt_tokens(other(exchange))
    if here != there:
        streamed, whole = (here, there) if exchange.is_stream else (there, here)
        place = (exchange.columns.usages[-1].chunk, "/usage/prompt_tokens")
        yield Problem(f"prompt_tokens streamed: {streamed}; in one body: {whole}", (place,))


@rule(
    "parity.tool-calls", SHOULD, "The same tools are called streamed and in one body.",
    sources.REFERENCE, lambda x: _pair(x) or (None if any(one.tool_calls for one in _both(x)) else "no tool was called"),
    good=(_TOOLS,),
    bad=(replace_in_body(_TOOLS, '"name":"get_weather"', '"name":"get_time"'), with_body(_TOOLS, _CHAT.response.body)),
    depends_on=_HELD,
)  # fmt: skip
def tool_calls(exchange: Exchange) -> Iterator[Problem]:
    """
    An agent works in one mode and calls nothing, or something else, in the other.

    Instead: Use the mode in which the calls come, and join the stream yourself where both are needed.
    """
    streamed, whole = (sorted(call.name for call in one.tool_calls) for one in _both(exchange))
    if streamed != whole:
        said = f"streamed: {', '.join(streamed) or 'none'}; in one body: {', '.join(whole) or 'none'}"
        yield Problem(said, ((exchange.columns.last, ""),))


@observation(
    "parity.text", "Whether the two answers say the same.",
    sources.REFERENCE, _pair,
    good=(_CHAT,),
    bad=(replace_in_body(_CHAT, "How can I help?", "Hello!"),),
    depends_on=_HELD,
)  # fmt: skip
def text(exchange: Exchange) -> str:
    """
    Where they differ often, pieces may be lost in one of the modes; few models repeat themselves exactly.

    Instead: Compare completion_tokens with the text's length before blaming the model.
    """
    streamed, whole = _both(exchange)
    return "same" if streamed.content == whole.content else "differs"
