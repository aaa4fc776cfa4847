"""
Exchanges and files changed at random, through all that reads, judges and shows them: nothing may break on any.

``make test`` runs a few hundred, ``make fuzz SECONDS=600 SEED=7`` as many as there is time for.  A case is told by its
seed and number alone; what breaks is made small and written to a folder, with what was done to it.
"""
