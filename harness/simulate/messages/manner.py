"""
Responds to any request of Messages, in the form of Anthropic's own recordings.

The content is that of chat for the same question; no provider's own form of Messages is described yet, so
Anthropic's is used for all.
"""

import json
from typing import Any

from harness.simulate.chat.content import Call, Said
from harness.simulate.chat.mould import Values, moulded
from harness.simulate.chat.speaking import Unanswerable, pieces_of, speak, tokens_of_prompt
from harness.simulate.frames import frame_of
from harness.simulate.messages.asking import as_chat, stops_of, thinks
from harness.simulate.messages.ideal import (
    BlockSaid,
    MessageSaid,
    call_block,
    content_of,
    counted,
    error,
    sent,
    text_block,
    thinking_block,
)
from harness.simulate.messages.refusing import WrongMessages, wrong_with_messages
from harness.simulate.synthesised import Synthesised, seed_of
from harness.wire.dumping import json_text
from harness.wire.exchange import Response
from harness.wire.shapes import Json

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class MessagesManner:
    """Responds as the ideal provider of Messages; ``why`` is noted in the responses if it replaces another one."""

    def __init__(self, why: str = "") -> None:
        self._rests_on = f"Anthropic's own form{why}"

    def answer(self, body: Json | None, said: Said | None = None, *, right: bool = False) -> Synthesised:
        """
        Return the response to the body of a request; None stands for one that is not a JSON object.

        ``said`` is its content, if it is not to fit the request; ``right`` is whether the request is known to be
        valid.
        """
        wrong = None if right else wrong_with_messages(body)
        if wrong or body is None:
            return self._refused(wrong)
        asked = {key: value for key, value in as_chat(body).items() if key != "stop"}
        try:
            said, sequence = (said, None) if said else _stopped(speak(asked, thinks=thinks(body)), stops_of(body))
        except Unanswerable as fault:
            return self.error(400, f"{fault.parameter}: {fault}")
        return Synthesised(_sent(body, said, sequence, tokens_of_prompt(asked)), self._rests_on)

    def count(self, body: Json | None) -> Synthesised:
        """Return the number of tokens of a request."""
        wrong = wrong_with_messages(body, counts=True)
        if wrong or body is None:
            return self._refused(wrong)
        return Synthesised(counted(tokens_of_prompt(as_chat(body))), self._rests_on)

    def _refused(self, wrong: WrongMessages | None) -> Synthesised:
        wrong = wrong or WrongMessages("The request is wrong")
        return Synthesised(error(wrong.status, wrong.message, wrong.error_code), self._rests_on)

    def error(self, status: int, message: str) -> Synthesised:
        """Return an error."""
        return Synthesised(error(status, message), self._rests_on)


def _sent(body: Json, said: Said, sequence: str | None, prompt: int) -> Response:
    seed, streamed = seed_of(body), bool(body.get("stream"))
    stop = "stop_sequence" if sequence is not None else _STOPS.get(said.finish, said.finish)
    tokens = said.tokens + said.reasoning_tokens

    def written(values: Values) -> str:
        own, for_calls, *pieces = values.texts
        blocks = tuple(_blocks(said.saying(iter(pieces)), for_calls))
        told = MessageSaid(f"msg_{own}", str(body["model"]), blocks, stop, sequence, values.counts[0], tokens)
        return content_of(told, streamed=streamed).decode()

    values = Values((seed, seed[:20], *said.pieces), (prompt,))
    frame = frame_of(body) if streamed else None  # the input is JSON in a body
    if frame is None:
        return sent(written(values).encode(), streamed=streamed)
    outline = "messages", frame, said.outline, stop, sequence, tokens
    return sent(moulded(outline, None, values, written, json_text).encode(), streamed=streamed)


def _blocks(said: Said, for_calls: str) -> list[BlockSaid]:
    thought = [thinking_block(*said.thought)] if said.thought else []
    text = [text_block(*said.text)] if said.text else []
    calls = [_call(call, f"toolu_{for_calls}{number:02}") for number, call in enumerate(said.calls, 1)]
    return [*thought, *text, *calls]


def _call(call: Call, id_: str) -> BlockSaid:
    return call_block(call.name, id_, ("", *(piece for piece in call.pieces if piece)), _whole("".join(call.pieces)))


def _whole(arguments: str) -> Any:
    """Return the arguments of a call for a body: empty if a cap truncated them, or if they are not JSON."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _stopped(said: Said, stops: list[str]) -> tuple[Said, str | None]:
    """Return the content up to the first of ``stops``, and that one; None if none occurs."""
    text = "".join(said.text)
    found = [(text.index(stop), stop) for stop in stops if stop in text]
    if not found:
        return said, None
    at, sequence = min(found)
    pieces = pieces_of(text[:at])
    return Said(said.thought, pieces, said.calls, "stop", len(pieces) + 1), sequence
