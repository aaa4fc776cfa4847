"""Runs the rules, and client code, as pytest items; importing the plugin imports nothing heavy."""
