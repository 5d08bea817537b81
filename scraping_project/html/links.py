"""An older name of parsing/html_links.py, for spiders that import it."""

from scraping_project.parsing.html_links import Page, parse

__all__ = ["Page", "parse"]
