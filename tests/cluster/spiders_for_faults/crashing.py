"""The links spider in a process that dies at one of its effects on Redis or the database.

CRASH_AT is the number of the effect, from 1; 0 for none. CRASH_WHEN is ``before`` or ``after`` (the process
ends there), or ``reply``: the effect takes place and its answer is lost. Every effect is a line of EFFECTS,
and EFFECTS with ``.fired`` exists once the chosen one came about.

Beside what the site does, ``f`` raises in its callback, and ``e`` yields a request that nobody can decode.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import redis.asyncio
import redis.exceptions
from scrapy import Request
from scrapy.http import Response

from scraping_project.frontier.errors import FrontierUnavailable
from scraping_project.frontier.frontier import Frontier
from scraping_project.items import Site
from scraping_project.storage.errors import DatabaseAway
from scraping_project.storage.writing.writer import Writer
from scraping_project.worker import run_record
from scraping_project.worker.session import WorkerSession
from spiders.links import LinksSpider

CRASH_AT = int(os.environ["CRASH_AT"])
CRASH_WHEN = os.environ["CRASH_WHEN"]
EFFECTS = Path(os.environ["EFFECTS"])
LIKE_SIGKILL = 137
LOOK = 0.01  # seconds between two looks whether a crawl from seeds is done

_effects: list[str] = []


def crash() -> NoReturn:
    os._exit(LIKE_SIGKILL)


def begin(name: str) -> bool:
    """Writes the effect down and dies before it, if so chosen; returns whether it is the chosen one."""
    _effects.append(name)
    EFFECTS.write_text("\n".join(_effects))
    chosen = len(_effects) == CRASH_AT
    if chosen and CRASH_WHEN == "before":
        fire()
        crash()
    return chosen


def end(chosen: bool, lost: type[Exception]) -> None:
    if not chosen:
        return
    fire()
    if CRASH_WHEN == "after":
        crash()
    raise lost("the answer is lost")


def fire() -> None:
    EFFECTS.with_suffix(".fired").touch()


def counted(owner: Any, name: str, lost: type[Exception]) -> None:
    """Makes a function an effect."""
    effect = getattr(owner, name)

    def run_it(*arguments: Any, **named: Any) -> Any:
        chosen = begin(name)
        answer = effect(*arguments, **named)
        end(chosen, lost)
        return answer

    setattr(owner, name, run_it)


async def blmove(self: Any, *arguments: Any, **named: Any) -> Any:
    """The same for how a seed is taken."""
    chosen = begin("blmove")
    answer = await _blmove(self, *arguments, **named)
    end(chosen, redis.exceptions.ConnectionError)
    return answer


for method in ("join", "checkpoint", "leave"):
    counted(Frontier, method, FrontierUnavailable)
counted(Writer, "_write_once", DatabaseAway)
counted(run_record, "start_run", DatabaseAway)
counted(run_record, "finish_run", DatabaseAway)
_blmove = redis.asyncio.Redis.blmove
redis.asyncio.Redis.blmove = blmove  # type: ignore[method-assign,assignment]


class CrashingSpider(LinksSpider):
    name = "links"

    async def start(self) -> AsyncIterator[Request]:
        if self.waits_for_seeds:
            self._ending = asyncio.create_task(self._end_when_done())
        async for request in super().start():
            yield request

    async def parse(self, response: Response) -> AsyncIterator[Site | Request]:
        if response.url.endswith("/f"):
            raise ValueError("this page can't be parsed")
        async for found in super().parse(response):
            yield found
        if response.url.endswith("/e"):
            yield Request(response.urljoin("nowhere"), callback=self.__gone__)

    def __gone__(self, response: Response) -> None:
        """Is a name that no queue may bring back."""

    async def _end_when_done(self) -> None:
        """A worker that waits for seeds ends only when it is told so."""
        session = self.crawler.get_extension(WorkerSession)
        assert session is not None
        while not _is_done(session):  # noqa: ASYNC110 -- the product has no event for it
            await asyncio.sleep(LOOK)
        await self.crawler.engine.close_spider_async(reason="finished")


def _is_done(session: WorkerSession) -> bool:
    reply = session._commits.reply
    return reply is not None and reply.ledger.discovered > 0 and session._commits.finished
