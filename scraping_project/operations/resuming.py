"""The run that goes on with a frontier's crawl."""

import redis
from sqlalchemy import Engine

from scraping_project import logins
from scraping_project.frontier.frontier import Frontier
from scraping_project.frontier.keys import Keys
from scraping_project.operations.starting import Wanted
from scraping_project.storage.reading import crawls

#: Arguments that are one run's, and no part of what its crawl is.
_OF_A_RUN = frozenset({"_job", "max_pages"})


class ResumeError(ValueError):
    """Nobody knows how to go on with it; the message is one line and says what to do."""


def run_for(server: redis.Redis, engine: Engine, keys: Keys) -> Wanted:
    """Returns the run that goes on with a frontier's crawl, or waits for seeds where it holds none.

    Raises:
        ResumeError: The crawl's runs are not known, or were given a login, which is not stored.
        FrontierError: Redis does not answer.
        StorageError: The database does not answer.
    """
    held = Frontier(server, keys).crawl()
    if held is None:
        spider = keys.spider or keys.name
        return Wanted(spider, {}, {})
    known = crawls.crawl(engine, held.id)
    if known is None:
        raise ResumeError(f"the database knows no run of the crawl {held.id}: start it as you did before")
    arguments = {name: value for name, value in known.arguments.items() if name not in _OF_A_RUN}
    if any(logins.HIDDEN in value for value in arguments.values()):
        raise ResumeError("its start URLs hold a login, which is not stored: start it as you did before")
    own = Keys.of_spider(known.spider).name
    if own != keys.name:
        arguments["frontier"] = keys.name
    return Wanted(known.spider, arguments, known.settings)
