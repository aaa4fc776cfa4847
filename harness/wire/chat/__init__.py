"""Parses OpenAI chat completions: chunks as columns, the message they add up to, and its tool calls."""
