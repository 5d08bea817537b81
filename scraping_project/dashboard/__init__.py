"""The control tower: pages and an HTTP API, thin over what the monitor reads."""
