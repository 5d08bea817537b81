"""An ordinary spider that leaves out what other workers found, counting the requests that it makes."""

from collections.abc import AsyncIterator

from scrapy import Request, Spider
from scrapy.http import TextResponse

from scraping_project.core import scheduler
from scraping_project.core.unseen_links import unseen_by_all
from scraping_project.frontier.connection import connect
from scraping_project.frontier.frontier import Frontier
from scraping_project.parsing.html_links import parse
from scraping_project.worker.session import WorkerSession

LONG = 600_000  # ms


class Asking(Spider):
    name = "asking"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.start_urls = [url]

    async def parse(self, response: TextResponse) -> AsyncIterator[Request]:
        page = parse(response.text, response.url, response.encoding)
        for url in await unseen_by_all(self, response, [link.url for link in page.links]):
            self.crawler.stats.inc_value("attempts/requests_made")
            yield Request(url, callback=self.parse)


class AskingWhileLost(Asking):
    """Asks for every link; just before the first question it is reaped, or its crawl cleared, or neither."""

    name = "asking_while_lost"
    lost = False

    def __init__(self, url: str, how: str) -> None:
        super().__init__(url)
        self._how = how

    async def parse(self, response: TextResponse) -> AsyncIterator[Request]:
        scheduler.MOSTLY = 0.0
        if not self.lost and self._how != "never":
            self.lost = True
            self._lose()
        async for request in super().parse(response):
            yield request

    def _lose(self) -> None:
        place = self.crawler.get_extension(WorkerSession).membership
        with connect(place.server.url) as server:
            frontier = Frontier(server, place.worker.keys)
            if self._how == "cleared":
                frontier.clear()
            else:
                frontier.reap(LONG, gone=[place.worker.token], grace_ms=LONG)
