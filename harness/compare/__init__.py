"""Two recordings of the same questions, side by side."""
