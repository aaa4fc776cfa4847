"""
Sends requests to endpoints over the network; captures, judges and saves the responses, or drafts a provider from
them.
"""
