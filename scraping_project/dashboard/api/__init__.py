"""The HTTP API: what the pages show and do, as JSON."""
