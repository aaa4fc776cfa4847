"""Builds a small site once: three providers and a few clients, with hostile texts in their responses."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.judging.runner import Selection, plan, run_case
from harness.matrix.project import project_matrix
from harness.results import (
    ClientFinding,
    ClientOutcome,
    ClientResults,
    Results,
    Run,
    write_client_results,
    write_results,
)
from harness.site.build import build_site
from harness.site.facts import Facts, load_facts

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("deepseek", "bailian", "vllm", "llamacpp")
HOSTILE = "<img src=x onerror=\"document.title='scripted'\"></code></pre>```<script>document.title='scripted'</script>"
RUN = Run("0", "2026-11-29T00:00:00+00:00", "replay", None)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def _client(client: str, provider: str, fate: ClientOutcome, **more: Any) -> ClientFinding:
    predicted = fate if "cause" in more else None
    return ClientFinding(
        client, provider, "qwen-plus", "chat.stream", fate, predicted=predicted, provenance="reconstructed", **more
    )


def _clients() -> ClientResults:
    about = {"environment": "own", "versions": {"openai": "3"}, "idiom": False}
    findings = [
        _client("langchain-openai", "bailian", ClientOutcome.CRASH, message=HOSTILE, cause="usage-twice"),
        _client("langchain-openai", "deepseek", ClientOutcome.OK),
        _client("openai.reference", "bailian", ClientOutcome.OK),
        _client("openai.usage-sum", "bailian", ClientOutcome.WRONG, cause="usage-twice"),
        _client("openai.usage-sum", "reference", ClientOutcome.WRONG, fault="usage-twice"),
        _client("openai.print", "deepseek", ClientOutcome.NONE, cause="comments-between-events"),
    ]
    names = ("openai.reference", "openai.print", "openai.usage-sum", "langchain-openai")
    return ClientResults(RUN, {name: {"title": f"{name} {HOSTILE}", **about} for name in names}, findings)


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("reports")
    selection = Selection(SHOWN, scenarios=("chat.stream", "chat.stream-usage", "tools.auto", "error.bad-key"))
    cases = plan(project_matrix(ROOT), ROOT, selection)
    findings = [finding for case in cases for finding in run_case(case, selection.chosen())]
    for finding in findings:
        if finding.check == "usage.not-unasked" and finding.message:
            finding.message = HOSTILE
    write_results(folder / "results.jsonl", Results(RUN, findings))
    write_client_results(folder / "clients.jsonl", _clients())
    return load_facts(ROOT, folder / "results.jsonl", folder / "clients.jsonl")


@pytest.fixture(scope="session")
def built(facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    if find_spec("zensical") is None:
        pytest.skip("Zensical is not installed: make test-site")
    folder = tmp_path_factory.mktemp("site")
    build_site(facts, folder)
    return folder


@pytest.fixture(scope="session")
def address(built: Path) -> Iterator[str]:
    """The URL of a plain static server for it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    handler = functools.partial(Quiet, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser; skips the test, with the reason, without one or its driver."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-site")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = os.environ.get("HARNESS_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium in PATH: apt-get install chromium, or name one with HARNESS_CHROMIUM")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, address: str) -> Iterator[Any]:
    """A function that opens a page of the site; a request to another host, or an error on a page, fails the test."""
    contexts, wrong = [], []

    def open_page(path: str = "", *, width: int = 1400, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request", lambda sent: None if sent.url.startswith((address, "data:", "blob:")) else wrong.append(sent.url)
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{address}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
