"""What keeps a database well: checks, pruning, recounts."""
