/**
 * Splitting each piece of the body at its newlines, and passing over whatever does not parse.
 *
 * Source: https://github.com/seyachan/chatgpt-mini/blob/0c0c237732f6ebe704355d1fc9e6025f0a2d705b/hooks/helpers/readStreamChunks.js
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
    for (const line of lines.filter((line) => line.trim().startsWith("data:"))) {
      const json = line.replace(/^data:\s*/, "");
      if (json === "[DONE]") return;
      try {
        const content = JSON.parse(json).choices?.[0]?.delta?.content;
        if (typeof content === "string") out.print(content);
      } catch (error) {
        console.error("JSON parse error:", json, error);
      }
    }
  }
}
