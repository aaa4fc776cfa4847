"""Reads and writes exchanges on disk: cassettes, archives of other tools, and the redaction of secrets."""
