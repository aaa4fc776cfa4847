"""Parses response bytes into SSE events, chunks and the completion they add up to.  Pure functions."""
