"""Who the crawler says it is."""

from typing import TYPE_CHECKING, Self

from scrapy import Request
from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy_fake_useragent.providers import BaseProvider


class BrowserUserAgent:
    """With USER_AGENT_MODE=browser, one current browser's user agent for the whole run.

    robots.txt is still matched against our own name (ROBOTSTXT_USER_AGENT). It takes the name from
    scrapy-fake-useragent's providers; that package's own middlewares are broken on this Scrapy.
    """

    def __init__(self, provider: "BaseProvider") -> None:
        self._user_agent: str = provider.get_random_ua()

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        settings = crawler.settings
        mode = settings["USER_AGENT_MODE"]
        if mode == "honest":
            raise NotConfigured
        if mode != "browser":
            raise ValueError(f"USER_AGENT_MODE is {mode!r}: set it to honest or browser")
        from scrapy_fake_useragent.providers import FakeUserAgentProvider  # noqa: PLC0415  slow to import

        # Without a fallback it refuses to start; with the honest name it says nothing false in its need.
        fallback = {"FAKEUSERAGENT_FALLBACK": settings["USER_AGENT"]}
        return cls(FakeUserAgentProvider(fallback | settings.copy_to_dict()))

    def process_request(self, request: Request) -> None:
        request.headers.setdefault("User-Agent", self._user_agent)
