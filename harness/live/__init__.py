"""Sends requests to endpoints over the network; captures, judges and saves responses, or drafts a provider."""
