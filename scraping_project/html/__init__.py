"""An older name of parsing/."""
