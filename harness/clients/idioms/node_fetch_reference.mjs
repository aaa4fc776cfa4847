/**
 * The robust reader: bytes and lines are joined before they are read, and truncation is an error.
 *
 * Source: written for this project; copy it.
 */

export async function read(question, out) {
  const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${process.env.OPENAI_API_KEY}` },
    body: JSON.stringify({ ...question, stream: true }),
    signal: AbortSignal.timeout(8000),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  if (!response.body) throw new Error("there is no answer");
  const calls = new Map();
  for await (const data of events(response.body)) {
    const chunk = parsed(data);
    if (chunk.error) throw new Error(`the provider says: ${JSON.stringify(chunk.error)}`); // inside a 200
    if (chunk.usage) out.usage = chunk.usage.total_tokens; // the last one counts: some send it so far in every chunk
    for (const { index, delta, finish_reason } of chunk.choices ?? []) {
      out.finish = finish_reason || out.finish; // "" is no reason
      if (!delta || index) continue;
      out.think(delta.reasoning_content || delta.reasoning || "");
      out.print(delta.content || "");
      for (const piece of delta.tool_calls ?? []) add(calls, piece);
    }
  }
  if (!out.finish) throw new Error("the stream ended before the answer did");
  if (calls.size) out.tools = [...calls.values()];
}

async function* events(body) {
  const end = new TransformStream({ flush: (more) => more.enqueue("\n\n\n") }); // some do not close the last event
  let rest = "";
  const data = [];
  for await (const text of body.pipeThrough(new TextDecoderStream()).pipeThrough(end)) {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/); // a last "\r" may be half of a "\r\n"
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(5));
      if (line || !data.length) continue; // only an empty line ends an event
      const whole = data.splice(0).join("\n").trim();
      if (whole === "[DONE]") return;
      if (whole.startsWith("{")) yield whole; // all else keeps the connection alive
    }
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new Error(`an event of the stream is no JSON: ${data.slice(0, 500)}`, { cause });
  }
}

function add(calls, piece) {
  const key = piece.index ?? (piece.id || !calls.size ? calls.size : [...calls.keys()].at(-1)); // an id begins a call
  if (!calls.has(key)) calls.set(key, ["", ""]);
  const call = calls.get(key);
  call[0] ||= piece.function?.name ?? ""; // repeated by some, so not added
  call[1] += piece.function?.arguments ?? "";
}
