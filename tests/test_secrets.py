"""No secret is written to disk: planted everywhere a server can send one, and searched for in every written byte."""

import gzip
import json
import os
import re
import subprocess
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from parted import each
from planted import ACCOUNTS, KEYS, MARKED, UNMARKED, forms, leaks, masked, written_below
from scripted import (
    CHUNKED,
    LAST_CHUNK,
    End,
    Received,
    Script,
    Server,
    chunk,
    head,
    plays,
    raw,
    redirects,
    refuses,
    whole,
)

from harness.cli import main
from harness.judging.audit import audit
from harness.judging.runner import Selection, plan, run_case
from harness.live.asking import Endpoint
from harness.matrix.providers import load_matrix
from harness.recording.cassette import dump_cassette
from harness.recording.redact import configured, redact
from harness.simulate.reference import BODY, STREAM, replace_in_body, with_body, with_header, with_response

ROOT = Path(__file__).resolve().parents[1]
SENT = KEYS["openai project"]
KNOWN = {f"PLANTED_{number}_KEY": key for number, key in enumerate(KEYS.values())}
JSON, EVENTS = ("Content-Type", "application/json"), ("Content-Type", "text/event-stream; charset=utf-8")
FAILING = b'{"choices":"%b","error":{"message":"%b","code":"%b"}}'


def said(*names: str, keys: Iterable[str] = KEYS.values()) -> str:
    """Return the forms ``names`` of the keys, or all forms, in one line."""
    return " ".join(form for key in keys for name, form in forms(key).items() if not names or name in names)


def in_json(text: str) -> bytes:
    """Return text as in JSON, once escaped and once raw if it is already JSON."""
    return json.dumps(text)[1:-1].encode()


