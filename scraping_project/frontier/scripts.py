"""The frontier's Lua: each script is assembled at load from one file a verb."""

from functools import cache
from importlib import resources

_ROOM = "scraping_project.frontier"

_QUEUE = ("record", "priorities", "queue")
_ENDS = ("leased", "move", "nack", "bury", "release", "ack")
_LEASE = ("slot", "permit", "lease", "attend")
_RETURN = ("leased", "return_seeds", "forget_worker", "slot", "drop_permits")

#: What each script is made of, in the order in which its parts need each other.
PARTS = {
    "join": ("prelude", "finished", "retire", "join"),
    "checkpoint": (
        "prelude",
        "seen",
        "look_up",
        *_QUEUE,
        "push",
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
    "requeue": ("prelude", *_QUEUE, "requeue"),
    "clear": ("prelude", "return_seeds", "forget_worker", "retire", "clear"),
    "sweep": ("prelude", "sweep"),
    "check": ("prelude", *_QUEUE, "check"),
    "known": ("prelude", "seen", "look_up", "known"),
    "repair": ("prelude", "seen", *_QUEUE, "leased", "withdraw", "repair"),
}


@cache
def source(verb: str) -> str:
    """The text of a script.

    Raises:
        FileNotFoundError: A part was not shipped.
    """
    folder = resources.files(_ROOM) / "lua"
    return "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in PARTS[verb])
