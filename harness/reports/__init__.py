"""Renderings of results; each module has one ``render``."""
