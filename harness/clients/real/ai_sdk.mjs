/**
 * Reads and loops with the Vercel AI SDK: what its clients, one for each of its providers, share.
 *
 * Source: https://github.com/vercel/ai/blob/000ace0edd19f8854d9b03a8c9282df56ca11952/content/providers/02-openai-compatible-providers/index.mdx
 */

import { jsonSchema, stepCountIs, streamText, tool } from "ai";

/** Return the entries of a client; `modelFor` makes a question's model. */
export function entries(modelFor) {
  return {
    async read(question, out) {
      for await (const part of ask(modelFor(question), question).fullStream) {
        if (part.type === "text-delta") out.print(part.text);
        if (part.type === "reasoning-delta") out.think(part.text);
        if (part.type === "tool-call") (out.tools ??= []).push(called(part));
        if (part.type === "finish") give(part.finishReason, part.totalUsage, out);
        failIn(part);
      }
    },

    async loop(question, out) {
      const result = ask(modelFor(question), question, async () => "sunny");
      for await (const part of result.fullStream) failIn(part);
      const last = (await result.steps).at(-1);
      out.print(last.text);
      out.think(last.reasoningText ?? "");
      if (last.toolCalls.length) out.tools = last.toolCalls.map(called);
      give(last.finishReason, last.usage, out);
    },
  };
}

function ask(model, { messages, tools = [] }, execute) {
  const described = tools.map((given) => {
    const { name, description, parameters, input_schema: schema } = given.function ?? given; // the second is Anthropic's form
    return [name, tool({ description, inputSchema: jsonSchema(parameters ?? schema), execute })];
  });
  const given = described.length ? { tools: Object.fromEntries(described) } : {};
  return streamText({ model, messages, ...given, stopWhen: stepCountIs(2), maxRetries: 0, timeout: 8000, onError() {} });
}

/** Throw what a stream only tells. */
function failIn({ type, error, reason }) {
  if (type === "error") throw error;
  if (type === "abort") throw new Error(`aborted: ${reason}`);
}

const called = ({ toolName, input }) => [toolName, typeof input === "string" ? input : JSON.stringify(input)];

function give(finishReason, usage, out) {
  out.finish = finishReason?.replace("-", "_"); // its words have a hyphen where OpenAI's have a line below
  out.usage = usage?.totalTokens;
}
