"""Makes a turn of a chat completion: its first choice."""

from harness.wire.chat.completion import Completion
from harness.wire.shapes import as_object
from harness.wire.turn import Counts, Turn, TurnCall, count


def turn_of(completion: Completion) -> Turn:
    """Return the content of the first choice of a completion, and its token counts."""
    usage = completion.usage or {}
    cached = as_object(usage.get("prompt_tokens_details")).get("cached_tokens")
    counts = Counts(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")), count(cached))
    first = next(iter(completion.messages), None)
    if first is None:
        return Turn(None, None, (), None, counts)
    calls = tuple(TurnCall(call.id or None, call.name or None, call.arguments) for call in first.tool_calls)
    return Turn(first.content, first.reasoning, calls, first.finish_reason, counts)
