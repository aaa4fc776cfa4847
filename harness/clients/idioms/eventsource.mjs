/**
 * Asking with EventSource (from npm), which can only GET, and send neither a body nor a key.
 *
 * Source: https://github.com/EventSource/eventsource/blob/557512235ce4ffa6386919cf8cac975e021ca848/README.md
 */

import { EventSource } from "eventsource";

export async function read(question, out) {
  const source = new EventSource(`${process.env.OPENAI_BASE_URL}/chat/completions?stream=true`);
  try {
    await new Promise((resolve, reject) => {
      source.onmessage = (event) => {
        if (event.data === "[DONE]") return resolve();
        out.print(JSON.parse(event.data).choices[0]?.delta?.content ?? "");
      };
      source.onerror = (event) => reject(new Error(event.message ?? "the connection ended"));
    });
  } finally {
    source.close(); // otherwise it asks again, for ever
  }
}
