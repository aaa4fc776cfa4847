"""What is known of a provider, as JSON for other programs."""
