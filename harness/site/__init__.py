"""
Builds the site: static pages of results by question, provider, rule and client, in both languages.

Zensical provides navigation, search, dark mode and mobile layout; harness the tables, the cells and the byte views.
A page is Markdown in which everything but the headings is raw HTML; ``markup`` escapes outside text for it.
"""
