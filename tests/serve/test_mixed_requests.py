"""A thousand different requests over sixteen connections: each gets its own response, and memory stays constant."""

import asyncio
import itertools
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from harness.serve.embedded import ReplayServer

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = {"type": "object", "properties": {"order_id": {"type": "integer"}}, "required": ["order_id"]}
CHAT = {"tools": [{"type": "function", "function": {"name": "lookup_order", "parameters": SCHEMA}}]}
MESSAGES = {"tools": [{"name": "lookup_order", "input_schema": SCHEMA}], "max_tokens": 400}
FORM = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reference/v1/chat/completions", {"model": "gpt-4o-mini"} | CHAT),
    ("reference/v1/chat/completions", {"model": "gpt-4o-mini", "n": 2} | FORM),
    ("deepseek/v1/chat/completions", {"model": "deepseek-flash"} | CHAT),
    ("volcengine/v1/chat/completions", {"model": "doubao-seed-1.8"} | CHAT),
    ("reference/v1/messages", {"model": "claude-haiku-4-5"} | MESSAGES),
)
WARM, ASKED, CONNECTIONS, GROWTH = 400, 1000, 16, 8 << 20


def resident() -> int:
    """Return the bytes of memory that the process holds, the server's among them."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def ask(url: str, numbers: range) -> list[int]:
    """Ask with a number each; return the numbers whose answer has another, or none."""
    wrong: list[int] = []
    kinds = itertools.cycle(itertools.product(KINDS, (False, True)))
    work = iter([(number, *next(kinds)) for number in numbers])

    async def one_connection(session: aiohttp.ClientSession) -> None:
        for number, (path, more), stream in work:
            body = more | {"stream": stream, "messages": [{"role": "user", "content": f"Where is order {number}?"}]}
            async with session.post(f"{url}/{path}", json=body) as answer:
                told = (await answer.text()).replace('\\"', '"')
            if answer.status != 200 or str(number) not in told:
                wrong.append(number)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await asyncio.gather(*(one_connection(session) for _ in range(CONNECTIONS)))
    return wrong


@pytest.mark.thorough
def test_no_answer_is_anothers_and_memory_is_flat() -> None:
    with ReplayServer("reference", "deepseek", "volcengine", root=ROOT) as server:
        asyncio.run(ask(server.url, range(10_000, 10_000 + WARM)))
        before = resident()
        assert asyncio.run(ask(server.url, range(20_000, 20_000 + ASKED))) == []
        assert resident() - before < GROWTH
        assert len(server.requests) == WARM + ASKED
