"""
Lists the environments and the clients.

To add an idiom, add one file in ``idioms/`` and one line here; a library with its own environment also has its
versions in ``pins/``.
"""

from typing import Any

from harness.clients.client import FINISH, REASONING, TEXT, TOOLS, USAGE, Client
from harness.clients.environments import Environment
from harness.matrix.bundled import packed

_MESSAGES: dict[str, Any] = {"dialect": "messages"}
_COMPLETIONS: dict[str, Any] = {"dialect": "completions"}
_OLD_OPENAI = ("reference", "getattr", "or-empty", "reasoning-elif", "helper")


def _own(id_: str, title: str, file: str, *reads: str, **more: Any) -> Client:
    return _idiom(id_, title, "own", file, *reads, **more)


def _old028(id_: str, title: str, file: str, *reads: str) -> Client:
    return _idiom(id_, title, "openai028", file, *reads)


def _idiom(id_: str, title: str, env: str, file: str, *reads: str, **more: Any) -> Client:
    return Client(id_, title, env, packed("clients", "idioms", file), frozenset(reads), **more)


def _real(id_: str, title: str, env: str, file: str, *reads: str, **more: Any) -> Client:
    return Client(id_, title, env, packed("clients", "real", file), frozenset(reads), **more)


# fmt: off
_ENVIRONMENTS = (
    Environment("own", 0, "own", ("openai", "requests", "httpx", "httpx-sse", "sseclient-py", "aiohttp")),
    Environment("openai2", 1, "python", ("openai",)),
    Environment("openai1", 1, "python", ("openai",)),
    Environment("openai028", 1, "python", ("openai",)),
    Environment("langchain", 1, "python", ("langchain-openai", "langchain-deepseek", "langchain-core")),
    Environment("litellm", 1, "python", ("litellm",)),
    Environment("llamaindex", 1, "python", ("llama-index-llms-openai-like", "llama-index-core")),
    Environment("pydantic-ai", 1, "python", ("pydantic-ai-slim",)),
    Environment("instructor", 1, "python", ("instructor", "openai")),
    Environment("openai-agents", 1, "python", ("openai-agents",)),
    Environment("fastapi", 1, "python", ("fastapi", "uvicorn", "httpx-sse")),
    Environment("anthropic", 1, "python", ("anthropic",)),
    Environment("langchain-anthropic", 1, "python", ("langchain-anthropic", "langchain-core", "anthropic")),
    Environment("node", 2, "node"),
    Environment("openai-node", 2, "node", ("openai",)),
    Environment("ai-sdk", 2, "node", ("ai", "@ai-sdk/openai-compatible", "@ai-sdk/openai", "@ai-sdk/deepseek")),
    Environment("ai-sdk-anthropic", 2, "node", ("ai", "@ai-sdk/anthropic")),
    Environment("anthropic-node", 2, "node", ("@anthropic-ai/sdk",)),
    Environment("langchainjs", 2, "node", ("@langchain/openai", "@langchain/deepseek")),
    Environment("sse", 2, "node", ("eventsource-parser", "@microsoft/fetch-event-source", "eventsource")),
    Environment("chromium", 2, "node", ("@sparticuz/chromium", "puppeteer-core")),
)

