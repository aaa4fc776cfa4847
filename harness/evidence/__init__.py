"""Collects evidence on providers: reconstructions, their agreement with recordings, deviation coverage, the export."""
