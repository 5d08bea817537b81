"""Rows as CSV and JSON lines, streamed."""
