"""
Reads user-written responses: a YAML file that maps requests to responses, and says which faults to inject how
often.

The file is reloaded when it changes.  The first matching rule responds; several responses of a rule are used in
turn, and the last one from then on, so that a retry gets another than the first attempt.
"""

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from harness.errors import HarnessError
from harness.matrix.checked_yaml import Strict, load_checked
from harness.serve.connection_faults import SocketFault
from harness.serve.request_traits import Spoken, in_chat
from harness.simulate.chat.content import Call, Said
from harness.simulate.chat.prompts import messages_of, question, results, text_of
from harness.simulate.chat.speaking import pieces_of, tool_names
from harness.simulate.faults import EVERY_FAULT, EVERY_VARIANT
from harness.wire.dumping import json_text
from harness.wire.shapes import Json


class BadScript(HarnessError):
    """A script can't be read; says file, line and key."""


class When(Strict):
    """A pattern of requests: each given key has to match; * stands for any text."""

    provider: str = Field("*", description="The provider that is asked.")
    model: str = Field("*", description="The model that is asked for.")
    text: str = Field("", description="Text that the last question holds, in any case.")
    system: str = Field("", description="Text that the system prompt holds, in any case.")
    result: str | None = Field(None, description='Text that the latest results of tools hold, in any case; "" for any.')
    tools: tuple[str, ...] = Field((), description="Tools that are declared.")
    turn: int | None = Field(None, ge=1, description="How often the model is asked in this conversation, from 1.")
    stream: bool | None = Field(None, description="Whether a stream is asked for.")

    dialect: Spoken | None = Field(
        None, description="Whether it is asked at chat/completions, messages, completions or responses."
    )

    def fits(self, provider: str, body: Json, dialect: Spoken = "chat") -> bool:
        """Return whether a request, in its chat form, matches."""
        turn = 1 + sum(one.get("role") == "assistant" for one in messages_of(body))
        return (
            fnmatchcase(provider, self.provider)
            and fnmatchcase(str(body.get("model") or ""), self.model)
            and self.text.lower() in question(body).lower()
            and self.system.lower() in _system(body).lower()
            and (self.result is None or _holds(results(body), self.result))
            and set(self.tools) <= set(tool_names(body))
            and self.turn in {None, turn}
            and self.stream in {None, bool(body.get("stream"))}
            and self.dialect in {None, dialect}
        )


def _system(body: Json) -> str:
    told = [one for one in messages_of(body) if one.get("role") in ("system", "developer")]
    return "\n".join(text_of(one.get("content")) for one in told)


def _holds(texts: list[str], wanted: str) -> bool:
    return any(wanted.lower() in text.lower() for text in texts)


class ScriptedCall(Strict):
    """A tool call: its arguments are an object, or text that is sent as it is."""

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)


class ScriptedAnswer(Strict):
    """A response: text, calls or an error; without any of them the provider's own."""

    text: str | None = None
    reasoning: str | None = None
    calls: tuple[ScriptedCall, ...] = ()
    error: int | None = Field(None, ge=400, le=599, description="The status of an error.")
    message: str = Field("The script says so.", description="What the error says.")
    retry_after: float | None = Field(None, ge=0, description="Seconds, in the header Retry-After.")
    delay: float = Field(0, ge=0, le=3600, description="Seconds before the answer begins.")
    fault: str | None = Field(None, description="A fault or legal variant of the catalogue.")
    socket: SocketFault | None = Field(None, description="What becomes of the connection in the midst of the answer.")
    finish_reason: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> "ScriptedAnswer":
        if self.error and (self.text is not None or self.calls):
            raise ValueError("it has both an error and an answer; delete one of them")
        if self.fault is not None and self.fault not in EVERY_FAULT and self.fault not in EVERY_VARIANT:
            raise ValueError(f"unknown fault {self.fault!r}; see: harness proof")
        return self

    def said(self) -> Said | None:
        """Return its content; None if that is left to the provider."""
        if self.text is None and not self.calls and self.reasoning is None:
            return None
        calls = tuple(Call(one.name, pieces_of(_arguments(one)) or ("",)) for one in self.calls)
        text = pieces_of(self.text or "")
        tokens = len(text) + 1 + sum(1 + len(call.pieces) for call in calls)
        finish = self.finish_reason or ("tool_calls" if calls else "stop")
        return Said(pieces_of(self.reasoning or ""), text, calls, finish, tokens)


