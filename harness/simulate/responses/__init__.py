"""OpenAI's Responses: what is asked, and the ideal provider's answer to it."""