def events(*data: bytes, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: %b\n\n" % one for one in data) + end


def delta(text: str, key: str = "content") -> bytes:
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return json.dumps(body | {"choices": [{"index": 0, "delta": {key: text}, "finish_reason": None}]}).encode()


def arguments(text: str) -> bytes:
    call = [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": text}}]
    return json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": call}, "finish_reason": None}]}).encode()


def streamed(body: bytes, *headers: tuple[str, str]) -> Script:
    return lambda _: [head(200, EVENTS, CHUNKED, *headers) + chunk(body) + LAST_CHUNK]


def packed(body: bytes, encoding: str = "gzip") -> Script:
    return whole(200, body, JSON, *([("Content-Encoding", encoding)] if encoding else []))


def deflated(text: str) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(text.encode()) + packer.flush()


def in_all_parts(text: str) -> bytes:
    return FAILING % ((in_json(text),) * 3)


# Each is a script of all that is said; short is what fits into a header.
PLACES: dict[str, Callable[[str, str], Script]] = {
    "headers that are kept": lambda _, short: whole(200, BODY.response.body, JSON, ("x-request-id", short), ("Via", short)),
    "the type": lambda _, short: whole(200, BODY.response.body, ("Content-Type", f"application/json; key={short}")),
    "cookies": lambda _, short: whole(200, BODY.response.body, JSON, ("Set-Cookie", short), ("X-Key", short)),
    "a challenge": lambda text, short: whole(401, in_all_parts(text), JSON, ("WWW-Authenticate", f"Bearer {short}")),
    "a redirect": lambda _, short: redirects(f"/v1/elsewhere?key={short}&token={short}"),
    "the reason": lambda _, short: lambda _: [head(200, JSON, ("Content-Length", "2"), reason=short) + b"{}"],
    "the status line": lambda _, short: raw(f"HTTP/9.9 {short}\r\n\r\n".encode()),
    "no HTTP": lambda text, _: raw(text.encode()),
    "an error": lambda text, _: whole(400, in_all_parts(text), JSON),
    "an error in a text": lambda text, _: whole(500, text.encode(), ("Content-Type", "text/plain")),
    "a page": lambda text, _: whole(403, b"<html><body>%b</body></html>" % text.encode(), ("Content-Type", "text/html")),
    "an answer": lambda text, _: plays(with_body(BODY, BODY.response.body.replace("你好".encode(), in_json(text)))),
    "JSON cut short": lambda text, _: whole(200, in_all_parts(text)[:-40], JSON),
    "an event": lambda text, _: streamed(events(delta(text))),
    "an event of several lines": lambda text, _: streamed(events(b'{"x":\ndata: "%b"}' % in_json(text))),
    "a comment and fields": lambda text, _: streamed(f": {text}\nid: {text}\nevent: {text}\n".encode() + events(delta(""))),
    "an error in a stream": lambda text, _: streamed(events(in_all_parts(text))),
    "a stream that breaks off": lambda text, _: lambda _: [
        head(200, EVENTS, CHUNKED) + chunk(events(delta(text), delta(text), end=b"data: {")), End.RESET,
    ],
    "pieces": lambda _, __: streamed(events(*map(delta, SENT))),
    "pieces of a thought": lambda _, __: streamed(events(*(delta(SENT[n : n + 7], "reasoning_content") for n in range(0, 170, 7)))),
    "pieces of arguments": lambda _, __: streamed(events(*(arguments(SENT[n : n + 3]) for n in range(0, 170, 3)))),
    "gzip": lambda text, _: packed(gzip.compress(in_all_parts(text))),
    "a stream in gzip": lambda text, _: streamed(gzip.compress(events(delta(text))), ("Content-Encoding", "gzip")),
    "gzip cut short": lambda text, _: packed(gzip.compress(in_all_parts(text))[:-9]),
    "gzip that is damaged": lambda text, _: packed(gzip.compress(text.encode(), 1)[:-300] + b"\xff" * 300),
    "gzip that nobody announced": lambda text, _: packed(gzip.compress(in_all_parts(text)), ""),
    "bytes behind gzip": lambda text, _: packed(gzip.compress(b"{}") + text.encode()),
    "deflate": lambda text, _: packed(zlib.compress(in_all_parts(text)), "deflate"),
    "deflate without its head": lambda text, _: packed(deflated(text), "deflate"),
    "a compression of another kind": lambda text, _: packed(b"\x5b" + deflated(text), "br"),
    "binary": lambda text, _: whole(200, b"\xff\xfe\x00" + text.encode() + b"\x80", JSON),
    "trailers": lambda _, short: lambda _: [head(200, EVENTS, CHUNKED) + chunk(events()) + b"0\r\nX-Key: %b\r\n\r\n" % short.encode()],
}  # fmt: skip


def probe(folder: Path, address: str, *options: str, model: str = "gpt-4o-mini", env: dict[str, str]) -> Result:
    command = ["probe", address, "-m", model, "--key-env", "PLANTED_0_KEY", "--root", str(folder), *options]
    command += ["--scenario", "chat.stream", "--fail-on", "never", "--timeout", "2"]
    command += ["--results", str(folder / "results.jsonl"), "--record", str(folder / "kept")]
    return CliRunner().invoke(main, command, env={**dict.fromkeys(KNOWN, ""), **env})


def everything(folder: Path, *results: Result) -> bytes:
    """Return everything written below a folder, and to the terminal."""
    return b"\n".join([written_below(folder), *(result.output.encode() for result in results)])


@pytest.mark.parametrize("place", each(3, PLACES))
def test_no_known_key_is_written_wherever_it_is_said(place: str, tmp_path: Path) -> None:
    script = PLACES[place](said(), said("plain", "quoted", "basic"))
    with Server(script) as server:
        result = probe(tmp_path, server.base_url, env=KNOWN)
        assert server.requests
    assert result.exit_code in {0, 2}, result.output
    assert leaks(everything(tmp_path, result), KEYS.values()) == []
    if result.exit_code == 0:
        assert (tmp_path / "results.jsonl").exists()
        assert list((tmp_path / "kept").iterdir())


@pytest.mark.parametrize("place", PLACES)
def test_no_key_is_written_that_only_its_shape_tells(place: str, tmp_path: Path) -> None:
    text = said("plain", "quoted", "in JSON of PHP", keys=MARKED.values())
    with Server(PLACES[place](text, text)) as server:
        result = probe(tmp_path, server.base_url, env={"PLANTED_0_KEY": SENT})
    assert leaks(everything(tmp_path, result), MARKED.values()) == []


def test_the_search_finds_what_is_written_unredacted(tmp_path: Path) -> None:
    """The two tests above can fail: in each form, and behind base64 and gzip as well."""
    for key in KEYS.values():
        for form in forms(key).values():
            (tmp_path / "text").write_text(form)
            assert leaks(written_below(tmp_path), [key])
    (tmp_path / "text").write_text(json.dumps({"x": forms(gzip.compress(SENT.encode()).hex())["plain"]}))
    assert not leaks(written_below(tmp_path), [SENT])


def test_what_is_shown_of_a_masked_key_is_not_written(tmp_path: Path) -> None:
    shown = [form for key in KEYS.values() for form in masked(key).values()]
    with Server(refuses(400, message=" , ".join(shown))) as server:
        result = probe(tmp_path, server.base_url, env=KNOWN)
    written = everything(tmp_path, result).decode("utf-8", "replace")
    assert [form for form in shown if form in written] == []
    assert "***" in written, "that it was masked is"


def test_the_ids_of_an_account_are_not_written(tmp_path: Path) -> None:
    with Server(refuses(429, message=" ".join(ACCOUNTS.values()))) as server:
        result = probe(tmp_path, server.base_url, env=KNOWN)
    written = everything(tmp_path, result)
    assert b"Rate limit reached" in written
    ids = [word.strip('`[](){}<>",:') for text in ACCOUNTS.values() for word in text.replace("/", " ").split()]
    assert [one for one in ids if sum(map(str.isdigit, one)) > 2 and one.encode() in written] == []


@pytest.mark.parametrize("where", ["query", "password", "model", "path"])
def test_no_key_is_written_that_the_user_puts_into_the_request(where: str, tmp_path: Path) -> None:
    key = UNMARKED["mistral"]
    with Server(plays(STREAM)) as server:
        addresses = {
            "query": f"{server.base_url}?api-key={key}",
            "password": server.base_url.replace("://", f"://me:{key}@"),
            "path": f"{server.base_url}/{key}",
        }
        model = key if where == "model" else "gpt-4o-mini"
        result = probe(tmp_path, addresses.get(where, server.base_url), model=model, env={"PLANTED_1_KEY": key})
    assert result.exit_code == 0, result.output
    assert leaks(everything(tmp_path, result), [key]) == []


def test_who_asks_does_not_show_the_key() -> None:
    assert leaks(repr(Endpoint("http://host/v1", SENT, "m", {}, {})).encode(), [SENT]) == []


def test_a_password_in_an_address_is_secret_whatever_it_is_like(tmp_path: Path) -> None:
    with Server(plays(STREAM)) as server:
        address = server.base_url.replace("://", "://somebody:tiger@") + "?token=lion"
        result = probe(tmp_path, address, env={})
    assert result.exit_code == 0, result.output
    written = everything(tmp_path, result)
    assert [word for word in (b"tiger", b"lion", b"somebody") if word in written] == []


# A project: recorded, judged, reported, committed.


def echo(request: Received) -> Iterable[bytes | float | End]:
    """Answer with every key in every form: in headers, in the response and in errors."""
    text = said()
    header = said("plain", "basic")
    if request.header("authorization") == "Bearer not-a-key":
        return refuses(401, ("WWW-Authenticate", header), message=f"Incorrect API key provided: {text}")(request)
    answer = STREAM if b'"stream":true' in request.body.replace(b" ", b"") else BODY
    told = with_body(answer, answer.response.body.replace("你好".encode(), in_json(text)))
    told = with_header(with_header(told, "x-request-id", header), "Set-Cookie", header)
    return plays(with_response(told, reason=header))(request)


PROJECT = """\
providers:
  - id: acme
    name: Acme
    base_url: {url}
    key_env: PLANTED_0_KEY
    docs: https://acme.example/docs
    models:
      - {{id: small, name: gpt-4o-mini, thinking: {{disable: {{}}}}}}
"""
SCENARIOS = ("chat.stream", "chat.nonstream", "error.bad-key", "error.bad-key-stream")


def harness(root: Path, *command: str) -> Result:
    env = {name: key for number, (name, key) in enumerate(KNOWN.items()) if number % 2}
    return CliRunner().invoke(main, [*command, "--root", str(root)], env=dict.fromkeys(KNOWN) | env)


def git(root: Path, *command: str) -> bytes:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *command], cwd=root, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A repository in which a matrix was recorded twice and judged, each step committed; and the output."""
    root = tmp_path_factory.mktemp("project")
    (root / ".env").write_text("".join(f"{name}='{key}'\n" for name, key in list(KNOWN.items())[::2]))
    (root / ".gitignore").write_text(".env\n")
    git(root, "init", "-q")
    chosen = [word for name in SCENARIOS for word in ("--scenario", name)]
    with Server(echo) as server:
        (root / "providers.yaml").write_text(PROJECT.format(url=server.base_url))
        printed = []
        for command in (["record", *chosen], ["run"], ["record", *chosen, "--again"], ["run", "--format", "json"]):
            printed.append(harness(root, *command).output)
            git(root, "add", "-A")
            git(root, "commit", "-q", "--allow-empty", "-m", command[0])
    assert "4 recorded" in printed[0], printed[0]
    return root, "\n".join(printed).encode()


@pytest.mark.thorough
def test_no_key_is_in_what_a_project_holds_and_prints(project: tuple[Path, bytes]) -> None:
    root, printed = project
    for name in (
        "cassettes/acme/small/chat.stream.yaml",
        "reports/results.jsonl",
        "reports/compatibility.md",
        "reports/index.html",
    ):
        assert (root / name).stat().st_size, name
    (root / ".env").rename(root.with_suffix(".env"))
    written = written_below(root)
    root.with_suffix(".env").rename(root / ".env")
    assert b"REDACTED" in written
    assert leaks(written + printed, KEYS.values()) == []


@pytest.mark.thorough
def test_no_key_is_in_the_history_of_a_project(project: tuple[Path, bytes]) -> None:
    root, _ = project
    history = git(root, "log", "-p", "--all", "--text", "--format=fuller")
    objects = git(root, "cat-file", "--batch", "--batch-all-objects")
    assert b"Incorrect API key provided: REDACTED" in history
    assert len(objects) > len(written_below(root / "cassettes"))
    assert leaks(history + objects, KEYS.values()) == []


def test_the_page_and_the_tables_are_rendered_from_what_was_written(tmp_path: Path) -> None:
    """What comes past the scrubbing, such as a key that is the name of a model, stays out of the reports as well."""
    from harness.reports.files import write_report
    from harness.results import Finding, Level, Outcome, Results, Run

    key = MARKED["groq"]
    finding = Finding("acme", key, "chat.stream", "chunk.object", Level.MUST, Outcome.FAIL, f"the key is {key}")
    write_report(tmp_path, Results(Run("1", "2026-11-25", "replay"), [finding]))
    assert leaks(written_below(tmp_path), [key]) == []


# Recordings that somebody else made.


FOREIGN: dict[str, Any] = {
    "request": {"method": "POST", "url": "https://api.acme.example/v1/chat/completions", "headers": {}, "body": {"model": "m"}},
    "response": {"status": 400, "headers": {"content-type": "application/json"}, "body_text": ""},
}  # fmt: skip


@pytest.mark.parametrize("name", MARKED)
def test_findings_on_a_foreign_recording_hold_no_key(name: str, tmp_path: Path) -> None:
    key = MARKED[name]
    FOREIGN["response"]["body_text"] = json.dumps({"error": f"{'x' * 40} {key}", "model": key})
    (tmp_path / "log.jsonl").write_text(json.dumps(FOREIGN))
    ((*findings,),) = audit([tmp_path / "log.jsonl"], None, "auto")
    text = repr(findings)
    assert "REDACTED" in text
    assert leaks(text.encode(), [key]) == []


def test_findings_on_a_cassette_that_somebody_wrote_hold_no_key(tmp_path: Path) -> None:
    key = MARKED["groq"]
    exchange = replace_in_body(STREAM, '"finish_reason":null', f'"finish_reason":"{key}"')
    content = dump_cassette([replace_in_body(exchange, key, "@" * len(key))]).replace(b"@" * len(key), key.encode())
    path = tmp_path / "cassettes/acme/m/chat.stream.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.partition(b"\n")[2])  # without the line that says it is ours
    (tmp_path / "providers.yaml").write_text(
        "providers: [{id: acme, name: A, base_url: 'http://x/v1', key_env: A_KEY, docs: 'http://x',"
        " models: [{id: m, thinking: {disable: {}}}]}]"
    )
    selection = Selection(scenarios=("chat.stream",))
    (case,) = plan(load_matrix(tmp_path / "providers.yaml"), tmp_path, selection)
    text = repr(list(run_case(case, selection.chosen())))
    assert "REDACTED" in text
    assert leaks(text.encode(), [key]) == []


# This repository.


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_tracked_file_holds_what_is_shaped_like_a_key() -> None:
    files = tracked()
    if not files:
        pytest.skip("not a git checkout")
    contents = {path: path.read_bytes() for path in files}
    assert [str(path) for path, content in contents.items() if redact(content) != content] == []


def test_no_page_and_no_result_holds_a_path_of_a_home_folder() -> None:
    files = [path for path in tracked() if {"reports", "docs", "cassettes"} & set(path.relative_to(ROOT).parts)]
    if not files:
        pytest.skip("not a git checkout")
    of_home = re.compile(rb"/(?:root|home/[a-z][\w-]*|Users/[A-Za-z][\w-]*)/[.\w]")
    assert {
        str(path.relative_to(ROOT)): found[0] for path in files if (found := of_home.search(path.read_bytes()))
    } == {}


@pytest.mark.parametrize("folder", ["cassettes", "reports"])
def test_no_key_of_this_machine_is_in_what_is_recorded_and_reported(folder: str) -> None:
    names = {provider.key_env for provider in load_matrix(ROOT / "providers.yaml").providers}
    secrets = configured(os.environ, names)
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert files
    contents = {path: path.read_bytes() for path in files}
    assert [str(path) for path, content in contents.items() if secrets.redact(content) != content] == []
