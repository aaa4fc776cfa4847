"""Checks further turns: which parts of an earlier response a provider accepts back."""

from collections.abc import Iterator
from typing import Any

from harness.checks import sources
from harness.checks.applies import all_of, error_status, success_status, texts
from harness.checks.registry import Reason, observation, rule
from harness.matrix.scenarios import SCENARIOS
from harness.results import Advice, Level, Problem
from harness.simulate.chat.ideal import error, recording
from harness.simulate.reference import TOOLS, replace_in_body, with_body, with_response
from harness.wire.exchange import OK, Exchange
from harness.wire.shapes import as_object, objects_in

_HISTORY, _BACK, _LEFT_OUT, _NULL, _EMPTY = (
    recording(SCENARIOS[f"multi_turn.{name}"])[-1]
    for name in ("history", "reasoning-back", "reasoning-left-out", "content-null", "content-empty")
)
_RESULT = recording(SCENARIOS["tools.round-trip"])[-1]
_AGAIN = "no, the same call is made again"
_NUMBERS = 50  # of a result, searched for in the response
_FORMS = {
    "content null": Advice(
        "The SDK's message that calls a tool has content None: sent back unchanged, it ends the conversation.",
        'Send a string instead: `message["content"] = message["content"] or ""`.',
    ),
    'content ""': Advice(
        "Clients that join the pieces of a stream send an empty string beside the calls, and end the conversation.",
        'Omit it if it is empty: `if not message["content"]: del message["content"]`.',
    ),
    "a tool's result": Advice(
        "No tool can be used: the request with the result of the first call is rejected.",
        'Send the result as a user message: `{"role": "user", "content": f"{name} returned: {result}"}`, and omit the call.',
    ),
}
_REFUSAL = error(400, "Invalid message.", "messages")


def _messages(exchange: Exchange) -> list[dict[str, Any]]:
    return objects_in(exchange.request.get("messages"))


def _further(exchange: Exchange) -> str | None:
    """A request that sends an earlier response back."""
    sent = [message for message in _messages(exchange) if message.get("role") == "assistant"]
    if not sent:
        return "no earlier answer is sent back"
    # If the model called no tool, the scenario has nothing valid to send back.
    empty = [one for one in sent if not one.get("content") and not one.get("tool_calls")]
    return "the message sent back has neither text nor calls" if empty else None


def _resulting(exchange: Exchange) -> str | None:
    """A request that ends with a tool result."""
    messages = _messages(exchange)
    return None if messages and messages[-1].get("role") == "tool" else "no result of a tool is sent"


@rule(
    "multi_turn.accepted", Level.MUST, "An earlier response, sent back in the form of the specification, is accepted.",
    sources.REQUEST, all_of(_further, lambda x: None if x.expected.answer else "whether it is due is not known"),
    good=(_HISTORY, _RESULT, _NULL, _EMPTY),
    bad=tuple(with_response(one, status=400, body=_REFUSAL.body) for one in (_HISTORY, _RESULT, _NULL, _EMPTY)),
)  # fmt: skip
def accepted(exchange: Exchange) -> Iterator[Problem]:
    """
    The conversation ends at its second turn: clients send the message back as they got it.

    Instead: Build the message anew: role, content as a string or omitted, tool_calls with id, type and function.
    """
    status = exchange.response.status
    if status != OK:
        said = exchange.columns.errors[0].text if exchange.columns.errors else "no reason"
        form = exchange.expected.tested_parameter or "an earlier answer"
        yield Problem(f"{form} is refused with {status}: {said}", ((None, 0),), _FORMS.get(form))


@observation(
    "multi_turn.reasoning", "What happens to the next turn with the reasoning sent back, or left out.",
    sources.REASONING_CONTENT, all_of(_further, lambda x: None if "reasoning" in (x.expected.tested_parameter or "") else "no scenario tries reasoning"),
    good=(_BACK,),
    bad=(_LEFT_OUT, with_response(_BACK, status=400, body=_REFUSAL.body)),
)  # fmt: skip
def reasoning(exchange: Exchange) -> str:
    """
    Some providers reject the request with it, others without it, and some have changed under one model name.

    Instead: Keep `reasoning_content` with the message, and send it back only if the provider requires it.
    """
    status = exchange.response.status
    given = any("reasoning_content" in message for message in _messages(exchange))
    what = (
        exchange.expected.tested_parameter
        if given or "left out" in (exchange.expected.tested_parameter or "")
        else "no reasoning came"
    )
    return f"{what}: {'accepted' if error_status(exchange) else f'refused ({status})'}"


