"""Every kind of Redis compiles the frontier's Lua."""

import pytest

from scraping_project.frontier.connection import connect
from scraping_project.frontier.scripts import PARTS, source
from testing.servers import redis_binaries, redis_server


@pytest.mark.parametrize("kind", redis_binaries())
def test_every_kind_of_redis_compiles_every_script(kind):
    with redis_server(redis_binaries()[kind]) as server, connect(server.url) as client:
        for verb in PARTS:
            assert client.script_load(source(verb))
