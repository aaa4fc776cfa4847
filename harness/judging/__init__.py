"""Judges recordings: the runner, the listed deviations, archives of other tools, and the proof of the rules."""
