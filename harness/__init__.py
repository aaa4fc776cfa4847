"""A compatibility test harness for OpenAI-compatible chat APIs."""

__version__ = "0.1.0"
