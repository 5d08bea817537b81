"""Runs the scripts of one frontier; what the driver raises becomes a FrontierError."""

from typing import Any

import msgspec
import redis
from redis.commands.core import Script

from scraping_project.frontier.keys import Keys
from scraping_project.frontier.scripts import source
from scraping_project.frontier.translation import translated

_encode = msgspec.msgpack.Encoder().encode


class ScriptRunner:
    """Each script is one atomic step, and may be run from any thread."""

    def __init__(self, server: redis.Redis, keys: Keys) -> None:
        self._server = server
        self._keys = [keys.prefix, keys.seeds]
        self._scripts: dict[str, Script] = {}

    def call(self, verb: str, **arguments: Any) -> Any:
        return self.run(verb, arguments)

    def run(self, verb: str, arguments: Any) -> Any:
        """The same, of arguments that are one object."""
        with translated():
            return self._script(verb)(self._keys, [_encode(arguments)])

    def _script(self, verb: str) -> Script:
        if verb not in self._scripts:
            self._scripts[verb] = self._server.register_script(source(verb))
        return self._scripts[verb]
