"""An endpoint is probed over a real socket: from one command to verdicts, without loss."""

import gzip
import re
import socketserver
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter
from scripted import (
    IDEAL,
    NO_HTTP,
    SILENT,
    End,
    Received,
    Script,
    Server,
    html_error,
    ideal,
    ideal_answer,
    plays,
    refuses,
    stalls,
    whole,
)

from harness.cli import main
from harness.matrix.scenarios import SCENARIOS
from harness.recording.cassette import read_cassette
from harness.recording.replayed import NOTE
from harness.results import Finding, Outcome, read_results
from harness.simulate.reference import replace_in_body, with_body, with_header
from harness.wire.exchange import Exchange

FINDING = TypeAdapter(Finding)


def probe(server: Server, *options: str, key: str = "good") -> Result:
    command = ["probe", server.base_url, "-m", "gpt-4o-mini", "--key-env", "PROBE_KEY", *options]
    return CliRunner().invoke(main, command, env={"PROBE_KEY": key, "COLUMNS": "200"})


def findings(result: Result) -> list[Finding]:
    return [FINDING.validate_json(line) for line in result.stdout.splitlines()[:-1]]


def of(found: list[Finding], scenario: str, check: str) -> Outcome:
    (outcome,) = [one.outcome for one in found if (one.scenario, one.check) == (scenario, check)]
    return outcome


