/**
 * The openai package, read chunk by chunk as its example does.
 *
 * Source: https://github.com/openai/openai-node/blob/07b3504e1c40fd929f4aae1651b83afc19e3baf8/examples/demo.ts
 */

import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0, timeout: 8000 }); // address and key are in OPENAI_BASE_URL and OPENAI_API_KEY

export async function read(question, out) {
  for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
    out.print(chunk.choices[0]?.delta?.content || "");
    out.think(chunk.choices[0]?.delta?.reasoning_content || "");
    if (chunk.usage) out.usage = chunk.usage.total_tokens;
  }
}
