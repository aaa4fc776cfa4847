"""
The OpenAI Agents SDK's OpenAIChatCompletionsModel, its way to other addresses, streamed.

Source: https://openai.github.io/openai-agents-python/ref/models/openai_chatcompletions/
"""

import functools
import os

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"  # traces would go to OpenAI

from agents import Agent, FunctionTool, ModelSettings, ModelTracing, OpenAIChatCompletionsModel, Runner
from openai import AsyncOpenAI

client = AsyncOpenAI(max_retries=0, timeout=8)


@functools.cache
def model(name):
    return OpenAIChatCompletionsModel(name, client)


async def answer(_context, _arguments):
    return "18 degrees"


def tools(question):
    functions = [tool["function"] for tool in question.get("tools", ())]
    described = [(one["name"], one.get("description", ""), one.get("parameters", {})) for one in functions]
    return [FunctionTool(*one, answer) for one in described]


def show(event, out):
    if event.type == "response.output_text.delta":
        out.print(event.delta)
    elif event.type in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
        out.think(event.delta)


async def read(question, out):
    settings = ModelSettings(include_usage="stream_options" in question or None)
    asked = (None, question["messages"], settings, tools(question), None, [], ModelTracing.DISABLED)
    async for event in model(question["model"]).stream_response(*asked):
        show(event, out)
        if event.type == "response.completed":  # the whole, in the form of the Responses API: it has no finish_reason
            response = event.response
            out.usage = response.usage and response.usage.total_tokens
            calls = [item for item in response.output if item.type == "function_call"]
            out.tools = [[call.name, call.arguments] for call in calls] or None


async def loop(question, out):
    agent = Agent(name="Assistant", model=model(question["model"]), tools=tools(question))
    async for event in Runner.run_streamed(agent, question["messages"]).stream_events():
        if event.type == "raw_response_event":
            show(event.data, out)