def test_an_ideal_endpoint_passes_every_scenario(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        kept = ("--results", str(tmp_path / "r.jsonl"), "--record", str(tmp_path / "kept"))
        result = probe(server, "--long", "--max-tokens", "400000", *kept)
    assert result.exit_code == 0, result.output
    results = read_results(tmp_path / "r.jsonl")
    assert results.run.mode == "live"
    failing = {finding.check for finding in results.unexpected}
    assert failing <= {"identity.created-near"}, "the ideal provider's clock stands still"
    assert {finding.scenario for finding in results.findings} == set(SCENARIOS)
    assert {path.stem for path in (tmp_path / "kept").glob("*.yaml")} == set(SCENARIOS)
    assert len(server.requests) == sum(scenario.requests for scenario in SCENARIOS.values()) < 70
    assert "up to 68 requests and 400,000 tokens" in result.stderr
    assert b"a a a a" in server.requests[-1].body, "what is long is asked last"


def test_the_tables_can_be_written_as_markdown(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--scenario", "chat.stream", "--markdown", str(tmp_path / "probe.md"))
    assert "family" in result.stdout
    assert (tmp_path / "probe.md").read_text().startswith("| provider")


def test_what_was_kept_is_what_came(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        probe(server, "--scenario", "chat.stream-usage", "--record", str(tmp_path))
    (exchange,) = read_cassette(tmp_path / "chat.stream-usage.yaml")
    assert exchange.response.body == ideal_answer(server.requests[0]).response.body
    assert exchange.response.eof
    assert exchange.response.reads
    assert exchange.response.http_version == "HTTP/1.1"
    assert exchange.source.provenance == "recorded"
    assert b"good" not in (tmp_path / "chat.stream-usage.yaml").read_bytes(), "the key is not on disk"
    sent = server.requests[0]
    assert sent.header("accept-encoding") == "identity"
    assert (sent.header("user-agent") or "").startswith("OpenAI/Python")


def test_a_second_turn_sends_the_answer_back() -> None:
    with Server(IDEAL) as server:
        probe(server, "--scenario", "tools.round-trip")
    roles = [message["role"] for message in orjson.loads(server.requests[1].body)["messages"]]
    assert roles == ["user", "assistant", "tool"]


def without_tools(request: Received) -> Iterable[bytes | float | End]:
    wants = b'"tools":' in request.body
    script: Script = refuses(400, message="tools are not supported") if wants else IDEAL
    return script(request)


def test_a_refused_capability_is_not_applicable_and_not_asked_again() -> None:
    with Server(without_tools) as server:
        result = probe(server, "--format", "json")
    found = findings(result)
    refused = [one for one in found if one.scenario.startswith("tools.")]
    assert {one.outcome for one in refused} == {Outcome.NA}
    assert all("tools refused with 400: tools are not supported" in one.message for one in refused)
    asked = [request for request in server.requests if b'"tools":' in request.body]
    assert len(asked) == 1
    assert result.exit_code == 0


def test_a_refusal_that_speaks_of_a_budget_is_still_a_refusal() -> None:
    def refusing(request: Received) -> Iterable[bytes | float | End]:
        wants = b'"tools":' in request.body
        script: Script = refuses(400, message="tools are not in the budget plan") if wants else IDEAL
        return script(request)

    with Server(refusing) as server:
        result = probe(server, "--format", "json", "--scenario", "tools.auto", "--scenario", "tools.parallel")
    absent = [one.outcome for one in findings(result) if one.scenario.startswith("tools.")]
    assert absent == [Outcome.NA, Outcome.NA]


def without_n(request: Received) -> Iterable[bytes | float | End]:
    script: Script = refuses(400, message="n must be 1") if b'"n":' in request.body else IDEAL
    return script(request)


@pytest.mark.thorough
def test_of_several_needs_the_one_is_blamed_that_was_not_served_before() -> None:
    with Server(without_n) as server:
        found = findings(probe(server, "--format", "json"))
    absent = {one.scenario: one.message for one in found if one.outcome is Outcome.NA and one.family == "recording"}
    assert set(absent) == {"chat.n2", "params.n"}
    assert of(found, "chat.capped", "usage.own-chunk") is Outcome.PASS


def test_without_a_key_it_says_so_and_keys_come_from_the_file_as_well(tmp_path: Path) -> None:
    with Server(IDEAL) as server:
        assert "without a key: PROBE_KEY is not set" in probe(server, key="").stderr
        (tmp_path / ".env").write_text("OTHER_KEY=good\n")
        result = probe(server, "--key-env", "OTHER_KEY", "--root", str(tmp_path), "--scenario", "chat.stream")
    assert result.exit_code == 0, result.output


def test_a_finding_names_the_scenario_or_the_recording_that_shows_it(tmp_path: Path) -> None:
    def faulty(request: Received) -> Iterable[bytes | float | End]:
        return plays(replace_in_body(ideal_answer(request), '"finish_reason":null', '"finish_reason":""'))(request)

    with Server(faulty) as server:
        assert "chat.stream byte " in probe(server, "--scenario", "chat.stream").stdout
        kept = probe(server, "--scenario", "chat.stream", "--record", str(tmp_path), "--format", "json")
    assert {one.cassette for one in findings(kept)} == {str(tmp_path / "chat.stream.yaml")}


def test_a_fault_is_found_and_ends_with_1() -> None:
    def faulty(request: Received) -> Iterable[bytes | float | End]:
        return plays(replace_in_body(ideal_answer(request), '"finish_reason":null', '"finish_reason":""'))(request)

    with Server(faulty) as server:
        result = probe(server, "--scenario", "chat.stream")
    assert result.exit_code == 1
    assert "finish_reason.null-before-end" in result.stdout
    with Server(faulty) as server:
        assert probe(server, "--scenario", "chat.stream", "--fail-on", "never").exit_code == 0


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (SILENT, "is it up?"),
        (NO_HTTP, "it answers, but not in HTTP: check the scheme and the port"),
        (refuses(401, message="no such key"), "status 401: "),
        (refuses(403), "status 403"),
        (
            whole(404, b'{"error":{"message":"no such page","type":"invalid_request_error","param":null,"code":null}}'),
            "does the address end in /v1, as most do, and is the model's name right?",
        ),
        (refuses(404, message="no such thing"), '"code":"model_not_found"}}; is the model\'s name right?'),
    ],
)
def test_where_there_is_nothing_to_judge_it_says_so_in_a_line(script: Script, said: str) -> None:
    with Server(script) as server:
        result = probe(server)
    assert result.exit_code == 2
    assert said in result.stderr.splitlines()[-1]
    assert len(server.requests) <= 4


def test_nobody_there() -> None:
    with Server(IDEAL) as server:
        pass
    result = probe(server)
    assert result.exit_code == 2
    assert "ConnectError" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://x/v1", "", "http://[::1/v1"])
def test_no_address(address: str) -> None:
    result = CliRunner().invoke(main, ["probe", address, "-m", "m"])
    assert result.exit_code == 2
    assert "not an address" in result.stderr


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://127.0.0.1:9/v1/chat/completions", "http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:9/api/v3/chat/completions/", "http://127.0.0.1:9/api/v3"),
        ("http://127.0.0.1:9/v1/completions", "http://127.0.0.1:9/v1"),
        ("http://127.0.0.1:9/anthropic/v1/messages", "http://127.0.0.1:9/anthropic/v1"),
    ],
)
def test_the_address_of_a_request_is_no_base_url(address: str, base: str) -> None:
    result = CliRunner().invoke(main, ["probe", address, "-m", "m"])
    assert result.exit_code == 2
    assert result.stderr == f"harness: {address}: requests are sent there; name the base URL, such as {base}\n"


