from scrapy import Request, Spider


class Asking(Spider):
    """Asks with logins in all the ways in which a spider may ask."""

    name = "asking"

    def __init__(self, host, password, **kwargs):
        super().__init__(**kwargs)
        self.base = f"http://miner:{password}@{host}"
        self.start_urls = [f"{self.base}/"]

    async def parse(self, response):  # noqa: ARG002  Scrapy's own signature
        await self.crawler.engine.download_async(Request(f"{self.base}/directly"))
        yield Request(f"{self.base}/followed", callback=self.parse_page)
        yield Request(f"{self.base}/kept", callback=lambda _: None)
        yield Request(f"{self.base}/fails", callback=self.fail)
        yield Request(f"{self.base}/own", headers={"Authorization": "Bearer x"}, callback=self.parse_page)

    def parse_page(self, response):
        return {"url": response.url}

    def fail(self, response):  # noqa: ARG002  the same
        self.logger.error("Failed at %s", f"{self.base}/fails")
        raise ValueError(f"{self.base}/fails")


class Hasty(Spider):
    """Asks with priorities that no record has room for."""

    name = "hasty"

    def __init__(self, host, **kwargs):
        super().__init__(**kwargs)
        self.base = f"http://{host}"
        self.start_urls = [f"{self.base}/"]

    def parse(self, response):  # noqa: ARG002  the same
        for number, priority in enumerate((-(10**30), 2**31, 10**30, 0)):
            yield Request(f"{self.base}/{number}", priority=priority, callback=self.parse_page)

    def parse_page(self, response):
        """Asks for nothing."""
