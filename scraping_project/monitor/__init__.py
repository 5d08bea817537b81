"""What the control tower knows: frozen dataclasses, read from Redis and the database, without any web."""
