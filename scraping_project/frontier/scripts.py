"""The frontier's Lua: each script is assembled at load from one file a verb."""

from functools import cache
from importlib import resources

_ROOM = "scraping_project.frontier"

#: What each script is made of, in the order in which its parts need each other.
PARTS = {
    "join": ("prelude", "finished", "retire", "join"),
    "checkpoint": (
        *("prelude", "record", "seen", "queue", "leased", "push", "move", "nack", "bury", "release", "ack"),
        *("lease", "finished", "checkpoint"),
    ),
    "extend": ("prelude", "extend"),
    "reap": ("prelude", "record", "queue", "return_seeds", "reap"),
    "leave": ("prelude", "record", "queue", "leased", "return_seeds", "release", "leave"),
    "requeue": ("prelude", "record", "queue", "requeue"),
    "clear": ("prelude", "return_seeds", "retire", "clear"),
    "sweep": ("prelude", "sweep"),
    "check": ("prelude", "record", "queue", "check"),
}


@cache
def source(verb: str) -> str:
    """The text of a script.

    Raises:
        FileNotFoundError: A part was not shipped.
    """
    folder = resources.files(_ROOM) / "lua2"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in PARTS[verb])
