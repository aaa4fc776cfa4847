"""Runs client code against recorded responses, to find which of it works with which provider."""
