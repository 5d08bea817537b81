"""Rows on their way out of it."""