def test_https_where_http_is_spoken() -> None:
    class Plain(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1024)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = CliRunner().invoke(main, ["probe", f"https://127.0.0.1:{server.server_address[1]}/v1", "-m", "m"])
        server.shutdown()
    assert result.exit_code == 2
    assert "it answers, but not in TLS: try http:// in place of https://" in result.stderr.splitlines()[-1]


def test_limits_and_refusals_are_no_verdict() -> None:
    with Server(refuses(429, ("Retry-After", "1"))) as server:
        result = probe(server, "--scenario", "chat.stream", "--format", "json")
    assert {one.outcome for one in findings(result)} == {Outcome.INCONCLUSIVE}
    with Server(html_error(502)) as server:
        result = probe(server, "--scenario", "chat.stream", "--format", "json")
    assert {one.outcome for one in findings(result)} == {Outcome.INCONCLUSIVE}


def test_a_stream_that_stops_is_cut_and_kept(tmp_path: Path) -> None:
    with Server(stalls(IDEAL, 600, body=True)) as server:
        result = probe(server, "--scenario", "chat.stream", "--timeout", "0.4", "--record", str(tmp_path))
    assert result.exit_code == 1
    (exchange,) = read_cassette(tmp_path / "chat.stream.yaml")
    assert not exchange.response.eof
    assert exchange.response.error == "LimitReached: more than 0.4 seconds"
    assert exchange.response.body
    assert "http.complete" in result.stdout


def test_the_budget_holds() -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--max-requests", "5", "--format", "json")
    assert len(server.requests) <= 5
    left = [one for one in findings(result) if one.outcome is Outcome.MISSING]
    assert left
    long = [one.scenario for one in left if "limit of 5 requests" not in one.message]
    assert long == ["error.too-long"], "which no budget of requests would have sent: it is sent only with --long"
    with Server(IDEAL) as server:
        probe(server, "--max-tokens", "20")
    assert len(server.requests) < 12


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Server(IDEAL) as server:
        result = probe(server, "--record", str(tmp_path / "file" / "kept"))
        assert server.requests == []
    assert result.exit_code == 2
    assert "choose a folder that you can write to" in result.stderr.splitlines()[-1]


def test_unknown_names_are_refused_before_anything_is_sent() -> None:
    with Server(IDEAL) as server:
        result = probe(server, "--scenario", "chat.strem")
    assert (result.exit_code, server.requests) == (2, [])
    assert "try chat.stream" in result.stderr


@pytest.mark.thorough
def test_exchanges_are_those_of_the_server(tmp_path: Path) -> None:
    """Four scenarios are sent concurrently, and none gets the response of another."""
    with Server(IDEAL) as server:
        probe(server, "--record", str(tmp_path))
    sent = {request.body for request in server.requests}
    kept: list[Exchange] = [one for path in tmp_path.glob("*.yaml") for one in read_cassette(path)]
    assert {one.request.body for one in kept} == sent


