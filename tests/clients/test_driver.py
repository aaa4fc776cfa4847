"""Client code runs in its own process, over real sockets: within its limits, without network, and without mix-ups."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from client_code import told, write_client

from harness.clients.answer_server import AnswerServer
from harness.clients.catalogue import ENVIRONMENTS
from harness.clients.client import HERE, TEXT, Client, client_of_file
from harness.clients.driver import Host
from harness.clients.host import LONGEST
from harness.clients.oracle import ClientOutput, Failure
from harness.simulate.faults import FAULTS
from harness.simulate.reference import BODY, STREAM, replace_in_body

SAID = "你好! How can I help?"
LIMIT = 0.4  # seconds
NO_ANSWER = Failure(("builtins.SystemError",), "its process ended")
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not on the path")

POST = """
import json, os, urllib.request

def post(question):
    body = json.dumps({"model": "m", "messages": [], **question}).encode()
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]
"""

Run = Callable[..., ClientOutput]
Write = Callable[..., Client]


@pytest.fixture(scope="module")
def answer_server() -> Iterator[AnswerServer]:
    with AnswerServer() as answer_server:
        answer_server.set_responses("line", BODY)
        yield answer_server


@pytest.fixture
def host(answer_server: AnswerServer) -> Iterator[Host]:
    with Host(ENVIRONMENTS["own"].command, answer_server.base_url("line")) as host:
        yield host


@pytest.fixture
def node(answer_server: AnswerServer) -> Iterator[Host]:
    with Host(ENVIRONMENTS["node"].command, answer_server.base_url("line")) as host:
        yield host


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes client code."""
    return partial(write_client, tmp_path)


def failed(output: ClientOutput) -> Failure:
    assert output.failure
    return output.failure


def test_what_client_code_gives_its_user_is_heard(host: Host, write: Write) -> None:
    client = write(
        "out.print('a', None, 1); out.think('t'); out.finish = 'stop'; out.usage = 3; out.tools = [['f', {'a': 1}], ['g', '{']]"
    )
    output = host.ask(client, {})
    assert output == ClientOutput("aNone1", "t", "stop", 3, (("f", '{"a":1}'), ("g", "{")))


def test_it_is_asked_the_question_and_asks_at_the_answer_server_which_keeps_what_came(
    host: Host, answer_server: AnswerServer, write: Write
) -> None:
    on = answer_server.set_responses("line", BODY, replace_in_body(BODY, "help", "do"))
    client = write("out.print(post(question))", POST)
    texts = [host.ask(client, {"n": number}).text for number in (1, 2, 3)]
    assert texts == [SAID, "你好! How can I do?", "你好! How can I do?"]
    assert on.requests == [{"model": "m", "messages": [], "n": number} for number in (1, 2, 3)]


def test_a_stream_comes_byte_by_byte_as_it_was_recorded(host: Host, answer_server: AnswerServer, write: Write) -> None:
    answer_server.set_responses("line", STREAM)
    head = POST.replace('json.load(answer)["choices"][0]["message"]["content"]', "answer.read().decode()")
    assert host.ask(write("out.print(post(question))", head), {}).text == STREAM.response.body.decode()


def test_a_stream_that_is_cut_is_cut_for_client_code_too(host: Host, answer_server: AnswerServer, write: Write) -> None:
    answer_server.set_responses("line", FAULTS["transfer-cut-stream"].apply())
    head = POST.replace('json.load(answer)["choices"][0]["message"]["content"]', "answer.read()")
    assert failed(host.ask(write("post(question)", head), {})).kinds[0] == "http.client.IncompleteRead"


def test_an_async_entry_is_awaited(host: Host, write: Write) -> None:
    path = write("pass").path
    path.write_text(
        "import asyncio\nasync def read(question, out):\n    await asyncio.sleep(0)\n    out.print('late')\n"
        "def loop(question, out):\n    return read(question, out)\n"
        "async def fails(question, out):\n    raise KeyError('x')\n"
    )
    client = Client("c", "c", "own", path, frozenset({TEXT}))
    assert host.ask(client, {}).text == "late"
    assert host.ask(client, {}, "loop").text == "late"
    assert failed(host.ask(client, {}, "fails")).kinds[:2] == ("builtins.KeyError", "builtins.LookupError")


def test_an_exception_is_told_with_its_kinds_and_places_and_what_was_shown_before(host: Host, write: Write) -> None:
    output = host.ask(write("out.print('before')\nimport json; json.loads('{')"), {})
    assert output.text == "before"
    kinds, message, at, line = failed(output).kinds, failed(output).message, failed(output).at, failed(output).line
    assert kinds == (
        "json.decoder.JSONDecodeError",
        "builtins.ValueError",
        "builtins.Exception",
        "builtins.BaseException",
    )
    assert message.startswith("Expecting property name")
    assert at
    assert at.startswith("json/decoder.py:")
    assert line == "import json; json.loads('{')"


