"""One run at work: its session with the frontier, from joining it to the summary."""