_CLIENTS = (
    _own("openai.reference", "openai, the robust reader", "openai_reference.py", TEXT, REASONING, FINISH, USAGE, TOOLS),
    _own("openai.print", "`print(delta.content)`", "openai_print.py", TEXT),
    _own("openai.concat", "`answer += delta.content`", "openai_concat.py", TEXT),
    _own("openai.or-empty", '`delta.content or ""`', "openai_or_empty.py", TEXT),
    _own("openai.not-none", "`if delta.content is not None`", "openai_not_none.py", TEXT),
    _own("openai.guarded", "`if chunk.choices and chunk.choices[0].delta.content`", "openai_guarded.py", TEXT),
    _own("openai.hasattr", '`if hasattr(delta, "content")`', "openai_hasattr.py", TEXT),
    _own("openai.getattr", '`getattr(delta, "reasoning_content", None)`, choices guarded', "openai_getattr.py", TEXT, REASONING),
    _own("openai.reasoning-else", "`if delta.reasoning_content: … else: … delta.content`", "openai_reasoning_else.py", TEXT, REASONING),
    _own("openai.reasoning-elif", "`if delta.reasoning_content: … elif delta.content`", "openai_reasoning_elif.py", TEXT, REASONING),
    _own("openai.reasoning-both", "`if delta.content: … if delta.reasoning_content`", "openai_reasoning_both.py", TEXT, REASONING),
    _own("openai.reasoning-getattr", '`if getattr(delta, "reasoning_content", None): … elif`', "openai_reasoning_getattr.py", TEXT, REASONING),
    _own("openai.reasoning-hasattr", '`if hasattr(delta, "reasoning_content")`', "openai_reasoning_hasattr.py", TEXT, REASONING),
    _own("openai.reasoning-hasattr-and", "`if hasattr(…) and delta.reasoning_content: … else`", "openai_reasoning_hasattr_and.py", TEXT, REASONING),
    _own("openai.reasoning-not-none", "`if hasattr(…) and … is not None: … else: answer +=`", "openai_reasoning_not_none.py", TEXT, REASONING, USAGE),
    _own("openai.get", '`delta.get("content", "")`, openai 1.0 or later', "openai_get.py", TEXT),
    _own("openai.subscript", '`chunk["choices"][0]`, openai 1.0 or later', "openai_subscript.py", TEXT),
    _own("openai.message", "`delta.message.content`", "openai_message.py", TEXT),
    _own("openai.text", "`delta.text`", "openai_text.py", TEXT),
    _own("openai.break-not-none", "`if finish_reason is not None: break`", "openai_break_not_none.py", TEXT, FINISH),
    _own("openai.break-stop", '`if finish_reason == "stop": break`', "openai_break_stop.py", TEXT, USAGE),
    _own("openai.role", "`if delta.role:` start a new message", "openai_role.py", TEXT),
    _own("openai.usage-last", "`last_chunk.usage.total_tokens`", "openai_usage_last.py", TEXT, USAGE),
    _own("openai.usage-sum", "`total += chunk.usage.total_tokens`", "openai_usage_sum.py", TEXT, USAGE),
    _own("openai.tools-index", "`if index not in calls: … else: arguments +=`", "openai_tools_index.py", TEXT, TOOLS),
    _own("openai.tools-list", "`if len(calls) <= piece.index: append`, `name +=`", "openai_tools_list.py", TEXT, TOOLS),
    _own("openai.tools-finish", '`if finish_reason == "tool_calls":` hand calls on', "openai_tools_finish.py", TEXT, TOOLS),
    _own("openai.async", "`async for chunk in await create(…)`, guarded", "openai_async.py", TEXT),
    _own("openai.async-for", "`for chunk in AsyncOpenAI().….create(…)`", "openai_async_for.py", TEXT),
    _own("openai.helper", "`with client.chat.completions.stream(…)`", "openai_helper.py", TEXT, FINISH, USAGE, TOOLS, loops=True),
    _own("openai.body", "`completion.choices[0].message.content`", "openai_body.py", TEXT, streams=False),
    _old028("openai-0.28.get", '`delta.get("content", "")`, openai 0.28', "openai028_get.py", TEXT),
    _old028("openai-0.28.attribute", "`answer += delta.content`, openai 0.28", "openai028_attribute.py", TEXT),
    _old028("openai-0.28.guarded", '`.get(…) or ""` throughout, openai 0.28', "openai028_guarded.py", TEXT, REASONING, USAGE),
    _own("requests.reference", "requests, the robust reader", "requests_reference.py", TEXT, REASONING, FINISH, USAGE, TOOLS),
    _own("requests.no-done", "`json.loads(line[5:])`, also of `[DONE]`", "requests_no_done.py", TEXT),
    _own("requests.swallow", "`json.loads(line[5:])`, JSON errors swallowed", "requests_swallow.py", TEXT),
    _own("requests.lines", '`line.startswith("data:")`, `[DONE]` checked', "requests_lines.py", TEXT),
    _own("requests.data-space", '`line.startswith("data: ")`, `line[6:]`', "requests_data_space.py", TEXT),
    _own("requests.slice", "`line[6:]` of each line", "requests_slice.py", TEXT),
    _own("requests.replace", '`line.replace("data: ", "")`', "requests_replace.py", TEXT),
    _own("requests.unicode-lines", "`iter_lines(decode_unicode=True)`", "requests_unicode_lines.py", TEXT),
    _own("requests.unicode-lines-utf8", '`iter_lines(decode_unicode=True)`, encoding = "utf-8"', "requests_unicode_lines_utf8.py", TEXT),
    _own("requests.unicode-buffer", "`iter_content(1024, decode_unicode=True)`, own lines", "requests_unicode_buffer.py", TEXT),
    _own("requests.json-pieces", '`iter_content(…)`, `json.loads(piece)`, `["text"]`', "requests_json_pieces.py", TEXT),
    _own("requests.decode-pieces", '`iter_content(64)`, `piece.decode("utf-8")`', "requests_decode_pieces.py", TEXT),
    _own("requests.split-pieces", '`iter_content(None)`, `split("\\n\\n")`', "requests_split_pieces.py", TEXT),
    _own("requests.text", '`chunk["choices"][0]["text"]`', "requests_text.py", TEXT),
    _own("requests.delta-content", '`answer += delta["content"]`', "requests_delta_content.py", TEXT),
    _own("requests.delta-get", '`answer += delta.get("content", "")`', "requests_delta_get.py", TEXT),
    _own("requests.whole-text", '`response.text.split("\\n")`', "requests_whole_text.py", TEXT),
    _own("requests.body", '`response.json()["choices"][0]["message"]["content"]`', "requests_body.py", TEXT, streams=False),
    _own("httpx.lines", "`for line in response.iter_lines()`, httpx", "httpx_lines.py", TEXT),
    _own("httpx-sse.events", "`for event in source.iter_sse()`, httpx-sse", "httpxsse_events.py", TEXT),
    _own("sseclient.events", "`SSEClient(response).events()`, sseclient-py", "sseclient_events.py", TEXT),
    _own("aiohttp.lines", "`async for line in response.content`, aiohttp", "aiohttp_lines.py", TEXT),

    _real("langchain-openai", "LangChain ChatOpenAI.stream", "langchain", "langchain_openai.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("langchain-deepseek", "LangChain ChatDeepSeek.stream", "langchain", "langchain_deepseek.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("litellm-openai", "LiteLLM openai/", "litellm", "litellm_openai.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("litellm-deepseek", "LiteLLM deepseek/", "litellm", "litellm_deepseek.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("llamaindex", "LlamaIndex OpenAILike.stream_chat", "llamaindex", "llamaindex.py", TEXT, REASONING, USAGE, TOOLS, loops=True),
    _real("pydantic-ai", "Pydantic AI OpenAIChatModel", "pydantic-ai", "pydanticai.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("instructor-json", "Instructor create_partial, JSON mode", "instructor", "instructor_json.py", TEXT, only="json"),
    _real("openai-agents", "OpenAI Agents SDK OpenAIChatCompletionsModel", "openai-agents", "openai_agents.py", TEXT, REASONING, USAGE, TOOLS, loops=True),
    _real("fastapi-proxy", "FastAPI proxy, EventSource", "fastapi", "fastapi_proxy.py", TEXT),
    _idiom("node.fetch-split", "Node fetch, each piece split at newlines", "node", "node_fetch_split.mjs", TEXT),
    _idiom("node.fetch-swallow", "Node fetch, each piece split at newlines, errors swallowed", "node", "node_fetch_swallow.mjs", TEXT),
    _idiom("node.fetch-parse", "Node fetch, each piece parsed as JSON", "node", "node_fetch_parse.mjs", TEXT),
    _idiom("node.fetch-reference", "Node fetch, the reference", "node", "node_fetch_reference.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS),
    _idiom("sse.eventsource-parser", "eventsource-parser", "sse", "sse_parser.mjs", TEXT, REASONING, FINISH, USAGE),
    _idiom("sse.fetch-event-source", "@microsoft/fetch-event-source", "sse", "fetch_event_source.mjs", TEXT, REASONING, FINISH, USAGE),
    _idiom("sse.eventsource", "EventSource from npm", "sse", "eventsource.mjs", TEXT),
    _idiom("chromium.fetch-split", "Chromium fetch, each piece split at newlines", "chromium", "chromium_fetch_split.mjs", TEXT),
    _idiom("chromium.fetch-reference", "Chromium fetch, the reference", "chromium", "chromium_fetch_reference.mjs", TEXT, REASONING, FINISH, USAGE),
    _idiom("chromium.eventsource", "Chromium EventSource", "chromium", "chromium_eventsource.mjs", TEXT),
    _real("openai-node.chunks", "openai-node, choices[0]?.delta?.content", "openai-node", "openai_node.mjs", TEXT, REASONING, USAGE),
    _real("openai-node.stream", "openai-node, .stream()", "openai-node", "openai_node_stream.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("ai-sdk.compatible", "Vercel AI SDK, @ai-sdk/openai-compatible", "ai-sdk", "ai_sdk_compatible.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("ai-sdk.openai", "Vercel AI SDK, @ai-sdk/openai .chat()", "ai-sdk", "ai_sdk_openai.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("ai-sdk.deepseek", "Vercel AI SDK, @ai-sdk/deepseek", "ai-sdk", "ai_sdk_deepseek.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("langchainjs.openai", "LangChain.js ChatOpenAI", "langchainjs", "langchainjs_openai.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),
    _real("langchainjs.deepseek", "LangChain.js ChatDeepSeek", "langchainjs", "langchainjs_deepseek.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True),

    _idiom("anthropic.reference", "anthropic, the robust reader", "anthropic", "anthropic_reference.py", TEXT, REASONING, FINISH, USAGE, TOOLS, **_MESSAGES),
    _idiom("anthropic.text-stream", "`for text in stream.text_stream`, anthropic", "anthropic", "anthropic_text_stream.py", TEXT, **_MESSAGES),
    _idiom("anthropic.final-message", "`stream.get_final_message()`, anthropic", "anthropic", "anthropic_final_message.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True, **_MESSAGES),
    _idiom("anthropic.helper-events", '`if event.type == "text"` of `.stream()`, anthropic', "anthropic", "anthropic_helper_events.py", TEXT, REASONING, FINISH, TOOLS, **_MESSAGES),
    _idiom("anthropic.delta-text", "`event.delta.text` of each `content_block_delta`, anthropic", "anthropic", "anthropic_delta_text.py", TEXT, **_MESSAGES),
    _idiom("anthropic.delta-types", '`if event.delta.type == "text_delta"`, anthropic', "anthropic", "anthropic_delta_types.py", TEXT, REASONING, FINISH, USAGE, TOOLS, **_MESSAGES),
    _idiom("anthropic.accumulate", "`blocks[event.index]`, JSON parsed as a block stops, anthropic", "anthropic", "anthropic_accumulate.py", TEXT, FINISH, TOOLS, **_MESSAGES),
    _idiom("anthropic.async", "`AsyncAnthropic`, text_stream", "anthropic", "anthropic_async.py", TEXT, FINISH, **_MESSAGES),
    _idiom("anthropic.first-block", "`message.content[0].text`, anthropic", "anthropic", "anthropic_first_block.py", TEXT, streams=False, **_MESSAGES),
    _idiom("anthropic.blocks", "`for block in message.content`, anthropic", "anthropic", "anthropic_blocks.py", TEXT, REASONING, FINISH, USAGE, TOOLS, streams=False, **_MESSAGES),
    _own("httpx.messages-reference", "httpx, Messages, the robust reader", "httpx_messages_reference.py", TEXT, REASONING, FINISH, USAGE, TOOLS, **_MESSAGES),
    _own("httpx.messages-lines", '`line.startswith("data: ")` up to `message_stop`, httpx', "httpx_messages_lines.py", TEXT, **_MESSAGES),
    _own("httpx.messages-done", "`[DONE]` waited for in Messages, httpx", "httpx_messages_done.py", TEXT, **_MESSAGES),
    _own("httpx.messages-body", '`response.json()["content"][0]["text"]`, httpx', "httpx_messages_body.py", TEXT, streams=False, **_MESSAGES),
    _idiom("agent.by-index", "An agent that reads blocks by their index, as Claude Code does", "anthropic", "agent_by_index.py", TEXT, REASONING, FINISH, TOOLS, **_MESSAGES),
    _own("agent.by-name", "An agent that reads events by their name, as Claude Code does", "agent_by_name.py", TEXT, REASONING, FINISH, TOOLS, **_MESSAGES),
    _real("langchain-anthropic", "LangChain ChatAnthropic.stream", "langchain-anthropic", "langchain_anthropic.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True, **_MESSAGES),
    _real("litellm-anthropic", "LiteLLM anthropic/", "litellm", "litellm_anthropic.py", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True, **_MESSAGES),
    _real("anthropic-node.events", "Anthropic's SDK for Node.js, raw events", "anthropic-node", "anthropic_node.mjs", TEXT, REASONING, FINISH, **_MESSAGES),
    _real("anthropic-node.stream", "Anthropic's SDK for Node.js, .stream()", "anthropic-node", "anthropic_node_stream.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True, **_MESSAGES),
    _real("ai-sdk.anthropic", "Vercel AI SDK, @ai-sdk/anthropic", "ai-sdk-anthropic", "ai_sdk_anthropic.mjs", TEXT, REASONING, FINISH, USAGE, TOOLS, loops=True, **_MESSAGES),

    _own("openai.completions-reference", "openai, legacy completions, the robust reader", "openai_completions_reference.py", TEXT, FINISH, USAGE, **_COMPLETIONS),
    _own("openai.completions", "`chunk.choices[0].text`, `client.completions`", "openai_completions.py", TEXT, **_COMPLETIONS),
    _own("openai.completions-body", "`response.choices[0].text`", "openai_completions_body.py", TEXT, FINISH, USAGE, streams=False, **_COMPLETIONS),
    _own("requests.completions-reference", "requests, legacy completions, the robust reader", "requests_completions_reference.py", TEXT, FINISH, USAGE, **_COMPLETIONS),
    _own("requests.completions-lines", '`chunk["choices"][0]["text"]` of `/completions`', "requests_completions_lines.py", TEXT, **_COMPLETIONS),
    _own("requests.completions-json-pieces", '`iter_content(…)`, `json.loads(piece)`, `["text"]` of `/completions`', "requests_completions_json_pieces.py", TEXT, **_COMPLETIONS),
    _real("langchain-completions", "LangChain OpenAI.stream, legacy completions", "langchain", "langchain_completions.py", TEXT, **_COMPLETIONS),
    _real("litellm-completions", "LiteLLM text-completion-openai/", "litellm", "litellm_completions.py", TEXT, FINISH, **_COMPLETIONS),
)
# fmt: on


def _again(client: Client, release: str) -> Client:
    """Return an idiom of the OpenAI SDK for an older release."""
    library, _, what = client.id.partition(".")
    title = f"{client.title}, openai {release}"
    return Client(
        f"{library}-{release}.{what}", title, f"openai{release}", client.path, client.reads, loops=client.loops
    )


ENVIRONMENTS: dict[str, Environment] = {one.name: one for one in _ENVIRONMENTS}
"""Every environment by name."""

_OLDER = tuple(
    _again(one, release)
    for release in ("2", "1")
    for one in _CLIENTS
    if one.id in {f"openai.{what}" for what in _OLD_OPENAI}
)

CLIENTS: dict[str, Client] = {one.id: one for one in (*_CLIENTS, *_OLDER)}
"""Every client by id."""


def tier_of(client: Client) -> int:
    """Return the tier of a client: that of its environment."""
    return ENVIRONMENTS[client.env].tier
