"""The catalogue of faults, one module a group, and of legal variants."""
