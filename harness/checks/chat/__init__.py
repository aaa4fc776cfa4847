"""The rules that are about OpenAI chat completions alone."""
