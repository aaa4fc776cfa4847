"""Simulates OpenAI's Responses: the request, and the ideal provider's response."""
