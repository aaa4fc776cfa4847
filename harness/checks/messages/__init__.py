"""The rules that are about Anthropic Messages alone."""
