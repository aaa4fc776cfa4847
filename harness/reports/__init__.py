"""Renders results; ``pairing`` and ``changes`` compute the differences between two runs, ``diff`` renders them."""
