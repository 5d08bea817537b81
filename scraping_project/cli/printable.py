def printable(text: str) -> str:
    """The text without what a page, or a Host header, has put there to steer the reader's terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
