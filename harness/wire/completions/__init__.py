"""Legacy completions: their chunks as columns, and what their requests ask."""
