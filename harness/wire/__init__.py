"""Bytes and what they mean: SSE events, chunks, the completion they add up to.  Pure; imports nothing of ours."""
