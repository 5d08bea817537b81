"""Requests and responses, without a crawler."""
