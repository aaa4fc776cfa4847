"""
Runs clients × responses: each client gets each response that suits it, and the result is judged.

Clients that share an environment share a process, so its library is imported once; each batch of them runs in a
thread.
"""

import secrets
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Self

from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import CLIENTS, ENVIRONMENTS
from harness.clients.client import Client
from harness.clients.driver import TIMEOUT, Host
from harness.clients.environments import Environment
from harness.clients.oracle import ClientOutput, judge_client
from harness.clients.process import why_not_apart
from harness.clients.trials import Trial
from harness.results import ClientFinding

WORKERS = 2


@dataclass(frozen=True, slots=True)
class ClientRun:
    """The outcome of one trial of one client."""

    client: Client
    trial: Trial
    output: ClientOutput
    finding: ClientFinding


class ClientRunner:
    """Runs one client at a time on one response at a time, in its own session, while the block runs."""

    def __init__(self, answer_server: AnswerServer, environment: Environment, timeout: float = TIMEOUT) -> None:
        self._answer_server = answer_server
        self._session = f"{environment.name}-{secrets.token_hex(8)}"  # no other client can guess the URL
        self._environment = environment
        self._timeout = timeout
        door = None if why_not_apart() else answer_server.door
        self._host = Host(environment.command, answer_server.base_url(self._session), environment.extra, door)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._host.stop()

    def run(self, client: Client, trial: Trial) -> ClientOutput:
        """Return what the client's user gets of a response."""
        if not self._environment.installed:
            return ClientOutput(env=self._environment.how)
        self._answer_server.set_responses(self._session, trial.exchange)
        return self._host.ask(client, trial.question, timeout=self._timeout)

    def loop(self, client: Client, trial: Trial, second: Trial) -> tuple[ClientOutput, list[dict[str, Any]]]:
        """Let the client run a tool between two responses; return what its user gets, and the requests it sent."""
        if not self._environment.installed:
            return ClientOutput(env=self._environment.how), []
        script = self._answer_server.set_responses(self._session, trial.exchange, second.exchange)
        return self._host.ask(client, trial.question, "loop", self._timeout), list(script.requests)

    def attempt(self, client: Client, trial: Trial) -> ClientRun:
        """Run the client on a response, and judge the result."""
        output = self.run(client, trial)
        fate, message = judge_client(client, trial.exchange, output)
        source = trial.exchange.source
        return ClientRun(client, trial, output, ClientFinding(
            client.id, trial.provider, trial.model, trial.request_id, fate, message, trial.fault,
            provenance=source.provenance, recorded_at=source.at,
        ))  # fmt: skip


def try_all(
    clients: Sequence[Client], trials: Sequence[Trial], timeout: float = TIMEOUT, workers: int = WORKERS
) -> Iterator[ClientRun]:
    """Yield the outcome of each trial of each client that it suits, as it completes."""
    told, stopping = SimpleQueue[ClientRun | BaseException | None](), threading.Event()
    batches = _batches(clients, workers)

    def work(batch: list[Client]) -> None:
        try:
            for client_run in _attempts(answer_server, batch, trials, timeout, stopping):
                told.put(client_run)
        except BaseException as error:  # noqa: BLE001 - it is whoever waits that is to get it
            told.put(error)
        told.put(None)

    with AnswerServer() as answer_server, ThreadPoolExecutor(workers) as pool:
        for batch in batches:
            pool.submit(work, batch)
        try:
            yield from _until_all_ended(told, len(batches))
        finally:
            stopping.set()  # an interrupt waits only for the trials under way


def _until_all_ended(told: SimpleQueue[ClientRun | BaseException | None], left: int) -> Iterator[ClientRun]:
    while left:
        one = told.get()
        if isinstance(one, BaseException):
            raise one
        if one is None:
            left -= 1
        else:
            yield one


def _attempts(
    answer_server: AnswerServer, batch: list[Client], trials: Iterable[Trial], timeout: float, stopping: threading.Event
) -> Iterator[ClientRun]:
    with ClientRunner(answer_server, ENVIRONMENTS[batch[0].env], timeout) as runner:
        for client in batch:
            for trial in trials:
                if stopping.is_set():
                    return
                if trial.suits(client):
                    yield runner.attempt(client, trial)


def _batches(clients: Iterable[Client], workers: int) -> list[list[Client]]:
    """Return the clients by process, those of a large environment in as many batches as there are workers."""
    by_environment: dict[str, list[Client]] = defaultdict(list)
    for client in clients:
        by_environment[process_of(client)].append(client)
    return [part for group in by_environment.values() for part in _parts(group, workers)]


def process_of(client: Client) -> str:
    """Return the key of the process of a client: that of its environment, but the user's own code has its own."""
    return client.env if client.id in CLIENTS else str(client.path)


def _parts(group: list[Client], workers: int) -> list[list[Client]]:
    number = workers if len(group) > 2 * workers else 1
    return [group[start::number] for start in range(number)]
