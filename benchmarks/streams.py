"""
A server of long streams for ``capture.py``, fast enough to wait for its clients.

    python benchmarks/streams.py    # prints its port, serves until its input ends

A POST is answered with chat.completion.chunk events over HTTP/1.1, each a chunk of the body, the last one [DONE]; its
JSON says how many (``events``), how many seconds before each (``pace``) and how long they are (``model``: small or
usual).  Its connection ends with it, since the SDK closes one that it has streamed over and the capture does not: so
all stream over one that was opened just before, by a GET, which is answered with an empty list.
"""

import json
import re
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import orjson

SMALL = {
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": {"content": " a"}, "finish_reason": None}],
}
USUAL = {
    "id": f"chatcmpl-{0:029d}",
    "object": "chat.completion.chunk",
    "created": 1760000000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
    "choices": [{"index": 0, "delta": {"content": " token"}, "logprobs": None, "finish_reason": None}],
}
AT_ONCE = 500
"""Events in one send, where there is no pace."""

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b\r\n\r\n"
_HEAD = _OK % (b"text/event-stream", b"Transfer-Encoding: chunked\r\nConnection: close")
_LIST = _OK % (b"application/json", b"Content-Length: 27") + b'{"object":"list","data":[]}'


def event(data: bytes) -> bytes:
    """Return an event."""
    return b"data: %b\n\n" % data


def chunk(data: bytes) -> bytes:
    """Return a chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


EVENTS = {name: event(orjson.dumps(one)) for name, one in (("small", SMALL), ("usual", USUAL))}
DONE = event(b"[DONE]")


def sends(model: str, events: int, at_once: int) -> Iterator[bytes]:
    """Yield what is sent in one go."""
    one = chunk(EVENTS[model])
    block, (blocks, rest) = one * at_once, divmod(events - 1, at_once)
    for _ in range(blocks):
        yield block
    yield one * rest + chunk(DONE) + b"0\r\n\r\n"


class Streams(socketserver.StreamRequestHandler):
    """One connection: GETs, and a POST at most."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer request after request."""
        while first := self.rfile.readline():
            headers = b"".join(iter(self.rfile.readline, b"\r\n"))
            if first.startswith(b"GET"):
                self.wfile.write(_LIST)
                continue
            length = re.search(rb"(?i)content-length: (\d+)", headers)
            assert length, "the SDK says how long its request is"
            with suppress(ConnectionError):  # it closes after [DONE], whatever comes then
                self._stream(**json.loads(self.rfile.read(int(length[1]))))
            break

    def _stream(self, model: str, events: int, pace: float, **_: object) -> None:
        self.wfile.write(_HEAD)
        for piece in sends(model, events, 1 if pace else AT_ONCE):
            time.sleep(pace)
            self.wfile.write(piece)


def main() -> None:
    """Serve until the input ends, as it does when the parent goes."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Streams) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
