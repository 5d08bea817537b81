"""The frontier's Lua: each script is assembled at load from one file a verb; redis-py runs it as one step."""

from functools import cache
from importlib import resources

_ROOM = "scraping_project.frontier"

_QUEUE = ("record", "letters", "undecodable", "priorities", "sizes", "queue")
_ENDS = ("leased", "move", "nack", "bury", "release", "ack")
_LEASE = ("slot", "drop_permits", "leap", "permit", "lease", "attend")
_RETURN = ("leased", "holdings", "return_seeds", "remove_worker", "slot", "drop_permits")

#: What each script is made of, in the order in which its parts need each other.
PARTS = {
    "join": ("prelude", "finished", "retire", "join"),
    "checkpoint": (
        "prelude",
        "seen",
        "look_up",
        *_QUEUE,
        "push",
        "found",
        "refuse",
        *_ENDS,
        *_LEASE,
        "finished",
        "answer",
        "checkpoint",
    ),
    "take_seeds": ("prelude", "take_seeds"),
    "extend": ("prelude", "extend"),
    "reap": ("prelude", *_QUEUE, *_RETURN, "condemn", "reap"),
    "leave": ("prelude", *_QUEUE, *_RETURN, "release", "leave"),
    "order": ("prelude", "slot", "order"),
    "hold": ("prelude", "slot", "hold"),
    "requeue": ("prelude", *_QUEUE, "requeue"),
    "find_letters": ("prelude", "record", "sizes", "letters", "letters_found", "find_letters"),
    "count_letters": ("prelude", "record", "sizes", "letters", "letters_found", "count_letters"),
    "clear": ("prelude", "return_seeds", "remove_worker", "retire", "clear"),
    "sweep": ("prelude", "sweep"),
    "expire": ("prelude", "finished", "keys_that_stay", "expire"),
    "persist": ("prelude", "retire", "keys_that_stay", "persist"),
    "view": ("prelude", "read_only", "finished", "view"),
    "known": ("prelude", "seen", "look_up", "known"),
    "repair": ("prelude", "seen", *_QUEUE, "leased", "withdraw", "repair"),
}


@cache
def source(verb: str) -> str:
    """The text of a script.

    Raises:
        FileNotFoundError: A part was not shipped.
    """
    lua = resources.files(_ROOM) / "lua"
    parts = (lua / ("scripts" if part == verb else "parts") / f"{part}.lua" for part in PARTS[verb])
    return "\n".join(part.read_text("utf-8") for part in parts)
