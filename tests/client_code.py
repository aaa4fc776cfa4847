"""Writes client code for a test, and reads its output.  For tests only."""

import json
from pathlib import Path
from typing import Any

from harness.clients.client import TEXT, Client
from harness.clients.driver import Host


def write_client(folder: Path, body: str, head: str = "", name: str = "client.py") -> Client:
    """Return client code written into ``folder``: in Python, or as ``name`` ends, with the statements of ``read`` only."""
    path = folder / name
    if path.suffix == ".mjs":
        path.write_text(f"{head}\nexport async function read(question, out) {{\n{body}\n}}\n")
    else:
        lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
        path.write_text(f"{head}\ndef read(question, out):\n{lines}")
    return Client(name, name, "own", path, frozenset({TEXT}))


def told(host: Host, client: Client, **question: Any) -> Any:
    """Return the output of client code as JSON."""
    output = host.ask(client, question)
    assert output.failure is None, output
    return json.loads(output.text)
