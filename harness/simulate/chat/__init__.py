"""Answers as chat completions: an ideal provider's, and those of others after their profiles; what can be wrong with them."""
