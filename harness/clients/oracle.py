"""
Judges the outcome of a response in some client code.

The expected result is what a careful reading of these bytes adds up to (``due``).  An error, or a truncated
response, should be reported as such; taking it for a success is a silent failure, the worst outcome, since it goes
unnoticed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.clients.client import FINISH, REASONING, TEXT, TOOLS, USAGE, Client
from harness.clients.due import Due, ExpectedHandling, due_of, expected_handling, has_error
from harness.results import ClientOutcome
from harness.wire.exchange import OK, Exchange

_CLIENT_BUGS = frozenset(
    {
        "builtins.AttributeError", "builtins.TypeError", "builtins.LookupError", "builtins.NameError", "builtins.AssertionError",
        "builtins.RecursionError", "builtins.UnicodeError", "builtins.StopIteration", "builtins.StopAsyncIteration",
        "builtins.ArithmeticError", "builtins.ImportError", "json.decoder.JSONDecodeError", "TypeError", "ReferenceError",
        "SyntaxError", "RangeError", "builtins.SystemError",
    }
)  # fmt: skip
"""Exceptions that show a crash of the code, rather than a rejection of the response."""

_OF_FETCH = ("terminated", "fetch failed", "network error", "Failed to fetch")
"""The message of the TypeError that the fetch of Node.js and of Chromium raises for a broken transfer."""

_NOTHING_WORDS = ("None", "undefined", "null", "[object Object]")
_TAGS = ("<think>", "</think>")
_TRACEBACK = "Traceback (most recent call last)"
"""Tracebacks that some libraries put into the text of an exception, with the paths of a machine."""

_SHOWN = 60
_LONGEST_MESSAGE = 300
"""Maximum length of an exception's text, characters: some quote the whole response."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception: its classes, most specific first, its text, the innermost frame, and the line of the code."""

    kinds: tuple[str, ...]
    message: str
    at: str | None = None
    line: str | None = None

    @property
    def is_client_bug(self) -> bool:
        """Whether the code crashed, rather than rejected the response."""
        return not _CLIENT_BUGS.isdisjoint(self.kinds) and not self.message.startswith(_OF_FETCH)

    def __str__(self) -> str:
        kind = self.kinds[0].rpartition(".")[2] if self.kinds else "something thrown that is no error"
        where = f" @ {self.at}" if self.at else ""
        said = " ".join(self.message.partition(_TRACEBACK)[0].split())
        return f"{kind}: {_shortened(said, _LONGEST_MESSAGE)}{where}"


@dataclass(frozen=True, slots=True)
class ClientOutput:
    """
    What the user of some code got.

    ``env`` says why the code could not run at all; ``hung`` is whether it timed out, ``flood`` whether its output
    exceeded the limit.
    """

    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    usage: int | None = None
    tools: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None
    env: str | None = None
    hung: bool = False
    flood: bool = False
    sent: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)


def judge_client(client: Client, exchange: Exchange, output: ClientOutput) -> tuple[ClientOutcome, str]:
    """Return the outcome of a response, and a line that shows it."""
    unfinished = _unfinished(output)
    if unfinished:
        return unfinished
    handling = expected_handling(exchange)
    if output.failure:
        raised = str(output.failure)
        return (
            (ClientOutcome.OK, f"says so: {raised}")
            if handling != "answer" and not output.failure.is_client_bug
            else (ClientOutcome.CRASH, raised)
        )
    if handling in {"error", "cut"}:
        return ClientOutcome.SILENT, f"{_failed_answer(exchange, handling)}, reported as success{_ended(output)}"
    if handling == "damaged":
        whole = len(output.text) > len(due_of(exchange).text)  # it can parse more than harness
        return (
            (ClientOutcome.OK, "")
            if whole
            else (ClientOutcome.SILENT, f"an event that can't be read, passed over{_ended(output)}")
        )
    return _read(client, exchange, output)


def _unfinished(output: ClientOutput) -> tuple[ClientOutcome, str] | None:
    if output.env is not None:
        return ClientOutcome.ENV, output.env
    if output.hung:
        return ClientOutcome.HANG, "it did not end in time"
    return (ClientOutcome.WRONG, "it said more than is taken") if output.flood else None


def _failed_answer(exchange: Exchange, handling: ExpectedHandling) -> str:
    if handling == "cut":
        return "a stream that was cut"
    status = exchange.response.status
    return f"status {status}" if status != OK else "an error at status 200" if has_error(exchange) else "no answer"


def _ended(output: ClientOutput) -> str:
    return f", finish {output.finish}" if output.finish else ""


def _read(client: Client, exchange: Exchange, output: ClientOutput) -> tuple[ClientOutcome, str]:
    due = due_of(exchange)
    if due.calls and not due.text and TOOLS not in client.reads:
        # For a tool call such code shows nothing, and must show nothing else.
        return _compared("", output.text) or (ClientOutcome.NA, "the answer is a call, which this does not read")
    if TOOLS in client.reads and _calls(output.tools) != _calls(due.calls):
        return ClientOutcome.WRONG_CALLS, f"calls {_excerpt(output.tools)}"
    same = client.only == "json" and _meaning(output.text) == _meaning(due.text)  # it shows the object, not its text
    wrong = _compared(due.text, output.text) if TEXT in client.reads and not same else None
    return wrong or _lost(client, due, output) or (ClientOutcome.OK, "")


def _compared(expected: str, output: str) -> tuple[ClientOutcome, str] | None:
    if output == expected:
        return None
    shown = _excerpt(output)
    if any(output.replace(word, "") == expected.replace(word, "") != output for word in _NOTHING_WORDS):
        return ClientOutcome.NONE, shown
    if not output:
        return ClientOutcome.EMPTY, f"nothing instead of {_excerpt(expected)}"
    if any(tag in output and tag not in expected for tag in _TAGS):
        return ClientOutcome.TAGS, shown
    return (
        (ClientOutcome.MOJIBAKE, shown)
        if _is_mojibake(output, expected)
        else (ClientOutcome.WRONG, f"{shown} instead of {_excerpt(expected)}")
    )


def _is_mojibake(output: str, expected: str) -> bool:
    """Return whether a text was decoded wrongly: as a one-byte charset, or split within characters."""
    if "\ufffd" in output and "\ufffd" not in expected:
        return True
    return output == expected.encode().decode("latin-1") or output == expected.encode().decode("cp1252", "replace")


def _lost(client: Client, due: Due, output: ClientOutput) -> tuple[ClientOutcome, str] | None:
    if REASONING in client.reads and due.reasoning.strip() != output.reasoning.strip():
        return (
            ClientOutcome.LOST_REASONING,
            f"reasoning {_excerpt(output.reasoning)} instead of {_excerpt(due.reasoning)}",
        )
    if USAGE in client.reads and due.total is not None and output.usage != due.total:
        return ClientOutcome.LOST_USAGE, f"{output.usage} tokens instead of {due.total}"
    if FINISH in client.reads and due.ends and output.finish not in due.ends:
        return ClientOutcome.LOST_FINISH, f"finish {output.finish} instead of {due.end}"
    return None


def _calls(calls: Any) -> list[tuple[str, str]]:
    return [(name, _meaning(arguments)) for name, arguments in calls]


def _meaning(text: str) -> str:
    """
    Return JSON in canonical form, in which 1, 1.0 and true differ; other or too deep texts unchanged.  Nothing
    means {}.
    """
    try:
        return json.dumps(json.loads(text or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _excerpt(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _shortened(text, _SHOWN)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
