"""The frontier's Lua: each script is assembled at load from one file a verb, and run as one atomic step."""

import hashlib
from functools import cache
from importlib import resources
from typing import Any, cast

import redis
from redis.exceptions import NoScriptError

_ROOM = "scraping_project.frontier"

_QUEUE = ("record", "undecodable", "priorities", "sizes", "queue")
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
    "clear": ("prelude", "return_seeds", "remove_worker", "retire", "clear"),
    "sweep": ("prelude", "sweep"),
    "expire": ("prelude", "finished", "keys_that_stay", "expire"),
    "persist": ("prelude", "retire", "keys_that_stay", "persist"),
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


class Script:
    """A script; sent by its hash, and as a whole when the server does not know it."""

    def __init__(self, verb: str) -> None:
        self._text = source(verb)
        text = self._text.encode()
        self._hash = hashlib.sha1(text, usedforsecurity=False).hexdigest()  # Redis's own name for it

    def run(self, server: redis.Redis, prefix: str, seeds: str, arguments: bytes) -> Any:
        rest = cast("tuple[str, str, str]", (prefix, seeds, arguments))
        try:
            return server.evalsha(self._hash, 2, *rest)
        except NoScriptError:
            return server.eval(self._text, 2, *rest)
