"""Simulates chat completions: an ideal provider, others by their profiles, and the faults of responses."""
