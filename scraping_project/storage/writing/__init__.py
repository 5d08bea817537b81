"""Rows on their way into the database."""