def test_a_stream_that_is_closed_early_ends_at_the_server_and_the_next_request_is_answered(tmp_path: Path) -> None:
    def paced(request: Received) -> Iterable[bytes | float | End]:
        return ideal(0.05 if b'"stream":true' in request.body else 0.0)(request)

    with Server(paced) as server:
        began = time.monotonic()
        result = probe(server, "--scenario", "chat.cancel", "--record", str(tmp_path), "--format", "json")
        whole = len(ideal_answer(server.requests[0]).response.body)
        assert time.monotonic() - began < 80 * 0.05, "the rest of the stream was not waited for"
        assert server.connections[0].done.wait(2)
        assert server.connections[0].ended == "client"
        assert server.connections[0].sent < whole
    closed, after = read_cassette(tmp_path / "chat.cancel.yaml")
    assert 0 < len(closed.response.body) < whole
    assert (closed.response.eof, closed.response.error) == (False, "closed before the end")
    assert after.response.eof
    found = findings(result)
    assert of(found, "chat.cancel", "http.after-cancel") is Outcome.OBSERVED
    assert of(found, "chat.cancel", "http.complete") is Outcome.PASS, "what we cut ourselves is no fault of theirs"
    assert [one.value for one in found if one.check == "http.after-cancel"] == ["at once"]


def test_a_server_that_goes_on_after_the_closing_lets_the_next_one_wait() -> None:
    def busy(request: Received) -> Iterable[bytes | float | End]:
        if b'"stream":true' not in request.body:
            yield 2.1
        yield from IDEAL(request)

    with Server(busy) as server:
        result = probe(server, "--scenario", "chat.cancel", "--format", "json")
    (told,) = [one.value or "" for one in findings(result) if one.check == "http.after-cancel"]
    assert re.fullmatch(r"after \d+ s", told)


def test_compression_is_asked_for_where_it_is_tried_and_nowhere_else() -> None:
    with Server(IDEAL) as server:
        probe(server, "--scenario", "chat.compressed", "--scenario", "chat.stream")
    assert sorted(str(request.header("accept-encoding")) for request in server.requests) == ["gzip", "identity"]


def test_a_compressed_stream_is_kept_as_it_was_sent_and_judged_as_it_reads(tmp_path: Path) -> None:
    def packed(request: Received) -> Exchange:
        answer = ideal_answer(request)
        body = gzip.compress(answer.response.body, mtime=0)
        return with_body(with_header(answer, "Content-Encoding", "gzip"), body)

    with Server(plays(packed)) as server:
        result = probe(server, "--scenario", "chat.compressed", "--record", str(tmp_path), "--format", "json")
    (exchange,) = read_cassette(tmp_path / "chat.compressed.yaml")
    assert exchange.response.body == packed(server.requests[0]).response.body
    assert [one.value for one in findings(result) if one.check == "http.compression"] == ["gzip"]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("acme/small/chat.stream; provenance=reconstructed", "reconstructed"),
        ("acme/small/chat.stream; provenance=published; fault=x", "published"),
        ("acme/small/synthesised; provenance=synthesised; of nothing", "synthesised"),
        ("acme; provenance=true", "recorded"),
        ("provenance", "recorded"),
    ],
)
def test_an_answer_that_was_replayed_is_no_recording_of_now(said: str, kind: str) -> None:
    def replayed(received: Received) -> Exchange:
        return with_header(ideal_answer(received), NOTE, said)

    with Server(plays(replayed)) as server:
        found = findings(probe(server, "--scenario", "chat.nonstream", "--format", "json"))
    assert {one.provenance for one in found} == {kind}
    (near,) = [one for one in found if one.check == "identity.created-near"]
    assert ("its date is that of the replay" in near.message) == (kind != "recorded")
