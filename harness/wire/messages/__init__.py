"""Parses Anthropic Messages: events as columns, the blocks they make, and the turn those add up to."""
