"""
Fuzzes exchanges and files through all code that reads, judges and shows them: nothing may crash.

``make test`` runs a few hundred, ``make fuzz SECONDS=600 SEED=7`` as many as there is time for.  A case is
determined by its seed and number; a failing one is minimized and written to a folder, with its changes.
"""
