/**
 * Splitting each piece of the body at its newlines, as if pieces ended where lines do.
 *
 * Source: https://github.com/dexaai/openai-fetch/pull/16.patch
 */

export async function read(question, out) {
  const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env.OPENAI_API_KEY}` },
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
