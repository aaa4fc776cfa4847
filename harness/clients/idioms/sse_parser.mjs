/**
 * Leaving the framing of events to eventsource-parser, and reading what is in them by hand.
 *
 * Source: https://github.com/rexxars/eventsource-parser/blob/0436c7e972c3c89a42d1ed1e20ecc68214e05c3e/README.md
 */

import { EventSourceParserStream } from "eventsource-parser/stream";

export async function read(question, out) {
  const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env.OPENAI_API_KEY}` },
    body: JSON.stringify({ ...question, stream: true }),
  });
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const event of events) {
    if (event.data === "[DONE]") return;
    const chunk = JSON.parse(event.data);
    out.print(chunk.choices[0]?.delta?.content ?? "");
    out.think(chunk.choices[0]?.delta?.reasoning_content ?? "");
    out.finish = chunk.choices[0]?.finish_reason ?? out.finish;
    out.usage = chunk.usage?.total_tokens ?? out.usage;
  }
}
