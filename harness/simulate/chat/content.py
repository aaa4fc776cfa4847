"""
Defines the content of a response, before it is put into a provider's form.

Texts, calls and counts are made up; equal requests get equal content from every simulated provider.
"""

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from harness.wire.shapes import Json

CREATED = 1_760_000_000

_GREETING = ("你好", "! How can I", " help?")
_THOUGHT = ("The user greets me.", " I greet back.")
_SHORT = ("你好", "!")
_FACTS = ('{"city":', '"Lyon",', '"population":', "522000}")
_COUNTING = tuple(piece for number in range(1, 41) for piece in (f"{number}", ", "))[:-1]
_ARGUMENTS = {"get_weather": ('{"city":', '"Paris"}'), "get_time": ('{"zone":"CET"}',)}
_SECOND = "get_time"
_PROMPT_TOKENS, _TURN_TOKENS = 9, 6
_TOKENS_OF_CALLS = 4
_TOKENS_A_THOUGHT = 4


@dataclass(frozen=True, slots=True)
class Call:
    """A call: the name of a tool, and its arguments in the fragments of a stream."""

    name: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """
    The content of one choice of a response.

    ``thought`` and ``text`` are in fragments; ``finish`` is the finish reason; ``tokens`` counts all but the
    thought; ``forced`` is whether its call was forced by name.
    """

    thought: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    tokens: int = 1
    forced: bool = False

    @property
    def reasoning_tokens(self) -> int:
        """The number of reasoning tokens."""
        return len(self.thought) * _TOKENS_A_THOUGHT

    @property
    def pieces(self) -> tuple[str, ...]:
        """All fragments, in order: thought, text, and the arguments of its calls."""
        return (*self.thought, *self.text, *[piece for call in self.calls for piece in call.pieces])

    @property
    def outline(self) -> Hashable:
        """Everything but the content: the number of fragments of each."""
        calls = tuple((call.name, len(call.pieces)) for call in self.calls)
        return len(self.thought), len(self.text), calls, self.finish, self.forced

    def saying(self, pieces: Iterator[str]) -> "Said":
        """Return the same with the next of ``pieces`` instead of its own."""
        thought, text = (tuple(islice(pieces, len(own))) for own in (self.thought, self.text))
        calls = tuple(Call(call.name, tuple(islice(pieces, len(call.pieces)))) for call in self.calls)
        return replace(self, thought=thought, text=text, calls=calls)


def say(request: Json, *, thinks: bool) -> Said:
    """Return the content of a choice of the response to ``request``."""
    calls = _calls(request)
    text = () if calls else _text(request, thinks=thinks)
    thought = _THOUGHT if thinks else ()
    tokens = _TOKENS_OF_CALLS if calls else len(text) + 1
    finish = "tool_calls" if calls else "stop"
    cap = request.get("max_completion_tokens") or request.get("max_tokens")
    if cap and cap < tokens + len(thought) * _TOKENS_A_THOUGHT:
        thought = ()  # the cap counts it, so no tokens would be left
    if cap and cap < tokens:
        text, finish, tokens = text[:cap], "length", cap
    return Said(thought, text, calls, finish, tokens, bool(calls) and isinstance(request.get("tool_choice"), dict))


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
"""The ends of alternatives to a token: more than the specification lets a client ask for."""


def prompt_tokens(request: Json) -> int:
    """Return the number of prompt tokens: more with each further message."""
    return _PROMPT_TOKENS + _TURN_TOKENS * (len(request["messages"]) - 1)


def logprob(token: str, alternatives: int) -> Json:
    """Return the probability of a token with ``alternatives``, in the form of the specification."""
    others = [f"{token}{letter}" for letter in reversed(_LETTERS)][: max(alternatives - 1, 0)]
    one, *rest = (
        {"token": text, "logprob": -0.25 - 2 * n, "bytes": list(text.encode())}
        for n, text in enumerate((token, *others))
    )
    return one | {"top_logprobs": [one, *rest] if alternatives else []}


def _calls(request: Json) -> tuple[Call, ...]:
    """Return the calls to make."""
    choice = request.get("tool_choice", "auto")
    if not request.get("tools") or choice == "none" or request["messages"][-1]["role"] == "tool":
        return ()
    if isinstance(choice, dict):
        return _calls_of(choice["function"]["name"])
    both = "both" in str(request["messages"][-1]["content"]) and request.get("parallel_tool_calls") is not False
    return _calls_of("get_weather", _SECOND) if both else _calls_of("get_weather")


def _calls_of(*names: str) -> tuple[Call, ...]:
    return tuple(Call(name, _ARGUMENTS[name]) for name in names)


def _text(request: Json, *, thinks: bool) -> tuple[str, ...]:
    """Return the fragments of text."""
    form = (request.get("response_format") or {}).get("type", "text")
    asked = json.dumps(request["messages"][-1]["content"], ensure_ascii=False)
    if form != "text":
        return _FACTS
    if "Count" in asked:
        stop = request.get("stop") or []
        stops = [stop] if isinstance(stop, str) else stop
        end = next((n for n, piece in enumerate(_COUNTING) if piece in stops), len(_COUNTING))
        return _COUNTING[:end]
    return _SHORT if thinks else _GREETING
