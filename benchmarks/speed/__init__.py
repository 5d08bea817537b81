"""How fast one worker is beside its peers, and what it uses."""
