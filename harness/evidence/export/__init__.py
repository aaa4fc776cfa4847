"""Exports what is known of a provider as JSON for other programs."""
