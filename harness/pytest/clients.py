"""
Runs client code as pytest items: one per client and recording, for ``--compat-client``.

A recording that breaks a client fails, unless the reference response breaks it too: then the provider is not to
blame, and it is an expected failure.  The user's own code always fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.choosing import choose
from harness.clients.client import Client
from harness.clients.client_runner import ClientRunner, process_of
from harness.clients.predicting import like
from harness.clients.trials import Trial, is_tried
from harness.judging.runner import Case
from harness.matrix.scenarios import with_expectations
from harness.printable import printable
from harness.recording.cassette import read_cassette
from harness.reports.shown import shown
from harness.results import WORST_FATE_FIRST, ClientFinding, ClientOutcome


class Clients:
    """The clients of a session, with their server and processes; started when the first is run."""

    def __init__(self, names: Sequence[str]) -> None:
        """Select the clients; raise UnknownName for an unknown one."""
        self.chosen = choose(names, ())
        self._stack = ExitStack()
        self._answer_server: AnswerServer | None = None
        self._triers: dict[str, ClientRunner] = {}
        self._plain: dict[tuple[str, str], ClientOutcome] = {}

    def items(self, parent: pytest.Collector, cases: Sequence[Case]) -> Iterator[ClientItem]:
        """Yield an item for each client and recording."""
        for case in cases:
            if not case.skip:
                for client in self.chosen:
                    name = printable(f"{case.id}/client:{client.id}")
                    yield ClientItem.from_parent(parent, name=name, case=case, client=client, clients=self)

    def attempt(self, client: Client, trial: Trial) -> ClientFinding:
        """Run a client on a response."""
        return self._trier(client).attempt(client, trial).finding

    def on_reference(self, client: Client, trial: Trial) -> ClientOutcome | None:
        """Return the outcome of a client for the reference response most like another; None if there is none."""
        plain = like(trial)
        if plain is None:
            return None
        key = (client.id, plain.id)
        if key not in self._plain:
            self._plain[key] = self.attempt(client, plain).fate
        return self._plain[key]

    def _trier(self, client: Client) -> ClientRunner:
        if self._answer_server is None:
            self._answer_server = self._stack.enter_context(AnswerServer())
        shared = process_of(client)
        if shared not in self._triers:
            self._triers[shared] = self._stack.enter_context(
                ClientRunner(self._answer_server, ENVIRONMENTS[client.env])
            )
        return self._triers[shared]

    def close(self) -> None:
        """Stop the server and the processes."""
        self._stack.close()


class ClientItem(pytest.Item):
    """One client with one recording: the worst outcome of its responses."""

    def __init__(self, *, case: Case, client: Client, clients: Clients, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._case = case
        self._client = client
        self._clients = clients
        self.add_marker("compat")
        self.add_marker("compat_client")

    def runtest(self) -> None:
        """Turn the outcome into pytest's."""
        trials = [trial for trial in self._trials() if trial.suits(self._client)]
        if not trials:
            pytest.skip("n/a: the client asks in another form")
        found = [(self._clients.attempt(self._client, trial), trial) for trial in trials]
        finding, trial = min(found, key=lambda one: WORST_FATE_FIRST[one[0].fate])
        finding = shown(finding)
        own = self._client.id not in CLIENTS
        if finding.fate is ClientOutcome.ENV and own:
            pytest.fail(printable(f"{self._client.path}: {finding.message}"), pytrace=False)
        if finding.fate in {ClientOutcome.NA, ClientOutcome.ENV}:
            pytest.skip(f"{finding.fate}: {finding.message}")
        if finding.fate.bad and not own and self._clients.on_reference(self._client, trial) is finding.fate:
            pytest.xfail(f"with the reference answer too: {finding.fate}: {finding.message}")
        if finding.fate.bad:
            raise _BrokenError(finding)

    def _trials(self) -> Iterator[Trial]:
        provider, model = self._case.target.provider.id, self._case.target.model.id
        for exchange in with_expectations(read_cassette(self._case.cassette), self._case.scenario):
            if is_tried(exchange):
                yield Trial(provider, model, self._case.scenario.id, exchange)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the outcome instead of a traceback."""
        error = excinfo.value
        if isinstance(error, pytest.xfail.Exception):
            return str(error)
        if isinstance(error, _BrokenError):
            basis = f"({error.finding.provenance}, {error.finding.recorded_at or 'no date'})"
            shown = (
                f"harness explain {error.finding.cell}" if self._client.path.parent.name in {"idioms", "real"} else ""
            )
            lines = [
                f"{error.finding.fate}: {error.finding.message}",
                f"recording: {self._case.cassette} {basis}",
                shown,
            ]
            return "\n".join(filter(None, lines))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Name the item by its cell."""
        return self.path, 0, f"compat {self.name}"


class _BrokenError(Exception):
    """A client that fails on a recording."""

    def __init__(self, finding: ClientFinding) -> None:
        super().__init__(finding.message)
        self.finding = finding
