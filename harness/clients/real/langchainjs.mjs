/**
 * Reads and loops with LangChain.js: what its clients, one for each of its chat models, share.
 *
 * Source: https://docs.langchain.com/oss/javascript/integrations/chat/openai.md
 */

import { ToolMessage } from "@langchain/core/messages";

/** Return the entries of a client whose chat model is of that class. */
export function entries(ChatModel) {
  const apiKey = process.env.OPENAI_API_KEY;
  const configuration = { baseURL: process.env.OPENAI_BASE_URL };
  const modelFor = ({ model, tools }) => {
    const chat = new ChatModel({ model, apiKey, configuration, maxRetries: 0, timeout: 8000 });
    return tools ? chat.bindTools(tools) : chat;
  };
  return {
    async read(question, out) {
      const whole = await streamed(modelFor(question), question.messages, (chunk) => show(chunk, out));
      give(whole, out);
    },

    async loop(question, out) {
      const model = modelFor(question);
      const first = await streamed(model, question.messages, () => {});
      const results = first.tool_calls.map(({ id }) => new ToolMessage({ content: "sunny", tool_call_id: id }));
      const messages = [...question.messages, first, ...results];
      give(await streamed(model, messages, (chunk) => show(chunk, out)), out);
    },
  };
}

async function streamed(model, messages, use) {
  let whole;
  for await (const chunk of await model.stream(messages)) {
    use(chunk);
    whole = whole ? whole.concat(chunk) : chunk;
  }
  return whole;
}

function show(chunk, out) {
  out.print(chunk.text);
  out.think(chunk.additional_kwargs.reasoning_content ?? "");
}

function give(whole, out) {
  out.finish = whole.response_metadata.finish_reason;
  out.usage = whole.usage_metadata?.total_tokens;
  if (whole.tool_calls.length) out.tools = whole.tool_calls.map(({ name, args }) => [name, JSON.stringify(args)]);
}
