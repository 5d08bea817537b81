"""Runs the scripts of one frontier; what the driver raises becomes a FrontierError."""

from typing import Any

import msgspec
import redis

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.scripts import PARTS, source
from scraping_project.frontier.translation import translated

_encode = msgspec.msgpack.Encoder().encode


class ScriptRunner:
    """Each script is one atomic step, and may be run from any thread."""

    def __init__(self, server: redis.Redis, keys: Keys) -> None:
        self._keys = [keys.prefix, keys.seeds]
        self._scripts = {verb: server.register_script(source(verb)) for verb in PARTS}

    def call(self, verb: str, **arguments: Any) -> Any:
        return self.run(verb, arguments)

    def run(self, verb: str, arguments: Any) -> Any:
        """The same, of arguments that are one object."""
        with translated():
            return self._scripts[verb](self._keys, [_encode(arguments)])
