"""An app that asks a model and streams what it says; it takes a response that broke off for an error."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from openai import AsyncOpenAI, OpenAI


class CutShortError(Exception):
    """The response ended before the model had finished."""


@dataclass
class Answer:
    """What the model said: its text, and the calls it wants to be made, as name and JSON text."""

    text: str = ""
    finish_reason: str | None = None
    calls: dict[int, list[str]] = field(default_factory=dict)

    def add(self, chunk: Any) -> None:
        """Add what one chunk brings."""
        for choice in chunk.choices or ():
            if choice.index:
                continue
            delta = choice.delta
            self.text += (delta.content if delta else None) or ""
            for call in (delta.tool_calls if delta else None) or ():
                known = self.calls.setdefault(call.index or 0, ["", ""])
                known[0] = known[0] or call.function.name or ""
                known[1] += call.function.arguments or ""
            self.finish_reason = choice.finish_reason or self.finish_reason

    def whole(self) -> "Answer":
        """Return the answer; raise CutShortError where nothing said that it is finished."""
        if not self.finish_reason:
            raise CutShortError("the response ended without a finish_reason")
        return self


def ask(base_url: str, model: str, question: str, tools: Iterable[Any] = ()) -> Answer:
    """Ask a model; raises CutShortError where the response broke off."""
    answer = Answer()
    with OpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        for chunk in client.chat.completions.create(**_request(model, question, tools)):
            answer.add(chunk)
    return answer.whole()


async def ask_async(base_url: str, model: str, question: str, tools: Iterable[Any] = ()) -> Answer:
    """Do the same without blocking."""
    answer = Answer()
    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
        chunks: AsyncIterator[Any] = await client.chat.completions.create(**_request(model, question, tools))
        async for chunk in chunks:
            answer.add(chunk)
    return answer.whole()


def _request(model: str, question: str, tools: Iterable[Any]) -> dict[str, Any]:
    offered = list(tools)
    asked = {"model": model, "messages": [{"role": "user", "content": question}], "stream": True}
    return asked | ({"tools": offered} if offered else {})
