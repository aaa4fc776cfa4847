"""Client code run against recorded answers: which of it survives which provider."""
