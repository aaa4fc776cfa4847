"""Makes synthetic exchanges: the reference form, and changes to it."""
