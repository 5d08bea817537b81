"""A spider whose requests leave Scrapy in every way that ends by itself, each told by its path."""

from typing import ClassVar

from scrapy import Request, Spider
from scrapy.exceptions import DropItem, IgnoreRequest
from scrapy.http import HtmlResponse

from scraping_project.settings import DOWNLOADER_MIDDLEWARES, SPIDER_MIDDLEWARES


class BrokenError(Exception):
    """What breaks here."""


def path_of(request):
    return "/" + request.url.split("/", 3)[3] if request.url.count("/") > 2 else "/"


class Downloads:
    def process_request(self, request):
        path = path_of(request)
        if path == "/cached":
            return HtmlResponse(request.url, body=b"made up")
        if path == "/swapped":
            return request.replace(url=request.url.replace("/swapped", "/instead"))
        if path == "/refused-by-us":
            raise IgnoreRequest("not this one")
        return None

    def process_exception(self, request, exception):
        path = path_of(request)
        if path == "/reset/answered":
            return HtmlResponse(request.url, body=b"made up")
        if path == "/reset/swapped":
            return request.replace(url=request.url.replace("/reset/swapped", "/after-reset"))
        if path == "/reset/ignored":
            raise IgnoreRequest("never mind") from exception
        return None


class Callbacks:
    def process_spider_input(self, response):
        if "/input-breaks" in response.url:
            raise BrokenError("the way in")

    async def process_spider_output(self, response, result):
        if response.url.endswith("/output-breaks"):
            raise BrokenError("the way out")
        async for each in result:
            yield each
            if response.url.endswith("/output-breaks-late"):
                raise BrokenError("the way out, later")

    def process_spider_exception(self, response, exception):
        forgiven = isinstance(exception, BrokenError) and response.url.endswith("/forgiven")
        return [{"instead": True}] if forgiven else None


class Items:
    def process_item(self, item):
        if item == {"item": "drop"}:
            raise DropItem("unwanted")
        if item == {"item": "break"}:
            raise BrokenError("the pipeline")
        return item


class Leaves(Spider):
    name = "leaves"
    allowed_domains = ("127.0.0.1",)
    custom_settings: ClassVar = {
        "ITEM_PIPELINES": {
            Items: 100,
            "pipelines.sites.SitesPipeline": 300,
            "pipelines.logs.LogsPipeline": 310,
        },
        "DOWNLOADER_MIDDLEWARES": DOWNLOADER_MIDDLEWARES | {Downloads: 800},
        "SPIDER_MIDDLEWARES": SPIDER_MIDDLEWARES | {Callbacks: 500},
        "DEPTH_LIMIT": 1,
    }

    def __init__(self, base):
        self.base = base

    async def start(self):
        for path in ("returns", "missing", "large", "silent", "reset/no-errback", "moves", "moves-to-known"):
            yield Request(f"{self.base}/{path}")
        for path in ("moves-offsite", "meta-refresh", "forbidden", "cached", "swapped", "refused-by-us"):
            yield Request(f"{self.base}/{path}")
        for path in ("answered", "swapped", "ignored"):
            yield Request(f"{self.base}/reset/{path}", meta={"dont_retry": True})
        for path in ("input-breaks", "output-breaks", "output-breaks-late"):
            yield Request(f"{self.base}/{path}")
        yield Request(f"{self.base}/forgiven", self.raises)
        yield Request(f"{self.base}/input-breaks/handled", errback=self.handles)
        yield Request(f"{self.base}/reset/handled", errback=self.handles)
        yield Request(f"{self.base}/reset/mishandled", errback=self.mishandles)
        for name in (
            "raises",
            "raises_late",
            "runs_out_of_memory",
            "drops",
            "breaks_the_pipeline",
            "follows",
        ):
            yield Request(f"{self.base}/{name}", getattr(self, name))
        for _ in range(2):
            yield Request(f"{self.base}/again", dont_filter=True)
        yield Request(f"{self.base}/by-lambda", lambda _: {"by": "lambda"})
        yield Request(f"{self.base}/odd-meta", meta={"odd": object()})
        yield Request("gopher://127.0.0.1/")

    def parse(self, response):
        return {"url": response.url}

    def raises(self, response):
        raise BrokenError(response.url)

    def raises_late(self, response):
        yield {"one": True}
        raise BrokenError(response.url)

    def runs_out_of_memory(self, response):
        raise MemoryError(response.url)

    def drops(self, _):
        yield {"item": "drop"}

    def breaks_the_pipeline(self, _):
        yield {"item": "break"}

    def follows(self, _):
        yield Request(f"{self.base}/returns")
        yield Request(f"{self.base}/" + "long" * 2000)
        yield Request("http://elsewhere.invalid/")
        yield Request(f"{self.base}/goes-on", self.goes_on)

    def goes_on(self, _):
        yield Request(f"{self.base}/too-deep")

    def handles(self, failure):
        return {"failed": failure.request.url}

    def mishandles(self, _):
        raise BrokenError("the errback")
