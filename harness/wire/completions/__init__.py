"""Parses legacy completions: their chunks as columns, and the parameters of their requests."""
