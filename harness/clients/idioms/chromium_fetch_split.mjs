/**
 * Splitting each piece of the body at its newlines, in a browser's page.
 *
 * Source: https://github.com/dexaai/openai-fetch/pull/16.patch
 */

import { inPage } from "./chromium_page.mjs";

export { close } from "./chromium_page.mjs";

export const read = (question, out) => inPage(idiom, import.meta.url, question, out);

async function idiom(url, key, question) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify({ ...question, stream: true }),
  });
  const reader = response.body.getReader();
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = new TextDecoder().decode(value).split("\n");
    for (const line of lines.filter((line) => line.startsWith("data: "))) {
      if (line === "data: [DONE]") return;
      const content = JSON.parse(line.slice(6)).choices[0].delta.content;
      if (content) out.print(content);
    }
  }
}
