def printable(text: str) -> str:
    """The text without characters by which a page or a Host header could steer the reader's terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
