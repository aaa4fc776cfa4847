"""Exchanges that were never on a wire: the reference form, and changes to it."""
