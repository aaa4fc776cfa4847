"""The server inside a Python program, such as a test: on a free port of 127.0.0.1, while a block runs."""

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
    Answers as providers do, for a client in the same program or another.

        with ReplayServer("deepseek") as server:
            client = openai.OpenAI(base_url=server.base_url("deepseek"), api_key="none")

    ``names`` are the providers, as PROVIDER or PROVIDER/MODEL, all without any; ``root`` is the project whose recordings
    come before those of the program.  ``fault``, ``reframe`` and ``pace`` are as those of ``harness serve``; a request can
    say others by its headers.  ``recorded_only`` refuses what no recording fits instead of making an answer; ``script`` is
    a file of answers and faults that come before, ``upstream`` an endpoint that is asked at ``url`` + ``/v1``.

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
        """Where it is, without the name of a provider."""
        return self._background.url

    @property
    def index(self) -> RecordingIndex:
        """What it answers from."""
        return self._index

    def base_url(self, provider: str, scenario: str | None = None, fault: str | None = None) -> str:
        """
        Return the base URL of a provider for a client's settings: of any answer, or of that to a scenario, with a fault.

        Raises:
            NotRecorded: the provider is not served.
        """
        return f"{self.messages_url(provider, scenario, fault)}/v1"

    def messages_url(self, provider: str, scenario: str | None = None, fault: str | None = None) -> str:
        """
        Return the same for a client of Anthropic Messages, which puts ``/v1/messages`` behind it.

        Raises:
            NotRecorded: the provider is not served.
        """
        self._index.answers(provider)
        wanted = [scenario or ANY_SCENARIO] * bool(scenario or fault) + [fault] * bool(fault)
        return "/".join([self.url, provider, *filter(None, wanted)])

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What each request got, as at ``/__harness/log``: method, path, status, ms, and the answer in words."""
        return self._app[LOG].lines

    def forget(self) -> None:
        """Empty ``requests``."""
        self._app[LOG].clear()
