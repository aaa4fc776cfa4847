"""An ideal provider of legacy completions, its answers to any request, and its faults."""
