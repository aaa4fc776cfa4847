"""Contains the rules about OpenAI chat completions alone."""