def test_what_asks_to_end_the_process_is_an_exception(host: Host, write: Write) -> None:
    assert failed(host.ask(write("import sys; sys.exit(1)"), {})).kinds[0] == "builtins.SystemExit"


HANG = "while question.get('hang'): pass"


def test_client_code_that_hangs_is_killed_at_its_limit_and_the_next_question_is_answered(
    host: Host, write: Write
) -> None:
    client = write(f"out.print('here')\n{HANG}")
    assert host.ask(client, {}).text == "here"
    assert host.ask(client, {"hang": True}, timeout=LIMIT) == ClientOutput(hung=True)
    assert host.ask(client, {}).text == "here"


def test_the_children_of_client_code_that_hangs_are_killed_too(host: Host, write: Write) -> None:
    start = "import subprocess, socket, sys"
    client = write(
        "if not question: return\n"
        "held = socket.create_connection(('127.0.0.1', question['port']))\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], pass_fds=[held.fileno()])\n"
        "held.sendall(b'started')\n"
        "while True: pass",
        start,
    )
    host.ask(client, {})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        output = host.ask(client, {"port": listening.getsockname()[1]}, timeout=2.0)
        held, _ = listening.accept()
        with held:
            held.settimeout(10)
            came = held.recv(7)
            assert (output.hung, came) == (True, b"started")
            assert held.recv(1) == b""  # the end comes when nobody holds the other side any more


def test_nothing_is_left_of_a_client_that_is_stopped(answer_server: AnswerServer, write: Write) -> None:
    host = Host(ENVIRONMENTS["own"].command, answer_server.base_url("line"))
    home = Path(host.ask(write("import os; out.print(os.environ['HOME'], '')"), {}).text)
    assert home.is_dir()
    host.stop()
    assert not home.exists()
    host.stop()


def test_megabytes_on_stdout_and_stderr_do_no_harm(host: Host, write: Write) -> None:
    client = write(
        "for stream in (sys.stdout, sys.stderr):\n    stream.write('x' * 3_000_000 + '\\n'); stream.flush()\n"
        "os.write(1, b'{}\\n' * 100_000)\nprint('{}')\nout.print('done')",
        "import os, sys",
    )
    assert [host.ask(client, {}).text for _ in range(2)] == ["done", "done"]


def test_of_a_text_no_more_is_taken_than_a_bound(host: Host, write: Write) -> None:
    client = write("out.print('x' * (question['length']))")
    assert len(host.ask(client, {"length": LONGEST}).text) == LONGEST
    assert len(host.ask(client, {"length": 9 * LONGEST}).text) == LONGEST


@pytest.mark.parametrize("body", ["out.print('😀' * 1_000_000)", "out.tools = [['f', 'x' * 9_000_000]]"])
def test_an_answer_over_the_longest_line_is_a_flood_after_which_the_next_question_is_answered(
    body: str, host: Host, write: Write
) -> None:
    client = write(f"if question: {body}\nelse: out.print('here')")
    assert host.ask(client, {"flood": True}) == ClientOutput(flood=True)
    assert host.ask(client, {}).text == "here"


