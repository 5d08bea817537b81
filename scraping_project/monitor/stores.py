"""What the monitor reads: Redis, the database and the Scrapyd nodes."""

import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

import redis
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader
from sqlalchemy import Engine

from scraping_project import embedded
from scraping_project.frontier.connection import connect as connect_redis
from scraping_project.frontier.errors import FrontierError
from scraping_project.frontier.inventory import frontiers
from scraping_project.frontier.keys import Keys
from scraping_project.monitor.store import Away, Store
from scraping_project.nodes.client import NodeError, Nodes
from scraping_project.storage.engine import connect, for_pages
from scraping_project.storage.errors import StorageError
from scraping_project.storage.migrate import migrate

#: Seconds that Redis gets to answer a page.
PATIENCE = 2.0
#: Seconds between two looks through all of Redis for frontiers that nobody has heard of.
LOOK = 30.0


class Stores:
    """All that is read, each part found when it is first asked."""

    def __init__(self, settings: BaseSettings) -> None:
        self.settings = settings
        self.redis: Store[redis.Redis] = Store(
            "Redis",
            self._find_redis,
            (FrontierError, embedded.RedisUnavailable, redis.RedisError),
            lambda server: server.close(),
        )
        self.database: Store[Engine] = Store(
            "the database", self._find_database, (StorageError,), lambda engine: engine.dispose()
        )
        #: For work that takes longer than a page may.
        self.patient_database: Store[Engine] = Store(
            "the database", self._find_patient_database, (StorageError,), lambda engine: engine.dispose()
        )
        self.spiders = tuple(sorted(get_spider_loader(settings).list()))
        self.own_frontiers = [Keys.of_spider(spider) for spider in self.spiders]
        self._frontiers: list[Keys] = []
        self._looked_at = -LOOK
        self._looking = Lock()

    def frontiers(self, server: redis.Redis) -> list[Keys]:
        """The keys of the frontiers that Redis held a moment ago, and those of all spiders.

        Raises:
            FrontierError: Redis does not answer.
        """
        with self._looking:
            if time.monotonic() - self._looked_at >= LOOK:
                self._frontiers = frontiers(server, self.own_frontiers)
                self._looked_at = time.monotonic()
            known = {keys.name: keys for keys in [*self.own_frontiers, *self._frontiers]}
        return [known[name] for name in sorted(known)]

    @property
    def away(self) -> tuple[Away, ...]:
        """The parts that gave no answer when they were asked last."""
        return tuple(store.away for store in (self.redis, self.database) if store.away)

    def keys_of(self, frontier: str) -> Keys:
        """The keys of a frontier, by its name or by that of the spider whose own it is.

        Raises:
            ValueError: It is no frontier's name.
        """
        for own in self.own_frontiers:
            if frontier in (own.name, own.spider):
                return own
        return Keys(frontier)

    def nodes(self) -> Nodes:
        """The Scrapyd nodes.

        Raises:
            NodeError: SCRAPYD_URLS names none, or something else.
        """
        return Nodes.of(self.settings)

    def close(self) -> None:
        self.redis.close()
        self.database.close()
        self.patient_database.close()

    def _find_redis(self) -> redis.Redis:
        found = embedded.resolve(
            self.settings["REDIS_URL"], Path(self.settings["DATA_DIR"]), patience=PATIENCE
        )
        return connect_redis(found.url, found.credentials, timeout=PATIENCE)

    def _find_database(self) -> Engine:
        engine = for_pages(self.settings["DATABASE_URL"])
        migrate(engine)
        return engine

    def _find_patient_database(self) -> Engine:
        return connect(self.settings["DATABASE_URL"], lasting=True)


def has_nodes(stores: Stores) -> bool:
    """Tells whether there is a node to start runs on."""
    with suppress(NodeError):
        return bool(stores.nodes())
    return False
