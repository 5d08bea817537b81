"""Scrapyd nodes and the runs on them."""
