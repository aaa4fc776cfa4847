"""OpenAI chat completions: chunks as columns, the message they add up to, its calls of tools."""
