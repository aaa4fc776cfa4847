"""Simulates Messages: an ideal provider, small changes of its responses, and their faults."""
