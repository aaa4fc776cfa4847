"""
Responds to any request of Messages, in the form of Anthropic's own recordings, or of the provider's.

The content is that of chat for the same question.
"""

import json
from itertools import islice, repeat
from typing import Any

import orjson

from harness.simulate.chat.content import Call, Said
from harness.simulate.chat.mould import Values, moulded
from harness.simulate.chat.speaking import Unanswerable, pieces_of, speak, tokens_of_prompt
from harness.simulate.frames import frame_of
from harness.simulate.messages.asking import as_chat, stops_of, thinks
from harness.simulate.messages.form import ShownForm
from harness.simulate.messages.ideal import (
    BlockSaid,
    MessageSaid,
    call_block,
    counted,
    error,
    event,
    events_of,
    response,
    sent,
    text_block,
    thinking_block,
    whole_of,
)
from harness.simulate.messages.refusing import WrongMessages, wrong_for_anthropic, wrong_with_messages
from harness.simulate.synthesised import Synthesised, seed_of
from harness.simulate.template import make_id
from harness.wire.dumping import json_text
from harness.wire.exchange import Response
from harness.wire.shapes import Json

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class MessagesManner:
    """Responds in the form of a provider's Messages: the ideal provider's, or a known one of another provider."""

    def __init__(self, form: ShownForm, *, is_anthropic: bool = False) -> None:
        """Take a form; ``is_anthropic`` is whether unknown parameters are rejected, as Anthropic does."""
        self._form = form
        self._wrong_with = wrong_for_anthropic if is_anthropic else wrong_with_messages

    def answer(self, body: Json | None, said: Said | None = None, *, right: bool = False) -> Synthesised:
        """
        Return the response to the body of a request; None stands for one that is not a JSON object.

        ``said`` is its content, if it is not to fit the request; ``right`` is whether the request is known to be
        valid.
        """
        wrong = None if right else self._wrong_with(body)
        if wrong or body is None:
            return self._refused(wrong)
        asked = as_chat(body)
        if "stop" in asked:  # it is looked for below, since the response names it
            asked = {key: value for key, value in asked.items() if key != "stop"}
        try:
            said, sequence = (said, None) if said else _stopped(speak(asked, thinks=thinks(body)), stops_of(body))
        except Unanswerable as fault:
            return self.error(400, f"{fault.parameter}: {fault}")
        return Synthesised(self._sent(body, said, sequence, tokens_of_prompt(asked)), self._form.rests_on)

    def count(self, body: Json | None) -> Synthesised:
        """Return the number of tokens of a request."""
        wrong = wrong_with_messages(body, counts=True)
        if wrong or body is None:
            return self._refused(wrong)
        return Synthesised(counted(tokens_of_prompt(as_chat(body))), self._form.rests_on)

    def _sent(self, body: Json, said: Said, sequence: str | None, prompt: int) -> Response:
        seed, streamed = seed_of(body), bool(body.get("stream"))
        stop = "stop_sequence" if sequence is not None else _STOPS.get(said.finish, said.finish)
        tokens = said.tokens + said.reasoning_tokens

        def written(values: Values) -> str:
            (own, signature, *texts), (prompt, *arguments) = values
            told = iter(texts)
            ids = list(islice(told, len(said.calls)))
            blocks = tuple(_blocks(said.saying(told), ids, arguments))
            whole = MessageSaid(own, str(body["model"]), blocks, stop, sequence, prompt, tokens)
            if not streamed:
                return json_text(self._form.body(whole_of(whole), signature))
            events = b"".join(map(event, self._form.events(events_of(whole), signature))).decode()
            return f"{events}data: [DONE]\n\n" if self._form.done else events

        own = make_id(self._form.id, f"{seed} id")
        calls = [
            make_id(self._form.call_id, f"{seed} call {number}", number) for number in range(1, len(said.calls) + 1)
        ]
        pieces = said.pieces if streamed else (*said.thought, *said.text)
        arguments = [] if streamed else [_whole("".join(call.pieces)) for call in said.calls]
        values = Values((own, self._form.signed(seed, own), *calls, *pieces), (prompt, *arguments))
        frame = frame_of(body)
        if frame is None:
            return sent(written(values).encode(), streamed=streamed)
        outline = id(self), frame, said.outline, stop, sequence, tokens
        return sent(moulded(outline, self, values, written, json_text).encode(), streamed=streamed)

    def _refused(self, wrong: WrongMessages | None) -> Synthesised:
        wrong = wrong or WrongMessages("The request is wrong")
        return self.error(wrong.status, wrong.message, wrong.error_code)

    def error(self, status: int, message: str, code: str | None = None) -> Synthesised:
        """Return an error, in the recorded form of its status if there is one."""
        shown = self._form.error(status, message)
        made = response(orjson.dumps(shown), "application/json", status) if shown else error(status, message, code)
        return Synthesised(made, self._form.rests_on)


def _blocks(said: Said, ids: list[str], arguments: list[Any]) -> list[BlockSaid]:
    """Return the blocks of a message; ``arguments`` are those of its calls, if it is a body."""
    thought = [thinking_block(*said.thought)] if said.thought else []
    text = [text_block(*said.text)] if said.text else []
    return [*thought, *text, *map(_call, said.calls, ids, arguments or repeat(None))]


def _call(call: Call, id_: str, arguments: Any) -> BlockSaid:
    return call_block(call.name, id_, ("", *(piece for piece in call.pieces if piece)), arguments)


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
