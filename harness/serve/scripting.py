"""Makes exchanges of scripted responses, in the manner of the requested provider."""

from dataclasses import replace
from pathlib import Path

import orjson

from harness.serve.script import AnswerScript, Scripted
from harness.serve.synthesis import Synthesiser
from harness.simulate.reference import with_header
from harness.wire.exchange import Exchange, Request
from harness.wire.shapes import Json


class Scripting:
    """A script, and the synthesizer of its responses."""

    def __init__(self, path: Path, synthesiser: Synthesiser) -> None:
        """Read the script; raise BadScript if it can't be read."""
        self.script = AnswerScript(path)
        self._synthesiser = synthesiser

    def exchange(self, provider: str, body: Json | None, scripted: Scripted, path: str) -> Exchange | None:
        """Return the scripted response to a request at ``path``; None if the script leaves it to the provider."""
        answer, said = scripted.answer, scripted.answer.said()
        request = Request("POST", path, body=None if body is None else orjson.dumps(body))
        if answer.error:
            made = self._synthesiser.error(provider, body, answer.error, answer.message, path=path)
            made = replace(made, response=replace(made.response, status=answer.error))
        elif said:
            made = self._synthesiser.answer(provider, body, said, path=path)[1]
        else:
            return None
        exchange = made.exchange(request)
        if answer.retry_after is None:
            return exchange
        return with_header(exchange, "Retry-After", f"{answer.retry_after:g}")