@observation(
    "multi_turn.result-used", "Whether the response to a tool result repeats a number from it, or the call.",
    sources.REQUEST, all_of(success_status, _resulting),
    good=(_RESULT, _NULL),
    bad=(replace_in_body(_NULL, "How can I help?", "It is 18 degrees."), with_body(_RESULT, TOOLS.response.body)),
    depends_on=("chunk.present",),
    harmful=lambda value: value == _AGAIN,
)  # fmt: skip
def result_used(exchange: Exchange) -> str:
    """
    A gateway or a template that drops the result makes the model guess, or make the same call again, without end.

    Instead: End the loop at the second call that is the same; when testing a provider, put a marker into the result, and
    look for it in the answer.
    """
    if _calls_again(exchange):
        return _AGAIN
    results = " ".join(str(one.get("content")) for one in _messages(exchange) if one.get("role") == "tool")
    numbers = {word.strip(".,;:\"'{}") for word in results.split() if any(letter.isdigit() for letter in word)}
    said = " ".join(texts(exchange))
    return "yes" if any(number in said for number in sorted(numbers)[:_NUMBERS]) else "no"


def _calls_again(exchange: Exchange) -> bool:
    """Return whether the response repeats exactly a call whose result the request ends with."""
    sent = {
        (function.get("name"), function.get("arguments"))
        for one in _messages(exchange)
        if one.get("role") == "assistant"
        for function in (as_object(call.get("function")) for call in objects_in(one.get("tool_calls")))
    }
    made = {(call.name, call.arguments) for one in exchange.completion.messages for call in one.tool_calls}
    return bool(made) and made <= sent


def _counted(exchange: Exchange) -> int | None:
    """Return the prompt tokens of a response; None if not counted."""
    usages = exchange.columns.usages
    count = usages[-1].value.get("prompt_tokens") if usages else None
    return count if type(count) is int else None


def _begun(exchange: Exchange) -> Exchange | None:
    """Return the earlier exchange whose conversation this one continues; None if there is none."""
    sent = _messages(exchange)
    questions = ((one, _messages(one)) for one in exchange.earlier)
    return next(
        (one for one, asked in questions if asked and len(asked) < len(sent) and sent[: len(asked)] == asked), None
    )


def _both_counted(exchange: Exchange) -> Reason | None:
    before = _begun(exchange)
    if before is None:
        return "it continues no earlier request"
    return success_status(exchange) or (
        None if None not in {_counted(before), _counted(exchange)} else "tokens are not counted in both"
    )


@rule(
    "multi_turn.prompt-tokens", Level.SHOULD, "The next turn counts more prompt tokens than the turn before.",
    sources.USAGE, _both_counted,
    good=(_HISTORY, _NULL),
    bad=(replace_in_body(_HISTORY, '"prompt_tokens":21,"completion_tokens":4,"total_tokens":25', '"prompt_tokens":9,"completion_tokens":4,"total_tokens":13'),),
    depends_on=("chunk.present",),
)  # fmt: skip
def prompt_tokens(exchange: Exchange) -> Iterator[Problem]:
    """
    Billing, or code that watches the context window, always counts the same prompt.

    Instead: Count with your own tokenizer if a limit or a bill depends on it.
    """
    before = _begun(exchange)
    first, second = _counted(before) if before else None, _counted(exchange)
    if first is not None and second is not None and second <= first:
        usage = exchange.columns.usages[-1]
        yield Problem(
            f"prompt_tokens is {second}, and was {first} before the further turn",
            ((usage.chunk, f"{usage.pointer}/prompt_tokens"),),
        )
