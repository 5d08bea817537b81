"""Servers, sites and a proxy that tests and benchmarks start."""
