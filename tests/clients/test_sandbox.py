"""Malicious or faulty client code reaches nothing, leaves nothing behind, and counts as an outcome."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from client_code import told, write_client

from harness.clients import process
from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import Client
from harness.clients.client_runner import process_of
from harness.clients.driver import Host
from harness.clients.oracle import ClientOutput, Failure
from harness.clients.process import LONGEST_LINE, Process, why_not_apart
from harness.simulate.reference import BODY

SAID = "你好! How can I help?"
ENDED = ClientOutput(failure=Failure(("builtins.SystemError",), "its process ended"))
needs_namespaces = pytest.mark.skipif(why_not_apart() is not None, reason=f"no namespaces: {why_not_apart()}")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not on the path")

HEAD = """
import ctypes, glob, json, os, signal, socket, subprocess, sys, threading, time, urllib.request

def post(line=None):
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

def pipes():
    paths = {int(n): f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")}
    return [n for n, path in paths.items() if os.path.exists(path) and os.readlink(path).startswith("pipe:")]

def tell(line):
    for number in pipes():
        try:
            os.write(number, line)
        except OSError:
            pass
"""

Write = Callable[..., Client]


@pytest.fixture(scope="module")
def answer_server() -> Iterator[AnswerServer]:
    with AnswerServer() as answer_server:
        answer_server.set_responses("line", BODY)
        yield answer_server


@pytest.fixture(params=[pytest.param("apart", marks=needs_namespaces), pytest.param("beside", marks=needs_linux)])
def host(request: pytest.FixtureRequest, answer_server: AnswerServer) -> Iterator[Host]:
    door = answer_server.door if request.param == "apart" else None
    with Host(ENVIRONMENTS["own"].command, answer_server.base_url("line"), door=door) as host:
        yield host


@pytest.fixture
def apart(answer_server: AnswerServer) -> Iterator[Host]:
    with Host(ENVIRONMENTS["own"].command, answer_server.base_url("line"), door=answer_server.door) as host:
        yield host


@pytest.fixture
def one_host(answer_server: AnswerServer) -> Iterator[Host]:
    """Return a host as this system allows it, for what the two ways do not differ in."""
    door = None if why_not_apart() else answer_server.door
    with Host(ENVIRONMENTS["own"].command, answer_server.base_url("line"), door=door) as host:
        yield host


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes client code."""

    def written(body: str, head: str = HEAD, name: str = "client.py") -> Client:
        return write_client(tmp_path, body, "" if name.endswith(".mjs") else head, name)

    return written


@needs_namespaces
def test_the_answer_server_is_reached_and_no_other_port_of_this_machine(apart: Host, write: Write) -> None:
    assert apart.ask(write("out.print(post())", name="asks.py"), {}).text == SAID
    with socket.create_server(("127.0.0.1", 0)) as listening:
        body = "out.print(json.dumps(socket.socket().connect_ex(('127.0.0.1', question['port']))))"
        assert told(apart, write(body), port=listening.getsockname()[1]) == 111  # refused


PAST_THE_HOOK = """
libc = ctypes.CDLL(None, use_errno=True)
def connect(family, address):
    number = libc.socket(family, question["kind"], 0)
    return [libc.connect(number, address, len(address)), ctypes.get_errno()]
out.print(json.dumps([
    connect(socket.AF_INET, bytes([2, 0, 0, 53, 8, 8, 8, 8]) + bytes(8)),
    connect(socket.AF_INET6, bytes([10, 0, 0, 53, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8]) + bytes(12) + bytes(4)),
    subprocess.run([sys.executable, "-c", "import socket; socket.socket().connect(('8.8.8.8', 53))"], capture_output=True).returncode,
    sorted(os.listdir("/sys/class/net")) if question.get("look") else len(open("/proc/self/net/dev").readlines()) - 2,
]))
"""


@needs_namespaces
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_no_packet_leaves_by_what_the_hook_does_not_see(kind: socket.SocketKind, apart: Host, write: Write) -> None:
    by_4, by_6, child, interfaces = told(apart, write(PAST_THE_HOOK), kind=int(kind))
    assert (by_4, by_6[0], child, interfaces) == ([-1, 101], -1, 1, 1)  # the network is unreachable; loopback is all


@needs_namespaces
def test_no_name_is_resolved_by_a_program_of_its_own(apart: Host, write: Write) -> None:
    body = (
        "done = subprocess.run(['getent', 'hosts', 'example.com'], capture_output=True, timeout=5)\n"
        "out.print(json.dumps([done.returncode != 0, os.path.exists('/run/docker.sock'), len(glob.glob('/run/systemd/*'))]))"
    )
    assert told(apart, write(body)) in ([True, False, 0], [True, True, 0])


@needs_namespaces
def test_an_abstract_unix_socket_is_out_of_reach(apart: Host, write: Write) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0harness-test-" + str(os.getpid()))
        listening.listen()
        body = "out.print(json.dumps(socket.socket(socket.AF_UNIX).connect_ex(chr(0) + question['name'])))"
        assert told(apart, write(body), name=f"harness-test-{os.getpid()}") == 111


@needs_namespaces
def test_the_environment_of_a_process_outside_can_not_be_read(apart: Host, write: Write) -> None:
    body = (
        "found = []\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try:\n        found += [open(path, 'rb').read().decode()]\n"
        "    except OSError:\n        pass\n"
        "out.print(json.dumps(['planted-secret' in ' '.join(found), len(found), os.getpid()]))"
    )
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    outside = subprocess.Popen(command, env={"DEEPSEEK_API_KEY": "planted-secret"})
    try:
        assert told(apart, write(body)) == [False, 1, 2]
    finally:
        outside.kill()
        outside.wait()


@needs_namespaces
def test_client_code_has_no_rights_in_its_namespaces(apart: Host, write: Write) -> None:
    body = (
        "status = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)\n"
        "out.print(json.dumps([int(status['CapEff'], 16), int(status['CapBnd'], 16), int(status['NoNewPrivs'])]))"
    )
    assert told(apart, write(body)) == [0, 0, 1]


@needs_namespaces
def test_another_clients_line_can_not_be_asked(answer_server: AnswerServer) -> None:
    assert httpx2.post(f"{answer_server.base_url('no-such-line')}/chat/completions", json={}).status_code == 404


def living(marks: str) -> set[int]:
    """Return the ids of the processes whose command contains a text."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marks.encode() in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


ESCAPES = """
if not question: return
command = [sys.executable, "-c", "import time; time.sleep(60)", question["marks"]]
subprocess.Popen(command)
subprocess.Popen(command, start_new_session=True)
os.fork() or (os.setsid(), os.fork() or os.execv(command[0], command), os._exit(0))
os.system(f"nohup setsid {command[0]} -c 'import time; time.sleep(60)' {command[3]} &")
time.sleep(0.3)
"""


@pytest.mark.parametrize("then", ["out.print('done')", "time.sleep(60)", "os._exit(0)"])
def test_nothing_that_client_code_started_outlives_it(then: str, host: Host, write: Write, tmp_path: Path) -> None:
    """A child, one in a session of its own, one whose parent ended, and one that a shell left behind."""
    marks = f"mark-{tmp_path.name}-{os.getpid()}"
    client = write(ESCAPES + then)
    host.ask(client, {})
    output = host.ask(client, {"marks": marks}, timeout=1.0)
    if output.text == "done":
        assert len(living(marks)) >= 4, "they go on while the code may"
    host.stop()
    assert living(marks) == set()


NO_ANSWER = [
    "tell(b'{}\\n'); out.print('x')",
    "tell(b'not json\\n')",
    "tell(b'\\xff\\xfe\\n')",
    "tell(b'[' * 100_000 + b'\\n')",
    "tell(b'[]\\n')",
    "tell(b'\\n')",
    "tell(b'9' * 5000 + b'\\n')",
    "tell(json.dumps(dict(id='0' * 16, text='forged', reasoning='', length=6, finish=None, usage=None, tools=None, error=None)).encode() + b'\\n')",
    "tell(json.dumps({'id': '0' * 16, 'env': 'not my fault'}).encode() + b'\\n')",
]


@pytest.mark.parametrize("body", NO_ANSWER)
def test_what_is_no_answer_is_told_as_such_and_the_next_question_is_answered(
    body: str, one_host: Host, write: Write
) -> None:
    client = write(f"if question: {body}\nelse: out.print('here')")
    output = one_host.ask(client, {"forge": True}, timeout=5)
    assert output.failure
    assert output.failure.is_client_bug
    assert output.failure.message.startswith("its process says what is no answer: ")
    assert "\n" not in output.failure.message
    assert one_host.ask(client, {}).text == "here"


FORGED = """
import gc
asked = next(one for one in gc.get_objects() if isinstance(one, dict) and one.get("question") is question)
tell(json.dumps({"id": asked["id"], **FORM}).encode() + b"\\n")
"""


@pytest.mark.parametrize(
    "form",
    [
        {"env": "not my fault"},
        {"loaded": True},
        {"text": 1},
        {
            "text": "x",
            "reasoning": "",
            "length": 0,
            "finish": None,
            "usage": None,
            "tools": None,
            "error": {"kinds": "x"},
        },
        {
            "text": "x",
            "reasoning": "",
            "length": 0,
            "finish": None,
            "usage": None,
            "tools": None,
            "error": None,
            "more": 1,
        },
    ],
)
def test_an_answer_of_another_form_is_none_though_its_number_is_right(
    form: dict[str, Any], apart: Host, write: Write
) -> None:
    output = apart.ask(write(FORGED.replace("FORM", repr(form))), {"n": 1}, timeout=5)
    assert output.failure
    assert output.failure.message.startswith("its process says what is no answer: ")


def test_what_is_said_unasked_does_not_answer_the_next_question(one_host: Host, write: Write) -> None:
    client = write(
        "threading.Timer(0.05, tell, [b'{\"late\": 1}\\n']).start() if question else 0\nout.print(os.getpid(), '')"
    )
    first = one_host.ask(client, {"late": True}).text
    time.sleep(0.3)
    output = one_host.ask(client, {})
    assert output.failure is None
    assert first
    assert output.text


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("for number in pipes(): os.close(number)", ENDED),
        ("os._exit(0)", ENDED),
        ("os.kill(os.getpid(), signal.SIGKILL)", ENDED),
        ("os.kill(os.getpid(), signal.SIGSTOP)", ClientOutput(hung=True)),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", ClientOutput(hung=True)),
        (f"tell(b'x' * {LONGEST_LINE + 1})", ClientOutput(flood=True)),
        ("while True: tell(b'x' * 65536)", ClientOutput(flood=True)),
    ],
)
def test_how_a_process_ends_is_an_outcome(body: str, wanted: ClientOutput, host: Host, write: Write) -> None:
    client = write(f"if question:\n    {body}\nelse:\n    out.print('here')")
    assert host.ask(client, {}).text == "here"
    assert host.ask(client, {"do": True}, timeout=1.0) == wanted
    assert host.ask(client, {}).text == "here"


def test_who_ends_its_parent_is_an_outcome_and_no_end_of_ours(host: Host, write: Write) -> None:
    client = write("if question: os.kill(os.getppid(), signal.SIGKILL); time.sleep(0.2)\nout.print('here')")
    assert host.ask(client, {"kill": True}, timeout=2) in {ClientOutput("here"), ENDED}
    assert host.ask(client, {}).text == "here"


def test_a_process_that_ends_between_two_questions_is_started_anew(one_host: Host, write: Write) -> None:
    client = write("threading.Timer(0.05, os._exit, [0]).start() if question else 0\nout.print('here')")
    assert one_host.ask(client, {"end": True}).text == "here"
    time.sleep(0.3)
    assert one_host.ask(client, {}) == ClientOutput("here")


def test_there_is_nothing_to_read(one_host: Host, write: Write) -> None:
    output = one_host.ask(write("out.print(sys.stdin.read(), sys.argv[1:])\ninput()"), {})
    assert output.text == "[]"
    assert output.failure
    assert output.failure.kinds[0] == "builtins.EOFError"


def test_a_text_without_end_does_not_fill_the_memory(one_host: Host, write: Write) -> None:
    client = write(
        "import resource\nfor _ in range(400): out.print('x' * 1_000_000)\n"
        "out.finish = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
    )
    output = one_host.ask(client, {})
    assert (len(output.text), output.failure) == (1_000_000, None)
    assert int(output.finish or 0) < 200_000  # KiB


def test_memory_has_a_bound(one_host: Host, write: Write) -> None:
    output = one_host.ask(write("held = bytearray(6 << 30)"), {})
    assert output.failure
    assert output.failure.kinds[0] == "builtins.MemoryError"


def test_a_question_larger_than_a_pipe_holds_is_asked(one_host: Host, write: Write) -> None:
    assert one_host.ask(write("out.print(len(question['text']))"), {"text": "x" * 3_000_000}).text == "3000000"


@needs_node
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("require('fs').writeSync(1, 'x\\n'.repeat(9)); out.print('here');", ClientOutput("here")),
        (
            "require('child_process').execSync('echo loud; cat', { stdio: 'inherit' }); out.print('here');",
            ClientOutput("here"),
        ),
        ("process.exit(0);", ENDED),
        ("process.kill(process.ppid, 'SIGKILL'); out.print('here');", None),
        (
            "try { await fetch(`${process.env.OPENAI_BASE_URL}/none`); } catch {} out.print('here');",
            ClientOutput("here"),
        ),
    ],
)
def test_code_in_node_that_prints_or_ends_is_an_outcome(
    body: str, wanted: ClientOutput | None, answer_server: AnswerServer, write: Write
) -> None:
    head = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);\n"
    client = write(body, name="client.mjs")
    client.path.write_text(head + client.path.read_text())
    door = None if why_not_apart() else answer_server.door
    with Host(ENVIRONMENTS["node"].command, answer_server.base_url("line"), door=door) as host:
        assert host.ask(client, {}, timeout=5) in ({wanted} if wanted else {ENDED, ClientOutput("here")})


def test_where_there_are_no_namespaces_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LAUNCHER", (sys.executable, "-c", "import sys; sys.exit(3)"))
    process.why_not_apart.cache_clear()
    try:
        assert process.why_not_apart() == "its launcher ended"
    finally:
        process.why_not_apart.cache_clear()


def test_a_stop_does_not_wait_for_a_launcher_that_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PATIENCE", 0.2)
    code = "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)"
    run = Process([sys.executable, "-c", code], dict(os.environ), "/", 0, None)
    time.sleep(0.2)
    run.stop()


def test_code_of_the_users_own_shares_no_process(write: Write) -> None:
    assert process_of(write("pass", name="one.py")) != process_of(write("pass", name="other.py"))
