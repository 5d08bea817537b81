"""What an operator does to a system at work: retry, seeds, orders, runs. No web and no terminal."""
