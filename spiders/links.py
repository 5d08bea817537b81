"""The links spider: every page of a site, its title, and what it links to."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider, signals
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, Response

from scraping_project.core.unseen_links import unseen_by_all
from scraping_project.http.page_metadata import site_of
from scraping_project.items import Link, Site
from scraping_project.parsing.html_links import ALL_LINKS, MOST_LINKS, Page, parse
from scraping_project.parsing.urls import host

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class LinksSpider(Spider):
    """Follows every link that stays on its page's host, or within ``allowed_domains``.

    With ``start_urls`` it crawls these and ends; without, it waits for seeds in Redis.

    Args:
        start_urls: Where to start, URLs separated by commas.
        allowed_domains: Follow links to these domains and their subdomains, separated by commas.
        max_depth: Follow links at most so many steps away from a seed; 0 fetches the seeds alone.
        max_pages: End after so many answered pages of the crawl, by all workers together.
        frontier: Name of the shared queue, when it is not the spider's own.
    """

    name = "links"
    crawl_arguments = ("frontier", "max_depth", "max_pages")
    custom_settings = {  # noqa: RUF012  Scrapy's own way
        "HTTPERROR_ALLOW_ALL": True,  # a 404 is an answer, too
        "CONCURRENT_ITEMS": 1,  # it yields one, which waits for nothing
        "METAREFRESH_ENABLED": False,  # a link like others: the page that holds it is stored
    }

    def __init__(
        self,
        *,
        start_urls: list[str] | None = None,
        allowed_domains: list[str] | None = None,
        max_depth: int | None = None,
        max_pages: int | None = None,
        frontier: str = "",
        _job: str | None = None,
    ) -> None:
        super().__init__()
        self.start_urls = start_urls or []
        self.allowed_domains = allowed_domains or []
        self.max_depth = max_depth
        self.max_pages = max_pages
        self.frontier = frontier
        self.waits_for_seeds = not self.start_urls
        self._job = _job
        self.most_links = MOST_LINKS

    @classmethod
    def from_crawler(cls, crawler: "Crawler", *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.most_links = crawler.settings.getint("PAGE_LINKS_MAX") or ALL_LINKS
        crawler.signals.connect(spider.request_scheduled, signal=signals.request_scheduled)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        for url in self.start_urls:
            yield Request(url)

    async def parse(self, response: Response) -> AsyncIterator[Site | Request]:
        page = Page(None, [], nofollow=False)
        if isinstance(response, HtmlResponse):
            page = parse(response.text, response.url, response.encoding, self.most_links)
        yield site_of(response, title=page.title, links=page.links, links_left_out=page.left_out)
        if 200 <= response.status < 300 and not page.nofollow:  # noqa: PLR2004  HTTP's own
            for url in await self._followed(response, page):
                yield Request(url)

    def request_scheduled(self, request: Request) -> None:
        """Drop redirects that leave the host, except those of seeds: a seed may name ``www.``'s old home."""
        hops = request.meta.get("redirect_urls")
        if not hops or not request.meta.get("depth") or self.allowed_domains:
            return
        if host(hops[0]) != host(request.url):
            self._filtered("offsite")
            raise IgnoreRequest(f"{hops[0]} redirects to another host: {request.url}")

    def follows(self, page: str, depth: int, links: Sequence[Link]) -> list[str] | None:
        """The links of a stored page that are followed, all that Scrapy's own middlewares drop included.

        None when that can't be told: links that are all nofollow are followed, unless the page said it.
        """
        if not links or not self._may_descend(depth):
            return []
        if all("nofollow" in link.rel.split() for link in links):
            return None
        urls = [link.url for link in links]
        return urls if self.allowed_domains else _on_host(page, urls)

    def _may_descend(self, depth: int) -> bool:
        return self.max_depth is None or depth < self.max_depth

    async def _followed(self, response: Response, page: Page) -> list[str]:
        urls = [link.url for link in page.links]
        if not self.allowed_domains:  # else Scrapy's own middleware checks
            urls = _on_host(response.url, urls)
            self._filtered("offsite", len(page.links) - len(urls))
        if not self._may_descend(response.meta.get("depth", 0)):
            self._filtered("depth", len(urls))
            return []
        return await unseen_by_all(self, response, urls)

    def _filtered(self, reason: str, count: int = 1) -> None:
        if count:
            self.crawler.stats.inc_value(f"frontier/filtered/{reason}", count)


def _on_host(page: str, urls: list[str]) -> list[str]:
    here = host(page)
    prefixes = (f"http://{here}/", f"https://{here}/")
    return [url for url in urls if url.startswith(prefixes) or host(url) == here]