def _arguments(call: ScriptedCall) -> str:
    return call.arguments if isinstance(call.arguments, str) else json_text(call.arguments)


class Rule(Strict):
    """A pattern of requests, and their responses, in turn."""

    when: When = When.model_validate({})
    answers: tuple[ScriptedAnswer, ...] = Field(min_length=1)


class PlannedFault(Strict):
    """A share of the requests, from 0 to 1, that get a fault of the catalogue or of the connection."""

    share: float = Field(gt=0, le=1)
    when: When = When.model_validate({})
    fault: str | None = None
    socket: SocketFault | None = None

    @model_validator(mode="after")
    def _names_a_fault(self) -> "PlannedFault":
        if (self.fault is None) == (self.socket is None):
            raise ValueError("set either fault or socket")
        if self.fault is not None and self.fault not in EVERY_FAULT and self.fault not in EVERY_VARIANT:
            raise ValueError(f"unknown fault {self.fault!r}; see: harness proof")
        return self


class ScriptFile(Strict):
    """A file of responses and faults."""

    seed: int = Field(0, description="The same seed gives the same faults to the same sequence of requests.")
    rules: tuple[Rule, ...] = ()
    faults: tuple[PlannedFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Scripted:
    """The script's result for one request: a response of a rule, with the rule's number from 1, and a planned fault."""

    rule: int | None = None
    answer: ScriptedAnswer = field(default_factory=lambda: ScriptedAnswer.model_validate({}))
    planned: PlannedFault | None = None

    @property
    def fault(self) -> str | None:
        """The fault of the catalogue to inject."""
        return self.answer.fault or (self.planned.fault if self.planned else None)

    @property
    def socket(self) -> SocketFault | None:
        """The fault of the connection to inject."""
        return self.answer.socket or (self.planned.socket if self.planned else None)


class AnswerScript:
    """A script, reloaded when it changes, with the positions in its sequences."""

    def __init__(self, path: Path) -> None:
        """Read the file; raise BadScript if it is invalid."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._read()

    def of(self, provider: str, body: Json | None, dialect: Spoken = "chat") -> Scripted:
        """Return the result for a request; raise BadScript if the file was changed and is invalid."""
        self._read()
        asked = provider, in_chat(body or {}, dialect), dialect
        planned = next((one for one in self._file.faults if one.when.fits(*asked) and self._drawn(one)), None)
        for number, rule in enumerate(self._file.rules):
            if rule.when.fits(*asked):
                turn = self._turns[number] = self._turns.get(number, 0) + 1
                return Scripted(number + 1, rule.answers[min(turn, len(rule.answers)) - 1], planned)
        return Scripted(planned=planned)

    @property
    def plan(self) -> Json:
        """The planned faults, as JSON."""
        return self._file.model_dump(mode="json", include={"seed", "faults"}, exclude_defaults=True)

    def _drawn(self, planned: PlannedFault) -> bool:
        return self._source.random() < planned.share

    def _read(self) -> None:
        try:
            stat = self._path.stat()
        except OSError as error:
            raise BadScript(f"{self._path}: {error.strerror}; give a file that exists") from None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._stamp:
            self._file = load_checked(self._path, ScriptFile, BadScript, "name a file of answers")
            self._stamp = stamp
            self._turns: dict[int, int] = {}
            self._source = random.Random(self._file.seed)  # noqa: S311 - a seed is to give the same faults
