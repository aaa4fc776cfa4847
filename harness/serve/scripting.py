"""Scripted answers made into exchanges, in the manner of the provider that is asked."""

from dataclasses import replace
from pathlib import Path

import orjson

from harness.serve.script import AnswerScript, Scripted
from harness.serve.synthesis import Synthesiser
from harness.simulate.reference import with_header
from harness.wire.exchange import Exchange, Request
from harness.wire.shapes import Json


class Scripting:
    """A script, and what makes its answers."""

    def __init__(self, path: Path, synthesiser: Synthesiser) -> None:
        """Read the script; raises BadScript where it can't be read."""
        self.script = AnswerScript(path)
        self._synthesiser = synthesiser

    def exchange(self, provider: str, body: Json | None, scripted: Scripted, path: str) -> Exchange | None:
        """Return the answer that a script gives to what is sent at ``path``; None where it leaves that to the provider."""
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
