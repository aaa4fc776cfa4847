/**
 * Parsing each piece of the body as JSON, which no event stream is.
 *
 * Source: none found
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
    const chunk = JSON.parse(new TextDecoder().decode(value));
    out.print(chunk.choices[0].delta.content || "");
  }
}
