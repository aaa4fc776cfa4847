"""Runs the server inside a Python program, such as a test: on a free port of 127.0.0.1, while a block runs."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from harness.evidence.stand_ins import with_published
from harness.matrix.project import project_matrix
from harness.serve.app import ANY_SCENARIO, LOG, application
from harness.serve.playback import PlaybackOptions, pace_of
from harness.serve.recording_index import RecordingIndex
from harness.serve.scripting import Scripting
from harness.serve.server import Background
from harness.serve.synthesis import Synthesiser
from harness.serve.upstream import Upstream


class ReplayServer:
    """
    Responds as providers do, to a client in the same program or another.

        with ReplayServer("deepseek") as server:
            client = openai.OpenAI(base_url=server.base_url("deepseek"), api_key="none")

    ``names`` are the providers, as PROVIDER or PROVIDER/MODEL, by default all; ``root`` is the project whose
    recordings take precedence over the bundled ones.  ``fault``, ``reframe`` and ``pace`` are the options of
    ``harness serve``; a request can override them by headers.  ``recorded_only`` rejects requests without a
    matching recording instead of synthesizing a response; ``script`` is a file of responses and faults that take
    precedence, ``upstream`` an endpoint for requests to ``url`` + ``/v1``.

    Raises:
        UnknownName: there is no such provider, fault, way to cut or pace.
        BadScript: the script can't be read.
    """

    def __init__(  # noqa: PLR0913 - one parameter an option
        self,
        *names: str,
        root: Path | str = ".",
        fault: str | None = None,
        reframe: str = "recorded",
        pace: str = "none",
        recorded_only: bool = False,
        script: Path | str | None = None,
        upstream: Upstream | None = None,
    ) -> None:
        place = Path(root)
        matrix = project_matrix(place)
        made = Synthesiser(matrix, place)
        self._index = RecordingIndex(
            with_published(matrix, place), place, names, synthesiser=None if recorded_only else made
        )
        options = PlaybackOptions(pace_of(pace), reframe, fault)
        scripting = Scripting(Path(script), made) if script else None
        self._app: web.Application = application(self._index, options, scripting=scripting, upstream=upstream)
        self._background = Background(self._app)

    def __enter__(self) -> Self:
        self._background.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._background.__exit__(kind, error, traceback)

    @property
    def url(self) -> str:
        """The URL of the server, without the name of a provider."""
        return self._background.url

    @property
    def index(self) -> RecordingIndex:
        """The recordings it serves."""
        return self._index

    def base_url(self, provider: str, scenario: str | None = None, fault: str | None = None) -> str:
        """
        Return the base URL of a provider for a client's settings: for any scenario, or for one, with a fault.

        Raises:
            NotRecorded: the provider is not served.
        """
        return f"{self.messages_url(provider, scenario, fault)}/v1"

    def messages_url(self, provider: str, scenario: str | None = None, fault: str | None = None) -> str:
        """
        Return the same for a client of Anthropic Messages, which appends ``/v1/messages``.

        Raises:
            NotRecorded: the provider is not served.
        """
        self._index.answers(provider)
        wanted = [scenario or ANY_SCENARIO] * bool(scenario or fault) + [fault] * bool(fault)
        return "/".join([self.url, provider, *filter(None, wanted)])

    @property
    def requests(self) -> list[dict[str, Any]]:
        """
        The outcome of each request, as at ``/__harness/log``: method, path, status, ms, and the response in
        words.
        """
        return self._app[LOG].lines

    def forget(self) -> None:
        """Clear ``requests``."""
        self._app[LOG].clear()
