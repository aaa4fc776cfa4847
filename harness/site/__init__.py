"""
The site: static pages of what is known, by question, provider, rule and client, in both languages.

Zensical carries navigation, search, dark mode and phones; ours are the tables, the cells and the byte views.  A page is
Markdown in which everything but the headings is HTML that Markdown leaves alone; ``markup`` makes text from outside fit
for it.
"""
