"""The rules of legacy completions that are not those of chat as well."""
