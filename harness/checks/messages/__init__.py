"""Contains the rules about Anthropic Messages alone."""
