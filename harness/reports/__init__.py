"""Renderings of results; ``pairing`` and ``changes`` work out what differs between two runs, ``diff`` renders it."""
