"""Puts a frontier right again, from its rows in the database."""
