"""
Pydantic AI's OpenAIChatModel with its OpenAIProvider, streamed.

Source: https://ai.pydantic.dev/models/openai/
"""

import functools

from openai import AsyncOpenAI
from pydantic_ai import Agent, ModelRequest, PartDeltaEvent, PartStartEvent, Tool
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import TextPart, TextPartDelta, ThinkingPart, ThinkingPartDelta, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

client = AsyncOpenAI(max_retries=0, timeout=8)


@functools.cache
def model(name):
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


def answer(**_arguments):
    return "18 degrees"


def bound(question):
    tools = [tool["function"] for tool in question.get("tools", ())]
    return [Tool.from_schema(answer, one["name"], one.get("description"), one.get("parameters") or {}) for one in tools]


def show(event, out):
    match event:
        case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            out.print(text)
        case PartStartEvent(part=ThinkingPart(content=text)):
            out.think(text)
        case PartDeltaEvent(delta=ThinkingPartDelta(content_delta=text)):
            out.think(text or "")


async def read(question, out):
    asked = ModelRequest(parts=[UserPromptPart(message["content"]) for message in question["messages"]])
    tools = ModelRequestParameters(function_tools=[tool.tool_def for tool in bound(question)])
    async with model_request_stream(model(question["model"]), [asked], model_request_parameters=tools) as stream:
        async for event in stream:
            show(event, out)
    response = stream.get()
    out.finish = {"tool_call": "tool_calls"}.get(response.finish_reason, response.finish_reason)
    out.usage = response.usage.total_tokens or None  # 0 is what it says when it was told nothing
    out.tools = [[call.tool_name, call.args_as_json_str()] for call in response.tool_calls] or None


async def loop(question, out):
    agent = Agent(model(question["model"]), tools=bound(question))
    async with agent.run_stream_events(question["messages"][-1]["content"]) as events:
        async for event in events:
            show(event, out)
