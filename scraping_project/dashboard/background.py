"""Works off actions beside the pages, on a thread of its own."""

import logging
import os
import socket
from threading import Event, Thread
from uuid import uuid4

import redis
from sqlalchemy import Engine

from scraping_project.embedded import RedisUnavailable
from scraping_project.frontier.errors import FrontierError
from scraping_project.monitor.stores import Stores
from scraping_project.operations.work import work_off
from scraping_project.storage.errors import StorageError

logger = logging.getLogger(__name__)

#: Seconds between two looks for actions that others have asked for, or left.
LOOK = 2.0


class Background:
    """Takes one action after another, from ``start`` to ``stop``."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._who = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._wanted = Event()
        self._ending = False
        self._thread = Thread(target=self._run, name="actions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends it after the slice that it works on; who comes next goes on from there."""
        self._ending = True
        self._wanted.set()
        self._thread.join(timeout=LOOK)

    def wake(self) -> None:
        """Says that there is something to do."""
        self._wanted.set()

    def _run(self) -> None:
        while not self._ending:
            if not self._work():
                self._wanted.wait(LOOK)
                self._wanted.clear()

    def _work(self) -> bool:
        """Does one action; whether there was one."""
        try:
            return bool(self._stores.redis.demand(self._with_redis))
        except (StorageError, FrontierError, RedisUnavailable, redis.RedisError) as error:
            logger.info("Actions wait: %s", error)
            return False

    def _with_redis(self, server: redis.Redis) -> str | None:
        def ask(engine: Engine) -> str | None:
            return work_off(
                engine,
                server,
                self._stores.frontiers(server),
                slot_by=self._stores.settings["FRONTIER_SLOT_BY"],
                who=self._who,
                ending=lambda: self._ending,
            )

        return self._stores.patient_database.demand(ask)
