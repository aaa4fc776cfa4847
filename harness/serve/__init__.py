"""Provides an OpenAI-compatible server on 127.0.0.1 that replays recorded providers."""
