/**
 * The @anthropic-ai/sdk package's helper `.stream()`, its texts, and the message that it puts together.
 *
 * Source: https://github.com/anthropics/anthropic-sdk-typescript/blob/main/helpers.md
 */

import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0, timeout: 8000 }); // address and key are in ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY

export async function read(question, out) {
  give(await streamed(question, question.messages, out), out);
}

export async function loop(question, out) {
  const called = await streamed(question, question.messages, out);
  const calls = called.content.filter(({ type }) => type === "tool_use");
  const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "18 degrees" }));
  const turns = [{ role: "assistant", content: called.content }, { role: "user", content: results }];
  give(await streamed(question, [...question.messages, ...turns], out), out);
}

async function streamed(question, messages, out) {
  const stream = client.messages.stream({ ...question, messages });
  stream.on("text", (text) => out.print(text));
  stream.on("thinking", (thought) => out.think(thought));
  return stream.finalMessage();
}

function give({ content, stop_reason, usage }, out) {
  const calls = content.filter(({ type }) => type === "tool_use");
  if (calls.length) out.tools = calls.map(({ name, input }) => [name, JSON.stringify(input)]);
  out.finish = stop_reason;
  out.usage = usage.input_tokens + usage.output_tokens;
}