@pytest.mark.parametrize(
    "body", ["os._exit(0)", "os._exit(3)", "os.kill(os.getpid(), 9)", "os.abort()", "raise KeyboardInterrupt"]
)
def test_client_code_whose_process_ends_crashes_and_the_next_question_is_answered(
    body: str, host: Host, write: Write
) -> None:
    client = write(
        f"if question: {body}\nout.print('here')",
        "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    )
    assert host.ask(client, {"end": True}) == ClientOutput(failure=NO_ANSWER)
    assert host.ask(client, {}).text == "here"


def test_a_package_that_is_missing_is_no_fault_of_the_code(host: Host, write: Write) -> None:
    output = host.ask(write("pass", "import no_such_package_of_ours"), {})
    said = f"ModuleNotFoundError: No module named 'no_such_package_of_ours'; install what it needs, with {sys.executable} -m pip install"
    assert output == ClientOutput(env=said)
    assert host.ask(write("out.print('here')", name="other.py"), {}).text == "here"


def test_an_interpreter_that_is_not_there_is_no_fault_of_the_code(tmp_path: Path, write: Write) -> None:
    python = str(tmp_path / "bin" / "python")
    with Host((python, "host.py"), "http://127.0.0.1:1") as host:
        for _ in range(2):
            assert host.ask(write("pass"), {}) == ClientOutput(env=f"{python}: No such file or directory")


REACH = """
import json, socket, time

def refused(reach):
    begun = time.monotonic()
    try:
        reach()
    except ConnectionRefusedError as error:
        return [str(error), time.monotonic() - begun < 1]
    return "reached"
"""


@pytest.mark.parametrize(
    ("reach", "host_named"),
    [
        ("socket.create_connection(('192.0.2.1', 80), timeout=5)", "192.0.2.1"),
        ("socket.create_connection(('example.invalid', 80), timeout=5)", "example.invalid"),
        ("socket.socket().connect(('192.0.2.1', 443))", "192.0.2.1"),
        ("socket.socket().connect_ex(('192.0.2.1', 443))", "192.0.2.1"),
        ("socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))", "2001:db8::1"),
        ("socket.getaddrinfo('example.invalid', 80)", "example.invalid"),
        ("socket.getaddrinfo(b'example.invalid', 80)", "example.invalid"),
    ],
)
def test_client_code_reaches_nothing_but_loopback(reach: str, host_named: str, host: Host, write: Write) -> None:
    client = write(f"out.print(json.dumps(refused(lambda: {reach})))", REACH)
    assert told(host, client) == [f"only loopback is reachable here, not {host_named}", True]


def test_client_code_reaches_loopback_by_address_and_by_name(host: Host, write: Write) -> None:
    client = write(
        "for name in ('127.0.0.1', 'localhost'):\n"
        "    socket.create_connection((name, question['port']), timeout=5).close()\n"
        "socket.getaddrinfo(None, 80)\nout.print('[]')",
        REACH,
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert told(host, client, port=listening.getsockname()[1]) == []


PASSED = {
    "PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "HOME", "OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_KEY",
}  # fmt: skip
QUIET = {
    "DO_NOT_TRACK", "HF_HUB_OFFLINE", "ANONYMIZED_TELEMETRY", "OTEL_SDK_DISABLED", "NO_COLOR", "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
}  # fmt: skip
OF_THE_SYSTEM = {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
"""Variables that Python and macOS set by themselves."""


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "DEEPSEEK_API_KEY", "HTTPS_PROXY", "https_proxy", "OPENAI_ORG_ID", "AWS_PROFILE"):
        monkeypatch.setenv(name, "planted")


@pytest.mark.usefixtures("secrets")
def test_client_code_sees_no_variable_but_those_that_are_passed(
    answer_server: AnswerServer, host: Host, write: Write
) -> None:
    seen = told(host, write("import json, os; out.print(json.dumps(dict(os.environ)))"))
    assert set(seen) - PASSED - QUIET - OF_THE_SYSTEM == set()
    assert {"PATH", "HOME", "OPENAI_BASE_URL", *QUIET} <= set(seen)
    assert "planted" not in seen.values()
    assert (seen["OPENAI_API_KEY"], seen["OPENAI_BASE_URL"]) == ("none", answer_server.base_url("line"))
    assert (seen["ANTHROPIC_API_KEY"], f"{seen['ANTHROPIC_BASE_URL']}/v1") == ("none", answer_server.base_url("line"))


def test_its_home_is_a_folder_of_its_own_that_it_works_in(host: Host, write: Write) -> None:
    home, here, held = told(
        host, write("import json, os; out.print(json.dumps([os.path.expanduser('~'), os.getcwd(), os.listdir()]))")
    )
    assert Path(home).resolve() == Path(here).resolve()
    assert Path(home) != Path.home()
    assert held == []


def test_what_an_environment_adds_is_seen_by_its_code_only(answer_server: AnswerServer, write: Write) -> None:
    client = write("import os; out.print(os.environ.get('HARNESS_CLIENT_ENV'))")
    texts = []
    for extra in ({"HARNESS_CLIENT_ENV": "/there"}, {}):
        with Host(ENVIRONMENTS["own"].command, answer_server.base_url("line"), extra) as host:
            texts.append(host.ask(client, {}).text)
    assert texts == ["/there", "None"]


def test_a_file_is_loaded_once_and_two_files_do_not_share_what_they_hold(host: Host, write: Write) -> None:
    one, other = (write("seen.append(1)\nout.print(len(seen))", "seen = []", name) for name in ("one.py", "other.py"))
    assert [host.ask(client, {}).text for client in (one, one, other, one)] == ["1", "2", "1", "3"]


def test_two_lines_at_once_never_mix_their_answers(answer_server: AnswerServer, write: Write) -> None:
    client = write("out.print(post(question))", POST)
    output: dict[str, set[str]] = {}

    def work(line: str) -> None:
        on = answer_server.set_responses(line, replace_in_body(BODY, "help", line))
        with Host(ENVIRONMENTS["own"].command, answer_server.base_url(line)) as host:
            output[line] = {host.ask(client, {"user": line}).text for _ in range(30)}
        output[line] |= {body["user"] for body in on.requests}

    threads = [threading.Thread(target=work, args=(line,)) for line in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert output == {line: {f"你好! How can I {line}?", line} for line in ("left", "right")}


def test_half_of_a_surrogate_pair_and_values_of_other_types_are_heard(host: Host, write: Write) -> None:
    client = write("out.print('a', chr(0xD83D)); out.finish = 1; out.usage = '3'; out.tools = [[None, {'a': 1}]]")
    output = host.ask(client, {})
    assert output.text.encode().startswith(b"a\xef\xbf\xbd")
    assert (output.finish, output.usage, output.tools) == ("1", None, (("None", '{"a":1}'),))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("def broken(:", "SyntaxError: "),
        ("import json.x", "Module"),
    ],
)
def test_code_that_cannot_be_imported_is_not_judged_and_the_next_question_is_answered(
    head: str, said: str, host: Host, write: Write
) -> None:
    for _ in range(2):
        env = host.ask(write("pass", head), {}).env
        assert env
        assert env.startswith(said)
    assert host.ask(write("out.print('here')", name="other.py"), {}).text == "here"


def test_what_an_exception_says_names_no_home_folder(host: Host, write: Write) -> None:
    client = write(f"raise OSError('{Path.home()}/a/b is gone')")
    assert failed(host.ask(client, {})).message == "~/a/b is gone"


def test_the_host_runs_on_the_standard_library_alone(tmp_path: Path, write: Write) -> None:
    bare = (sys.executable, "-S", ENVIRONMENTS["own"].command[1])  # no site-packages
    with Host(bare, "http://127.0.0.1:1") as host:
        text = host.ask(write("import sys; out.print([n for n in sys.modules if n.startswith('harness')])"), {}).text
    assert text == "[]"
    assert list(tmp_path.iterdir()) == [tmp_path / "client.py"]  # no byte code is left beside it


@needs_node
def test_node_hears_what_client_code_gives_its_user(node: Host, write: Write) -> None:
    client = write(
        "out.print('a', null, undefined, 1); out.think('t'); out.finish = 'stop'; out.usage = 3; out.tools = [['f', {a: 1}]];",
        name="client.mjs",
    )
    assert node.ask(client, {}) == ClientOutput("anullundefined1", "t", "stop", 3, (("f", '{"a":1}'),))


FETCH = """
async function post(question) {
  const [url, body] = [`${process.env.OPENAI_BASE_URL}/chat/completions`, JSON.stringify(question)];
  const answer = await fetch(url, { method: "POST", body });
  return (await answer.json()).choices[0].message.content;
}
"""


@needs_node
def test_node_asks_at_the_answer_server(answer_server: AnswerServer, node: Host, write: Write) -> None:
    on = answer_server.set_responses("line", BODY)
    client = write("out.print(await post(question));", FETCH, "client.mjs")
    assert node.ask(client, {"model": "m"}).text == SAID
    assert on.requests == [{"model": "m"}]


@needs_node
@pytest.mark.parametrize("hang", ["for (;;);", "await new Promise(() => {});"])
def test_node_is_killed_at_its_limit_and_the_next_question_is_answered(hang: str, node: Host, write: Write) -> None:
    client = write(f"out.print('here');\nif (question.hang) {{ {hang} }}", name="client.mjs")
    assert node.ask(client, {}).text == "here"
    assert node.ask(client, {"hang": True}, timeout=LIMIT) == ClientOutput(hung=True)
    assert node.ask(client, {}).text == "here"


@needs_node
def test_node_tells_an_exception_with_its_kinds_and_places(node: Host, write: Write) -> None:
    client = write("out.print('before');\nnull.choices;", name="client.mjs")
    output = node.ask(client, {})
    assert output.text == "before"
    failure = failed(output)
    assert failure.kinds == ("TypeError", "Error")
    assert failure.message == "Cannot read properties of null (reading 'choices')"
    assert failure.line == "null.choices;"
    assert failure.at
    assert failure.at.endswith("/client.mjs:4")


@needs_node
@pytest.mark.parametrize(
    ("statement", "kinds", "message"),
    [
        ("throw new RangeError('far');", ("RangeError", "Error"), "far"),
        ("Promise.reject(new Error('alone')); await new Promise(() => {});", ("Error",), "alone"),
        ("setTimeout(() => { throw new Error('later'); }); await new Promise(() => {});", ("Error",), "later"),
        ("throw 'a text';", ("string",), "a text"),
        ("throw null;", ("null",), "null"),
        (
            "class Mine extends Error { name = 'Named'; } throw new Mine('own');",
            ("Named", "Mine", "Error"),
            "own",
        ),
    ],
)
def test_node_tells_all_that_is_thrown_and_answers_the_next_question(
    statement: str, kinds: tuple[str, ...], message: str, node: Host, write: Write
) -> None:
    client = write(f"if (question.fails) {{ {statement} }}\nout.print('here');", name="client.mjs")
    failure = failed(node.ask(client, {"fails": True}))
    assert (failure.kinds, failure.message) == (kinds, message)
    assert node.ask(client, {}).text == "here"


@needs_node
def test_node_reaches_nothing_but_loopback(node: Host, write: Write) -> None:
    client = write(
        "const begun = Date.now(), told = [];\n"
        "for (const url of ['http://192.0.2.1/', 'http://example.invalid/', 'https://192.0.2.1/', 'http://[2001:db8::1]/']) {\n"
        "  try { await fetch(url); told.push('reached'); } catch (error) { told.push(error.cause.message); }\n"
        "}\n"
        "out.print(JSON.stringify([told, Date.now() - begun < 3000]));",
        name="client.mjs",
    )
    named = ("192.0.2.1", "example.invalid", "192.0.2.1", "2001:db8::1")
    assert told(node, client) == [[f"only loopback is reachable here, not {name}" for name in named], True]


@needs_node
def test_a_package_that_node_misses_is_no_fault_of_the_code(node: Host, write: Write) -> None:
    output = node.ask(write("", 'import "no-such-package-of-ours";', "client.mjs"), {})
    assert output.env
    assert "no-such-package-of-ours" in output.env
    assert node.ask(write("out.print('here');", name="other.mjs"), {}).text == "here"


@needs_node
def test_node_whose_process_ends_crashes_and_the_next_question_is_answered(node: Host, write: Write) -> None:
    client = write("if (question.end) process.kill(process.pid, 'SIGKILL');\nout.print('here');", name="client.mjs")
    assert node.ask(client, {"end": True}) == ClientOutput(failure=NO_ANSWER)
    assert node.ask(client, {}).text == "here"


@needs_node
def test_what_node_prints_does_no_harm(node: Host, write: Write) -> None:
    client = write(
        "console.log('x'.repeat(3_000_000));\nconsole.error('x'.repeat(3_000_000));\nout.print('done');",
        name="client.mjs",
    )
    assert [node.ask(client, {}).text for _ in range(2)] == ["done", "done"]


@needs_node
@pytest.mark.usefixtures("secrets")
def test_node_sees_no_variable_but_those_that_are_passed(node: Host, write: Write) -> None:
    seen = told(node, write("out.print(JSON.stringify(process.env));", name="client.mjs"))
    assert set(seen) - PASSED - QUIET - OF_THE_SYSTEM == set()
    assert "planted" not in seen.values()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_host_ends_with_whoever_started_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text(
        f"import os, time\n\n\ndef read(question, out):\n    open({str(told)!r}, 'w').write(str(os.getpid()))\n    time.sleep(60)\n"
    )
    code = (
        "import sys\nfrom pathlib import Path\nfrom harness.clients.client import client_of_file\n"
        "from harness.clients.driver import Host\n"
        "Host((sys.executable, sys.argv[1]), 'http://127.0.0.1:9/v1').ask(client_of_file(Path(sys.argv[2])), {})\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(HERE / "host.py"), str(sleeper)])
    until(lambda: told.exists() and told.read_text() != "")
    host = int(told.read_text())
    assert Path(f"/proc/{host}").exists()
    parent.kill()
    parent.wait()
    until(lambda: not Path(f"/proc/{host}").exists() or "Z" in Path(f"/proc/{host}/stat").read_text().split()[2])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_code_that_can_not_be_imported_is_imported_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    broken = tmp_path / "broken.py"
    broken.write_text(f"with open({str(count)!r}, 'a') as file:\n    file.write('x')\nraise ImportError('no')\n")
    with Host((sys.executable, str(HERE / "host.py")), "http://127.0.0.1:9/v1") as host:
        output = [host.ask(client_of_file(broken), {}) for _ in range(3)]
    assert [one.env for one in output] == ["ImportError: no"] * 3
    assert count.read_text() == "x"
