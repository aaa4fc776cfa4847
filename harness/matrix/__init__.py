"""Defines the matrix: providers, models and scenarios."""
