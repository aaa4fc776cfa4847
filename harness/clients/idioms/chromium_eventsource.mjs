/**
 * Asking with a browser's EventSource, which can only GET, send neither a body nor a key, and tell no status.
 *
 * Source: https://html.spec.whatwg.org/server-sent-events.html
 */

import { inPage } from "./chromium_page.mjs";

export { close } from "./chromium_page.mjs";

export const read = (question, out) => inPage(idiom, import.meta.url, question, out);

async function idiom(url) {
  const source = new EventSource(`${url}?stream=true`);
  try {
    await new Promise((resolve, reject) => {
      source.onmessage = (event) => {
        if (event.data === "[DONE]") return resolve();
        out.print(JSON.parse(event.data).choices[0]?.delta?.content ?? "");
      };
      source.onerror = () => reject(new Error("EventSource: an error event, which says no more"));
    });
  } finally {
    source.close(); // otherwise it asks again, for ever
  }
}
