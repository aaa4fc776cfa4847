"""Contains the rules of legacy completions that do not apply to chat."""
