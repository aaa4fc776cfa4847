/**
 * The @anthropic-ai/sdk package, read event by event as its README does.
 *
 * Source: https://github.com/anthropics/anthropic-sdk-typescript/blob/main/README.md
 */

import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0, timeout: 8000 }); // address and key are in ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY

export async function read(question, out) {
  for await (const event of await client.messages.create({ ...question, stream: true })) {
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") out.print(event.delta.text);
    if (event.type === "content_block_delta" && event.delta.type === "thinking_delta") out.think(event.delta.thinking);
    if (event.type === "message_delta") out.finish = event.delta.stop_reason;
  }
}
