"""Kills of the database, and of the writers' connections, while a crawl goes on."""

import time
from contextlib import suppress
from random import Random
from subprocess import Popen

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from testing.servers import NginxServer, SqlServer
from tests.support.project import Project

#: Many commits a second, and a manual of a hundred pages in about ten seconds.
BUSY = (
    "-s", "DOWNLOAD_DELAY=0.06",
    "-s", "CONCURRENT_REQUESTS=4",
    "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=4",
    "-s", "CHECKPOINT_INTERVAL=0.03",
    "-s", "FRONTIER_LEASE=4",
)  # fmt: skip
#: Requests after which the storm abates.
ENOUGH = 100
WRITING = text(
    "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query'"
)
#: What a worker may say: that the database was away and came back, and how far it is.
EXPECTED = (
    "Nothing can be stored",
    "The database takes rows again: the crawl goes on",
    "resuming: ",
    "pages/s",
)


def storm_over(server: SqlServer, site: NginxServer, *, kills: int, chance: Random) -> int:
    """Kills the server again and again at random moments and restarts it; returns how often."""
    killed = 0
    while killed < kills and len(site.requests()) < ENOUGH:
        time.sleep(chance.uniform(0.1, 0.9))
        server.kill()
        server.start()
        killed += 1
    return killed


def cut_connections(database_url: str, site: NginxServer, *, most: int) -> int:
    """Kills whichever connection is in the middle of a statement or a commit; returns how many that were."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    try:
        cut = 0
        while cut < most and len(site.requests()) < ENOUGH:
            cut += _cut_who_writes(engine)
        return cut
    finally:
        engine.dispose()


def _cut_who_writes(engine: Engine) -> int:
    cut = 0
    with engine.connect() as connection:
        for thread in connection.scalars(WRITING).all():
            with suppress(OperationalError):  # it has gone by itself meanwhile
                connection.execute(text(f"KILL CONNECTION {int(thread)}"))
                cut += 1
    return cut


def strange_words(project: Project, workers: list[Popen[str]]) -> list[str]:
    """What workers have said beside that."""
    lines = [line for worker in workers for line in project.errors(worker).splitlines()]
    return [line for line in lines if not any(words in line for words in EXPECTED)]
