"""Who is asked, and what: providers, models and scenarios."""
