"""What became of each request that this worker took."""
