"""Exchanges on disk: our cassettes, other people's archives, and keeping secrets out of both."""
