"""Compares two recordings of the same requests."""
