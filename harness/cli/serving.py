"""Defines the command that runs the replay server."""

import asyncio
import logging
import sys
import time
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from harness.cli.common import ROOT, matrix_of, one_line_errors
from harness.cli.outlet import say
from harness.printable import printable, printable_lines

if TYPE_CHECKING:
    from harness.serve.upstream import RecordMode

PORT = 8484


@click.command()
@click.argument("names", metavar="[PROVIDER[/MODEL]]...", nargs=-1)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port on 127.0.0.1; 0 picks a free one.",
)
@click.option(
    "--pace", default="none", show_default=True, metavar="none|recorded|SECONDS",
    help="When segments are sent: at once, at the recorded times, or this many seconds apart.",
)  # fmt: skip
@click.option(
    "--reframe", default="recorded", show_default=True, metavar="HOW",
    help="Where segments end: recorded, bytes, events, merged, crlf or random:SEED.",
)  # fmt: skip
@click.option("--fault", metavar="ID", help="Inject this fault or legal variant of the catalogue into every response.")
@click.option(
    "--allow-origin", "origins", multiple=True, metavar="ORIGIN",
    help="Allow web pages of this origin, such as http://localhost:3000; * for any. Repeatable.",
)  # fmt: skip
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME",
    help="Also accept requests to this host name, such as a container or proxy. Repeatable.",
)  # fmt: skip
@click.option(
    "--recorded-only", is_flag=True,
    help="Respond only with recordings and reconstructions; reject a request that none fits.",
)  # fmt: skip
@click.option(
    "--script", type=click.Path(path_type=Path), metavar="FILE",
    help="Respond as this YAML file says: your own responses, errors, delays and faults. It is read again when it changes.",
)  # fmt: skip
@click.option("--upstream", metavar="URL", help="Pass requests to /v1 on to the endpoint with this base URL.")
@click.option(
    "--record", "folder", type=click.Path(path_type=Path), metavar="DIR",
    help="Save what the endpoint of --upstream responds in this folder, and respond from it next time.",
)  # fmt: skip
@click.option(
    "--record-mode", type=click.Choice(("none", "missing", "all", "pass")), default="missing", show_default=True,
    help="Requests to send to --upstream: none, those not saved yet, all, or all without saving.",
)  # fmt: skip
@ROOT
@one_line_errors
def serve(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: tuple[str, ...],
    port: int,
    pace: str,
    reframe: str,
    fault: str | None,
    origins: tuple[str, ...],
    hosts: tuple[str, ...],
    recorded_only: bool,  # noqa: FBT001 - click gives it by name
    script: Path | None,
    upstream: str | None,
    folder: Path | None,
    record_mode: "RecordMode",
    root: Path,
) -> None:
    """
    Respond as recorded providers do, on 127.0.0.1 for your own client; no API key is needed.

    The base URL of a provider is /PROVIDER/v1; /reference/v1 responds in OpenAI's own format. The server picks the
    recording that fits the request: its stream, tools, JSON, usage, limits and model. Where none fits, it makes a
    response in the provider's format for your own tools and schemas; the header x-harness-cassette says which. Anthropic
    Messages are answered at /PROVIDER/v1/messages. A request can name a scenario, a fault, a segmentation and a pace in the
    headers x-harness-scenario, x-harness-fault, x-harness-reframe and x-harness-pace.
    """
    from harness.evidence.stand_ins import with_published
    from harness.serve.app import application
    from harness.serve.gate import Gate
    from harness.serve.playback import PlaybackOptions, pace_of
    from harness.serve.recording_index import RecordingIndex
    from harness.serve.scripting import Scripting
    from harness.serve.server import serve as run
    from harness.serve.synthesis import Synthesiser
    from harness.serve.upstream import Upstream

    matrix = matrix_of(root)
    synthesiser = Synthesiser(matrix, root)
    index = RecordingIndex(
        with_published(matrix, root), root, names, synthesiser=None if recorded_only else synthesiser
    )
    scripting = Scripting(script, synthesiser) if script else None
    if (upstream is None) != (folder is None):
        raise click.UsageError("--upstream and --record go together; name both")
    behind = Upstream(upstream, folder, record_mode) if upstream and folder else None
    app = application(index, PlaybackOptions(pace_of(pace), reframe, fault), Gate.of(origins, hosts), scripting, behind)
    log_to(sys.stderr)

    def tell(url: str) -> None:
        for provider in index.providers:
            say(f"{url}/{provider}/v1")
        if behind:
            say(f"{url}/v1")
        say(
            "harness: serving recordings, reconstructions and synthesised responses, each says which; stop with Ctrl-C",
            err=True,
        )

    run(app, port, tell)


def log_to(stream: TextIO) -> None:
    """Log a line per request to ``stream``, and other errors."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line shows them
    lines = LinesTogether(stream)
    lines.setFormatter(Lines("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[lines], level=logging.WARNING)
    logging.getLogger("harness.serve").setLevel(logging.INFO)


class LinesTogether(logging.StreamHandler[TextIO]):
    """Writes log lines in batches: a server with thousands of responses per second would write for each of them."""

    _MOMENT = 0.05  # seconds

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line; it is written a moment later if a loop runs, and else at once."""
        try:
            self._lines.append(self.format(record) + self.terminator)
        except Exception:  # noqa: BLE001 - as each handler does: who logs is not to fail for it
            self.handleError(record)
            return
        if len(self._lines) == 1:
            self._write_soon()

    def flush(self) -> None:
        """Write pending lines."""
        with self.lock or nullcontext():
            taken, self._lines = self._lines, []
            if taken:
                self.stream.write("".join(taken))
            super().flush()

    def _write_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(self._MOMENT, self.flush)
        except RuntimeError:  # no loop runs here
            self.flush()


class Lines(logging.Formatter):
    """Formats a log: each message is one line, whoever logs it, and its traceback is escaped."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the time of a record, formatted once per second."""
        return _clock(int(record.created), datefmt or "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of a record."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the lines of an exception."""
        return printable_lines(super().formatException(ei))


@lru_cache(2)
def _clock(second: int, form: str) -> str:
    return time.strftime(form, time.localtime(second))
