/**
 * The robust reader, in a browser's page: bytes and lines are joined, and truncation is an error.
 *
 * Source: written for this project; copy it.
 */

import { inPage } from "./chromium_page.mjs";

export { close } from "./chromium_page.mjs";

export const read = (question, out) => inPage(idiom, import.meta.url, question, out);

async function idiom(url, key, question) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify({ ...question, stream: true }),
    signal: AbortSignal.timeout(8000),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  if (!response.body) throw new Error("there is no answer");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); // not every browser can `for await`
  const data = [];
  for (let rest = "", isOver = false; !isOver; ) {
    const { done, value = "\n\n\n" } = await reader.read(); // some do not close the last event
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/); // a last "\r" may be half of a "\r\n"
    rest = lines.pop();
    isOver = lines.some(isLast) || done;
  }
  if (!out.finish) throw new Error("the stream ended before the answer did");

  function isLast(line) {
    if (line.startsWith("data:")) data.push(line.slice(5));
    if (line || !data.length) return false; // only an empty line ends an event
    const whole = data.splice(0).join("\n").trim();
    if (whole === "[DONE]") return true;
    if (whole.startsWith("{")) take(parsed(whole)); // all else keeps the connection alive
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new Error(`an event of the stream is no JSON: ${text.slice(0, 500)}`, { cause });
    }
  }

  function take(chunk) {
    if (chunk.error) throw new Error(`the provider says: ${JSON.stringify(chunk.error)}`); // inside a 200
    if (chunk.usage) out.usage = chunk.usage.total_tokens; // the last one counts
    for (const { index, delta, finish_reason } of chunk.choices ?? []) {
      out.finish = finish_reason || out.finish; // "" is no reason
      if (!delta || index) continue;
      out.think(delta.reasoning_content || delta.reasoning || "");
      out.print(delta.content || "");
    }
  }
}
