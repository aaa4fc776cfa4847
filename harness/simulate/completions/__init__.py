"""Simulates an ideal provider of legacy completions, and its faults."""
