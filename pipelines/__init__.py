"""Where items go, one class a file."""
