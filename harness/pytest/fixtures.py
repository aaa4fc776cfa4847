"""
Provides fixtures for the tests of an app: the server, recorded responses, and a recorder.

They start and import nothing heavy until a test uses them, and are plain fixtures: tests of pytest-asyncio take
them in both of its modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.printable import printable
from harness.pytest.blocking import lifted, reachable

if TYPE_CHECKING:
    from harness.pytest.answers import CompatAnswer
    from harness.pytest.recorder import CompatRecorder
    from harness.serve.embedded import ReplayServer

ANSWER = "compat_provider"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test that uses ``compat_provider`` with the responses that its marker selects."""
    if ANSWER not in metafunc.fixturenames:
        return
    from harness.pytest.answers import answers_of

    marker = metafunc.definition.get_closest_marker("compat")
    try:
        found = answers_of(metafunc.config, marker.kwargs if marker else {}, marker.args if marker else ())
    except HarnessError as error:
        pytest.fail(f"{metafunc.definition.nodeid}: @pytest.mark.compat: {printable(str(error))}", pytrace=False)
    metafunc.parametrize(ANSWER, found, ids=[one.id for one in found], indirect=True)


@pytest.fixture(scope="session")
def compat_server(pytestconfig: pytest.Config) -> Iterator[ReplayServer]:
    """
    The replay server, on a free port for the session.

    ``compat_server.base_url("deepseek")`` is where a client asks; no key is needed.
    """
    from harness.serve.embedded import ReplayServer

    with ReplayServer(root=pytestconfig.rootpath) as server, reachable(server.url):
        yield server


@pytest.fixture
def compat_provider(request: pytest.FixtureRequest, compat_server: ReplayServer) -> CompatAnswer:
    """
    One recorded answer of a provider, as ``@pytest.mark.compat(providers=[...], scenarios="tools.*")`` names them.

    It has ``base_url`` and ``model`` for the app, and what the answer holds: ``text``, ``calls``, ``usage``; ``fault`` or
    ``variant`` say what was changed in it.
    """
    answer: CompatAnswer = request.param
    return answer.at(compat_server.url)


@pytest.fixture
def compat_recorder(request: pytest.FixtureRequest) -> Iterator[CompatRecorder]:
    """
    Records the exchanges of an app's client once, and replays them in later runs.

    Pass its transport to the client: ``OpenAI(http_client=compat_recorder.http_client())``.

    The recording is ``cassettes/MODULE/TEST.yaml`` beside the test.  The network is blocked unless ``--compat-record`` says
    ``missing`` or ``all``.
    """
    from harness.pytest.recorder import CompatRecorder

    path = Path(request.node.path)
    place = path.parent / "cassettes" / path.stem / f"{_file_name(request.node.name)}.yaml"
    recorder = CompatRecorder(place, request.config.getoption("--compat-record"))
    with lifted() if recorder.records else nullcontext():
        yield recorder
        recorder.close()


def _file_name(name: str) -> str:
    return "".join(char if char.isalnum() or char in "._-" else "-" for char in name).strip("-")
