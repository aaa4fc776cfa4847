/**
 * The openai package's helper `.stream()`, which puts the chunks together, and `.runTools()`, which is built on it.
 *
 * Source: https://github.com/openai/openai-node/blob/0020eea6d809cf7169d560c5610dcb9ded120969/helpers.md
 */

import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0, timeout: 8000 }); // address and key are in OPENAI_BASE_URL and OPENAI_API_KEY

export async function read(question, out) {
  const stream = client.chat.completions.stream(question);
  stream.on("content", (delta) => out.print(delta));
  give(await stream.finalChatCompletion(), out);
}

export async function loop(question, out) {
  const tools = question.tools.map(({ type, function: described }) => ({
    type,
    function: { ...described, parse: JSON.parse, function: () => "sunny" },
  }));
  const runner = client.chat.completions.runTools({ ...question, tools, stream: true });
  const last = await runner.finalChatCompletion();
  out.print(last.choices[0].message.content ?? "");
  give(last, out);
}

function give(completion, out) {
  const { message, finish_reason } = completion.choices[0];
  out.think(message.reasoning_content ?? "");
  out.finish = finish_reason;
  out.usage = completion.usage?.total_tokens;
  if (message.tool_calls?.length) out.tools = message.tool_calls.map((call) => [call.function.name, call.function.arguments]);
}
