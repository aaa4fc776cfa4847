"""Tests claims: runs client code on the responses that a claim names, or inspects their chunks."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import CLIENTS
from harness.clients.claims.model import EVERY_PROVIDER, Claim, ClaimTest, ClaimVerdict, TriedAnswer
from harness.clients.claims.wire_forms import WIRE_FORMS
from harness.clients.client import Client
from harness.clients.client_runner import ClientRunner
from harness.clients.environments import Environment
from harness.clients.host import HINT
from harness.clients.trials import Trial, deviation_trials, is_tried, reference_trials
from harness.errors import UnknownName
from harness.matrix.project import project_matrix
from harness.results import ClientOutcome
from harness.serve.recording_index import REFERENCE, RecordingIndex
from harness.simulate.reference import with_body

_SHOWN = 100


class ClaimRunner:
    """Tests claims while the block runs."""

    def __init__(self, root: Path) -> None:
        self._index = RecordingIndex(project_matrix(root), root)
        self._stack = ExitStack()
        self._triers: dict[str, ClientRunner] = {}

    def __enter__(self) -> Self:
        self._answer_server = self._stack.enter_context(AnswerServer())
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-claims-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def verdict(self, claim: Claim) -> ClaimVerdict:
        """
        Return the verdict on a claim; untried if an environment is not installed.

        Raises:
            UnknownName: it names an unknown response.
        """
        if not all(test.environment.installed for test in claim.tests):
            return ClaimVerdict(claim, ())
        return ClaimVerdict(claim, tuple(seen for test in claim.tests for seen in self._seen(test)))

    def _seen(self, test: ClaimTest) -> Iterator[TriedAnswer]:
        client = self._client(test)
        for trial in (found for name in test.answers for found in self._answers(name)):
            one = trial if test.first else _without_first_event(trial)
            if client is None:
                result, message = WIRE_FORMS[test.fact or ""](one.exchange), ""
            else:
                finding = self._trier(test.environment).attempt(client, one).finding
                result, message = finding.fate.value, cleaned(finding.message.partition(HINT)[0])
            if result != ClientOutcome.NA.value:
                holds = result in test.expects and bool(re.search(test.says, message))
                yield TriedAnswer(test, one, result, message, holds)

    def _client(self, test: ClaimTest) -> Client | None:
        client = replace(CLIENTS[test.client], env=test.environment.name) if test.client else None
        if client is None or not test.code:
            return client
        path = self._folder / f"claim_{len(list(self._folder.iterdir()))}.py"
        path.write_text(test.code, encoding="utf-8")
        return replace(client, path=path)

    def _trier(self, environment: Environment) -> ClientRunner:
        if environment.name not in self._triers:
            self._triers[environment.name] = self._stack.enter_context(ClientRunner(self._answer_server, environment))
        return self._triers[environment.name]

    def _answers(self, name: str) -> list[Trial]:
        if name.startswith(EVERY_PROVIDER):
            every = [one for one in self._index.providers if one != REFERENCE]
            found = [one for provider in every for one in self._of_provider(provider)]
            return [one for one in found if one.request_id == name.removeprefix(EVERY_PROVIDER)]
        known = self._of_provider(name.partition("/")[0]) if "/" in name else deviation_trials()
        answers = [one for one in known if one.id == name][:1]
        if not answers:
            raise UnknownName(f"{name}: no such answer; harness explain names those that there are")
        return answers

    def _of_provider(self, provider: str) -> list[Trial]:
        if provider == REFERENCE:
            return list(reference_trials())
        answers = [one for one in self._index.answers(provider) if is_tried(one.exchange)]
        return [Trial(provider, one.target.partition("/")[2], one.scenario.id, one.exchange) for one in answers]


def _without_first_event(trial: Trial) -> Trial:
    parser = trial.exchange.reading.parser
    assert parser is not None  # noqa: S101 - only streams are cut
    return replace(trial, exchange=with_body(trial.exchange, trial.exchange.response.content[parser.events[0].end :]))


def cleaned(message: str) -> str:
    """Return a message without the paths that differ between machines or releases."""
    bare = re.sub(r" @ \S+:\d+$", "", re.sub(r" \(/[^)]*\)", "", message)).replace("|", "\\|").replace("`", "'")
    return bare if len(bare) <= _SHOWN else f"{bare[:_SHOWN]}…"
