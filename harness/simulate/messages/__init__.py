"""Answers as Messages: an ideal provider's, small changes of them, and what can be wrong with them."""
