"""OpenAI's Responses: what is sent, and the ideal provider's answer to it."""
