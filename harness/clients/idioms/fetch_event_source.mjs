/**
 * Asking with @microsoft/fetch-event-source, which is EventSource with a method, headers and a body.
 *
 * Source: https://developer.aliyun.com/article/1376927
 */

import { fetchEventSource } from "@microsoft/fetch-event-source";

globalThis.window ??= globalThis; // it is written for browsers, but needs no more of one than this
globalThis.document ??= { removeEventListener() {} };

export async function read(question, out) {
  await fetchEventSource(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env.OPENAI_API_KEY}` },
    body: JSON.stringify({ ...question, stream: true }),
    openWhenHidden: true, // otherwise it watches the document
    onmessage(message) {
      if (message.data === "[DONE]") return;
      const chunk = JSON.parse(message.data);
      out.print(chunk.choices[0]?.delta?.content ?? "");
      out.think(chunk.choices[0]?.delta?.reasoning_content ?? "");
      out.finish = chunk.choices[0]?.finish_reason ?? out.finish;
      out.usage = chunk.usage?.total_tokens ?? out.usage;
    },
    onerror(error) {
      throw error; // otherwise it asks again, for ever
    },
  });
}
